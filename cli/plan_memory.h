/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan_memory.h: arrays of many megabytes that live for a blink, in huge pages where the kernel has them:
 * in small ones half of an answer's time would go into the faults of its threads.
 */
#pragma once

#include <stddef.h>

/* As realloc, from `used` bytes that count to room for `size`; free() ends it. */
void *plan_memory_grow(void *old, size_t used, size_t size);

/* As calloc of so many bytes. */
void *plan_memory_zeroed(size_t size);
