/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* links.h: what happens to the interfaces, by rtnetlink(7). */
#pragma once

#include "flowd/flowd.h"

/* Watch the namespace's interfaces, and have all of them told once. 0 or -errno. */
int links_open(struct flowd *flowd);
void links_close(struct flowd *flowd);

/* Have all of them told again: something may have been missed. */
void links_look_again(struct flowd *flowd);
