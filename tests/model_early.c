/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* model_early.c: flowd/early.c with the model's hooks; its copies are of memory that nobody else writes. */
#include "tests/model_hooks.h"
#undef memcpy

#include "flowd/early.c"
