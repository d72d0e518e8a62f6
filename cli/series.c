/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* series.c: the window once for its heaviest keys, then interval by interval for these alone. */
#include "cli/series.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plan_source.h"
#include "cli/query.h"
#include "cli/timearg.h"
#include "schema/talker.h"

#define DAY_MS 86400000
#define FLOW_ID_SHIFT 20

/* --- what there is -------------------------------------------------------------------------------- */

struct extent {
	int64_t first_ms, until_ms; /* equal: nothing */
};

static void extend(struct extent *extent, int64_t first_ms, int64_t until_ms)
{
	if (extent->first_ms == extent->until_ms)
		*extent = (struct extent){first_ms, until_ms};
	if (first_ms < extent->first_ms)
		extent->first_ms = first_ms;
	if (until_ms > extent->until_ms)
		extent->until_ms = until_ms;
}

/* The first and last id of a table; a table that an older database does not have is empty. */
static bool read_ids(struct query *query, const char *sql, int64_t *ret_first, int64_t *ret_last)
{
	struct sqlite3_stmt *stmt;
	bool found = false;

	if (sqlite3_prepare_v2(query->db, sql, -1, &stmt, NULL))
		return false;
	if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL) {
		*ret_first = sqlite3_column_int64(stmt, 0);
		*ret_last = sqlite3_column_int64(stmt, 1);
		found = true;
	}
	sqlite3_finalize(stmt);
	return found;
}

#define IDS_OF(table) "SELECT (SELECT min(id) FROM " table "), (SELECT max(id) FROM " table ")"

/* An hour is longer than what is in it: it counts where there is nothing else of it. */
static void extend_by_hours(struct query *query, struct extent *extent)
{
	bool none = extent->first_ms == extent->until_ms;
	int64_t first, last;

	if (!read_ids(query, IDS_OF("talker_hour"), &first, &last))
		return;
	first = (first >> TALKER_BUCKET_SHIFT) * TALKER_MINUTE_MS;
	last = (last >> TALKER_BUCKET_SHIFT) * TALKER_MINUTE_MS;
	if (none || first + TALKER_HOUR_MS <= extent->first_ms)
		extend(extent, first, first + 1);
	if (none || last >= extent->until_ms)
		extend(extent, last, last + TALKER_HOUR_MS);
}

static void read_extent(struct query *query, struct extent *extent)
{
	static const char *const ended[] = {IDS_OF("flow"), IDS_OF("event")};
	const struct live *live = &query->live;
	int64_t first, last;

	for (size_t i = 0; i < sizeof(ended) / sizeof(ended[0]); i++) {
		if (read_ids(query, ended[i], &first, &last))
			extend(extent, first >> FLOW_ID_SHIFT, (last >> FLOW_ID_SHIFT) + 1);
	}
	for (uint32_t i = 0; i < live->head.records; i++)
		extend(extent, live->records[i].end_ms, live->records[i].end_ms + 1);
	if (read_ids(query, IDS_OF("talker_minute"), &first, &last))
		extend(extent, (first >> TALKER_BUCKET_SHIFT) * TALKER_MINUTE_MS,
		       ((last >> TALKER_BUCKET_SHIFT) + 1) * TALKER_MINUTE_MS);
	extend_by_hours(query, extent);
}

/* The window with a beginning and an end. */
static void close_window(struct query *query, const struct series_ask *ask, struct extent *window)
{
	const struct query_options *options = &query->options;
	struct extent extent = {0, 0};

	*window = (struct extent){options->since_ms, options->until_ms};
	if (options->since_ms && options->until_ms != INT64_MAX)
		return;
	read_extent(query, &extent);
	if (!options->since_ms)
		window->first_ms = extent.first_ms;
	if (options->until_ms != INT64_MAX)
		return;
	window->until_ms = extent.until_ms;
	if (options->since_ms && query->live_state == QUERY_LIVE_INCLUDED &&
	    ask->now_ms > window->until_ms)
		window->until_ms = ask->now_ms;
}

/* --- intervals ------------------------------------------------------------------------------------ */

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t series_ms(const struct series *series, size_t interval)
{
	return series->first_ms + (int64_t)interval * series->per_ms;
}

const struct series_cell *series_at(const struct series *series, size_t key, size_t interval)
{
	return &series->cell[key * series->intervals + interval];
}

static int64_t minutes(const struct series *series)
{
	return series->per_ms / TALKER_MINUTE_MS;
}

static int fail_many(struct query *query, const struct series *series, int64_t intervals)
{
	snprintf(query->error, sizeof(query->error),
		 "--per: %" PRId64 " intervals of %" PRId64
		 " minutes in this window, at most %d are drawn up; longer ones or --since will do",
		 intervals, minutes(series), SERIES_INTERVALS_MAX);
	return -E2BIG;
}

static int set_intervals(struct query *query, const struct extent *window, struct series *series)
{
	int64_t intervals;

	series->first_ms = window->first_ms / series->per_ms * series->per_ms;
	if (window->until_ms <= window->first_ms)
		return 0;
	intervals = (window->until_ms - 1) / series->per_ms - series->first_ms / series->per_ms + 1;
	if (intervals > SERIES_INTERVALS_MAX)
		return fail_many(query, series, intervals);
	series->intervals = (size_t)intervals;
	return 0;
}

static int compare_only(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct flow_key));
}

/* The keys of the series, to be found by. */
static int make_only(const struct series *series, struct plan_only **ret_only)
{
	struct plan_only *only = calloc(series->keys + 1, sizeof(*only));

	if (!only)
		return -ENOMEM;
	for (size_t key = 0; key < series->keys; key++)
		only[key] = (struct plan_only){series->whole.group.entry[key].key, key};
	if (series->keys)
		qsort(only, series->keys, sizeof(*only), compare_only);
	*ret_only = only;
	return 0;
}

static int make_cells(struct query *query, struct series *series)
{
	series->keys = series->whole.group.used;
	if (series->keys * series->intervals > SERIES_CELLS_MAX) {
		snprintf(
			query->error, sizeof(query->error),
			"--per: %zu keys in %zu intervals are more than %d in all; -n says how many keys",
			series->keys, series->intervals, SERIES_CELLS_MAX);
		return -E2BIG;
	}
	series->cell = calloc(series->keys * series->intervals + 1, sizeof(*series->cell));
	series->total = calloc(series->intervals + 1, sizeof(*series->total));
	series->tail = calloc(series->intervals + 1, sizeof(*series->tail));
	return series->cell && series->total && series->tail ? 0 : -ENOMEM;
}

/* Sums change hands. */
static void take(struct group_sums *from, struct group_sums *to)
{
	*to = *from;
	*from = (struct group_sums){0};
}

static void take_interval(const struct plan_ask *ask, struct plan *plan, size_t interval,
			  struct series *series)
{
	for (size_t key = 0; plan->lacks && key < series->keys; key++)
		series->cell[key * series->intervals + interval].lacks = plan->lacks;
	for (size_t i = 0; i < plan->group.used; i++) {
		struct group_entry *entry = &plan->group.entry[i];
		const struct plan_only *only = plan_only_find(ask, &entry->key);
		struct series_cell *cell;

		if (!only)
			continue;
		cell = &series->cell[only->number * series->intervals + interval];
		take(&entry->sums, &cell->sums);
		cell->lacks = entry->lacks;
	}
	take(&plan->group.total, &series->total[interval]);
	take(&plan->tail, &series->tail[interval]);
}

/* It would count in more than one interval what is left of the records in longer sums alone. */
static int fail_coarse(struct query *query, const struct series *series, const struct plan *plan)
{
	char text[40];

	timearg_rfc3339(plan->window.at[PLAN_PARTS], text, sizeof(text));
	snprintf(
		query->error, sizeof(query->error),
		"--per: of the time before %s only whole hours are left, which are longer than %" PRId64
		" minutes",
		text, minutes(series));
	return -ENODATA;
}

static int read_interval(struct query *query, const struct plan_ask *ask,
			 const struct extent *window, size_t interval, struct series *series)
{
	int64_t start_ms = series_ms(series, interval), end_ms = start_ms + series->per_ms;
	struct plan plan;
	int err = plan_read_part(query, ask, larger(start_ms, window->first_ms),
				 smaller(end_ms, window->until_ms), &plan);

	if (!err && plan.window.at[0] < plan.window.at[PLAN_PARTS] &&
	    (plan.window.at[0] < start_ms || plan.window.at[PLAN_PARTS] > end_ms))
		err = fail_coarse(query, series, &plan);
	if (!err)
		take_interval(ask, &plan, interval, series);
	plan_free(&plan);
	return err;
}

int series_read(struct query *query, const struct series_ask *ask, struct series *ret_series)
{
	struct series *series = ret_series;
	struct plan_ask one = ask->plan;
	struct plan_only *only = NULL;
	struct plan_pages pages;
	struct extent window;
	int err;

	*series = (struct series){.per_ms = ask->per_ms};
	close_window(query, ask, &window);
	err = set_intervals(query, &window, series);
	if (!err)
		err = plan_read(query, &ask->plan, &series->whole);
	if (!err)
		err = make_cells(query, series);
	if (!err)
		err = make_only(series, &only);
	one.limit = 0;
	one.only = only;
	one.only_count = series->keys;
	/* an interval without a whole minute of sums is of records, whatever was asked for */
	one.from = one.from == PLAN_RECORDS ? PLAN_RECORDS : PLAN_AUTO;
	if (!err && !plan_pages_open(query->db, &query->mark, &pages))
		one.pages = &pages;
	for (size_t i = 0; !err && i < series->intervals; i++)
		err = read_interval(query, &one, &window, i, series);
	if (one.pages)
		plan_pages_close(&pages);
	free(only);
	return err;
}

int series_per(const char *text, int64_t *ret_per_ms)
{
	int64_t ms;

	if (timearg_duration(text, &ms) || ms < TALKER_MINUTE_MS || ms % TALKER_MINUTE_MS)
		return -EINVAL;
	if (ms < DAY_MS ? DAY_MS % ms : ms % DAY_MS)
		return -EINVAL;
	*ret_per_ms = ms;
	return 0;
}

void series_free(struct series *series)
{
	for (size_t i = 0; series->cell && i < series->keys * series->intervals; i++)
		group_sums_free(&series->cell[i].sums);
	for (size_t i = 0; i < series->intervals; i++) {
		if (series->total)
			group_sums_free(&series->total[i]);
		if (series->tail)
			group_sums_free(&series->tail[i]);
	}
	free(series->cell);
	free(series->total);
	free(series->tail);
	plan_free(&series->whole);
	memset(series, 0, sizeof(*series));
}
