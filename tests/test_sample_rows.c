// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_sample_rows.c: samples out of a database that grows: nothing twice and nothing left out, whatever the
 * order in which they come, and though the clock be set back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "cli/follow.h"
#include "cli/query.h"
#include "cli/sample_rows.h"
#include "db_util.h"

#define S 1000000000LL
#define START (1795264440 * S)

static struct sqlite3 *writer;
static int lock_fd;
static struct query query;
static struct query_options options;
static struct sample_rows samples;
static char path[PATH_MAX];

static void add(int64_t ns)
{
	static const struct db_sample_words words;
	static const uint8_t frame[60];
	struct sample_record sample = {
		.key = {.ethertype = 0x0800, .proto = 17},
		.link = 1,
		.length = 60,
		.captured = 60,
		.packets = 1,
		.why = SAMPLE_RATE,
		.frame = frame,
	};
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(writer, db_sample_insert, -1, &stmt, NULL), 0);
	assert_int_equal(db_sample_bind(stmt, &sample, ns, &words), 0);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
}

static int begin(void **state)
{
	struct db_error error;

	if (dir_setup(state))
		return -1;
	snprintf(path, sizeof(path), "%s", in_dir("samples.db"));
	if (db_open_writer(path, false, &writer, &lock_fd, &error))
		return -1;
	options = (struct query_options){
		.db = path, .until_ms = INT64_MAX, .dir = -1, .stored = true};
	return 0;
}

static int end(void **state)
{
	sample_rows_close(&samples);
	query_close(&query);
	db_close(writer, lock_fd);
	return dir_teardown(state);
}

static void open_all(bool follow)
{
	if (query_open(&options, &query))
		fail_msg("%s", query.error);
	if (sample_rows_open(&query, 0, follow, &samples))
		fail_msg("%s", query.error);
}

/* The pass has these, in seconds since START, and no others. */
static void expect(int count, const int64_t *seconds)
{
	struct sample_record sample;

	for (int i = 0; i < count; i++) {
		assert_int_equal(sample_rows_next(&samples, &sample), 1);
		assert_int_equal((sample.time_ns - START) / S, seconds[i]);
	}
	assert_int_equal(sample_rows_next(&samples, &sample), 0);
}

#define EXPECT(...) \
	expect((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static void again(int64_t now)
{
	assert_int_equal(sample_rows_again(&samples, START + now * S), 0);
}

static void test_once(void **state)
{
	uint32_t captured = 0;

	(void)state;
	options.since_ms = START / 1000000 + 2000;
	options.until_ms = START / 1000000 + 4000;
	for (int i = 5; i >= 0; i--)
		add(START + i * S);
	open_all(false);
	assert_int_equal(sample_rows_captured(&samples, &captured), 0);
	assert_int_equal(captured, 60);
	EXPECT(2, 3);
}

static void test_passes(void **state)
{
	(void)state;
	add(START + S);
	add(START + 3 * S);
	open_all(true);
	EXPECT(1, 3);
	again(3);
	expect(0, NULL);
	add(START + 2 * S); /* before what was read */
	add(START + 4 * S);
	again(4);
	EXPECT(2, 4);
	add(START);
	add(START + 20 * S);
	again(20);
	EXPECT(0, 20);
	add(START + 11 * S); /* as late as can be */
	add(START + 19 * S);
	again(20);
	EXPECT(11, 19);
	again(20);
	expect(0, NULL);
}

/* No snapshot is kept: the writer can put its log back into the file. */
static void test_snapshot(void **state)
{
	(void)state;
	add(START + S);
	open_all(true);
	EXPECT(1);
	add(START + 2 * S);
	assert_int_equal(query_int(writer, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	again(2);
	EXPECT(2);
}

/* Many of them, a part late, a part dropped meanwhile. */
static void test_many(void **state)
{
	struct sample_record sample;
	int64_t got = 0, put = 0;
	uint32_t random = 1;

	(void)state;
	open_all(true);
	for (int pass = 0; pass < 60; pass++) {
		exec_sql(writer, "BEGIN");
		for (int i = 0; i < 500; i++, put++) {
			int64_t late = (random = random * 1664525 + 1013904223) % 9000 * 1000000LL;

			add(START + (100 + pass) * S - late + put); /* no two of one time */
		}
		if (pass % 10 == 9)
			exec_sql(writer,
				 "DELETE FROM sample WHERE id < (SELECT max(id) FROM sample) - "
				 "15000000000");
		exec_sql(writer, "COMMIT");
		again(100 + pass);
		while (sample_rows_next(&samples, &sample) == 1)
			got++;
		assert_int_equal(got, put);
		assert_true(samples.seen.end - samples.seen.first <= 500 * 20);
	}
}

static void test_set_back(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++)
		add(START + (1000 + i * 60) * S);
	open_all(true);
	for (struct sample_record sample; sample_rows_next(&samples, &sample) == 1;)
		continue;
	again(4540);
	expect(0, NULL);
	/* an hour back, to between two that there are */
	assert_int_equal(sample_rows_set_back(&samples, START + 1030 * S), 0);
	again(1030);
	expect(0, NULL);
	add(START + 1029 * S);
	add(START + 1031 * S);
	again(1031);
	EXPECT(1029, 1031);
	add(START + 1059 * S);
	add(START + 1061 * S);
	again(1062);
	EXPECT(1059, 1061);
	for (int now = 1063; now < 5000; now += 7) { /* past all that was there */
		add(START + now * S + 1);
		again(now);
		expect(1, (int64_t[]){now});
	}
}

static void test_wait(void **state)
{
	volatile sig_atomic_t stop = 0;
	int64_t now_ns = 0;
	struct follow follow;
	int ends[2];

	(void)state;
	open_all(true);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(follow_open(query.db, &follow), 0);
	add(START);
	assert_int_equal(follow_wait(&follow, ends[1], &stop, S, &now_ns), 1);
	assert_true(now_ns > START / 2);
	follow.ahead_ns += 2 * S; /* as if the clock had been set back by that */
	assert_int_equal(follow_wait(&follow, ends[1], &stop, S, &now_ns), -ETIME);
	close(ends[0]);
	assert_int_equal(follow_wait(&follow, ends[1], &stop, S, &now_ns), -EPIPE);
	stop = 1;
	assert_int_equal(follow_wait(&follow, ends[1], &stop, S, &now_ns), 0);
	close(ends[1]);
	follow_close(&follow);
}

static void test_wrong_row(void **state)
{
	struct sample_record sample;

	(void)state;
	add(START);
	exec_sql(writer, "UPDATE sample SET packets = 'many'");
	open_all(false);
	assert_int_equal(sample_rows_next(&samples, &sample), -EPROTO);
	assert_non_null(strstr(query.error, "sample 1795264440000000000: a value that cannot be"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once, begin, end),
		cmocka_unit_test_setup_teardown(test_passes, begin, end),
		cmocka_unit_test_setup_teardown(test_snapshot, begin, end),
		cmocka_unit_test_setup_teardown(test_many, begin, end),
		cmocka_unit_test_setup_teardown(test_set_back, begin, end),
		cmocka_unit_test_setup_teardown(test_wait, begin, end),
		cmocka_unit_test_setup_teardown(test_wrong_row, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
