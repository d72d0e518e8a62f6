/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* orphan.h: pins whose network namespace is gone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * True where maps of another network namespace than `netns_cookie` are pinned in the folder and the
 * device of every link pinned beside them is gone: nothing counts into them any more. Without a
 * link there is no telling: false.
 */
bool orphan_pinned(const char *pin_dir, uint64_t netns_cookie);
