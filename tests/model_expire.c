/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* model_expire.c: flowd/expire.c with a table as small as the mode wants it. */
#include "flowd/expire.h"
#include "tests/model_world.h"

#undef EXPIRE_MAX
#define EXPIRE_MAX world.mode.expire_max

#include "flowd/expire.c"
