/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_powerloss.c: the sink on a machine whose power goes with each write and sync in turn, from the making of the
 * database on (vfs_powerloss.h). Afterwards the file is whole; durability = full: each batch that was acknowledged, on which
 * marks and ring are given up, is there; normal: those up to the last checkpoint are. What is there is there once,
 * and so is all when the batches that are missing are written again.
 *
 * POWERLOSS_STEP=1 looks at every operation, POWERLOSS_ROUNDS at other ruins of it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <endian.h>
#include <linux/if_ether.h>
#include <stdlib.h>

#include "tests/sink_util.h"
#include "tests/vfs_powerloss.h"

#define BATCHES 16
#define CHECKPOINT_EACH 5
#define TRIES 12
#define NOW_MS 1795327200000LL
#define HOUR_MS 3600000LL
#define OLD 2 /* interface of records that the retention has go */

static int64_t fake_now_ms(void)
{
	return NOW_MS;
}

/* What flowd writes before the sink does. */
static const char start_sql[] =
	"BEGIN IMMEDIATE;"
	"INSERT OR REPLACE INTO meta VALUES ('generation', 7);"
	"INSERT OR IGNORE INTO interface (id, name, ifindex, netns, ifnum, generation, first_ms) VALUES "
	"(1, 'a', 1, 1, 1, 7, 0), (2, 'b', 2, 1, 2, 7, 0);"
	"COMMIT";

/* What a run knows of itself. */
struct run {
	struct sqlite3 *db;
	struct sink *sink;
	bool full;
	uint64_t acknowledged; /* batches */
	uint64_t checkpointed; /* likewise; with what was there when it was opened */
};

static size_t records_of(uint64_t sweep)
{
	return sweep % 5 * 30 + 1;
}

static void add_record(struct sink_batch *batch, uint32_t iface, uint64_t src, size_t dst,
		       int64_t end_ms)
{
	struct flow_record rec = {.iface = iface, .end_ms = end_ms, .end_reason = 1};

	rec.key.ethertype = ETH_P_IP;
	rec.key.proto = 17;
	rec.key.src[0] = htobe32((uint32_t)src);
	rec.key.dst[0] = htobe32((uint32_t)dst);
	rec.half[0].packets = 1;
	rec.half[0].bytes = 100;
	assert_int_equal(sink_batch_add_record(batch, &rec), 0);
}

/* The same for a sweep whenever it is asked. */
static void fill(struct sink_batch *batch, uint64_t sweep)
{
	struct sink_books book = {.iface = 1, .minute_ms = NOW_MS + (int64_t)sweep / 4 * 60000};
	size_t records = records_of(sweep);

	sink_batch_reset(batch);
	batch->sweep = sweep;
	batch->ring_pos = sweep * 1000;
	for (size_t i = 0; i < records; i++)
		add_record(batch, 1, sweep, i, NOW_MS + (int64_t)sweep * 1000);
	for (size_t i = 0; i < 40; i++)
		add_record(batch, OLD, sweep, i, NOW_MS - 2 * HOUR_MS + (int64_t)i);
	book.seen.packets = book.recorded.packets = records;
	assert_int_equal(sink_batch_add_book(batch, &book), 0);
}

/* False: there is no power. */
static bool open_run(struct run *run)
{
	const struct db_retain_limits limits = {.age_ms = {[DB_RETAIN_RECORDS] = HOUR_MS}};
	const struct sink_rollup_config rollup = {
		.keys = 8, .late_ms = 1000, .now_ms = fake_now_ms};
	char aside[DB_ASIDE_MAX];
	struct db_error error;
	int fd, err = -1;

	for (int i = 0; err && i < 2 && !powerloss_is_off(); i++) /* once a sync may fail */
		err = db_open_writer_anew(in_dir("power.db"), run->full, &run->db, &fd, aside,
					  &error);
	if (err) {
		if (!powerloss_is_off())
			fail_msg("%s", error.text);
		return false;
	}
	if (aside[0])
		fail_msg("set aside: %s", error.text);
	run->sink = sink_sqlite_new(run->db, fd);
	assert_non_null(run->sink);
	if (!sqlite3_exec(run->db, start_sql, NULL, NULL, NULL))
		(void)sink_sqlite_heir(run->sink, run->full);
	sink_sqlite_rollup(run->sink, &rollup);
	sink_sqlite_keep(run->sink, &limits);
	return true;
}

static bool checkpoint(struct run *run)
{
	int rc = SQLITE_ERROR;

	run->db = sink_sqlite_db(run->sink);
	if (run->db)
		rc = sqlite3_wal_checkpoint_v2(run->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
					       NULL);
	if (!rc)
		run->checkpointed = run->acknowledged;
	return !rc;
}

/* As the writer thread does: the same batch until it is in. */
static bool write_batch(struct run *run, const struct sink_batch *batch)
{
	char error[SINK_ERROR_MAX];

	for (int i = 0; i < TRIES && !powerloss_is_off(); i++) {
		if (run->sink->ops->write(run->sink, batch, error, sizeof(error)))
			continue;
		run->acknowledged = batch->sweep;
		return true;
	}
	if (!powerloss_is_off())
		fail_msg("%s", error);
	return false;
}

/* From the batch after `last` on, as long as there is power. */
static void write_on(struct run *run, uint64_t last)
{
	struct sink_batch batch = {0};
	struct sink_retain_stats stats;
	uint64_t rows;

	for (uint64_t sweep = last + 1; sweep <= BATCHES; sweep++) {
		fill(&batch, sweep);
		if (!write_batch(run, &batch))
			break;
		for (int i = 0; i < 3; i++)
			(void)run->sink->ops->tidy(run->sink, &rows, &stats);
		if (sweep % CHECKPOINT_EACH == 0)
			(void)checkpoint(run);
	}
	sink_batch_free(&batch);
}

static void run_all(struct run *run)
{
	if (!open_run(run))
		return;
	write_on(run, 0);
	run->sink->ops->free(run->sink);
}

static int64_t records_up_to(uint64_t last)
{
	int64_t sum = 0;

	for (uint64_t sweep = 1; sweep <= last; sweep++)
		sum += (int64_t)records_of(sweep);
	return sum;
}

/* All batches up to `last` are there, once, and nothing of others. */
static void check_content(struct sqlite3 *db, uint64_t last)
{
	int64_t records = records_up_to(last);

	assert_query_text(db, "PRAGMA integrity_check", "ok");
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow WHERE iface = 1"), records);
	assert_int_equal(
		query_int(
			db,
			"SELECT count(*) FROM (SELECT DISTINCT src, dst FROM flow WHERE iface = 1)"),
		records);
	assert_int_equal(query_int(db, "SELECT ifnull(max(src), 0) FROM flow WHERE iface = 1"),
			 last);
	assert_int_equal(query_int(db, "SELECT ifnull(sum(recorded_packets), 0) FROM books_sum"),
			 records);
	assert_int_equal(query_int(db, "SELECT ifnull(sum(seen_packets), 0) FROM ledger"), records);
	assert_int_equal(
		query_int(db, "SELECT ifnull(max(value), 0) FROM meta WHERE key = 'ring_pos'"),
		last * 1000);
}

/* After the power is back. */
static void check_ruin(const struct run *before, long operation)
{
	struct run run = {.full = before->full};
	uint64_t last, least = before->full ? before->acknowledged : before->checkpointed;

	if (!open_run(&run))
		fail_msg("operation %ld: no power", operation);
	last = (uint64_t)query_int(
		run.db, "SELECT ifnull(max(value), 0) FROM meta WHERE key = 'last_sweep'");
	if (last < least || last > before->acknowledged + 1)
		fail_msg(
			"operation %ld: batch %llu is the last, of %llu that were acknowledged and %llu that have to be there",
			operation, (unsigned long long)last,
			(unsigned long long)before->acknowledged, (unsigned long long)least);
	check_content(run.db, last);
	write_on(&run, last);
	check_content(sink_sqlite_db(run.sink), BATCHES);
	run.sink->ops->free(run.sink);
}

static void remove_database(void)
{
	static const char *const parts[] = {"power.db", "power.db-wal", "power.db-shm",
					    "power.db-journal"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		unlink(in_dir(parts[i]));
}

/* Operations of a run that nothing happens to. */
static long count_operations(bool full)
{
	struct run run = {.full = full};
	long operations;

	remove_database();
	powerloss_begin(1);
	run_all(&run);
	operations = powerloss_operations();
	assert_int_equal(run.acknowledged, BATCHES);
	powerloss_begin(1);
	return operations;
}

static long number_of(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text ? strtol(text, NULL, 10) : otherwise;
}

/* drop: a sync fails before that, anywhere. */
static void lose_power(bool full, bool drop)
{
	long operations = count_operations(full),
	     step = number_of("POWERLOSS_STEP", operations / 40 + 1);
	long rounds = number_of("POWERLOSS_ROUNDS", 1);

	assert_true(operations > 200);
	for (long round = 0; round < rounds; round++) {
		for (long n = round % step + 1; n <= operations; n += step) {
			struct run run = {.full = full};

			remove_database();
			powerloss_begin((uint64_t)(round * operations + n));
			powerloss_at(n);
			if (drop)
				powerloss_drop_at(n * 7919 % n + 1);
			run_all(&run);
			powerloss_restore();
			check_ruin(&run, n);
		}
	}
}

static void test_full(void **state)
{
	(void)state;
	lose_power(true, false);
}

static void test_normal(void **state)
{
	(void)state;
	lose_power(false, false);
}

/* The disk lost what it was to sync, and said so, some time before. */
static void test_dropped(void **state)
{
	(void)state;
	lose_power(true, true);
}

static int setup(void **state)
{
	powerloss_open(1);
	return dir_setup(state);
}

static int teardown(void **state)
{
	powerloss_close();
	return dir_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_normal),
		cmocka_unit_test(test_dropped),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
