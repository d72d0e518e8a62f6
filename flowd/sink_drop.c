/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_drop.c: see sink_drop.h. */
#include "flowd/sink_drop.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "schema/db.h"
#include "schema/db_sqlite.h"

#define MINUTE_MS 60000
#define HOUR_MS 3600000
#define NS_PER_MS 1000000
#define SQL_MAX 192

#define BOTH(name) name "_packets, " name "_bytes"
#define SUMS(name) "sum(" name "_packets), sum(" name "_bytes)"
#define ADD(name)                                                                              \
	name "_packets = " name "_packets + excluded." name "_packets, " name "_bytes = " name \
	     "_bytes + excluded." name "_bytes"
#define STATE(name) \
	name "_packets = excluded." name "_packets, " name "_bytes = excluded." name "_bytes"

/* held and unaccounted are states: SQLite takes bare columns from the row that has the maximum. */
static const char
	past_sql
		[] = "INSERT INTO ledger_past (iface, dir, minute_ms, " BOTH("held") ", " BOTH("unaccounted") ", " BOTH("seen") ", " BOTH("recorded") ", " BOTH("short") ", " BOTH("deep") ", " BOTH(
			"folded") ", " BOTH("catchall") ", " BOTH("nic_more") ") "
									      "SELECT iface, dir, max(minute_ms), " BOTH("held") ", " BOTH(
										      "unaccounted") ", " SUMS("seen") ", " SUMS("recorded") ", " SUMS("short") ", " SUMS("deep") ", " SUMS("folded") ", " SUMS("catchall") ", "
																											    "coalesce(sum(nic_packets - seen_packets), 0), coalesce(sum(nic_bytes - seen_bytes), 0) "
																											    "FROM ledger WHERE minute_ms BETWEEN ?1 AND ?2 GROUP BY iface, dir "
																											    "ON CONFLICT (iface, dir) DO UPDATE SET minute_ms = excluded.minute_ms, " STATE(
																												    "held") ", " STATE("unaccounted") ", " ADD("seen") ", " ADD("recorded") ", " ADD("short") ", " ADD("deep") ", " ADD("folded") ", " ADD("catchall") ", " ADD("nic_more");

static const char since_sql[] =
	"INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET "
	"value = max(value, excluded.value)";

static int prepare(struct sink_drop *d, const char *sql, struct sqlite3_stmt **stmt)
{
	if (*stmt)
		return SQLITE_OK;
	return sqlite3_prepare_v3(d->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
}

static int prepare_table(struct sink_drop *d, size_t i)
{
	const char *name = db_retain_tables[i].name, *key = db_retain_tables[i].key;
	char sql[5][SQL_MAX];
	struct sqlite3_stmt **const stmts[] = {&d->oldest[i], &d->newest[i], &d->nth[i],
					       &d->last[i], &d->drop[i]};
	int rc = SQLITE_OK;

	snprintf(sql[0], SQL_MAX, "SELECT min(%s) FROM %s", key, name);
	snprintf(sql[1], SQL_MAX, "SELECT max(%s) FROM %s", key, name);
	snprintf(sql[2], SQL_MAX, "SELECT %s FROM %s WHERE %s < ?1 ORDER BY %s LIMIT 1 OFFSET ?2",
		 key, name, key, key);
	snprintf(sql[3], SQL_MAX,
		 "SELECT %s FROM %s WHERE %s >= ?1 ORDER BY %s DESC LIMIT 1 OFFSET ?2", key, name,
		 key, key);
	snprintf(sql[4], SQL_MAX, "DELETE FROM %s WHERE %s BETWEEN ?1 AND ?2", name, key);
	for (int s = 0; !rc && s < 5; s++)
		rc = prepare(d, sql[s], stmts[s]);
	return rc;
}

int sink_drop_prepare(struct sink_drop *d, struct sqlite3 *db)
{
	int rc = SQLITE_OK;

	d->db = db;
	for (size_t i = 0; !rc && db_retain_tables[i].name; i++)
		rc = prepare_table(d, i);
	if (!rc)
		rc = prepare(d, past_sql, &d->past);
	return rc ? rc : prepare(d, since_sql, &d->since);
}

void sink_drop_free(struct sink_drop *d)
{
	for (size_t i = 0; i < SINK_DROP_TABLES; i++) {
		sqlite3_finalize(d->oldest[i]);
		sqlite3_finalize(d->newest[i]);
		sqlite3_finalize(d->nth[i]);
		sqlite3_finalize(d->last[i]);
		sqlite3_finalize(d->drop[i]);
	}
	sqlite3_finalize(d->past);
	sqlite3_finalize(d->since);
	memset(d, 0, sizeof(*d));
}

/* The one integer of a statement; false: no row, or a NULL. */
static int get(struct sqlite3_stmt *stmt, int64_t *ret_value, bool *ret_has)
{
	int rc = sqlite3_step(stmt);

	*ret_has = rc == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_INTEGER;
	if (*ret_has)
		*ret_value = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run_with(struct sqlite3_stmt *stmt, int64_t first, int64_t last)
{
	int rc = sqlite3_bind_int64(stmt, 1, first);

	if (!rc)
		rc = sqlite3_bind_int64(stmt, 2, last);
	if (!rc)
		rc = sqlite3_step(stmt);
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sink_drop_oldest(struct sink_drop *d, enum db_retain_level level, int64_t *ret_ms)
{
	int rc = SQLITE_OK;

	*ret_ms = INT64_MAX;
	for (size_t i = 0; !rc && db_retain_tables[i].name; i++) {
		const struct db_retain_table *t = &db_retain_tables[i];
		int64_t key;
		bool has;

		if (t->level != level || t->beside)
			continue;
		rc = get(d->oldest[i], &key, &has);
		if (!rc && has && db_retain_time(t->unit, key) < *ret_ms)
			*ret_ms = db_retain_time(t->unit, key);
	}
	return rc;
}

int sink_drop_newest(struct sink_drop *d, enum db_retain_level level, int64_t *ret_ms)
{
	int rc = SQLITE_OK;

	*ret_ms = INT64_MIN;
	for (size_t i = 0; !rc && db_retain_tables[i].name; i++) {
		const struct db_retain_table *t = &db_retain_tables[i];
		int64_t key;
		bool has;

		if (t->level != level || t->beside || t->unit == DB_RETAIN_MINUTE)
			continue;
		rc = get(d->newest[i], &key, &has);
		if (!rc && has && db_retain_time(t->unit, key) > *ret_ms)
			*ret_ms = db_retain_time(t->unit, key);
	}
	return rc;
}

/* The rows of that table from key to key, with those beside it. */
static int drop_range(struct sink_drop *d, size_t i, int64_t first, int64_t last,
		      uint64_t *ret_rows)
{
	const struct db_retain_table *t = &db_retain_tables[i];
	int rc = SQLITE_OK;

	if (!strcmp(t->name, "ledger"))
		rc = run_with(d->past, first, last);
	if (!rc)
		rc = run_with(d->drop[i], first, last);
	if (rc)
		return rc;
	*ret_rows += (uint64_t)sqlite3_changes64(d->db);
	for (i++; !rc && db_retain_tables[i].name && db_retain_tables[i].beside; i++)
		rc = run_with(d->drop[i], first, last);
	return rc;
}

/* Where the row of that number is, counted from that end; `bound` where there are not so many. */
static int find_nth(struct sqlite3_stmt *stmt, int64_t bound, int64_t most, int64_t *ret_key,
		    bool *ret_found)
{
	int rc = sqlite3_bind_int64(stmt, 1, bound);

	if (!rc)
		rc = sqlite3_bind_int64(stmt, 2, most - 1);
	return rc ? rc : get(stmt, ret_key, ret_found);
}

/* A level's unit of time: what is partly gone is gone. */
static int64_t next_whole(enum db_retain_level level, int64_t ms)
{
	if (level == DB_RETAIN_RECORDS)
		return ms + 1;
	return db_retain_floor(level, ms) + (level == DB_RETAIN_HOURS ? HOUR_MS : MINUTE_MS);
}

static int set_since(struct sink_drop *d, enum db_retain_level level, int64_t ms)
{
	int rc = sqlite3_bind_text(d->since, 1, db_retain_since[level], -1, SQLITE_STATIC);

	if (!rc)
		rc = sqlite3_bind_int64(d->since, 2, ms);
	if (!rc)
		rc = sqlite3_step(d->since);
	sqlite3_reset(d->since);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sink_drop_old(struct sink_drop *d, enum db_retain_level level, int64_t until_ms, int64_t most,
		  uint64_t *ret_rows)
{
	int64_t since_ms = INT64_MIN;
	uint64_t rows = 0;
	int rc = SQLITE_OK;

	for (size_t i = 0; !rc && db_retain_tables[i].name; i++) {
		const struct db_retain_table *t = &db_retain_tables[i];
		int64_t bound = db_retain_key(t->unit, until_ms), key = bound - 1;
		uint64_t before = rows;
		bool more = false;

		if (t->level != level || t->beside || bound == INT64_MIN)
			continue;
		rc = find_nth(d->nth[i], bound, most, &key, &more);
		if (!rc)
			rc = drop_range(d, i, INT64_MIN, key, &rows);
		if (rows == before)
			continue;
		if (more) /* of the tables that follow no more goes than of this one */
			until_ms = next_whole(level, db_retain_time(t->unit, key));
		if (until_ms > since_ms)
			since_ms = until_ms;
	}
	if (!rc && rows)
		rc = set_since(d, level, since_ms);
	*ret_rows = rows;
	return rc;
}

int sink_drop_future(struct sink_drop *d, enum db_retain_level level, int64_t from_ms, int64_t most,
		     uint64_t *ret_rows)
{
	uint64_t rows = 0;
	int rc = SQLITE_OK;

	for (size_t i = 0; !rc && db_retain_tables[i].name; i++) {
		const struct db_retain_table *t = &db_retain_tables[i];
		int64_t bound = db_retain_key(t->unit, from_ms), key = bound;
		bool more;

		/* the ledger is for what is to balance: its last row is how the books stand */
		if (t->level != level || t->beside || t->unit == DB_RETAIN_MINUTE)
			continue;
		rc = find_nth(d->last[i], bound, most, &key, &more);
		if (!rc)
			rc = drop_range(d, i, more ? key : bound, INT64_MAX, &rows);
	}
	*ret_rows = rows;
	return rc;
}

/* The time of the oldest row of all; INT64_MAX: there is none. */
static int oldest_of_all(struct sink_drop *d, int64_t *ret_ms)
{
	int64_t sample, ms;
	int rc = db_query_int(d->db, "SELECT id FROM sample ORDER BY id LIMIT 1", &sample);

	*ret_ms = rc ? INT64_MAX : sample / NS_PER_MS;
	if (rc == SQLITE_EMPTY)
		rc = SQLITE_OK;
	for (int level = 0; !rc && level < DB_RETAIN_LEVELS; level++) {
		rc = sink_drop_oldest(d, level, &ms);
		if (!rc && ms < *ret_ms)
			*ret_ms = ms;
	}
	return rc;
}

int sink_drop_interfaces(struct sink_drop *d, int64_t now_ms)
{
	/* of maps that are not counted into any more: killed, or the host went down */
	static const char close_sql[] =
		"UPDATE interface SET last_ms = %lld WHERE last_ms IS NULL AND generation IS NOT "
		"(SELECT value FROM meta WHERE key = 'generation')";
	static const char drop_sql[] =
		"DELETE FROM interface WHERE last_ms < %lld AND (ifnum < 0 OR generation IS NOT "
		"(SELECT value FROM meta WHERE key = 'generation'));"
		"DELETE FROM books_sum WHERE iface NOT IN (SELECT id FROM interface);"
		"DELETE FROM ledger_past WHERE iface NOT IN (SELECT id FROM interface)";
	char sql[512];
	int64_t oldest_ms;
	int rc = oldest_of_all(d, &oldest_ms);

	if (rc)
		return rc;
	snprintf(sql, sizeof(sql), close_sql, (long long)now_ms);
	rc = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
	if (rc)
		return rc;
	/* a record is written after its last packet, and an interface may be noted as gone before */
	oldest_ms = (oldest_ms < now_ms ? oldest_ms : now_ms) - HOUR_MS;
	snprintf(sql, sizeof(sql), drop_sql, (long long)oldest_ms);
	return sqlite3_exec(d->db, sql, NULL, NULL, NULL);
}
