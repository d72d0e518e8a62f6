/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_fill.h: from a query to a group, an interface being the same one over its incarnations. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct flow_record;
struct group;
struct group_kind;
struct query;

/* The interface under which one counts: that of its name, or of its host where the kind is of hosts. */
uint32_t group_fill_iface(const struct query *query, const struct group_kind *kind, uint32_t id);

/*
 * Add what the query gives: records that `wanted` (NULL: all of them; it may be asked from several threads)
 * takes, and events whose enum event_what is a bit of `what`. Records have no socket, and where group->plain
 * is set no health. 0 or -errno, with query->error but for -ENOMEM.
 */
int group_fill_records(struct query *query, const struct group_kind *kind,
		       bool (*wanted)(const struct flow_record *rec), struct group *group);

/* One record, of which the halves in `match` count. 0 or -ENOMEM. */
int group_fill_one(const struct query *query, const struct group_kind *kind,
		   bool (*wanted)(const struct flow_record *rec), struct flow_record *rec,
		   unsigned match, struct group *group);

/* Of records those alone that flowd holds. */
int group_fill_live(struct query *query, const struct group_kind *kind, struct group *group);

int group_fill_events(struct query *query, const struct group_kind *kind, uint32_t what,
		      struct group *group);
