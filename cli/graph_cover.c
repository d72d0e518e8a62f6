/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* graph_cover.c: see graph_cover.h. */
#include "cli/graph_cover.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "cli/graph.h"
#include "cli/query.h"
#include "schema/talker.h"

#define MINUTE_MS 60000
#define ID_SHIFT 20

static int fail(struct query *query)
{
	snprintf(query->error, sizeof(query->error), "%s: %s", query->options.db,
		 sqlite3_errmsg(query->db));
	return -EIO;
}

static int64_t first_id(int64_t ms)
{
	return ms > INT64_MAX >> ID_SHIFT ? INT64_MAX : ms << ID_SHIFT;
}

/* The first and the last of what a table has in the window; *first is INT64_MAX where that is nothing. */
static int look(struct query *query, const char *sql, int64_t from, int64_t to, int64_t *first,
		int64_t *last)
{
	struct sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(query->db, sql, -1, &stmt, NULL);

	if (rc)
		return fail(query);
	sqlite3_bind_int64(stmt, 1, from);
	sqlite3_bind_int64(stmt, 2, to);
	rc = sqlite3_step(stmt);
	*first = INT64_MAX;
	*last = INT64_MIN;
	if (rc == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL) {
		*first = sqlite3_column_int64(stmt, 0);
		*last = sqlite3_column_int64(stmt, 1);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : fail(query);
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Of sums, whose records may be gone; an older database has none. */
static void find_sums(struct query *query, int64_t *first_ms, int64_t *last_ms)
{
	static const char sql[] =
		"SELECT (SELECT min(id) FROM talker_minute WHERE id >= ?1 AND id < ?2), "
		"(SELECT max(id) FROM talker_minute WHERE id >= ?1 AND id < ?2)";
	int64_t since = query->options.since_ms / MINUTE_MS,
		until = query->options.until_ms / MINUTE_MS;
	int64_t most = INT64_MAX >> TALKER_BUCKET_SHIFT, first = INT64_MAX, last;

	if (until > most)
		until = most;
	if (look(query, sql, since << TALKER_BUCKET_SHIFT, until << TALKER_BUCKET_SHIFT, &first,
		 &last))
		query->error[0] = 0;
	if (first == INT64_MAX)
		return;
	*first_ms = smaller(*first_ms, (first >> TALKER_BUCKET_SHIFT) * MINUTE_MS);
	*last_ms = larger(*last_ms, ((last >> TALKER_BUCKET_SHIFT) + 1) * MINUTE_MS);
}

/* Of records, events, sums and books, in the window. */
static int find_data(struct query *query, int64_t *ret_first_ms, int64_t *ret_last_ms)
{
	static const char *const sql[] = {
		"SELECT (SELECT min(id) FROM flow WHERE id >= ?1 AND id < ?2), "
		"(SELECT max(id) FROM flow WHERE id >= ?1 AND id < ?2)",
		"SELECT (SELECT min(id) FROM event WHERE id >= ?1 AND id < ?2), "
		"(SELECT max(id) FROM event WHERE id >= ?1 AND id < ?2)",
	};
	static const char books[] =
		"SELECT (SELECT min(minute_ms) FROM ledger WHERE minute_ms >= ?1 AND minute_ms < ?2), "
		"(SELECT max(minute_ms) FROM ledger WHERE minute_ms >= ?1 AND minute_ms < ?2)";
	int64_t since_ms = query->options.since_ms, until_ms = query->options.until_ms;
	int64_t first, last;
	int err;

	*ret_first_ms = INT64_MAX;
	*ret_last_ms = INT64_MIN;
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		err = look(query, sql[i], first_id(since_ms), first_id(until_ms), &first, &last);
		if (err)
			return err;
		if (first == INT64_MAX)
			continue;
		*ret_first_ms = smaller(*ret_first_ms, first >> ID_SHIFT);
		*ret_last_ms = larger(*ret_last_ms, (last >> ID_SHIFT) + 1);
	}
	find_sums(query, ret_first_ms, ret_last_ms);
	err = look(query, books, since_ms / MINUTE_MS * MINUTE_MS, until_ms, &first, &last);
	if (!err && first != INT64_MAX) {
		*ret_first_ms = smaller(*ret_first_ms, first);
		*ret_last_ms = larger(*ret_last_ms, last + MINUTE_MS);
	}
	return err;
}

int graph_cover_span(struct query *query, int64_t now_ms, int64_t *ret_first_ms,
		     int64_t *ret_last_ms)
{
	const struct query_options *options = &query->options;
	int64_t first_ms, last_ms;
	int err = find_data(query, &first_ms, &last_ms);

	if (err)
		return err;
	if (query->live_state == QUERY_LIVE_INCLUDED) {
		last_ms = larger(last_ms, (int64_t)query->live.head.now_ms + 1);
		first_ms = smaller(first_ms, (int64_t)query->live.head.now_ms);
	}
	if (options->since_ms)
		first_ms = options->since_ms;
	else if (first_ms == INT64_MAX)
		first_ms = smaller(now_ms, options->until_ms - 1);
	if (options->until_ms != INT64_MAX || last_ms == INT64_MIN) /* no data: up to now */
		last_ms = larger(last_ms, now_ms);
	last_ms = smaller(last_ms, options->until_ms);
	*ret_first_ms = first_ms;
	*ret_last_ms = larger(last_ms, first_ms + 1);
	return 0;
}

void graph_cover_add(struct graph *graph, int64_t from_ms, int64_t to_ms)
{
	int64_t end_ms = graph->start_ms + (int64_t)graph->intervals * graph->per_ms;

	from_ms = larger(from_ms, graph->start_ms);
	to_ms = smaller(to_ms, end_ms);
	for (int64_t ms = from_ms; ms < to_ms; ms += graph->per_ms - ms % graph->per_ms)
		graph->covered[(ms - graph->start_ms) / graph->per_ms] = true;
}

static bool is_wanted(const struct query *query, uint32_t id)
{
	const struct query_iface *iface = query_iface(query, id);

	return iface ? iface->selected : !query->options.iface_count;
}

/* Up to when an interface is counted whose row does not say it. */
static int64_t open_end(const struct query *query, int64_t ledger_ms)
{
	if (query->live_state == QUERY_LIVE_INCLUDED)
		return (int64_t)query->live.head.now_ms + 1;
	return ledger_ms ? ledger_ms + MINUTE_MS : 0;
}

/* Rows of which only a flowd that has begun anew can be the last writer are closed by their last minute. */
static int cover_ifaces(struct query *query, struct graph *graph)
{
	static const char sql[] =
		"SELECT i.id, i.first_ms, i.last_ms, i.generation = (SELECT generation FROM interface "
		"ORDER BY id DESC LIMIT 1), m.minute FROM interface i LEFT JOIN "
		"(SELECT iface, max(minute_ms) AS minute FROM ledger GROUP BY iface) m ON m.iface = i.id";
	struct sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(query->db, sql, -1, &stmt, NULL);

	if (rc)
		return fail(query);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t minute_ms = sqlite3_column_int64(stmt, 4), to_ms;

		if (!is_wanted(query, (uint32_t)sqlite3_column_int64(stmt, 0)))
			continue;
		to_ms = minute_ms ? minute_ms + MINUTE_MS : 0;
		if (sqlite3_column_type(stmt, 2) != SQLITE_NULL)
			to_ms = sqlite3_column_int64(stmt, 2) + 1;
		else if (sqlite3_column_int(stmt, 3))
			to_ms = open_end(query, minute_ms);
		graph_cover_add(graph, sqlite3_column_int64(stmt, 1), to_ms);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : fail(query);
}

static int cover_minutes(struct query *query, struct graph *graph)
{
	static const char sql[] = "SELECT minute_ms, iface FROM ledger WHERE minute_ms >= ?1 "
				  "AND minute_ms < ?2";
	int64_t end_ms = graph->start_ms + (int64_t)graph->intervals * graph->per_ms;
	struct sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(query->db, sql, -1, &stmt, NULL);

	if (rc)
		return fail(query);
	sqlite3_bind_int64(stmt, 1, graph->start_ms / MINUTE_MS * MINUTE_MS);
	sqlite3_bind_int64(stmt, 2, end_ms);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t minute_ms = sqlite3_column_int64(stmt, 0);

		if (is_wanted(query, (uint32_t)sqlite3_column_int64(stmt, 1)))
			graph_cover_add(graph, minute_ms, minute_ms + MINUTE_MS);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : fail(query);
}

int graph_cover(struct query *query, struct graph *graph)
{
	int err = cover_ifaces(query, graph);

	return err ? err : cover_minutes(query, graph);
}
