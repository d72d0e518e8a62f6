/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* model_export.c: flowd/export.c with the model's hooks. */
#include "tests/model_hooks.h"

#include "flowd/export.c"
