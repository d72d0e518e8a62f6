/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* links.h: what happens to the interfaces, by rtnetlink(7). */
#pragma once

#include "flowd/flowd.h"

/* Watch for interfaces that go away (RTM_DELLINK). 0 or -errno. */
int links_open(struct flowd *flowd);
void links_close(struct flowd *flowd);
