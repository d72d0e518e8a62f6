/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_db_back.c: minutes that came again, as the clock was set back: what is noted of them, and read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <string.h>

#include "flowd/sink_clock.h"
#include "schema/db.h"
#include "schema/db_back.h"

static struct sqlite3 *open_db(void)
{
	struct sqlite3 *db;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db,
			     "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
			     "CREATE TABLE ledger (minute_ms INTEGER PRIMARY KEY)",
			     NULL, NULL, NULL),
		SQLITE_OK);
	return db;
}

static void test_spans(void **state)
{
	struct db_back back = {.spans = 0};

	(void)state;
	assert_true(db_back_add(&back, 100, 200));
	assert_false(db_back_add(&back, 120, 200));
	assert_true(db_back_add(&back, 300, 400));
	assert_true(db_back_add(&back, 10, 20));
	assert_int_equal(back.spans, 3);
	assert_true(db_back_add(&back, 150, 350)); /* two become one */
	assert_int_equal(back.spans, 2);
	assert_int_equal(back.span[1].from_ms, 100);
	assert_int_equal(back.span[1].to_ms, 400);
	assert_true(db_back_has(&back, 10));
	assert_true(db_back_has(&back, 400));
	assert_false(db_back_has(&back, 60));
	assert_false(db_back_has(&back, 401));
}

/* More than there is room for: all of them are in one that is kept. */
static void test_many(void **state)
{
	struct db_back back = {.spans = 0}, read;
	struct sqlite3 *db = open_db();

	(void)state;
	for (int64_t i = 0; i < 3 * DB_BACK_SPANS; i++)
		assert_true(db_back_add(&back, 1700000000000 + i * 1000000,
					1700000000000 + i * 1000000 + 60000));
	assert_int_equal(back.spans, DB_BACK_SPANS);
	assert_int_equal(db_back_read(db, &read), 0);
	assert_int_equal(read.spans, 0);
	assert_int_equal(db_back_write(db, &back), 0);
	assert_int_equal(db_back_read(db, &read), 0);
	assert_int_equal(read.spans, back.spans);
	assert_memory_equal(read.span, back.span, DB_BACK_SPANS * sizeof(back.span[0]));
	for (int64_t i = 0; i < 3 * DB_BACK_SPANS; i++)
		assert_true(db_back_has(&read, 1700000000000 + i * 1000000));
	sqlite3_close(db);
}

/* What a successor does not know it reads from the ledger. */
static void test_turn(void **state)
{
	struct sqlite3 *db = open_db();
	struct sink_clock clock = {.known = false};
	struct db_back back;

	(void)state;
	assert_int_equal(sink_clock_turn(&clock, db, 600000), SQLITE_OK);
	assert_int_equal(sink_clock_turn(&clock, db, 660000), SQLITE_OK);
	assert_int_equal(db_back_read(db, &back), 0);
	assert_int_equal(back.spans, 0);
	assert_int_equal(sink_clock_turn(&clock, db, 300000), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO ledger VALUES (600000), (660000), (300000)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sink_clock_forget(&clock);
	assert_int_equal(sink_clock_turn(&clock, db, 360000), SQLITE_OK); /* within the span */
	assert_int_equal(sink_clock_turn(&clock, db, 720000), SQLITE_OK);
	assert_int_equal(db_back_read(db, &back), 0);
	assert_int_equal(back.spans, 1);
	assert_int_equal(back.span[0].from_ms, 300000);
	assert_int_equal(back.span[0].to_ms, 660000);
	sqlite3_exec(db, "DROP TABLE meta", NULL, NULL, NULL);
	assert_int_not_equal(sink_clock_turn(&clock, db, 60000), SQLITE_OK);
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
