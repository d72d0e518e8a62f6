/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_add.h: how group_kinds.c puts sums into a group. */
#pragma once

#include "cli/group.h"

/*
 * Add the halves in `match` of the item to the entry of that key, and of its name and time, made
 * where it is new. 0 or -ENOMEM.
 */
int group_add(struct group *group, const struct flow_key *key, const struct group_item *item,
	      unsigned match);
