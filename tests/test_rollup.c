/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_rollup.c: the sums of talker_minute and talker_hour against the records of table flow, after
 * whatever happened to the sink: times in any order, late records, a clock that steps, batches that
 * fail, kills, few keys. Of every bucket and kind: rows and tail together are the records' sums, each
 * key's truth is within what the tail's bounds allow, and exact where there is no tail.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/rollup_model.h"
#include "tests/rollup_traffic.h"

/* --- tests ---------------------------------------------------------------------------------------- */

/* Time goes on, an hour and more; what is over is in rows, and at the end all is. */
static void run_traffic(const struct traffic *t, uint32_t keys, bool replayed)
{
	struct sink_batch batch = {0};
	struct sqlite3 *db;
	struct sink *sink = open_summing(&db, keys, replayed);

	clock_ms = START_MS + 50 * TALKER_MINUTE_MS;
	for (int i = 0; i < 90; i++) {
		clock_ms += (int64_t)random_below(30000);
		fill(&batch, t);
		assert_write(sink, &batch);
		if (i % 10 == 0)
			check(db);
	}
	assert_true(frontier(db, "minute") > START_MS + 50 * TALKER_MINUTE_MS);
	assert_int_equal(frontier(db, "hour"), START_MS + TALKER_HOUR_MS);
	sink->ops->free(sink);
	sink = open_sink(&db);
	check(db);
	assert_int_equal(frontier(db, "minute"), START_MS + 2 * TALKER_HOUR_MS);
	assert_int_equal(frontier(db, "hour"), START_MS + 2 * TALKER_HOUR_MS);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

static void test_exact(void **state)
{
	const struct traffic t = {.hosts = 40, .records = 300, .jitter_ms = 15000};
	struct sqlite3 *db;
	struct sink *sink;

	(void)state;
	run_traffic(&t, 5000, false);
	sink = open_sink(&db);
	assert_int_equal(query_int(db, "SELECT count(*) FROM talker_minute_tail"), 0);
	assert_int_equal(query_int(db, "SELECT count(*) FROM talker_hour_tail"), 0);
	assert_int_equal(query_int(db, "SELECT count(*) FROM talker_hour WHERE id & 0xffffff = 0"),
			 0);
	sink->ops->free(sink);
}

/* A record of packets that were dropped alone is no flow, and its times are those of no flow, as in flowctl's answers. */
static void test_times(void **state)
{
	struct sink_batch batch = {0};
	struct sqlite3 *db;
	struct sink *sink = open_summing(&db, 5000, false);

	(void)state;
	clock_ms = START_MS + 2 * TALKER_HOUR_MS;
	for (int n = 0; n < 12; n++) {
		const int64_t end_ms = START_MS + n / 4 * TALKER_MINUTE_MS + 10000;
		const bool drops = (n / 4 == 2) == (n % 2); /* the last, the first, or all */
		struct flow_record rec;

		make_record(end_ms + (drops ? 9000 : 0), 2, &rec);
		rec.start_ms = end_ms - (drops ? 9000 : 1000);
		for (int i = 0; i < 2; i++) {
			rec.half[i] = (struct flow_half){.packets = drops || n / 4 == 1 ? 0 : 1};
			rec.half[i].bytes = rec.half[i].packets * 114;
			rec.half[i].ip_bytes = rec.half[i].packets * 100;
		}
		rec.iface = 1;
		sink_batch_reset(&batch);
		batch.sweep++;
		assert_int_equal(sink_batch_add_record(&batch, &rec), 0);
		assert_write(sink, &batch);
	}
	check(db);
	assert_int_equal(query_int(db, "SELECT count(*) FROM talker_minute WHERE "
				       "id >> 24 & 15 = 4 AND flows AND last_ms = 10000"),
			 2);
	assert_int_equal(query_int(db, "SELECT count(*) FROM talker_minute WHERE "
				       "id >> 24 & 15 = 4 AND NOT flows AND last_ms = 19000"),
			 1);
	assert_int_equal(query_int(db, "SELECT first_ms * 1000000 + last_ms FROM talker_hour WHERE "
				       "id >> 24 & 15 = 4"),
			 -9000 * 1000000LL + 130000);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

/* More keys than are kept: of each minute some have no row, of the hour some are lost on the way. */
static void test_tails(void **state)
{
	const struct traffic t = {.hosts = 300, .records = 600, .jitter_ms = 15000};
	struct sqlite3 *db;
	struct sink *sink;

	(void)state;
	run_traffic(&t, 20, false);
	sink = open_sink(&db);
	assert_true(query_int(db, "SELECT count(*) FROM talker_minute_tail") > 10);
	assert_true(query_int(db, "SELECT sum(missed_bytes) FROM talker_hour_tail") > 0);
	assert_true(query_int(db, "SELECT max(id & 0xffffff) FROM talker_minute") <= 20);
	sink->ops->free(sink);
}

static void test_replayed(void **state)
{
	const struct traffic t = {.hosts = 60, .records = 300, .jitter_ms = 90000};

	(void)state;
	run_traffic(&t, 30, true);
}

/* Every record is late now and then, and of any hour. */
static void test_late(void **state)
{
	const struct traffic exact = {.hosts = 30, .records = 100, .jitter_ms = 400000, .far = 5};
	const struct traffic tails = {.hosts = 200, .records = 400, .jitter_ms = 400000, .far = 50};
	struct sqlite3 *db;
	struct sink *sink = NULL;
	struct sink_batch batch = {0};

	(void)state;
	for (int run = 0; run < 2; run++) {
		clock_ms = START_MS;
		sink = open_summing(&db, run ? 10 : 5000, false);
		for (int i = 0; i < 40; i++) {
			clock_ms += 20000;
			fill(&batch, run ? &tails : &exact);
			assert_write(sink, &batch);
			if (i % 8 == 0)
				check(db);
		}
		check(db);
		if (!run)
			assert_int_equal(query_int(db, "SELECT count(*) FROM talker_hour_tail"), 0);
		sink->ops->free(sink);
	}
	sink_batch_free(&batch);
}

/* The clock goes where it likes; the hours after it come right in the end. */
static void test_clock_steps(void **state)
{
	const struct traffic t = {.hosts = 50, .records = 200, .jitter_ms = 15000};
	struct sink_batch batch = {0};
	struct sqlite3 *db;
	struct sink *sink = open_summing(&db, 40, false);

	(void)state;
	clock_ms = START_MS;
	for (int i = 0; i < 120; i++) {
		clock_ms += (int64_t)random_below(30000);
		if (!random_below(8))
			clock_ms +=
				(int64_t)random_below(3 * TALKER_HOUR_MS) - 3 * TALKER_HOUR_MS / 2;
		if (i == 60)
			clock_ms += 10000 * TALKER_HOUR_MS;
		if (i == 65)
			clock_ms -= 10000 * TALKER_HOUR_MS;
		fill(&batch, &t);
		assert_write(sink, &batch);
		if (i % 5 == 0)
			check(db);
	}
	assert_true(frontier(db, "minute") < START_MS + 5000 * TALKER_HOUR_MS);
	sink->ops->free(sink);
	sink = open_sink(&db);
	check(db);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

/* Records of a time to come open nothing, close nothing, and count when it has come. */
static void test_future(void **state)
{
	const struct traffic t = {.hosts = 50, .records = 100, .jitter_ms = 15000};
	struct sink_batch batch = {0};
	struct sqlite3 *db;
	struct sink *sink = open_summing(&db, 40, false);
	struct flow_record rec;

	(void)state;
	clock_ms = START_MS;
	for (int i = 0; i < 100; i++) {
		fill(&batch, &t);
		for (int n = 0; i < 40 && n < 30; n++) {
			make_record(clock_ms + (int64_t)random_below(TALKER_HOUR_MS), 50, &rec);
			assert_int_equal(sink_batch_add_record(&batch, &rec), 0);
		}
		assert_write(sink, &batch);
		assert_true(frontier(db, "minute") <= clock_ms);
		if (i % 5 == 0)
			check(db);
		clock_ms += 45000;
	}
	sink->ops->free(sink);
	sink = open_sink(&db);
	check(db);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

/* A transaction that fails, at any of its tables, changes nothing, and the same batch comes again. */
static void test_failures(void **state)
{
	static const char *const tables[] = {"flow", "talker_minute", "talker_hour",
					     "talker_minute_tail", "meta"};
	const struct traffic t = {.hosts = 200, .records = 300, .jitter_ms = 60000, .far = 100};
	struct sink_batch batch = {0};
	char error[SINK_ERROR_MAX], sql[256];
	struct sqlite3 *db;
	struct sink *sink = open_summing(&db, 20, false);
	int failed = 0;

	(void)state;
	clock_ms = START_MS + 45 * TALKER_MINUTE_MS;
	for (int i = 0; i < 100; i++) {
		const char *table = tables[random_below(5)];

		clock_ms += (int64_t)random_below(60000);
		fill(&batch, &t);
		snprintf(sql, sizeof(sql),
			 "CREATE TEMP TRIGGER fails BEFORE INSERT ON main.%s BEGIN SELECT "
			 "RAISE(ABORT, 'on purpose') WHERE abs(random()) %% 50 = 0; END",
			 table);
		exec_sql(db, sql);
		for (int n = 0; n < 3; n++) {
			if (!sink->ops->write(sink, &batch, error, sizeof(error)))
				fill(&batch, &t);
			else
				failed++;
		}
		if (i % 10 == 0)
			check(db);
		exec_sql(db, "DROP TRIGGER fails");
		assert_write(sink, &batch);
		if (i % 10 == 5)
			check(db);
	}
	assert_true(failed > 50);
	sink->ops->free(sink);
	sink = open_sink(&db);
	check(db);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

static void test_full(void **state)
{
	const struct traffic t = {.hosts = 100, .records = 2000, .jitter_ms = 60000};
	struct sink_batch batch = {0};
	char error[SINK_ERROR_MAX];
	struct sqlite3 *db;
	struct sink *sink = open_summing(&db, 50, false);
	int failed = 0;

	(void)state;
	clock_ms = START_MS;
	exec_sql(db, "PRAGMA max_page_count = 60");
	for (int i = 0; i < 40; i++) {
		char limit[64];

		clock_ms += 30000;
		fill(&batch, &t);
		while (sink->ops->write(sink, &batch, error, sizeof(error))) {
			failed++;
			snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %d",
				 60 + failed * 7);
			exec_sql(db, limit);
		}
		if (i % 8 == 0)
			check(db);
	}
	assert_true(failed > 10);
	exec_sql(db, "PRAGMA max_page_count = 1000000");
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

/* Batches until it is killed. */
static int work(const void *arg)
{
	const struct traffic t = {.hosts = 100, .records = 300, .jitter_ms = 60000};
	struct sink_batch batch = {0};
	struct sqlite3 *db;
	struct sink *sink = open_summing(&db, 20, false);
	int64_t *done = (int64_t *)(uintptr_t)arg;

	while (done) {
		clock_ms = START_MS + (*done + 1) * 7000;
		fill(&batch, &t);
		assert_write(sink, &batch);
		__atomic_store_n(done, *done + 1, __ATOMIC_RELEASE);
	}
	return 0;
}

static void test_kills(void **state)
{
	int64_t *done = shared_count();
	struct sqlite3 *db;
	struct sink *sink;

	(void)state;
	for (int i = 0; i < 15; i++) {
		kill_child_after(work, done, (useconds_t)random_below(100000));
		sink = open_sink(&db);
		check(db);
		/* not summing: what is in rows stays, and the next goes on from there */
		sink->ops->free(sink);
	}
	sink = open_summing(&db, 20, true);
	assert_write(sink, &(struct sink_batch){.sweep = 1});
	sink->ops->free(sink);
	sink = open_sink(&db);
	check(db);
	assert_true(frontier(db, "minute") / 60000 >
		    query_int(db, "SELECT max(id) >> 20 FROM flow") / 60000);
	sink->ops->free(sink);
}

/*
 * Restarts without a flush, each of which has more to read of the hour than a transaction may: what comes before
 * all is read, late or not, is counted once, and no hour is written that lacks some.
 */
static void test_restarts(void **state)
{
	const struct traffic t = {.hosts = 60, .records = 150, .jitter_ms = 300000};
	struct sink_batch batch = {0};
	struct sqlite3 *db;

	(void)state;
	read_records = 200;
	clock_ms = START_MS + 30 * TALKER_MINUTE_MS;
	for (int run = 0; run < 12; run++) {
		struct sink *sink = open_summing(&db, run % 3 ? 5000 : 30, false);

		for (int i = (int)random_below(25); i >= 0; i--) {
			clock_ms += (int64_t)random_below(60000);
			fill(&batch, &t);
			assert_write(sink, &batch);
		}
		check(db);
		if (random_below(4)) /* without sums there is no flush */
			sink_sqlite_rollup(sink, &(struct sink_rollup_config){.keys = 0});
		sink->ops->free(sink);
	}
	assert_true(clock_ms > START_MS + TALKER_HOUR_MS);
	read_records = 0;
	sink_batch_free(&batch);
}

/* A database whose flows nobody has summed yet: months of them, bit by bit. */
static void test_migrated(void **state)
{
	const struct traffic t = {.hosts = 50, .records = 400, .jitter_ms = 0};
	struct sink_batch batch = {0};
	struct sqlite3 *db;
	struct sink *sink = open_sink(&db);

	(void)state;
	for (int i = 0; i < 60; i++) {
		clock_ms = START_MS + (int64_t)random_below(60) * 24 * TALKER_HOUR_MS;
		fill(&batch, &t);
		assert_write(sink, &batch);
	}
	sink->ops->free(sink);
	clock_ms = START_MS + 61 * 24 * TALKER_HOUR_MS;
	read_records = 1000;
	sink = open_summing(&db, 50, false);
	for (int i = 0; i < 20; i++) {
		fill(&batch, &t);
		assert_write(sink, &batch);
		check(db);
		clock_ms += 1000;
	}
	read_records = 0;
	assert_true(frontier(db, "hour") > START_MS + 50 * 24 * TALKER_HOUR_MS);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

/* Off and on again: what came meanwhile, and late, is not in rows before it is summed. */
static void test_off(void **state)
{
	const struct traffic t = {.hosts = 50, .records = 300, .jitter_ms = 200000};
	struct sink_batch batch = {0};
	struct sqlite3 *db;

	(void)state;
	clock_ms = START_MS;
	for (int run = 0; run < 6; run++) {
		struct sink *sink = open_summing(&db, run % 2 ? 0 : 30, false);

		for (int i = 0; i < 15; i++) {
			clock_ms += 20000;
			fill(&batch, &t);
			assert_write(sink, &batch);
			check(db);
		}
		assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'rollup_keys'"),
				 run % 2 ? 0 : 30);
		sink->ops->free(sink);
	}
	sink_batch_free(&batch);
}

#define ROLLUP_TEST(test) cmocka_unit_test_setup_teardown(test, dir_setup, dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROLLUP_TEST(test_times),    ROLLUP_TEST(test_exact),
		ROLLUP_TEST(test_tails),    ROLLUP_TEST(test_replayed),
		ROLLUP_TEST(test_late),	    ROLLUP_TEST(test_clock_steps),
		ROLLUP_TEST(test_future),   ROLLUP_TEST(test_failures),
		ROLLUP_TEST(test_full),	    ROLLUP_TEST(test_kills),
		ROLLUP_TEST(test_migrated), ROLLUP_TEST(test_off),
		ROLLUP_TEST(test_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
