/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_plan.c: answers from sums of minutes and hours beside the same from records: the same entry by
 * entry, of any window, kind and metric; and where the sums left keys out, within the bound that is said.
 */
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
#include "schema/db.h"
#include "tests/fake_flowd.h"
#include "tests/plan_db.h"

/* Which snapshot it is cannot be told then: nothing is read from pages. */
static bool by_sqlite;

static void assert_equal(const struct plan_ask *ask, const struct plan *got,
			 const struct plan *want)
{
	size_t all = want->group.used, count = ask->limit && ask->limit < all ? ask->limit : all;
	char text[2][128];

	assert_int_equal(got->group.used, count);
	for (size_t i = 0; i < count; i++) {
		const struct group_entry *a = &got->group.entry[i], *b = &want->group.entry[i];

		ask->kind->text(&a->key, text[0], sizeof(text[0]));
		ask->kind->text(&b->key, text[1], sizeof(text[1]));
		if (memcmp(&a->key, &b->key, sizeof(a->key)) != 0)
			fail_msg("%s by %s: row %zu: '%s' is not '%s'", ask->kind->name,
				 ask->by->name, i, text[0], text[1]);
		if (!equal_sums(&a->sums, &b->sums, true) || a->lacks)
			fail_msg("%s by %s: row %zu: '%s': %llu flows %llu bytes, not %llu %llu",
				 ask->kind->name, ask->by->name, i, text[0],
				 (unsigned long long)a->sums.flows,
				 (unsigned long long)a->sums.bytes,
				 (unsigned long long)b->sums.flows,
				 (unsigned long long)b->sums.bytes);
	}
	assert_true(equal_sums(&got->group.total, &want->group.total, false));
}

/* A window whose ends are ragged, or whole minutes, or hours; or open. */
static void random_window(struct query_options *opts)
{
	static const int64_t units[] = {1, 1, TALKER_MINUTE_MS, TALKER_HOUR_MS};
	int64_t since = HOUR + (int64_t)random_below(SPAN + TALKER_HOUR_MS);
	int64_t until = since + 1 + (int64_t)random_below(random_below(2) ? SPAN : 200000);

	since -= since % units[random_below(COUNT(units))];
	until += units[random_below(COUNT(units))];
	opts->since_ms = random_below(8) ? since : 0;
	opts->until_ms =
		random_below(4) ? until - until % units[random_below(COUNT(units))] : INT64_MAX;
	if (opts->until_ms <= opts->since_ms)
		opts->until_ms = opts->since_ms + 1;
}

/* By records, and by sums where these can: the same. Returns whether they could. */
static bool compare(const struct query_options *opts, const struct plan_ask *ask)
{
	struct plan_ask by_records = *ask;
	struct plan got, want;
	struct query query;
	bool rollups;

	by_records.from = PLAN_RECORDS;
	by_records.limit = 0;
	open_query(opts, &query);
	read_plan(&query, &by_records, &want);
	assert_true(query.mark.known);
	query.mark.known = !by_sqlite;
	read_plan(&query, ask, &got);
	rollups = got.rollups;
	assert_false(got.has_tail);
	assert_equal(ask, &got, &want);
	plan_free(&got);
	plan_free(&want);
	query_close(&query);
	return rollups;
}

static const struct group_kind *kind_of(int number)
{
	return group_kind_find(talker_kind_name[number]);
}

static size_t compare_windows(struct query_options *opts, int windows)
{
	size_t rollups = 0;

	for (int i = 0; i < windows; i++) {
		random_window(opts);
		for (int kind = 0; kind < TALKER_KINDS; kind++) {
			struct plan_ask ask = {
				.kind = kind_of(kind),
				.by = &group_metrics[random_below(7)],
				.events = random_below(2) ? 1U << EVENT_DROP : 0,
				.limit = random_below(2) ? 1 + random_below(30) : 0,
			};

			rollups += compare(opts, &ask);
		}
	}
	return rollups;
}

static void test_same(void **state)
{
	struct query_options opts = options(make_db("same.db", SIZE_MAX));

	(void)state;
	assert_true(compare_windows(&opts, WINDOWS) > WINDOWS);
}

/* Where pages cannot be read SQLite gives the same, and says what is wrong with a row. */
static void test_sqlite(void **state)
{
	const char *path = make_db("sqlite.db", SIZE_MAX);
	struct query_options opts = options(path);
	struct plan_ask ask = {.kind = kind_of(TALKER_PAIR), .by = &group_metrics[0]};
	struct sqlite3 *db;
	struct query query;
	struct plan plan;

	(void)state;
	by_sqlite = true;
	assert_true(compare_windows(&opts, WINDOWS) > WINDOWS);
	by_sqlite = false;
	opts = options(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	exec_sql(db, "UPDATE talker_hour SET packets = 'many' WHERE id = (SELECT max(id) FROM "
		     "talker_hour WHERE id >> 24 & 15 = 1)");
	sqlite3_close(db);
	for (int limit = 0; limit < 2; limit++) { /* the pages refuse it, and SQLite is asked */
		ask.limit = (uint64_t)limit * 100000;
		open_query(&opts, &query);
		assert_int_equal(plan_read(&query, &ask, &plan), -EPROTO);
		assert_non_null(strstr(query.error, "sqlite.db: talker_hour "));
		assert_non_null(strstr(query.error, ": a value of the wrong type"));
		plan_free(&plan);
		query_close(&query);
	}
}

/* Records that flowd holds count once, also those that are older than the sums are. */
static void test_live(void **state)
{
	const char *path = make_db("live.db", SIZE_MAX);
	char socket[128];
	struct query_options opts = options(path);
	struct fake_flowd fake = {
		.head = {.records = LIVE, .sweep = SWEEP, .now_ms = HOUR + SPAN},
		.records = live,
		.db = path,
	};
	pid_t pid;

	(void)state;
	snprintf(socket, sizeof(socket), "%s/s", dir);
	opts.stored = false;
	opts.socket = socket;
	pid = fake_start(&fake, socket);
	assert_true(compare_windows(&opts, 10) > 10);
	fake_stop(pid, socket);
}

/* Rows of the keys that the heaviest are picked from are more than are read again one by one. */
static void test_iface(void **state)
{
	static const char *const eth0[] = {"eth0"};
	struct query_options opts = options(make_db("iface.db", SIZE_MAX));
	struct plan_ask ask = {.kind = group_kind_find("iface"), .by = &group_metrics[0]};
	struct query query;
	struct plan plan;

	(void)state;
	opts.ifaces = eth0;
	opts.iface_count = 1;
	assert_true(compare(&opts, &ask));
	ask.kind = group_kind_find("host");
	assert_false(compare(&opts, &ask));
	ask.from = PLAN_ROLLUPS;
	open_query(&opts, &query);
	assert_int_equal(plan_read(&query, &ask, &plan), -EINVAL);
	assert_non_null(strstr(query.error, "--from rollups: sums of minutes and hours are of all "
					    "interfaces together (--iface)"));
	plan_free(&plan);
	query_close(&query);
}

/* What the sums left out is in the total, and no entry lacks more than it says. */
static void check_bounds(const struct query_options *opts, const struct plan_ask *ask)
{
	struct plan_ask by_records = *ask;
	struct plan got, want;
	struct query query;
	uint64_t sum = 0;

	by_records.from = PLAN_RECORDS;
	open_query(opts, &query);
	read_plan(&query, ask, &got);
	read_plan(&query, &by_records, &want);
	assert_true(equal_sums(&got.group.total, &want.group.total, false));
	for (size_t i = 0; i < want.group.used; i++) {
		const struct group_entry *entry = &want.group.entry[i], *known;
		uint64_t value = group_value(&entry->sums, ask->by), lacks = got.lacks, has = 0;

		known = find(&got, &entry->key);
		if (known) {
			has = group_value(&known->sums, ask->by);
			lacks = known->lacks;
		}
		sum += has;
		assert_true(has <= value);
		assert_true(value - has <= lacks);
	}
	if (strcmp(ask->kind->name, "host") != 0)
		assert_int_equal(sum + group_value(&got.tail, ask->by),
				 group_value(&got.group.total, ask->by));
	plan_free(&got);
	plan_free(&want);
	query_close(&query);
}

static void test_bounds(void **state)
{
	struct query_options opts = options(make_db("bounds.db", 5));
	struct plan_ask ask = {.from = PLAN_ROLLUPS};
	struct query query;
	struct plan plan;

	(void)state;
	opts.until_ms = HOUR + 5 * TALKER_HOUR_MS + 100001;
	for (int kind = 0; kind < TALKER_KINDS; kind++) {
		for (int by = 0; by < 5; by++) {
			ask.kind = kind_of(kind);
			ask.by = &group_metrics[by];
			check_bounds(&opts, &ask);
		}
	}
	ask.from = PLAN_AUTO;
	for (int i = 0; i < WINDOWS; i++) {
		random_window(&opts);
		ask.kind = kind_of((int)random_below(TALKER_KINDS));
		ask.by = &group_metrics[random_below(5)];
		check_bounds(&opts, &ask);
	}
	opts = options(opts.db);
	ask = (struct plan_ask){.kind = kind_of(TALKER_HOST), .by = &group_metrics[0], .limit = 3};
	open_query(&opts, &query);
	read_plan(&query, &ask, &plan);
	assert_true(plan.has_tail && plan.tail_keys && plan.tail.bytes && plan.lacks);
	plan_free(&plan);
	query_close(&query);
}

/* --- windows -------------------------------------------------------------------------------------- */

#define MINUTES(n) ((n)*TALKER_MINUTE_MS)

static void assert_window(const struct plan_have *have, int64_t since, int64_t until,
			  const char *want)
{
	struct plan_window window;
	char text[128];
	size_t len = 0;

	plan_window_of(have, since, until, &window);
	for (int i = 0; i <= PLAN_PARTS; i++) {
		if (i)
			assert_true(window.at[i] >= window.at[i - 1]);
		if (window.at[i] == INT64_MAX)
			len += (size_t)snprintf(text + len, sizeof(text) - len, " end");
		else
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%g",
						i ? " " : "",
						(double)window.at[i] / TALKER_MINUTE_MS);
	}
	assert_string_equal(text, want);
}

static void test_window(void **state)
{
	struct plan_have have = {.minute_until_ms = MINUTES(250), .hour_until_ms = MINUTES(240)};

	(void)state;
	assert_window(&have, MINUTES(10) + 30000, MINUTES(200) + 6000, "10.5 11 60 180 200 200.1");
	assert_window(&have, MINUTES(60), MINUTES(120), "60 60 60 120 120 120");
	assert_window(&have, 0, INT64_MAX, "0 0 0 240 250 end");
	assert_window(&have, MINUTES(61), MINUTES(62), "61 61 61 61 62 62");
	assert_window(&have, MINUTES(61) + 600, MINUTES(62) + 600,
		      "61.01 61.01 61.01 61.01 61.01 62.01");
	assert_window(&have, MINUTES(300), MINUTES(400), "300 300 300 300 300 400");
	/* records are gone, then minutes too: the window grows to what there is */
	have.record_since_ms = MINUTES(230);
	assert_window(&have, MINUTES(10) + 30000, MINUTES(200) + 6000, "10 10 60 180 201 201");
	assert_window(&have, MINUTES(61) + 600, MINUTES(61) + 900, "61 61 61 61 62 62");
	have.minute_since_ms = MINUTES(190);
	assert_window(&have, MINUTES(10) + 30000, MINUTES(200) + 6000, "0 0 0 240 240 240");
	assert_window(&have, MINUTES(10), MINUTES(232) + 6000, "0 0 0 240 240 240");
	have.minute_since_ms = MINUTES(180);
	assert_window(&have, MINUTES(10) + 30000, MINUTES(200) + 6000, "0 0 0 180 201 201");
	have.hour_since_ms = MINUTES(120);
	assert_window(&have, 0, MINUTES(200), "120 120 120 180 200 200");
	assert_window(&have, MINUTES(10), MINUTES(20), "120 120 120 120 120 120");
	/* no sums at all */
	have = (struct plan_have){.record_since_ms = MINUTES(100)};
	assert_window(&have, MINUTES(10), INT64_MAX, "100 100 100 100 100 end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window), cmocka_unit_test(test_same),
		cmocka_unit_test(test_sqlite), cmocka_unit_test(test_live),
		cmocka_unit_test(test_iface),  cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, plan_setup, plan_teardown);
}
