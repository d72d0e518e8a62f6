/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_rollup_past.c: sums of records that table flow has no more stay, whatever the clock says, and get what comes
 * late; so do those of a database whose sums are not kept any more.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/rollup_model.h"
#include "tests/rollup_traffic.h"

#define KEYS 40
#define HOURS 3

static const struct traffic traffic = {.hosts = 50, .records = 200, .jitter_ms = 15000};

struct sums {
	int64_t minutes, hours; /* bytes */
};

/* Of everything that has rows, of one kind. */
static struct sums stored(struct sqlite3 *db)
{
	return (struct sums){
		query_int(db, "SELECT sum(bytes + rev_bytes) FROM talker_minute "
			      "WHERE id >> 24 & 15 = 3"),
		query_int(db, "SELECT sum(bytes + rev_bytes) FROM talker_hour "
			      "WHERE id >> 24 & 15 = 3"),
	};
}

/* Batches from the clock's time on; returns the bytes of all. */
static int64_t write_batches(struct sink *sink, int count)
{
	struct sink_batch batch = {0};
	int64_t bytes = 0;

	for (int i = 0; i < count; i++) {
		fill(&batch, &traffic);
		for (size_t n = 0; n < batch.records; n++)
			bytes += (int64_t)(batch.record[n].half[0].bytes +
					   batch.record[n].half[1].bytes);
		assert_write(sink, &batch);
		clock_ms += 30000;
	}
	sink_batch_free(&batch);
	return bytes;
}

/* Hours of traffic that are over, of which table flow has the last `kept_ms` only. */
static int64_t make_past(int64_t kept_ms)
{
	struct sqlite3 *db;
	struct sink *sink = open_summing(&db, KEYS, false);
	char sql[256];
	int64_t bytes, since_ms;

	clock_ms = START_MS + 20000;
	bytes = write_batches(sink, HOURS * 120 - 2);
	sink->ops->free(sink);
	sink = open_sink(&db);
	assert_int_equal(stored(db).minutes, bytes);
	assert_int_equal(stored(db).hours, bytes);
	since_ms = clock_ms - kept_ms;
	snprintf(sql, sizeof(sql),
		 "DELETE FROM flow WHERE id < %lld << 20; "
		 "INSERT INTO meta (key, value) VALUES ('flow_since_ms', %lld)",
		 (long long)since_ms, (long long)since_ms);
	exec_sql(db, sql);
	sink->ops->free(sink);
	return bytes;
}

/* All of it has rows when the sink is closed. */
static void run_at(int64_t ms, uint32_t keys, int64_t *bytes)
{
	struct sqlite3 *db;
	struct sink *sink = open_summing(&db, keys, false);

	clock_ms = ms;
	*bytes += write_batches(sink, 10);
	sink->ops->free(sink);
}

static void assert_stored(int64_t bytes)
{
	struct sqlite3 *db;
	struct sink *sink = open_sink(&db);

	assert_int_equal(stored(db).minutes, bytes);
	assert_int_equal(stored(db).hours, bytes);
	sink->ops->free(sink);
}

/* A clock that says 1970 until it is set; and one that is some hours behind. */
static void test_clock_behind(void **state)
{
	int64_t bytes = make_past(TALKER_HOUR_MS), now_ms = clock_ms;

	(void)state;
	run_at(TALKER_HOUR_MS, KEYS, &bytes);
	assert_stored(bytes);
	run_at(START_MS + TALKER_HOUR_MS / 2, KEYS, &bytes);
	assert_stored(bytes);
	run_at(now_ms, KEYS, &bytes);
	run_at(now_ms + TALKER_HOUR_MS, KEYS, &bytes);
	assert_stored(bytes);
}

/* A start in an hour of which records are gone already. */
static void test_start_within(void **state)
{
	int64_t bytes = make_past(10 * TALKER_MINUTE_MS);

	(void)state;
	run_at(clock_ms - 5 * TALKER_MINUTE_MS, KEYS, &bytes);
	assert_stored(bytes);
}

/* Without sums: late records go to those that there are. */
static void test_off(void **state)
{
	int64_t bytes = make_past(TALKER_HOUR_MS), late = bytes;

	(void)state;
	run_at(START_MS + TALKER_HOUR_MS / 2, 0, &late);
	assert_stored(late);
}

#define PAST_TEST(test) cmocka_unit_test_setup_teardown(test, dir_setup, dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAST_TEST(test_clock_behind),
		PAST_TEST(test_start_within),
		PAST_TEST(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
