/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * merge_talker.c: sums by minute and hour (schema/talker.h). Of a bucket and kind the rows of all inputs are
 * added up by key and ranked anew; none is left out, so what the inputs list the output lists.
 *
 * A key that one input lists may be one that another does not: where several have rows of a bucket, what a
 * listed key may lack is at most what in each of them a listed or an unlisted one may.
 */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "cli/merge.h"
#include "schema/db.h"
#include "schema/talker.h"

#define SINCE 5 /* version of the tables */
#define SUMS 13
#define TIMES 2
#define KEY_COLUMNS 3
#define FIRST_SUM (1 + KEY_COLUMNS)
#define METRICS 5
#define COLUMNS                                                                                 \
	"id, src, dst, what, flows, packets, bytes, l2_bytes, rev_packets, rev_bytes, "         \
	"rev_l2_bytes, retransmits, rev_retransmits, drops, rev_drops, rtt_count, rtt_sum_us, " \
	"first_ms, last_ms"
#define KIND_MASK 15
#define BOUNDS_COLUMNS                                                                             \
	"id, keys, missed_flows, missed_packets, missed_bytes, missed_retransmits, missed_drops, " \
	"largest_flows, largest_packets, largest_bytes, largest_retransmits, largest_drops"

/* Of SUMS. */
enum sum {
	FLOWS,
	PACKETS,
	BYTES,
	L2,
	REV_PACKETS,
	REV_BYTES,
	REV_L2,
	RETRANS,
	REV_RETRANS,
	DROPS,
	REV_DROPS
};

/* A part of a key as it is stored: compared by its bytes. */
struct part {
	uint8_t type; /* SQLite's */
	uint8_t size;
	uint8_t pad[6];
	uint8_t bytes[16];
};

struct row {
	struct part key[KEY_COLUMNS];
	int64_t sum[SUMS];
	int64_t time[TIMES]; /* before the bucket's begin, and after it */
	double score;
};

struct rows {
	struct row *row;
	size_t count, room;
	struct row tail;
	bool has_tail;
};

struct cursor {
	struct merge_input *input;
	struct sqlite3_stmt *stmt; /* NULL: at its end */
	struct sqlite3_stmt *bounds;
	int64_t id;
};

/* How far rows of a bucket and kind may be from the truth; see schema.sql. */
struct bounds {
	size_t inputs; /* that have rows */
	bool any;      /* of them has bounds */
	int64_t keys;
	int64_t missed[METRICS], largest[METRICS], either[METRICS]; /* sums */
};

/* What a table is read and written by, and how far it goes. */
struct level_sql {
	const char *select, *insert, *select_bounds, *insert_bounds, *meta;
};

struct level {
	struct cursor *cursor;
	struct sqlite3_stmt *to, *to_bounds;
	struct rows rows;
};

/* --- rows of a bucket and kind -------------------------------------------------------------------- */

static struct part part_of(struct sqlite3_stmt *stmt, int column)
{
	struct part part = {.type = (uint8_t)sqlite3_column_type(stmt, column)};
	int64_t number = sqlite3_column_int64(stmt, column);

	if (part.type == SQLITE_INTEGER) {
		part.size = sizeof(number);
		memcpy(part.bytes, &number, sizeof(number));
	} else if (part.type == SQLITE_BLOB) {
		const void *blob = sqlite3_column_blob(stmt, column);
		int size = sqlite3_column_bytes(stmt, column);

		part.size = (uint8_t)(size > 16 ? 16 : size);
		if (part.size)
			memcpy(part.bytes, blob, part.size);
	}
	return part;
}

/* Times are those of flows, where there are some: see cli/group_sums.c. */
static void add_row(struct row *to, const struct row *row, bool first)
{
	bool newer = first || (row->sum[FLOWS] && !to->sum[FLOWS]);

	for (int t = 0; t < TIMES; t++) {
		if (newer || ((row->sum[FLOWS] || !to->sum[FLOWS]) && row->time[t] > to->time[t]))
			to->time[t] = row->time[t];
	}
	for (int s = 0; s < SUMS; s++)
		to->sum[s] += row->sum[s];
}

static int fail_iface(struct merge *merge, const struct merge_input *input, int64_t id)
{
	snprintf(merge->error, sizeof(merge->error),
		 "%.300s: sums of interface %" PRId64 ", which is not in table interface",
		 input->path, id);
	return -EPROTO;
}

/* Keys of interfaces are ids. */
static int map_iface(struct merge *merge, struct merge_input *input, struct part *what)
{
	int64_t from, to;

	if (what->type != SQLITE_INTEGER)
		return 0;
	memcpy(&from, what->bytes, sizeof(from));
	if (!merge_map_get(&input->iface, from, &to))
		return fail_iface(merge, input, from);
	memcpy(what->bytes, &to, sizeof(to));
	return 0;
}

static int take_row(struct merge *merge, struct cursor *cursor, struct rows *rows)
{
	bool is_tail = !(cursor->id & TALKER_RANK_MAX);
	int kind = (int)(cursor->id >> TALKER_KIND_SHIFT & 15), err = 0;
	struct row row = {.score = 0};

	for (int s = 0; s < SUMS; s++)
		row.sum[s] = sqlite3_column_int64(cursor->stmt, FIRST_SUM + s);
	for (int t = 0; t < TIMES; t++)
		row.time[t] = sqlite3_column_int64(cursor->stmt, FIRST_SUM + SUMS + t);
	for (int k = 0; k < KEY_COLUMNS; k++)
		row.key[k] = part_of(cursor->stmt, 1 + k);
	if (is_tail) {
		add_row(&rows->tail, &row, !rows->has_tail);
		rows->has_tail = true;
		return 0;
	}
	if (kind == TALKER_IFACE)
		err = map_iface(merge, cursor->input, &row.key[KEY_COLUMNS - 1]);
	if (!err && rows->count == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 1024;
		struct row *grown = reallocarray(rows->row, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		rows->row = grown;
		rows->room = room;
	}
	if (!err)
		rows->row[rows->count++] = row;
	return err;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(((const struct row *)a)->key, ((const struct row *)b)->key,
		      sizeof(((const struct row *)a)->key));
}

static int compare_scores(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return compare_keys(a, b);
}

static void add_equal(struct rows *rows)
{
	size_t kept = 0;

	if (rows->count)
		qsort(rows->row, rows->count, sizeof(*rows->row), compare_keys);
	for (size_t i = 0; i < rows->count; i++) {
		if (kept && !compare_keys(&rows->row[kept - 1], &rows->row[i]))
			add_row(&rows->row[kept - 1], &rows->row[i], false);
		else
			rows->row[kept++] = rows->row[i];
	}
	rows->count = kept;
}

static void metrics_of(const struct row *row, double ret_metric[METRICS])
{
	ret_metric[0] = (double)(row->sum[BYTES] + row->sum[REV_BYTES]);
	ret_metric[1] = (double)(row->sum[PACKETS] + row->sum[REV_PACKETS]);
	ret_metric[2] = (double)row->sum[FLOWS];
	ret_metric[3] = (double)(row->sum[RETRANS] + row->sum[REV_RETRANS]);
	ret_metric[4] = (double)(row->sum[DROPS] + row->sum[REV_DROPS]);
}

/* By the largest share of any metric, as flowd ranks them. */
static void rank(struct rows *rows)
{
	double total[METRICS] = {0}, metric[METRICS];

	for (size_t i = 0; i < rows->count; i++) {
		metrics_of(&rows->row[i], metric);
		for (int m = 0; m < METRICS; m++)
			total[m] += metric[m];
	}
	for (size_t i = 0; i < rows->count; i++) {
		struct row *row = &rows->row[i];

		metrics_of(row, metric);
		for (int m = 0; m < METRICS; m++) {
			if (total[m] > 0 && metric[m] / total[m] > row->score)
				row->score = metric[m] / total[m];
		}
	}
	if (rows->count)
		qsort(rows->row, rows->count, sizeof(*rows->row), compare_scores);
}

static int put_row(struct merge *merge, struct sqlite3_stmt *to, int64_t id, const struct row *row)
{
	sqlite3_clear_bindings(to);
	sqlite3_bind_int64(to, 1, id);
	for (int k = 0; k < KEY_COLUMNS; k++) {
		const struct part *part = &row->key[k];
		int64_t number;

		memcpy(&number, part->bytes, sizeof(number));
		if (part->type == SQLITE_INTEGER)
			sqlite3_bind_int64(to, 2 + k, number);
		else if (part->type == SQLITE_BLOB)
			sqlite3_bind_blob(to, 2 + k, part->bytes, part->size, SQLITE_STATIC);
	}
	for (int s = 0; s < SUMS; s++)
		sqlite3_bind_int64(to, 1 + FIRST_SUM + s, row->sum[s]);
	for (int t = 0; t < TIMES; t++)
		sqlite3_bind_int64(to, 1 + FIRST_SUM + SUMS + t, row->time[t]);
	sqlite3_step(to);
	return sqlite3_reset(to) ? merge_fail_output(merge) : 0;
}

/* `first`: the id of rank 0. */
static int put_rows(struct merge *merge, struct sqlite3_stmt *to, int64_t first, struct rows *rows)
{
	int err = 0;

	add_equal(rows);
	rank(rows);
	if (rows->has_tail)
		err = put_row(merge, to, first, &rows->tail);
	for (size_t i = 0; !err && i < rows->count; i++)
		err = put_row(merge, to, first + 1 + (int64_t)i, &rows->row[i]);
	rows->count = 0;
	rows->has_tail = false;
	memset(&rows->tail, 0, sizeof(rows->tail));
	return err;
}

/* --- tables --------------------------------------------------------------------------------------- */

static int step(struct merge *merge, struct cursor *cursor)
{
	int rc = sqlite3_step(cursor->stmt);

	if (rc == SQLITE_ROW) {
		cursor->id = sqlite3_column_int64(cursor->stmt, 0);
		return 0;
	}
	sqlite3_finalize(cursor->stmt);
	cursor->stmt = NULL;
	return rc == SQLITE_DONE ? 0 : merge_fail(merge, cursor->input->db, cursor->input->path);
}

static int open_cursors(struct merge *merge, const struct level_sql *sql, struct cursor *cursors)
{
	int err = 0;

	for (size_t i = 0; !err && i < merge->inputs; i++) {
		cursors[i].input = &merge->input[i];
		if (!merge_has(&merge->input[i], SINCE))
			continue;
		err = merge_prepare(merge, merge->input[i].db, merge->input[i].path,
				    sql->select_bounds, &cursors[i].bounds);
		if (!err)
			err = merge_prepare(merge, merge->input[i].db, merge->input[i].path,
					    sql->select, &cursors[i].stmt);
		if (!err)
			err = step(merge, &cursors[i]);
	}
	return err;
}

/* False: all are at their ends. */
static bool lowest(const struct cursor *cursors, size_t count, int64_t *ret_id)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (cursors[i].stmt && (!any || cursors[i].id < *ret_id)) {
			*ret_id = cursors[i].id;
			any = true;
		}
	}
	return any;
}

/* Adds the bounds of an input that has rows of this bucket and kind, where it has some. */
static int take_bounds(struct merge *merge, struct cursor *cursor, int64_t id,
		       struct bounds *bounds)
{
	int rc;

	sqlite3_bind_int64(cursor->bounds, 1, id);
	rc = sqlite3_step(cursor->bounds);
	bounds->inputs++;
	if (rc == SQLITE_ROW) {
		bounds->keys += sqlite3_column_int64(cursor->bounds, 1);
		for (int m = 0; m < METRICS; m++) {
			int64_t missed = sqlite3_column_int64(cursor->bounds, 2 + m);
			int64_t largest = sqlite3_column_int64(cursor->bounds, 2 + METRICS + m);

			bounds->missed[m] += missed;
			bounds->largest[m] += largest;
			bounds->either[m] += missed > largest ? missed : largest;
		}
		bounds->any = true;
	}
	return sqlite3_reset(cursor->bounds)
		       ? merge_fail(merge, cursor->input->db, cursor->input->path)
		       : 0;
}

static int put_bounds(struct merge *merge, struct sqlite3_stmt *to, int64_t id,
		      const struct bounds *bounds)
{
	if (!bounds->any)
		return 0;
	sqlite3_bind_int64(to, 1, id);
	sqlite3_bind_int64(to, 2, bounds->keys);
	for (int m = 0; m < METRICS; m++) {
		sqlite3_bind_int64(to, 3 + m,
				   bounds->inputs > 1 ? bounds->either[m] : bounds->missed[m]);
		sqlite3_bind_int64(to, 3 + METRICS + m, bounds->largest[m]);
	}
	sqlite3_step(to);
	return sqlite3_reset(to) ? merge_fail_output(merge) : 0;
}

/* All that the inputs have of the bucket and kind whose rows begin with the id `first`. */
static int write_bucket(struct merge *merge, struct level *level, int64_t first)
{
	/* the bucket in minutes and the kind, as talker_tail_id() has them */
	int64_t minute = first >> TALKER_BUCKET_SHIFT;
	int64_t id = talker_tail_id(minute, first >> TALKER_KIND_SHIFT & KIND_MASK);
	struct bounds bounds = {.any = false};
	int err = 0;

	for (size_t i = 0; !err && i < merge->inputs; i++) {
		struct cursor *cursor = &level->cursor[i];

		if (!cursor->stmt || cursor->id > first + TALKER_RANK_MAX)
			continue;
		err = take_bounds(merge, cursor, id, &bounds);
		while (!err && cursor->stmt && cursor->id <= first + TALKER_RANK_MAX) {
			err = take_row(merge, cursor, &level->rows);
			err = err ? err : step(merge, cursor);
		}
	}
	err = err ? err : put_rows(merge, level->to, first, &level->rows);
	return err ? err : put_bounds(merge, level->to_bounds, id, &bounds);
}

static int write_level(struct merge *merge, const struct level_sql *sql)
{
	struct level level = {.cursor = calloc(merge->inputs, sizeof(*level.cursor))};
	int64_t id = 0;
	int err = level.cursor ? 0 : -ENOMEM;

	if (!err)
		err = merge_prepare(merge, merge->db, "output", sql->insert, &level.to);
	if (!err)
		err = merge_prepare(merge, merge->db, "output", sql->insert_bounds,
				    &level.to_bounds);
	if (!err)
		err = open_cursors(merge, sql, level.cursor);
	while (!err && lowest(level.cursor, merge->inputs, &id))
		err = write_bucket(merge, &level, id & ~(int64_t)TALKER_RANK_MAX);
	for (size_t i = 0; level.cursor && i < merge->inputs; i++) {
		sqlite3_finalize(level.cursor[i].stmt);
		sqlite3_finalize(level.cursor[i].bounds);
	}
	sqlite3_finalize(level.to);
	sqlite3_finalize(level.to_bounds);
	free(level.cursor);
	free(level.rows.row);
	return err;
}

/* --- how far they go ------------------------------------------------------------------------------ */

int merge_talker_until(struct merge *merge, struct merge_input *input, const char *key,
		       int64_t *ret_until_ms, int64_t *ret_written_ms)
{
	static const char sql[] = "SELECT (SELECT max(id) FROM flow) >> 20 >= ?1";
	struct sqlite3_stmt *stmt;
	int err;

	*ret_until_ms = *ret_written_ms = 0;
	err = merge_has(input, SINCE) ? merge_meta(merge, input, key, ret_written_ms) : 0;
	err = err ? err : merge_prepare(merge, input->db, input->path, sql, &stmt);
	if (err)
		return err;
	sqlite3_bind_int64(stmt, 1, *ret_written_ms);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*ret_until_ms = sqlite3_column_int(stmt, 0) ? *ret_written_ms : INT64_MAX;
	sqlite3_finalize(stmt);
	return 0;
}

/* As far as the sums of all inputs go; where they all go over their records, as far as any goes. */
static int write_until(struct merge *merge, const char *key)
{
	const struct merge_input *sumless = NULL;
	int64_t until_ms = INT64_MAX, all_ms = 0, its_ms, written_ms;
	int err = 0;

	for (size_t i = 0; !err && i < merge->inputs; i++) {
		err = merge_talker_until(merge, &merge->input[i], key, &its_ms, &written_ms);
		until_ms = its_ms < until_ms ? its_ms : until_ms;
		all_ms = written_ms > all_ms ? written_ms : all_ms;
		sumless = its_ms ? sumless : &merge->input[i];
	}
	if (all_ms)
		merge->sumless = sumless;
	if (!err && db_meta_set_int(merge->db, key, until_ms == INT64_MAX ? all_ms : until_ms))
		err = merge_fail_output(merge);
	return err;
}

#define ROWS(table)                                                                  \
	"SELECT " COLUMNS " FROM " table " ORDER BY id",                             \
		"INSERT INTO " table " (" COLUMNS                                    \
		") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, " \
		"?14, ?15, ?16, ?17, ?18, ?19)"
#define BOUNDS(table)                                             \
	"SELECT " BOUNDS_COLUMNS " FROM " table " WHERE id = ?1", \
		"INSERT INTO " table " (" BOUNDS_COLUMNS          \
		") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"

int merge_write_talkers(struct merge *merge)
{
	static const struct level_sql levels[] = {
		{ROWS("talker_minute"), BOUNDS("talker_minute_tail"), "rollup_minute_ms"},
		{ROWS("talker_hour"), BOUNDS("talker_hour_tail"), "rollup_hour_ms"},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(levels) / sizeof(levels[0]); i++) {
		err = write_level(merge, &levels[i]);
		err = err ? err : write_until(merge, levels[i].meta);
	}
	return err;
}
