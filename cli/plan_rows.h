/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan_rows.h: rows of talker_minute and talker_hour, summed by key, in two threads where there are many
 * (plan_source.h says how they are read).
 */
#pragma once

#include "cli/plan_buckets.h"
#include "cli/plan_table.h"

struct group_metric;
struct plan_pages;

/* What of a row is read, but for its key. */
enum plan_what {
	PLAN_SUMS,  /* all, into table.sums */
	PLAN_VALUE, /* the metric alone, into table.entry.value; each row is noted in `seen` */
	PLAN_TOTAL, /* all, of all rows and the tails, into `total`; the table stays empty */
	PLAN_TAIL,  /* the same of the tails alone */
};

/* A row that was read. */
struct plan_seen {
	int64_t id;
	uint32_t entry;
	enum plan_level level;
};

struct plan_rows {
	struct query *query;
	const struct plan_pages *pages; /* NULL: by SQLite */
	const struct plan_buckets *buckets;
	enum plan_what what;
	const char *metric;	/* PLAN_VALUE: which; see plan_rows_has() */
	int64_t drops_until_ms; /* drops of buckets before that count: there are no events of them */
	struct plan_table table;
	struct plan_sums total;
	struct plan_seen *seen;
	size_t seen_count, seen_room;
	bool seen_all; /* there was room for them */
};

/* PLAN_VALUE can tell this metric, of group_metrics. */
bool plan_rows_has(const char *metric);

/* Read all of the buckets. 0 or -errno with query->error but for -ENOMEM. */
int plan_rows_read(struct plan_rows *rows);

/* PLAN_SUMS: of these rows alone, in the order of `seen`. */
int plan_rows_again(struct plan_rows *rows, const struct plan_seen *seen, size_t count);

void plan_rows_free(struct plan_rows *rows);
