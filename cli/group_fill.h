/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_fill.h: from a query to a group, an interface being the same one over its incarnations. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct flow_record;
struct group;
struct group_kind;
struct query;

/*
 * Add what the query gives: records that `wanted` (NULL: all of them) takes, and events whose enum
 * event_what is a bit of `what`. 0 or -errno, with query->error but for -ENOMEM.
 */
int group_fill_records(struct query *query, const struct group_kind *kind,
		       bool (*wanted)(const struct flow_record *rec), struct group *group);
int group_fill_events(struct query *query, const struct group_kind *kind, uint32_t what,
		      struct group *group);
