/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* orphan.h: pins whose network namespace is gone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * True where maps of another network namespace than `netns_cookie` are pinned in the folder and no
 * device is left behind any link pinned beside them: nothing counts into them any more. Without a
 * link (XDP and clsact leave none) there is no telling; then `guess` is the answer.
 */
bool orphan_pinned(const char *pin_dir, uint64_t netns_cookie, bool guess);
