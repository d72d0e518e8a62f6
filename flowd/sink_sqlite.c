/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_sqlite.c: a batch into the ledger database, in one transaction: its records, the books, and
 * the numbers by which the next flowd knows that it is in.
 *
 * A record's row id is end_ms << 20 | n. n goes on from batch to batch (meta.sequence, modulo 2^20),
 * so that it is taken only where 2^20 rows end in the same millisecond: then the next n is tried,
 * and in the end the next millisecond. Rows go in by time, as a table takes them best at its end.
 */
#include "flowd/sink.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/fault.h"
#include "flowd/sink_disk.h"
#include "flowd/sink_file.h"
#include "flowd/sink_order.h"
#include "flowd/sink_sqlite.h"
#include "flowd/sink_rollup.h"
#include "schema/db.h"
#include "schema/db_sqlite.h"

#define SEQUENCE_BITS 20
#define SEQUENCE_MASK ((1U << SEQUENCE_BITS) - 1)
#define NEXT_TRIES 64 /* numbers tried in a millisecond that is full */
#define MS_TRIES 4096

#define LEDGER_VALUES                                                                          \
	"minute_ms, iface, dir, seen_packets, seen_bytes, recorded_packets, recorded_bytes, "  \
	"short_packets, short_bytes, deep_packets, deep_bytes, folded_packets, folded_bytes, " \
	"catchall_packets, catchall_bytes, held_packets, held_bytes, unaccounted_packets, "    \
	"unaccounted_bytes, nic_packets, nic_bytes"

static const char ledger_sql[] =
	"INSERT INTO ledger (" LEDGER_VALUES ") VALUES "
	"(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "
	"?20, ?21) "
	"ON CONFLICT (minute_ms, iface, dir) DO UPDATE SET "
	"seen_packets = seen_packets + ?4, seen_bytes = seen_bytes + ?5, "
	"recorded_packets = recorded_packets + ?6, recorded_bytes = recorded_bytes + ?7, "
	"short_packets = short_packets + ?8, short_bytes = short_bytes + ?9, "
	"deep_packets = deep_packets + ?10, deep_bytes = deep_bytes + ?11, "
	"folded_packets = folded_packets + ?12, folded_bytes = folded_bytes + ?13, "
	"catchall_packets = catchall_packets + ?14, catchall_bytes = catchall_bytes + ?15, "
	"held_packets = ?16, held_bytes = ?17, unaccounted_packets = ?18, unaccounted_bytes = ?19, "
	"nic_packets = coalesce(nic_packets + ?20, ?20, nic_packets), "
	"nic_bytes = coalesce(nic_bytes + ?21, ?21, nic_bytes)";

static const char books_sql[] =
	"INSERT INTO books_sum (iface, dir, seen_packets, seen_bytes, recorded_packets, recorded_bytes, "
	"nic_packets, nic_bytes, nic_seen_packets, nic_seen_bytes) "
	"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (iface, dir) DO UPDATE SET "
	"seen_packets = seen_packets + ?3, seen_bytes = seen_bytes + ?4, "
	"recorded_packets = recorded_packets + ?5, recorded_bytes = recorded_bytes + ?6, "
	"nic_packets = ?7, nic_bytes = ?8, nic_seen_packets = ?9, nic_seen_bytes = ?10";

static const char *const statements[STMT_MAX] = {
	[STMT_BEGIN] = "BEGIN IMMEDIATE",
	[STMT_COMMIT] = "COMMIT",
	[STMT_ROLLBACK] = "ROLLBACK",
	[STMT_LEDGER] = ledger_sql,
	[STMT_BOOKS] = books_sql,
	[STMT_META] = "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)",
	[STMT_NUMBER] = "INSERT INTO meta (key, value) VALUES ('commit', 1) "
			"ON CONFLICT (key) DO UPDATE SET value = value + 1",
};

static const char *text_of(int i)
{
	if (i >= STMT_ROW && i < STMT_ROWS)
		return db_row_insert[i - STMT_ROW];
	return i >= STMT_ROWS && i < STMT_LEDGER ? db_rows_insert[i - STMT_ROWS] : statements[i];
}

/* Statements are made at the first batch and kept. */
static int prepare(struct sink_sqlite *s)
{
	int rc;

	for (int i = 0; i < STMT_MAX; i++) {
		if (s->stmt[i])
			continue;
		rc = sqlite3_prepare_v3(s->db, text_of(i), -1, SQLITE_PREPARE_PERSISTENT,
					&s->stmt[i], NULL);
		if (rc)
			return rc;
	}
	rc = sink_beside_prepare(&s->beside, s->db);
	return rc ? rc : sink_rollup_prepare(&s->rollup, s->db);
}

/* Run a statement that gives no row. */
static int run(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Values behind the first `known` are NULL. */
static int run_bound(sqlite3_stmt *stmt, const int64_t *value, int count, int known)
{
	int rc = SQLITE_OK;

	for (int i = 0; !rc && i < count; i++)
		rc = i < known ? sqlite3_bind_int64(stmt, i + 1, value[i])
			       : sqlite3_bind_null(stmt, i + 1);
	return rc ? rc : run(stmt);
}

static int set_meta_text(struct sink_sqlite *s, const char *key, const char *value)
{
	int rc = sqlite3_bind_text(s->stmt[STMT_META], 1, key, -1, SQLITE_STATIC);

	if (!rc)
		rc = sqlite3_bind_text(s->stmt[STMT_META], 2, value, -1, SQLITE_STATIC);
	return rc ? rc : run(s->stmt[STMT_META]);
}

static int set_meta(struct sink_sqlite *s, const char *key, uint64_t value)
{
	int rc = sqlite3_bind_text(s->stmt[STMT_META], 1, key, -1, SQLITE_STATIC);

	if (!rc)
		rc = sqlite3_bind_int64(s->stmt[STMT_META], 2, (int64_t)value);
	return rc ? rc : run(s->stmt[STMT_META]);
}

/* One row of a table, where the record has one. */
static int insert_row(struct sink_sqlite *s, enum db_table_number table,
		      const struct flow_record *rec, int64_t id)
{
	sqlite3_stmt *stmt = s->stmt[STMT_ROW + table];

	if (!db_row_wanted(rec, table))
		return SQLITE_OK;
	return db_row_bind(stmt, table, id, rec) ? SQLITE_NOMEM : run(stmt);
}

static int try_record(struct sink_sqlite *s, const struct flow_record *rec, int64_t id)
{
	int rc = SQLITE_OK;

	for (int table = 0; !rc && table < DB_TABLES; table++)
		rc = insert_row(s, table, rec, id);
	return rc ? rc : sink_beside_socket(&s->beside, rec, id);
}

static bool is_taken(int rc)
{
	return rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_ROWID;
}

static int insert_record(struct sink_sqlite *s, const struct flow_record *rec, int64_t *ret_id)
{
	uint32_t *sequence = &s->rows.sequence;
	int rc = SQLITE_CONSTRAINT_PRIMARYKEY;

	for (int ms = 0; is_taken(rc) && ms < MS_TRIES; ms++) {
		for (int i = 0; is_taken(rc) && i < NEXT_TRIES; i++) {
			*ret_id = (rec->end_ms + ms) * (1LL << SEQUENCE_BITS) + *sequence;
			rc = try_record(s, rec, *ret_id);
			*sequence = (*sequence + 1) & SEQUENCE_MASK;
		}
	}
	return rc;
}

/* Each record with a number that is free. */
static int insert_each(struct sink_sqlite *s)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; !rc && i < s->rows.count; i++) {
		int64_t id;
		const struct flow_record *rec = db_rows_at(&s->rows, i, &id);

		rc = insert_record(s, rec, &id);
		s->order.end_ms[i] = id >> SEQUENCE_BITS;
	}
	return rc;
}

/* Sockets, one by one, and which tables have rows for any record. */
static int look_beside(struct sink_sqlite *s, bool tables[DB_TABLES])
{
	int rc = SQLITE_OK;

	for (size_t i = 0; !rc && i < s->rows.count; i++) {
		int64_t id;
		const struct flow_record *rec = db_rows_at(&s->rows, i, &id);

		tables[DB_TABLE_TUNNEL] |= rec->key.tunnel_kind != FLOW_TUNNEL_NONE;
		tables[DB_TABLE_TCP] |= rec->has_health;
		if (rec->socket.has)
			rc = sink_beside_socket(&s->beside, rec, id);
	}
	tables[DB_TABLE_RTT] = tables[DB_TABLE_TCP];
	return rc;
}

/* All at once: the numbers are free as a rule. Else the transaction has ended. */
static int insert_rows(struct sink_sqlite *s)
{
	bool tables[DB_TABLES] = {false};
	int rc = run(s->stmt[STMT_ROWS + DB_TABLE_FLOW]);

	if (!rc)
		rc = look_beside(s, tables);
	for (int table = 0; !rc && table < DB_TABLES; table++) {
		if (tables[table])
			rc = run(s->stmt[STMT_ROWS + table]);
	}
	s->rows.sequence = (s->rows.sequence + (uint32_t)s->rows.count) & SEQUENCE_MASK;
	return rc;
}

static int begin(struct sink_sqlite *s)
{
	int rc = sink_retain_strict(&s->retain);

	if (!rc)
		rc = run(s->stmt[STMT_BEGIN]);
	return rc ? rc : sink_rollup_begin(&s->rollup);
}

static struct sink_rollup_batch rollup_batch(const struct sink_sqlite *s)
{
	return (struct sink_rollup_batch){.rows = &s->rows, .end_ms = s->order.end_ms};
}

static int insert_records(struct sink_sqlite *s, const struct sink_batch *batch)
{
	int64_t stored = 0;
	int rc = db_query_int(s->db, "SELECT value FROM meta WHERE key = 'sequence'", &stored);

	if (rc && rc != SQLITE_EMPTY)
		return rc;
	if (sink_order_make(&s->order, batch->record, batch->records))
		return SQLITE_NOMEM;
	s->rows.record = batch->record;
	s->rows.count = batch->records;
	s->rows.order = s->order.order;
	s->rows.sequence = (uint32_t)stored & SEQUENCE_MASK;
	rc = insert_rows(s);
	if (is_taken(rc)) {
		s->rows.sequence = (uint32_t)stored & SEQUENCE_MASK;
		rc = begin(s);
		rc = rc ? rc : insert_each(s);
	}
	return rc ? rc : set_meta(s, "sequence", s->rows.sequence);
}

#define COUNT(count) (int64_t)(count).packets, (int64_t)(count).bytes

static int add_books(struct sink_sqlite *s, const struct sink_books *b)
{
	const int64_t ledger[] = {
		b->minute_ms,
		b->iface,
		b->dir,
		COUNT(b->seen),
		COUNT(b->recorded),
		COUNT(b->verdict[VERDICT_SHORT]),
		COUNT(b->verdict[VERDICT_DEEP]),
		COUNT(b->verdict[VERDICT_FOLDED]),
		COUNT(b->verdict[VERDICT_CATCHALL]),
		COUNT(b->held),
		b->unaccounted_packets,
		b->unaccounted_bytes,
		COUNT(b->nic),
	};
	const int64_t books[] = {
		b->iface,	    b->dir, COUNT(b->seen), COUNT(b->recorded), COUNT(b->nic_now),
		COUNT(b->nic_seen),
	};
	const int values = sizeof(ledger) / sizeof(ledger[0]);
	const int sums = sizeof(books) / sizeof(books[0]);
	int rc = run_bound(s->stmt[STMT_LEDGER], ledger, values, b->has_nic ? values : values - 2);

	return rc ? rc : run_bound(s->stmt[STMT_BOOKS], books, sums, b->has_nic ? sums : sums - 4);
}

static int write_all(struct sink_sqlite *s, const struct sink_batch *batch)
{
	struct sink_rollup_batch rollup;
	int rc = insert_records(s, batch);

	FAULT_POINT("commit-3-records");
	rollup = rollup_batch(s);
	if (!rc)
		rc = sink_rollup_write(&s->rollup, &rollup);
	FAULT_POINT("commit-4-sums");
	if (!rc && batch->books && s->rollup.config.now_ms) /* captures have a time of their own */
		rc = sink_clock_turn(&s->clock, s->db, batch->book[0].minute_ms);
	for (size_t i = 0; !rc && i < batch->books; i++)
		rc = add_books(s, &batch->book[i]);
	FAULT_POINT("commit-5-books");
	if (!rc)
		rc = sink_beside_write(&s->beside, batch);
	FAULT_POINT("commit-6-beside");
	if (!rc && batch->event_generation)
		rc = set_meta(s, "event_generation", batch->event_generation);
	if (!rc)
		rc = set_meta(s, "last_sweep", batch->sweep);
	FAULT_POINT("commit-7-sweep");
	if (!rc)
		rc = set_meta(s, "ring_pos", batch->ring_pos);
	if (!rc && batch->generation)
		rc = set_meta(s, "generation", batch->generation);
	if (!rc)
		rc = set_meta(s, "sample_pos", batch->sample_pos);
	if (!rc && batch->counter_values)
		rc = set_meta_text(s, "counters", batch->counter_values);
	if (!rc && batch->moved_values)
		rc = set_meta_text(s, "moved", batch->moved_values);
	if (!rc)
		rc = run(s->stmt[STMT_NUMBER]);
	FAULT_POINT("commit-8-numbers");
	if (!rc)
		rc = run(s->stmt[STMT_COMMIT]);
	FAULT_POINT("commit-9-committed");
	if (!rc)
		sink_rollup_committed(&s->rollup, &rollup);
	return rc;
}

/* ret_rc: SQLite's result. */
static int write_once(struct sink_sqlite *s, const struct sink_batch *batch, char *error,
		      size_t size, int *ret_rc)
{
	bool in = false;
	int err, rc;

	errno = 0;
	rc = s->reopened ? sink_disk_look_back(s, batch->sweep, &in) : SQLITE_OK;
	if (!rc)
		s->reopened = false;
	if (!rc && in)
		return 0;
	if (!rc)
		rc = prepare(s);
	FAULT_POINT("commit-1-prepared");
	if (!rc)
		rc = begin(s);
	FAULT_POINT("commit-2-begun");
	if (!rc)
		rc = write_all(s, batch);
	*ret_rc = rc;
	if (!rc)
		return 0;
	err = sink_disk_describe(s, rc, errno, error, size);
	sink_beside_forget(&s->beside);
	sink_rollup_forget(&s->rollup);
	sink_clock_forget(&s->clock);
	/* some errors have rolled back already */
	if (!sqlite3_get_autocommit(s->db))
		run(s->stmt[STMT_ROLLBACK]);
	sink_disk_make_room(s, err);
	return err;
}

static int sqlite_write(struct sink *sink, const struct sink_batch *batch, char *error, size_t size)
{
	struct sink_sqlite *s = (struct sink_sqlite *)sink;
	int rc = SQLITE_OK, err = sink_file_ready(s, error, size);

	if (!err)
		err = write_once(s, batch, error, size, &rc);
	rc = err ? sink_disk_blame(s, rc, error, size) : SQLITE_OK;
	if (err && sink_file_broken(s, rc)) {
		err = sink_file_replace(s, error, size);
		err = err ? err : write_once(s, batch, error, size, &rc);
	}
	sink_file_failed(s, err ? rc : SQLITE_OK, err);
	if (!err && s->heir.known)
		(void)sink_heir_add(&s->heir, batch); /* without memory no heir: it says so then */
	return err;
}

static enum sink_retain_more sqlite_tidy(struct sink *sink, uint64_t *ret_rows,
					 struct sink_retain_stats *ret_stats)
{
	struct sink_sqlite *s = (struct sink_sqlite *)sink;
	enum sink_retain_more more = SINK_RETAIN_DONE;
	char error[SINK_ERROR_MAX];

	*ret_rows = 0;
	s->retain.no_sums = !s->rollup.config.keys;
	/* what is cut is the next write's: it is not to be written to before */
	if (s->db && s->retain.db && !sink_file_moved(s) && db_extent_holds(s->db, &s->look.extent))
		more = sink_retain_step(&s->retain, ret_rows);
	*ret_stats = s->retain.stats;
	ret_stats->log = s->retain.log;
	if (s->db && sink_file_rotten(s, s->retain.rc)) {
		snprintf(error, sizeof(error), "%s", s->retain.stats.error);
		(void)sink_file_replace(s, error,
					sizeof(error)); /* else the next write does, and says so */
	}
	return more;
}

/* The sums of what has begun. Where that fails the next flowd makes them again. */
static void flush(struct sink_sqlite *s)
{
	int rc;

	if (!s->stmt[STMT_BEGIN] || run(s->stmt[STMT_BEGIN]))
		return;
	rc = sink_rollup_flush(&s->rollup);
	FAULT_POINT("stop-14-flushed");
	if (!rc)
		rc = run(s->stmt[STMT_NUMBER]);
	if (!rc)
		rc = run(s->stmt[STMT_COMMIT]);
	FAULT_POINT("stop-15-sums");
	if (rc && !sqlite3_get_autocommit(s->db))
		run(s->stmt[STMT_ROLLBACK]);
}

void sink_sqlite_put_down(struct sink_sqlite *s)
{
	for (int i = 0; i < STMT_MAX; i++) {
		sqlite3_finalize(s->stmt[i]);
		s->stmt[i] = NULL;
	}
	sink_beside_free(&s->beside);
	sink_retain_free(&s->retain);
	sink_rollup_free(&s->rollup);
}

static void free_rest(struct sink_sqlite *s)
{
	sink_heir_free(&s->heir);
	free(s->path);
	sink_order_free(&s->order);
	free(s);
}

static void sqlite_free(struct sink *sink)
{
	struct sink_sqlite *s = (struct sink_sqlite *)sink;

	if (sink_file_end(s))
		flush(s);
	sink_sqlite_put_down(s);
	if (s->db)
		db_close(s->db, s->lock_fd);
	free_rest(s);
}

void sink_sqlite_drop(struct sink *sink)
{
	struct sink_sqlite *s = (struct sink_sqlite *)sink;

	sink_sqlite_put_down(s);
	sqlite3_wal_hook(s->db, NULL, NULL);
	free_rest(s);
}

const struct sink_ops sink_sqlite = {
	.name = "sqlite",
	.write = sqlite_write,
	.tidy = sqlite_tidy,
	.free = sqlite_free,
};

struct sink *sink_sqlite_new(struct sqlite3 *db, int lock_fd)
{
	struct sink_sqlite *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->sink.ops = &sink_sqlite;
	s->db = db;
	s->lock_fd = lock_fd;
	if (db_rows_register(db, &s->rows)) {
		free(s);
		return NULL;
	}
	return &s->sink;
}
