/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* retention.c: see retention.h. */
#include "cli/retention.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "schema/db.h"
#include "schema/db_sqlite.h"

#define HOUR_MS 3600000
#define DAY_MS 86400000
#define NS_PER_MS 1000000
#define SHARE_STEPS 14 /* halvings, to a few thousandths */

struct reader {
	struct sqlite3 *db;
	struct retention *r;
	int64_t now_ms;
};

/* Rows of a table with row ids are in its leaves. A whole table is read for it. */
static int read_size(struct reader *reader, struct retention_row *row)
{
	static const char sql[] = "SELECT sum(pgsize), sum(CASE WHEN pagetype = 'leaf' THEN ncell "
				  "WHEN ?2 OR pagetype = 'overflow' THEN 0 ELSE ncell END) "
				  "FROM dbstat WHERE name = ?1";
	struct sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(reader->db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_ERROR) /* built without */
		return SQLITE_OK;
	if (!rc)
		rc = sqlite3_bind_text(stmt, 1, row->table, -1, SQLITE_STATIC);
	if (!rc)
		rc = sqlite3_bind_int(stmt, 2, !row->kept || row->kept->rowid);
	if (!rc)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		row->bytes = (uint64_t)sqlite3_column_int64(stmt, 0);
		row->rows = (uint64_t)sqlite3_column_int64(stmt, 1);
		row->has_bytes = row->has_rows = true;
		rc = SQLITE_DONE;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int query(struct reader *reader, int64_t *ret_value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* An empty table gives SQLITE_EMPTY. */
static int query(struct reader *reader, int64_t *ret_value, const char *fmt, ...)
{
	char sql[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sql, sizeof(sql), fmt, args);
	va_end(args);
	return db_query_int(reader->db, sql, ret_value);
}

static int read_rows(struct reader *reader, struct retention_row *row, const char *key)
{
	int64_t count, oldest;
	int rc = read_size(reader, row);

	if (!rc && !row->has_rows) {
		rc = query(reader, &count, "SELECT count(*) FROM %s", row->table);
		row->rows = rc ? 0 : (uint64_t)count;
		row->has_rows = !rc;
	}
	if (rc || !row->rows)
		return rc;
	rc = query(reader, &oldest, "SELECT %s FROM %s ORDER BY %s LIMIT 1", key, row->table, key);
	if (!rc && row->kept)
		row->oldest_ms = db_retain_time(row->kept->unit, oldest);
	else if (!rc)
		row->oldest_ms = oldest / NS_PER_MS;
	return rc == SQLITE_EMPTY ? SQLITE_OK : rc;
}

static int has_table(struct reader *reader, const char *name, bool *ret_has)
{
	int64_t count = 0;
	int rc = query(reader, &count,
		       "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '%s'",
		       name);

	*ret_has = count > 0;
	return rc;
}

static int read_tables(struct reader *reader)
{
	struct retention *r = reader->r;
	bool has = false;
	int rc = SQLITE_OK;

	for (const struct db_retain_table *t = db_retain_tables; !rc && t->name; t++) {
		struct retention_row *row = &r->row[r->rows];

		rc = has_table(reader, t->name, &has);
		if (rc || !has)
			continue;
		row->table = t->name;
		row->kept = t;
		r->rows++;
		rc = read_rows(reader, row, t->key);
	}
	if (!rc)
		rc = has_table(reader, "sample", &has);
	if (!rc && has) {
		r->row[r->rows].table = "sample";
		rc = read_rows(reader, &r->row[r->rows++], "id");
	}
	return rc;
}

/* --- what goes ------------------------------------------------------------------------------------ */

/* As flowd has it (flowd/sink_retain.h): what stays whatever the size is. */
static int64_t floor_of(const struct reader *reader, enum db_retain_level level)
{
	switch (level) {
	case DB_RETAIN_RECORDS:
		return reader->r->rolled_ms;
	case DB_RETAIN_MINUTES:
		return db_retain_floor(level, reader->now_ms - HOUR_MS);
	default:
		return db_retain_floor(level, reader->now_ms - DAY_MS);
	}
}

static int count_old(struct reader *reader, struct retention_row *row, int64_t until_ms,
		     uint64_t *ret_rows)
{
	int64_t key = db_retain_key(row->kept->unit, until_ms), rows = 0;
	int rc = SQLITE_OK;

	if (until_ms > row->oldest_ms && row->rows)
		rc = query(reader, &rows, "SELECT count(*) FROM %s WHERE %s < %lld", row->table,
			   row->kept->key, (long long)key);
	*ret_rows = (uint64_t)rows;
	return rc;
}

static uint64_t bytes_of(const struct retention_row *row, uint64_t rows)
{
	return row->rows ? (uint64_t)((unsigned __int128)row->bytes * rows / row->rows) : 0;
}

/* From when on the level's rows stay where all limits are that share of what they are. */
static int64_t cutoff_of(const struct reader *reader, enum db_retain_level level, int64_t share)
{
	int64_t cutoff = db_retain_cutoff(&reader->r->limits, level, share, reader->now_ms);
	int64_t most = floor_of(reader, level);

	if (share >= DB_RETAIN_WHOLE && level != DB_RETAIN_RECORDS)
		return cutoff;
	return cutoff < most ? cutoff : most;
}

/* Bytes that go at those shares; `mark`: and say so in the rows. */
static int weigh(struct reader *reader, const int64_t share[DB_RETAIN_LEVELS], bool mark,
		 uint64_t *ret_bytes)
{
	int rc = SQLITE_OK;

	*ret_bytes = 0;
	for (size_t i = 0; !rc && i < reader->r->rows; i++) {
		struct retention_row *row = &reader->r->row[i];
		enum db_retain_level level;
		int64_t cutoff;
		uint64_t rows;

		if (!row->kept)
			continue;
		level = row->kept->level;
		cutoff = cutoff_of(reader, level, share[level]);
		rc = count_old(reader, row, cutoff, &rows);
		*ret_bytes += bytes_of(row, rows);
		if (!mark || rows <= row->goes_rows)
			continue;
		row->why = share[level] < DB_RETAIN_WHOLE ? "size" : "age";
		row->goes_rows = rows;
		row->goes_bytes = bytes_of(row, rows);
		row->goes_before_ms = cutoff;
	}
	return rc;
}

/* Of the levels of that set none is kept for more than that share. */
static int weigh_at(struct reader *reader, unsigned int levels, int64_t most, uint64_t *ret_bytes)
{
	int64_t share[DB_RETAIN_LEVELS];

	for (int level = 0; level < DB_RETAIN_LEVELS; level++) {
		share[level] = reader->r->share[level];
		if (levels & 1U << level && share[level] > most)
			share[level] = most;
	}
	return weigh(reader, share, false, ret_bytes);
}

/* The largest share of those levels, from `least` on, at which as much goes as is too much. */
static int find_share(struct reader *reader, unsigned int levels, int64_t least, uint64_t over,
		      bool *ret_enough)
{
	int64_t most = DB_RETAIN_WHOLE;
	uint64_t bytes;
	int rc = weigh_at(reader, levels, least, &bytes);

	*ret_enough = !rc && bytes >= over;
	for (int i = 0; !rc && *ret_enough && i < SHARE_STEPS; i++) {
		int64_t share = (least + most) / 2;

		rc = weigh_at(reader, levels, share, &bytes);
		if (bytes >= over)
			least = share;
		else
			most = share;
	}
	for (int level = 0; level < DB_RETAIN_LEVELS; level++) {
		if (levels & 1U << level && reader->r->share[level] > least)
			reader->r->share[level] = least;
	}
	return rc;
}

/* As flowd does it (flowd/sink_task.c): sums, as far as that goes, then all. */
static int find_shares(struct reader *reader, uint64_t over)
{
	bool enough = false;
	uint64_t bytes;
	int rc = SQLITE_OK;

	for (int i = 0; !rc && !enough && i < DB_RETAIN_SUMS; i++) {
		const struct db_retain_sum *sum = &db_retain_sums[i];
		int64_t least = db_retain_share(&reader->r->limits, sum->level,
						reader->now_ms - sum->least_ms, reader->now_ms);

		if (least < DB_RETAIN_WHOLE)
			rc = find_share(reader, 1U << sum->level, least, over, &enough);
	}
	if (!rc && !enough)
		rc = find_share(reader, (1U << DB_RETAIN_LEVELS) - 1, 0, over, &enough);
	return rc ? rc : weigh(reader, reader->r->share, true, &bytes);
}

static int find_going(struct reader *reader)
{
	struct retention *r = reader->r;
	int64_t over = r->limits.size_bytes ? r->used_bytes - r->limits.size_bytes : 0;
	int64_t missing = r->disk_low - r->disk_free - r->room.pages_free * r->room.page_bytes;
	uint64_t bytes;
	int rc = weigh(reader, r->share, true, &bytes);

	if (r->disk_low && r->disk_free < r->disk_low && missing > over)
		over = missing;
	if (rc || over <= (int64_t)bytes)
		return rc;
	return find_shares(reader, (uint64_t)over);
}

/* What the limits would take where all comes as it came: of tables that have an hour or more. */
static int64_t wanted_bytes(const struct reader *reader)
{
	double bytes = 0;

	for (size_t i = 0; i < reader->r->rows; i++) {
		const struct retention_row *row = &reader->r->row[i];
		int64_t span_ms = reader->now_ms - row->oldest_ms, age_ms;

		if (!row->kept || !row->rows || span_ms < HOUR_MS)
			continue;
		age_ms = reader->r->limits.age_ms[row->kept->level];
		bytes += (double)row->bytes *
			 (age_ms > span_ms ? (double)age_ms / (double)span_ms : 1);
	}
	return (int64_t)bytes;
}

/* --- all ------------------------------------------------------------------------------------------ */

static int read_all(struct reader *reader, bool dry_run)
{
	struct retention *r = reader->r;
	int64_t noted = -1;
	int rc = sqlite3_exec(reader->db, "BEGIN", NULL, NULL, NULL);

	if (!rc)
		rc = db_retain_room(reader->db, &r->room);
	if (!rc && db_meta_find_int(reader->db, "retain_size", &noted))
		rc = sqlite3_errcode(reader->db);
	r->limits_known = noted >= 0;
	if (!rc &&
	    (db_retain_read(reader->db, &r->limits) || db_retain_rolled(reader->db, &r->rolled_ms)))
		rc = sqlite3_errcode(reader->db);
	for (int level = 0; !rc && level < DB_RETAIN_LEVELS; level++) {
		if (db_meta_find_int(reader->db, db_retain_since[level], &r->since_ms[level]))
			rc = sqlite3_errcode(reader->db);
	}
	r->used_bytes = db_retain_used(&r->room, &r->limits);
	if (!rc)
		rc = read_tables(reader);
	r->wanted_bytes = wanted_bytes(reader);
	if (!rc && dry_run && r->limits_known)
		rc = find_going(reader);
	sqlite3_exec(reader->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int retention_read(struct sqlite3 *db, const char *path, bool dry_run, int64_t now_ms,
		   struct retention *ret_retention, char *error, size_t size)
{
	struct reader reader = {.db = db, .r = ret_retention, .now_ms = now_ms};
	int rc;

	memset(ret_retention, 0, sizeof(*ret_retention));
	for (int level = 0; level < DB_RETAIN_LEVELS; level++)
		ret_retention->share[level] = DB_RETAIN_WHOLE;
	rc = db_meta_find_int(db, "retain_free", &ret_retention->limits.free_bytes)
		     ? sqlite3_errcode(db)
		     : SQLITE_OK;
	if (ret_retention->limits.free_bytes)
		(void)db_retain_disk(path, ret_retention->limits.free_bytes,
				     &ret_retention->disk_free, &ret_retention->disk_low);
	if (!rc)
		rc = read_all(&reader, dry_run);
	if (!rc)
		return 0;
	db_describe(db, rc, path, error, size);
	return db_errno(db, rc);
}
