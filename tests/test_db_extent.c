/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_db_extent.c: file and log that are cut under who has them open are told from those that grow, are begun anew
 * and shrink by SQLite's own doing; also where more was committed behind the hole before anybody looked.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "schema/db_pages.h"
#include "tests/db_util.h"

#define ROWS 200

static struct sqlite3 *db;
static struct db_extent extent;
static int lock_fd;

static int setup(void **state)
{
	struct db_error error;
	int err = dir_setup(state);

	memset(&extent, 0, sizeof(extent));
	err = err ? err : db_open_writer(in_dir("x.db"), false, &db, &lock_fd, &error);
	if (!err)
		exec_sql(db, "CREATE TABLE x (t)");
	return err;
}

static int teardown(void **state)
{
	db_close(db, lock_fd);
	return dir_teardown(state);
}

static void add(int rows)
{
	char sql[192];

	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
		 "INSERT INTO x SELECT randomblob(500) FROM n",
		 rows);
	exec_sql(db, sql);
}

static void cut(const char *name, double share)
{
	struct stat st;

	assert_int_equal(stat(in_dir(name), &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(truncate(in_dir(name), (off_t)((double)st.st_size * share)), 0);
}

static void assert_holds(void)
{
	assert_true(db_extent_holds(db, &extent));
}

static void test_holds(void **state)
{
	(void)state;
	assert_holds();
	for (int i = 0; i < 5; i++) {
		add(ROWS);
		assert_holds();
	}
	exec_sql(db, "PRAGMA wal_checkpoint(PASSIVE)");
	assert_holds();
	add(1); /* the log begins anew */
	assert_holds();
	exec_sql(db, "DELETE FROM x; PRAGMA incremental_vacuum");
	assert_holds();
	exec_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)"); /* and the file is shorter */
	assert_holds();
	add(ROWS);
	assert_holds();
	exec_sql(db, "VACUUM");
	assert_holds();
	/* less, which is copied to the file, and more again, before anybody looks */
	for (int i = 0; i < 5; i++)
		add(ROWS);
	exec_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_holds();
	exec_sql(db, "DELETE FROM x; VACUUM; PRAGMA wal_checkpoint(PASSIVE)");
	add(ROWS);
	assert_holds();
}

/* A log of which that share is left; and, if so, more is written behind the hole by who has it open. */
static void cut_log(void **state, double share, bool written)
{
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
	add(ROWS);
	assert_holds();
	cut("x.db-wal", share);
	if (written)
		(void)sqlite3_exec(db, "INSERT INTO x VALUES (randomblob(500))", NULL, NULL, NULL);
	assert_false(db_extent_holds(db, &extent));
}

static void test_log(void **state)
{
	static const double shares[] = {0, 0.001, 0.4, 0.99};

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		cut_log(state, shares[i], false);
}

/* Who writes on makes the log as long as it was, and more. */
static void test_behind(void **state)
{
	static const double shares[] = {0, 0.001, 0.4, 0.9};

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		cut_log(state, shares[i], true);
}

static void test_file(void **state)
{
	(void)state;
	add(ROWS);
	exec_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	add(1);
	assert_holds();
	cut("x.db", 0.5);
	assert_false(db_extent_holds(db, &extent));
}

/* Nothing of a log that is in the file already is missed. */
static void test_done(void **state)
{
	(void)state;
	add(ROWS);
	exec_sql(db, "PRAGMA wal_checkpoint(PASSIVE)");
	assert_holds();
	cut("x.db-wal", 0);
	assert_holds();
	add(1);
	assert_holds();
	assert_int_equal(query_int(db, "SELECT count(*) FROM x"), ROWS + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_done, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
