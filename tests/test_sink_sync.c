/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_sink_sync.c: steps of flowd/sink_retain.h do not wait for their commits; the batches after them do again, also
 * where putting that back failed at first.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "flowd/sink_retain.h"
#include "tests/db_util.h"

#define DAY 86400000LL
#define NOW 1795327200000LL
#define FULL 2 /* PRAGMA synchronous */

static struct sqlite3 *db;
static int lock_fd;
static struct sink_retain retain;

static int64_t fake_now(void)
{
	return NOW;
}

static int setup(void **state)
{
	const struct db_retain_limits limits = {.age_ms = {7 * DAY}};
	struct db_error error;
	int err = dir_setup(state);

	err = err ? err : db_open_writer(in_dir("sync.db"), true, &db, &lock_fd, &error);
	if (err)
		return err;
	sink_retain_init(&retain, db, &limits);
	retain.now_ms = fake_now;
	return 0;
}

static int teardown(void **state)
{
	sink_retain_free(&retain);
	db_close(db, lock_fd);
	return dir_teardown(state);
}

/* A record that is older than the limit. */
static void add_old(int64_t days)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "INSERT INTO flow SELECT %lld << 20, 100, 1, 0, NULL, 6, 167772161, 167838209, "
		 "40000, 443, 10, 5000, 0, 8, 4000, 0, 27",
		 (long long)(NOW - days * DAY));
	exec_sql(db, sql);
	assert_int_equal(db_meta_set_int(db, "rollup_minute_ms", NOW), 0);
	assert_int_equal(db_meta_set_int(db, "rollup_hour_ms", NOW), 0);
}

static uint64_t step(void)
{
	uint64_t rows = 0;

	(void)sink_retain_step(&retain, &rows);
	return rows;
}

/* SQLite's own way to say no to a statement. */
static int refuse_full(void *unused, int action, const char *pragma, const char *value,
		       const char *schema, const char *trigger)
{
	(void)unused;
	(void)schema;
	(void)trigger;
	return action == SQLITE_PRAGMA && !strcmp(pragma, "synchronous") && value &&
			       !strcmp(value, "2")
		       ? SQLITE_DENY
		       : SQLITE_OK;
}

static void test_back(void **state)
{
	(void)state;
	add_old(9);
	assert_int_equal(step(), 1);
	assert_int_equal(query_int(db, "PRAGMA synchronous"), FULL);
	assert_int_equal(sink_retain_strict(&retain), SQLITE_OK);
}

static void test_refused(void **state)
{
	(void)state;
	add_old(9);
	sqlite3_set_authorizer(db, refuse_full, NULL);
	assert_int_equal(step(), 1);
	assert_int_equal(query_int(db, "PRAGMA synchronous"), 1);
	assert_int_equal(sink_retain_strict(&retain), SQLITE_AUTH); /* no batch begins */
	sqlite3_set_authorizer(db, NULL, NULL);
	add_old(8);
	assert_int_equal(step(), 1); /* which does not take it for what it is to be */
	assert_int_equal(query_int(db, "PRAGMA synchronous"), FULL);
	assert_int_equal(sink_retain_strict(&retain), SQLITE_OK);
	assert_int_equal(query_int(db, "PRAGMA synchronous"), FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
