/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_fill.h: the part of an answer that comes from sums, into its group; see plan.h. */
#pragma once

#include "cli/plan.h"
#include "cli/plan_buckets.h"

struct plan_fill {
	struct query *query;
	const struct plan_ask *ask;
	enum talker_kind kind;
	bool some_ifaces;		/* not all are wanted: of kind TALKER_IFACE alone */
	int64_t drops_until_ms;		/* see plan_rows.h */
	const struct plan_pages *pages; /* NULL: the rows are SQLite's to read */
	const struct plan_buckets *buckets;
	struct group *records; /* what is read from elsewhere */
};

/*
 * The sums of the buckets, with what there is of records, to plan->group, its total and tail. 0 or -errno,
 * with query->error but for -ENOMEM.
 */
int plan_fill(const struct plan_fill *fill, struct plan *plan);
