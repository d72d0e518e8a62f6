/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * merge_check.c: an input's sums by minute and hour have what its records do; and what the inputs have
 * together, the output has: by sums that SQLite makes of either.
 */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "cli/merge.h"
#include "cli/merge_table.h"
#include "schema/db.h"
#include "schema/talker.h"

#define TALKERS 5 /* version of the tables of sums */
#define ID_SHIFT 20
#define BUCKET_SHIFT 28
#define TIME_MAX (INT64_MAX >> ID_SHIFT) /* of an id */

/* Of merge_flow.sums. */
enum { FLOW_RECORDS, FLOW_PACKETS, FLOW_BYTES, FLOW_L2, FLOW_REV_PACKETS, FLOW_REV_BYTES };

/* Adds what the table of a database has. */
static int add_sums(struct merge *merge, struct sqlite3 *db, const char *name,
		    const struct merge_table *table, int64_t sums[MERGE_COLUMNS_MAX])
{
	struct sqlite3_stmt *stmt;
	char sql[MERGE_SQL_MAX];
	int err, rc;

	snprintf(sql, sizeof(sql), "SELECT %s FROM %s%s%s", table->sums, table->name,
		 table->where ? " WHERE " : "", table->where ? table->where : "");
	err = merge_prepare(merge, db, name, sql, &stmt);
	if (err)
		return err;
	rc = sqlite3_step(stmt);
	for (int c = 0; rc == SQLITE_ROW && c < sqlite3_column_count(stmt); c++)
		sums[c] = sqlite3_column_int64(stmt, c);
	if (rc != SQLITE_ROW)
		err = merge_fail(merge, db, name);
	sqlite3_finalize(stmt);
	return err;
}

static int check_table(struct merge *merge, const struct merge_table *table)
{
	int64_t inputs[MERGE_COLUMNS_MAX] = {0}, output[MERGE_COLUMNS_MAX] = {0};
	int err = add_sums(merge, merge->db, "output", table, output);

	for (size_t i = 0; !err && i < merge->inputs; i++) {
		struct merge_input *input = &merge->input[i];
		int64_t its[MERGE_COLUMNS_MAX] = {0};

		if (merge_has(input, table->since))
			err = add_sums(merge, input->db, input->path, table, its);
		for (int c = 0; c < MERGE_COLUMNS_MAX; c++)
			inputs[c] = (int64_t)((uint64_t)inputs[c] + (uint64_t)its[c]);
		if (table == &merge_flow)
			input->flows = (struct merge_flows){
				its[FLOW_RECORDS], its[FLOW_PACKETS] + its[FLOW_REV_PACKETS],
				its[FLOW_BYTES] + its[FLOW_REV_BYTES]};
	}
	for (int c = 0; !err && c < MERGE_COLUMNS_MAX; c++) {
		if (inputs[c] == output[c])
			continue;
		snprintf(merge->error, sizeof(merge->error),
			 "table %s: the sums of the inputs and of the output differ: %" PRId64
			 " and %" PRId64 " (number %d of: %s)",
			 table->name, inputs[c], output[c], c + 1, table->sums);
		err = -EPROTO;
	}
	return err;
}

/* --- an input ------------------------------------------------------------------------------------- */

struct level {
	const char *name, *until, *since; /* as it is said; keys in table meta */
	int64_t bucket_ms;
	const char *sql; /* of a kind and ids */
};

#define TALKER_SQL(table)                                                                    \
	"SELECT coalesce(sum(flows), 0), coalesce(sum(packets + rev_packets), 0), "          \
	"coalesce(sum(bytes + rev_bytes), 0) FROM " table " WHERE id >= ?1 AND id < ?2 AND " \
	"(id >> 24 & 15) = ?3"

static const struct level levels[] = {
	{"minute", "rollup_minute_ms", "minute_since_ms", TALKER_MINUTE_MS,
	 TALKER_SQL("talker_minute")},
	{"hour", "rollup_hour_ms", "hour_since_ms", TALKER_HOUR_MS, TALKER_SQL("talker_hour")},
};

/* Three sums of rows whose ids are in [from, to); `kind` as the third value. */
static int read_sums(struct merge *merge, struct merge_input *input, const char *sql,
		     const int64_t range[2], int kind, int64_t sums[3])
{
	struct sqlite3_stmt *stmt;
	int err = merge_prepare(merge, input->db, input->path, sql, &stmt);

	if (err)
		return err;
	sqlite3_bind_int64(stmt, 1, range[0]);
	sqlite3_bind_int64(stmt, 2, range[1]);
	sqlite3_bind_int(stmt, 3, kind);
	if (sqlite3_step(stmt) != SQLITE_ROW)
		err = merge_fail(merge, input->db, input->path);
	for (int c = 0; !err && c < 3; c++)
		sums[c] = sqlite3_column_int64(stmt, c);
	sqlite3_finalize(stmt);
	return err;
}

/* The whole buckets of which all records and all sums are there. 1, 0: none, or -errno. */
static int find_range(struct merge *merge, struct merge_input *input, const struct level *level,
		      int64_t range[2])
{
	int64_t since_ms, its_ms;
	int err = merge_meta(merge, input, level->until, &range[1]);

	err = err ? err : merge_meta(merge, input, "flow_since_ms", &since_ms);
	err = err ? err : merge_meta(merge, input, level->since, &its_ms);
	if (err || !range[1])
		return err;
	if (its_ms > since_ms)
		since_ms = its_ms;
	if (since_ms < 0 || since_ms >= range[1] || range[1] > TIME_MAX)
		return 0;
	range[0] = (since_ms + level->bucket_ms - 1) / level->bucket_ms * level->bucket_ms;
	range[1] = range[1] / level->bucket_ms * level->bucket_ms;
	return range[0] < range[1];
}

/* Of a host's kind a record is in one row or in two; of the others in one. */
static int check_level(struct merge *merge, struct merge_input *input, const struct level *level)
{
	static const char flow[] =
		"SELECT count(*), coalesce(sum(packets + rev_packets), 0), "
		"coalesce(sum(bytes + rev_bytes), 0) FROM flow WHERE id >= ?1 AND id < ?2";
	static const char *const names[] = {"flows", "packets", "bytes"};
	int64_t ms[2], ids[2], records[3], sums[3];
	int err;

	err = find_range(merge, input, level, ms);
	if (err <= 0)
		return err;
	for (int i = 0; i < 2; i++)
		ids[i] = ms[i] << ID_SHIFT;
	err = read_sums(merge, input, flow, ids, 0, records);
	for (int i = 0; i < 2; i++)
		ids[i] = ms[i] / TALKER_MINUTE_MS << BUCKET_SHIFT;
	for (int kind = TALKER_PAIR; !err && kind < TALKER_KINDS; kind++) {
		err = read_sums(merge, input, level->sql, ids, kind, sums);
		for (int c = 0; !err && c < 3; c++) {
			if (sums[c] == records[c])
				continue;
			snprintf(merge->error, sizeof(merge->error),
				 "%.300s: its sums by %s and %s are not those of its records: "
				 "%" PRId64 " and %" PRId64 " %s",
				 input->path, level->name, talker_kind_name[kind], sums[c],
				 records[c], names[c]);
			err = -EPROTO;
		}
	}
	return err;
}

int merge_check_input(struct merge *merge, struct merge_input *input)
{
	int err = 0;

	for (size_t i = 0; merge_has(input, TALKERS) && !err && i < 2; i++)
		err = check_level(merge, input, &levels[i]);
	return err;
}

/* --- the output ----------------------------------------------------------------------------------- */

int merge_check(struct merge *merge)
{
	static const struct merge_table *const tables[] = {merge_beside, merge_with_ids,
							   merge_plain, merge_talker};
	int err = check_table(merge, &merge_flow);

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct merge_table *t = tables[i]; !err && t->name; t++)
			err = check_table(merge, t);
	}
	return err;
}
