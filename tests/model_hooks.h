/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * model_hooks.h: the places in flowd/sweep.c and export.c where the model lets something happen:
 * before every atomic access and between the words of every copy. Included before those files.
 */
#pragma once

#include <stddef.h>
#include <string.h>

#include "flowd/sweep.h"
#include "tests/model_world.h"

/* Some traffic, and rarely the end of flowd. */
void model_load(void);

/* The same; the end is less rare, as a kill between the stores of a mark matters most. */
void model_store(void);

/* memcpy of whole words, with traffic between them where the mode tears copies. */
void *model_copy(void *to, const void *from, size_t size);

#undef SWEEP_BATCH_MAX
#define SWEEP_BATCH_MAX world.mode.batch_max

#undef memcpy
#define memcpy(to, from, size) model_copy(to, from, size)
#define __atomic_load_n(at, order) (model_load(), __atomic_load_n(at, order))
#define __atomic_store_n(at, value, order) (model_store(), __atomic_store_n(at, value, order))
