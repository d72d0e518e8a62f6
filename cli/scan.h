/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scan.h: the stored records of a query into a group, by all CPUs: each thread takes ranges of rows of
 * about the same size (schema/db_scan.h), matches them by a filter of its own, and adds them to a group of
 * its own; the groups are put together at the end. The answer is that of query_next.
 */
#pragma once

#include <stdbool.h>

struct flow_record;
struct group;
struct group_kind;
struct query;

#define SCAN_THREADS_MAX 8

struct scan {
	const struct group_kind *kind;
	bool (*wanted)(const struct flow_record *rec); /* NULL: all of them; from any thread */
	int threads;				       /* 0: as many as there are CPUs */
};

/*
 * Add the records of the query's window, those of flowd apart. 0; -ENOTSUP: query_next has to read them, or
 * has more to say of what is wrong with them, and the group is as before; or -errno, with query->error
 * but for -ENOMEM. The query must have given no record yet.
 */
int scan_records(struct query *query, const struct scan *scan, struct group *group);
