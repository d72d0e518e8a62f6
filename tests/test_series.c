/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_series.c: what the heaviest keys did in each interval, beside answers of each interval alone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "cli/group.h"
#include "cli/plan.h"
#include "cli/query.h"
#include "cli/series.h"
#include "schema/db.h"
#include "tests/plan_db.h"

/* Each interval beside an answer of that interval alone. */
static void check_series(const struct query_options *opts, const struct series_ask *ask)
{
	struct query query, one;
	struct series series;

	open_query(opts, &query);
	if (series_read(&query, ask, &series))
		fail_msg("%s", query.error);
	assert_true(series.intervals > 1 && series.keys == ask->plan.limit);
	for (size_t i = 0; i < series.intervals; i++) {
		struct query_options part = *opts;
		struct plan_ask plain = {
			.kind = ask->plan.kind, .by = ask->plan.by, .from = PLAN_RECORDS};
		int64_t start = series_ms(&series, i);
		struct plan plan;

		assert_int_equal(start % ask->per_ms, 0);
		part.since_ms = start > opts->since_ms ? start : opts->since_ms;
		part.until_ms =
			start + ask->per_ms < opts->until_ms ? start + ask->per_ms : opts->until_ms;
		open_query(&part, &one);
		read_plan(&one, &plain, &plan);
		assert_true(equal_sums(&series.total[i], &plan.group.total, false));
		for (size_t key = 0; key < series.keys; key++) {
			static const struct group_sums none;
			const struct group_entry *entry =
				find(&plan, &series.whole.group.entry[key].key);

			assert_true(equal_sums(&series_at(&series, key, i)->sums,
					       entry ? &entry->sums : &none, true));
		}
		plan_free(&plan);
		query_close(&one);
	}
	series_free(&series);
	query_close(&query);
}

static void test_series(void **state)
{
	struct query_options opts = options(make_db("series.db", SIZE_MAX));
	struct series_ask ask = {
		.plan = {.kind = group_kind_find("host"), .by = &group_metrics[0], .limit = 4},
		.per_ms = 15 * TALKER_MINUTE_MS,
	};

	(void)state;
	opts.since_ms = HOUR + 5000001;
	opts.until_ms = HOUR + SPAN - 12345;
	check_series(&opts, &ask);
	ask.per_ms = TALKER_HOUR_MS;
	ask.plan.kind = group_kind_find("port"); /* of records alone */
	check_series(&opts, &ask);
	opts = (struct query_options){
		.db = opts.db, .until_ms = INT64_MAX, .dir = -1, .stored = true};
	ask.plan.kind = group_kind_find("service");
	check_series(&opts, &ask);
}

static void test_series_limits(void **state)
{
	struct query_options opts = options(make_db("limits.db", SIZE_MAX));
	struct series_ask ask = {
		.plan = {.kind = group_kind_find("host"), .by = &group_metrics[0], .limit = 4},
		.per_ms = TALKER_MINUTE_MS,
	};
	struct series series;
	struct query query;
	struct sqlite3 *db;
	int64_t per_ms;

	(void)state;
	opts.since_ms = 1;
	open_query(&opts, &query);
	assert_int_equal(series_read(&query, &ask, &series), -E2BIG);
	assert_non_null(strstr(query.error, "intervals of 1 minutes in this window"));
	series_free(&series);
	query_close(&query);
	/* nobody knows of an hour what was in which minute of it */
	assert_int_equal(sqlite3_open(opts.db, &db), SQLITE_OK);
	exec_sql(db, "INSERT OR REPLACE INTO meta VALUES "
		     "('flow_since_ms', 1795280000000), ('minute_since_ms', 1795280000000)");
	sqlite3_close(db);
	opts.since_ms = HOUR + 1;
	open_query(&opts, &query);
	assert_int_equal(series_read(&query, &ask, &series), -ENODATA);
	assert_non_null(strstr(query.error, "only whole hours are left"));
	series_free(&series);
	query_close(&query);
	assert_int_equal(series_per("5m", &per_ms), 0);
	assert_int_equal(per_ms, 300000);
	assert_int_equal(series_per("2d", &per_ms), 0);
	assert_int_equal(series_per("7m", &per_ms), -EINVAL);
	assert_int_equal(series_per("30s", &per_ms), -EINVAL);
	assert_int_equal(series_per("25h", &per_ms), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_series),
		cmocka_unit_test(test_series_limits),
	};

	return cmocka_run_group_tests(tests, plan_setup, plan_teardown);
}
