/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay_sink.c: see replay_sink.h. */
#include "flowd/replay_sink.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "flowd/books.h"
#include "flowd/config.h"
#include "flowd/log.h"
#include "schema/db.h"

#define BATCH_MAX 16384 /* records, or ledger rows, of a transaction: sorted within a CPU's cache */
#define MINUTE_MS 60000

static void fail(struct replay_sink *rs, int err, const char *text)
{
	if (!rs->err)
		log_err("%s", text);
	rs->err = err;
}

static int fail_sql(struct replay_sink *rs)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: %s", rs->path, sqlite3_errmsg(rs->db));
	fail(rs, -EIO, text);
	return -EIO;
}

static struct flow_count minus(struct flow_count a, struct flow_count b)
{
	return (struct flow_count){a.packets - b.packets, a.bytes - b.bytes};
}

/* A ledger row of what happened since the last one; none where nothing did. */
static void add_row(struct replay_sink *rs, uint32_t dir)
{
	const struct sink_books *now = &rs->books[dir], *before = &rs->booked[dir];
	struct sink_books row = {
		.iface = rs->iface,
		.dir = dir,
		.minute_ms = rs->minute_ms,
		.seen = minus(now->seen, before->seen),
		.recorded = minus(now->recorded, before->recorded),
		.held = minus(now->seen, now->recorded),
		.unaccounted_packets = now->unaccounted_packets,
		.unaccounted_bytes = now->unaccounted_bytes,
	};
	int err;

	if (!(row.seen.packets | row.recorded.packets))
		return;
	for (int v = 0; v < VERDICT_MAX; v++)
		row.verdict[v] = minus(now->verdict[v], before->verdict[v]);
	row.held.packets -= (uint64_t)row.unaccounted_packets;
	row.held.bytes -= (uint64_t)row.unaccounted_bytes;
	err = sink_batch_add_book(&rs->batch, &row);
	if (err)
		fail(rs, err, "ledger rows: no memory");
	else
		rs->booked[dir] = rs->books[dir];
}

/* The batch into the database, in one transaction. */
static void write_batch(struct replay_sink *rs)
{
	char text[SINK_ERROR_MAX] = "";
	int err = 0;

	add_row(rs, FLOW_INGRESS);
	add_row(rs, FLOW_EGRESS);
	if (!rs->err && rs->batch.records + rs->batch.books) {
		err = rs->sink->ops->write(rs->sink, &rs->batch, text, sizeof(text));
		if (err)
			fail(rs, err, text);
		else
			rs->written++;
	}
	sink_batch_reset(&rs->batch);
}

void replay_sink_record(struct replay_sink *rs, struct flow_record *rec)
{
	uint32_t dir = rec->key.dir & 1;
	uint32_t reverse = rec->key.marks & FLOW_MARK_MIRRORED ? dir : !dir;
	int err;

	if (rs->batch.records >= BATCH_MAX)
		write_batch(rs);
	rec->iface = rs->iface;
	err = sink_batch_add_record(&rs->batch, rec);
	if (err && rs->batch.records) { /* no memory for more: those that are there make room */
		write_batch(rs);
		err = sink_batch_add_record(&rs->batch, rec);
	}
	if (err) {
		fail(rs, err, "records: no memory");
		return;
	}
	books_count(&rs->books[dir].recorded, rec->half[0].packets, rec->half[0].bytes);
	books_count(&rs->books[reverse].recorded, rec->half[1].packets, rec->half[1].bytes);
	rs->records++;
}

int64_t replay_sink_turn(struct replay_sink *rs, int64_t now_ms)
{
	if (now_ms < rs->minute_ms + MINUTE_MS)
		return rs->minute_ms + MINUTE_MS;
	add_row(rs, FLOW_INGRESS);
	add_row(rs, FLOW_EGRESS);
	if (rs->batch.books >= BATCH_MAX)
		write_batch(rs);
	rs->minute_ms = now_ms - now_ms % MINUTE_MS;
	return rs->minute_ms + MINUTE_MS;
}

/* The capture as an interface of its own; it is not counted live, so last_ms is never NULL. */
static int insert_iface(struct replay_sink *rs, const char *name, int64_t now_ms)
{
	static const char sql[] =
		"INSERT INTO interface (name, ifindex, netns, ifnum, generation, ingress, first_ms, "
		"last_ms) VALUES (?1, 0, 0, 0, ?2, 'replay', ?3, ?3)";
	uint64_t generation = 0;
	sqlite3_stmt *row;
	int rc;

	if (getrandom(&generation, sizeof(generation), 0) != sizeof(generation))
		return -EIO;
	if (sqlite3_prepare_v2(rs->db, sql, -1, &row, NULL))
		return fail_sql(rs);
	sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(row, 2, (sqlite3_int64)(generation & INT64_MAX));
	sqlite3_bind_int64(row, 3, now_ms);
	rc = sqlite3_step(row);
	sqlite3_finalize(row);
	rs->iface = (uint32_t)sqlite3_last_insert_rowid(rs->db);
	return rc == SQLITE_DONE ? 0 : fail_sql(rs);
}

/* The interface gets the capture's times; where nothing was written it goes. */
static void close_iface(struct replay_sink *rs, int64_t first_ms, int64_t last_ms)
{
	static const char update[] =
		"UPDATE interface SET first_ms = ?2, last_ms = ?3 WHERE id = ?1";
	static const char delete[] = "DELETE FROM interface WHERE id = ?1";
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(rs->db, rs->written ? update : delete, -1, &row, NULL)) {
		fail_sql(rs);
		return;
	}
	sqlite3_bind_int64(row, 1, rs->iface);
	if (rs->written) {
		sqlite3_bind_int64(row, 2, first_ms);
		sqlite3_bind_int64(row, 3, last_ms);
	}
	if (sqlite3_step(row) != SQLITE_DONE)
		fail_sql(rs);
	sqlite3_finalize(row);
}

/* A live flowd of this database goes on from these: every batch writes them as they were. */
static int keep_meta(struct replay_sink *rs)
{
	int64_t sweep = 0, ring_pos = 0, sample_pos = 0;
	int err = db_meta_find_int(rs->db, "last_sweep", &sweep);

	err = err ? err : db_meta_find_int(rs->db, "ring_pos", &ring_pos);
	err = err ? err : db_meta_find_int(rs->db, "sample_pos", &sample_pos);
	rs->batch.sweep = (uint64_t)sweep;
	rs->batch.ring_pos = (uint64_t)ring_pos;
	rs->batch.sample_pos = (uint64_t)sample_pos;
	return err ? fail_sql(rs) : 0;
}

/* A database that was made, and got nothing for what went wrong, goes too. */
static void put_down(struct replay_sink *rs)
{
	rs->sink->ops->free(rs->sink);
	rs->sink = NULL;
	sink_batch_free(&rs->batch);
	if (rs->is_new && rs->err && !rs->written)
		db_remove(rs->path);
}

int replay_sink_open(struct replay_sink *rs, const struct config *config, const char *name,
		     int64_t now_ms)
{
	const struct sink_rollup_config rollup = {
		.keys = config->rollup_keys,
		.late_ms = (int64_t)(config->idle_ns / 1000000) + SINK_ROLLUP_LATE_MS,
	};
	struct db_error error;
	int lock_fd, err;

	memset(rs, 0, sizeof(*rs));
	rs->path = config->db;
	rs->is_new = access(config->db, F_OK) != 0;
	err = db_open_writer(config->db, config->durability_full, &rs->db, &lock_fd, &error);
	if (err) {
		log_err("%s", error.text);
		return err;
	}
	if (*error.text)
		log_info("%s", error.text);
	rs->sink = sink_sqlite_new(rs->db, lock_fd);
	if (!rs->sink) {
		db_close(rs->db, lock_fd);
		return -ENOMEM;
	}
	sink_sqlite_rollup(rs->sink, &rollup);
	rs->minute_ms = now_ms - now_ms % MINUTE_MS;
	err = keep_meta(rs);
	err = err ? err : insert_iface(rs, name, now_ms);
	if (err) {
		rs->err = err;
		put_down(rs);
	}
	return err;
}

int replay_sink_close(struct replay_sink *rs, int64_t first_ms, int64_t last_ms)
{
	if (!rs->sink)
		return 0;
	write_batch(rs);
	close_iface(rs, first_ms, last_ms);
	put_down(rs);
	return rs->err;
}
