/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_add.h: how group_kinds.c and group_geo.c put sums into a group. */
#pragma once

#include "cli/group.h"

/*
 * Add the halves in `match` of the item to the entry of that key, and of its name and time, made
 * where it is new. 0 or -ENOMEM.
 */
int group_add(struct group *group, const struct flow_key *key, const struct group_item *item,
	      unsigned match);

/* Of group_kinds: see group_geo.c. */
int group_add_country(struct group *group, const struct group_item *item);
int group_add_as(struct group *group, const struct group_item *item);
void group_text_country(const struct flow_key *key, char *buf, size_t size);
void group_text_as(const struct flow_key *key, char *buf, size_t size);
