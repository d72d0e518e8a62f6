/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_sink_retain.c: what leaves the database: by age, by size, where the disk is nearly full; in what
 * order, and in what steps; what stays whatever the limits say; and that the books go on.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flowd/sink_retain.h"
#include "tests/db_util.h"

#define MINUTE 60000LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NOW 1795327200000LL /* an hour's begin */
#define CHUNK_MOST 16384
#define STEPS_MOST 100000
#define DISK_LOW 1000000000LL

static struct sqlite3 *db;
static int lock_fd;
static struct sink_retain retain;
static int64_t now_ms;
static uint64_t mono_ns;
static int64_t disk_free;

static int64_t fake_now(void)
{
	return now_ms;
}

static uint64_t fake_mono(void)
{
	return mono_ns;
}

static int fake_disk(const char *path, int64_t limit, int64_t *ret_free, int64_t *ret_low)
{
	assert_non_null(path);
	*ret_free = disk_free;
	*ret_low = limit;
	return 0;
}

static int setup(void **state)
{
	struct db_error error;
	int err = dir_setup(state);

	now_ms = NOW;
	mono_ns = 1;
	disk_free = 10 * DISK_LOW;
	return err ? err : db_open_writer(in_dir("retain.db"), false, &db, &lock_fd, &error);
}

static int teardown(void **state)
{
	sink_retain_free(&retain);
	db_close(db, lock_fd);
	return dir_teardown(state);
}

static void begin(const struct db_retain_limits *limits)
{
	sink_retain_free(&retain);
	sink_retain_init(&retain, db, limits);
	retain.now_ms = fake_now;
	retain.mono_ns = fake_mono;
	retain.disk = fake_disk;
}

/* All steps that are due; how many there were. */
static int run_steps(void)
{
	enum sink_retain_more more;
	int steps = 0;

	do {
		uint64_t rows;

		more = sink_retain_step(&retain, &rows);
		assert_string_equal(retain.stats.error, "");
		assert_true(++steps < STEPS_MOST);
	} while (more != SINK_RETAIN_DONE);
	return steps;
}

static int64_t count(const char *table)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return query_int(db, sql);
}

static int64_t meta(const char *key)
{
	int64_t value = -1;

	(void)db_meta_get_int(db, key, &value);
	return value;
}

static void set_rolled(int64_t ms)
{
	assert_int_equal(db_meta_set_int(db, "rollup_minute_ms", ms), 0);
	assert_int_equal(db_meta_set_int(db, "rollup_hour_ms", ms), 0);
}

/* So many records, one each gap_ms from a time on; each with a row beside it, and an event. */
static void add_records(int64_t from_ms, int64_t gap_ms, int64_t records)
{
	static const char *const inserts[] = {
		"INSERT INTO flow SELECT id, 100, 1, 0, NULL, 6, 167772161 + n % 65536, "
		"167838209 + n % 9999, 40000, 443, 10, 5000, 0, 8, 4000, 0, 27 FROM new",
		"INSERT INTO flow_rtt (flow, handshake_us) SELECT id, 1 FROM new",
		"INSERT INTO flow_tunnel SELECT id, 3, 1, 1, 1, 2 FROM new WHERE n % 10 = 0",
		"INSERT INTO event (id, duration_ms, what, dir, marks, packets, bytes, skbs, folded) "
		"SELECT id, 1, 0, 0, 0, 1, 1, 1, 0 FROM new WHERE n % 5 = 0",
	};

	for (size_t i = 0; i < sizeof(inserts) / sizeof(inserts[0]); i++) {
		char sql[512];

		snprintf(sql, sizeof(sql),
			 "WITH RECURSIVE new (n, id) AS (SELECT 0, %lld << 20 UNION ALL "
			 "SELECT n + 1, (%lld + (n + 1) * %lld << 20) + n + 1 FROM new "
			 "WHERE n < %lld) %s",
			 (long long)from_ms, (long long)from_ms, (long long)gap_ms,
			 (long long)records - 1, inserts[i]);
		exec_sql(db, sql);
	}
}

/* In each bucket so many keys, and a row of what is left. */
static void add_sums(const char *table, int64_t from_ms, int64_t gap_ms, int64_t buckets,
		     int64_t keys)
{
	char sql[768];

	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE b (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM b WHERE n < %lld), "
		 "k (r) AS (SELECT 1 UNION ALL SELECT r + 1 FROM k WHERE r < %lld) "
		 "INSERT INTO %s (id, src, flows, packets, bytes) SELECT "
		 "((%lld + n * %lld) / 60000 << 28) + r, r, 7, 70, 7000 FROM b, k ORDER BY 1;"
		 "WITH RECURSIVE b (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM b WHERE n < %lld) "
		 "INSERT INTO %s_tail SELECT ((%lld + n * %lld) / 60000 << 4), 1, 0, 0, 0, 0, 0, "
		 "1, 1, 1, 1, 1 FROM b",
		 (long long)buckets - 1, (long long)keys, table, (long long)from_ms,
		 (long long)gap_ms, (long long)buckets - 1, table, (long long)from_ms,
		 (long long)gap_ms);
	exec_sql(db, sql);
}

/* A minute's row each gap_ms: so much seen, half of it recorded a row later. */
static void add_ledger(int64_t from_ms, int64_t gap_ms, int64_t rows)
{
	for (int64_t i = 0; i < rows; i++) {
		char sql[512];

		snprintf(
			sql, sizeof(sql),
			"INSERT INTO ledger (minute_ms, iface, dir, seen_packets, seen_bytes, "
			"recorded_packets, recorded_bytes, held_packets, held_bytes, short_packets, "
			"short_bytes, deep_packets, deep_bytes, folded_packets, folded_bytes, "
			"catchall_packets, catchall_bytes, unaccounted_packets, unaccounted_bytes, "
			"nic_packets, nic_bytes) VALUES (%lld, 1, %d, 10, 100, %d, %d, 5, 50, 1, 2, "
			"0, 0, 3, 4, 0, 0, 0, 0, 12, %s)",
			(long long)(from_ms + i * gap_ms), 1, i ? 10 : 5, i ? 100 : 50,
			i % 2 ? "120" : "NULL");
		exec_sql(db, sql);
	}
}

static void test_age(void **state)
{
	const struct db_retain_limits limits = {.age_ms = {7 * DAY, 30 * DAY, 60 * DAY}};
	int64_t cut = NOW - 7 * DAY;

	(void)state;
	add_records(NOW - 8 * DAY, 2 * MINUTE, 8 * 24 * 30);
	add_sums("talker_minute", NOW - 40 * DAY, HOUR, 40 * 24, 3);
	add_sums("talker_hour", NOW - 70 * DAY, HOUR, 70 * 24, 2);
	add_ledger(NOW - 61 * DAY, HOUR, 61 * 24);
	set_rolled(NOW);
	begin(&limits);
	run_steps();
	assert_int_equal(query_int(db, "SELECT min(id) >> 20 FROM flow"), cut);
	assert_int_equal(count("flow"), 7 * 24 * 30);
	assert_int_equal(count("flow_rtt"), 7 * 24 * 30);
	assert_int_equal(count("flow_tunnel"), 7 * 24 * 3);
	assert_int_equal(count("event"), 7 * 24 * 6);
	assert_int_equal(count("talker_minute"), 30 * 24 * 3);
	assert_int_equal(count("talker_minute_tail"), 30 * 24);
	assert_int_equal(count("talker_hour"), 60 * 24 * 2);
	assert_int_equal(count("talker_hour_tail"), 60 * 24);
	assert_int_equal(query_int(db, "SELECT min(minute_ms) FROM ledger"), NOW - 60 * DAY);
	assert_int_equal(meta("flow_since_ms"), cut);
	assert_int_equal(meta("minute_since_ms"), NOW - 30 * DAY);
	assert_int_equal(meta("hour_since_ms"), NOW - 60 * DAY);
	assert_int_equal(retain.stats.since_ms[0], cut);
	assert_int_equal(meta("retain_minute_ms"), 30 * DAY);
	assert_true(meta("commit") > 0);
	/* and there is no more to do */
	assert_int_equal(run_steps(), 1);
}

/* A step is a chunk where it has no time; what is there after each is whole. */
static void test_steps(void **state)
{
	const struct db_retain_limits limits = {.age_ms = {DAY, 0, 0}};
	int steps = 0;
	uint64_t rows = 0, total = 0;

	(void)state;
	add_records(NOW - 2 * DAY, 1, 100000);
	add_records(NOW, 1, 10);
	set_rolled(NOW);
	begin(&limits);
	retain.step_us[0] = retain.step_us[1] = 0;
	while (sink_retain_step(&retain, &rows) != SINK_RETAIN_DONE) {
		int64_t left = count("flow");

		total += rows;
		steps++;
		assert_true(rows <= 2 * CHUNK_MOST); /* records, and events apart */
		assert_int_equal(left, count("flow_rtt"));
		assert_int_equal(query_int(db, "SELECT count(*) FROM flow_tunnel WHERE flow NOT IN "
					       "(SELECT id FROM flow)"),
				 0);
		assert_true(meta("flow_since_ms") <=
			    query_int(db, "SELECT min(id) >> 20 FROM flow") + 1);
		if (left > 10)
			assert_true(query_int(db, "SELECT min(id) FROM event") >=
				    query_int(db, "SELECT min(id) FROM flow") - 5 * (1 << 20));
	}
	assert_true(steps >= 100000 / CHUNK_MOST);
	assert_int_equal(total, 100000 + 20000);
	assert_int_equal(count("flow"), 10);
	assert_int_equal(meta("flow_since_ms"), NOW - DAY);
}

/* Records whose sums are not written yet stay, by age and by size. */
static void test_rolled(void **state)
{
	const struct db_retain_limits limits = {.age_ms = {MINUTE, 0, 0}, .size_bytes = 1 << 20};

	(void)state;
	add_records(NOW - 3 * HOUR, 100, 3 * 36000);
	begin(&(struct db_retain_limits){.size_bytes = 0});
	assert_int_equal(run_steps(), 1); /* no limits: nothing is done */
	begin(&limits);
	run_steps();
	assert_int_equal(count("flow"), 3 * 36000);
	assert_true(retain.stats.stuck);
	set_rolled(NOW - HOUR);
	run_steps();
	assert_int_equal(count("flow"), 36000);
	assert_int_equal(meta("flow_since_ms"), NOW - HOUR);
	set_rolled(NOW);
	run_steps();
	assert_int_equal(query_int(db, "SELECT min(id) >> 20 FROM flow"), NOW - MINUTE);
}

static int64_t used(void)
{
	struct db_retain_room room;

	assert_int_equal(db_retain_room(db, &room), 0);
	return (room.pages - room.pages_free) * room.page_bytes;
}

static int64_t oldest_hour(const char *table)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "SELECT (min(id) >> 28) * 60000 FROM %s", table);
	return (query_int(db, sql) - NOW) / HOUR;
}

static void shrink_by(int64_t bytes)
{
	int64_t most = used() - bytes;

	begin(&(struct db_retain_limits){.age_ms = {10 * DAY, 100 * DAY, 0}, .size_bytes = most});
	run_steps();
	exec_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	run_steps();
	assert_in_range(used(), 1 << 20, most);
	assert_true(query_int(db, "PRAGMA page_count") * 4096 <= most);
}

/* Minutes go first, then hours, then all by its share; and the file is as small as it is to be. */
static void test_size(void **state)
{
	(void)state;
	add_records(NOW - 9 * DAY, 9 * DAY / 150000, 150000);
	add_sums("talker_minute", NOW - 90 * DAY, HOUR, 90 * 24, 200);
	add_sums("talker_hour", NOW - 90 * DAY, HOUR, 90 * 24, 200);
	set_rolled(NOW);
	exec_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	/* how far beyond each limit a step goes follows from how fast the disk is */
	for (; count("flow") == 150000; shrink_by(1 << 20)) {
		if (oldest_hour("talker_minute") < -24)
			assert_int_equal(oldest_hour("talker_hour"), -90 * 24);
	}
	assert_int_equal(oldest_hour("talker_minute"), -24);
	assert_int_equal(oldest_hour("talker_hour"), -30 * 24);
	assert_true(meta("flow_since_ms") > 0);
	assert_in_range(count("flow"), 15000, 149999);
	assert_query_text(db, "PRAGMA integrity_check", "ok");
}

/* A file that cannot shrink is filled again. */
static void test_reuse(void **state)
{
	const struct db_retain_limits limits = {.age_ms = {DAY, 0, 0}};
	int64_t pages;

	(void)state;
	exec_sql(db, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM");
	exec_sql(db, "PRAGMA journal_mode = WAL");
	add_records(NOW - 3 * DAY, 1, 200000);
	set_rolled(NOW);
	pages = query_int(db, "PRAGMA page_count");
	begin(&limits);
	run_steps();
	assert_int_equal(retain.stats.pages, 0);
	assert_int_equal(count("flow"), 0);
	assert_int_equal(query_int(db, "PRAGMA page_count"), pages);
	add_records(NOW - MINUTE, 1, 150000);
	assert_int_equal(query_int(db, "PRAGMA page_count"), pages);
}

/* As much room is made in the file as is missing beside it, once; and there is an end to it. */
static void test_disk(void **state)
{
	const struct db_retain_limits limits = {.age_ms = {7 * DAY, 0, 0}, .free_bytes = DISK_LOW};
	int64_t rows;

	(void)state;
	add_records(NOW - DAY, 100, 200000);
	set_rolled(NOW);
	begin(&limits);
	run_steps();
	assert_false(retain.stats.disk_low);
	assert_int_equal(count("flow"), 200000);
	disk_free = DISK_LOW - (4 << 20);
	run_steps();
	rows = count("flow");
	assert_true(retain.stats.disk_low);
	assert_true(rows < 200000 && rows > 1000);
	assert_true(query_int(db, "PRAGMA freelist_count") * 4096 >= 4 << 20);
	assert_true(meta("flow_since_ms") > NOW - DAY);
	run_steps();
	assert_int_equal(count("flow"), rows);
	assert_int_equal(retain.stats.pages, 0); /* others would take them */
	disk_free = DISK_LOW;
	run_steps();
	assert_false(retain.stats.disk_low);
	assert_int_equal(count("flow"), rows);
}

/* Nothing goes by a clock that jumps, but some hours; nothing by one that is behind. */
static void test_clock(void **state)
{
	const struct db_retain_limits limits = {.age_ms = {7 * DAY, 0, 0}};

	(void)state;
	add_records(NOW - 7 * DAY, MINUTE, 7 * 24 * 60);
	set_rolled(NOW);
	begin(&limits);
	run_steps();
	now_ms = NOW + 365 * DAY;
	for (int minute = 0; minute < 5; minute++) {
		mono_ns += MINUTE * 1000000;
		now_ms += MINUTE;
		run_steps();
	}
	assert_int_equal(retain.stats.clock, 1);
	assert_in_range(count("flow"), (7 * 24 - 6) * 60, (7 * 24 - 4) * 60);
	now_ms = NOW - 3650 * DAY;
	run_steps();
	assert_int_equal(retain.stats.clock, -1);
	assert_in_range(count("flow"), (7 * 24 - 6) * 60, (7 * 24 - 4) * 60);
	/* the next flowd knows as much */
	now_ms = NOW + 365 * DAY;
	begin(&limits);
	run_steps();
	assert_int_equal(retain.stats.clock, 1);
	assert_in_range(count("flow"), (7 * 24 - 6) * 60, (7 * 24 - 4) * 60);
}

/* Rows of a time to come: no age, but the first to go for the size; not by a clock that was set back. */
static void test_future(void **state)
{
	struct db_retain_limits limits = {.age_ms = {7 * DAY, 0, 0}};
	int64_t past;

	(void)state;
	add_records(NOW - DAY, 100, 60000);
	add_records(NOW + 700 * DAY, 100, 60000);
	set_rolled(NOW);
	begin(&limits);
	run_steps();
	assert_int_equal(count("flow"), 120000);
	limits.size_bytes = used() - (2 << 20);
	begin(&limits);
	now_ms = NOW - 3 * DAY;
	retain.clock.trusted_ms = NOW;
	run_steps();
	past = query_int(db, "SELECT count(*) FROM flow WHERE id >> 20 < 1795327200000");
	assert_int_equal(count("flow") - past, 60000); /* by a clock like that the oldest alone */
	now_ms = NOW;
	limits.size_bytes = used() - (2 << 20);
	begin(&limits);
	run_steps();
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow WHERE id >> 20 < 1795327200000"),
			 past);
	assert_in_range(count("flow") - past, 1, 59000);
	assert_int_equal(count("flow"), count("flow_rtt"));
}

/* What the ledger said is in one row, and what remains begins where that ends. */
static void test_books(void **state)
{
	const struct db_retain_limits limits = {.age_ms = {0, 0, HOUR}};

	(void)state;
	exec_sql(db,
		 "INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, first_ms) "
		 "VALUES (1, 'a', 1, 1, 1, 7, 1)");
	add_ledger(NOW - 5 * HOUR, 10 * MINUTE, 31);
	begin(&limits);
	run_steps();
	assert_int_equal(count("ledger"), 7);
	assert_int_equal(count("ledger_past"), 1);
	assert_int_equal(query_int(db, "SELECT seen_packets FROM ledger_past"), 240);
	assert_int_equal(query_int(db, "SELECT recorded_bytes FROM ledger_past"), 2350);
	assert_int_equal(query_int(db, "SELECT held_packets FROM ledger_past"), 5);
	assert_int_equal(query_int(db, "SELECT folded_bytes FROM ledger_past"), 96);
	assert_int_equal(query_int(db, "SELECT nic_more_packets FROM ledger_past"), 48);
	assert_int_equal(query_int(db, "SELECT nic_more_bytes FROM ledger_past"), 240);
	assert_int_equal(query_int(db, "SELECT minute_ms FROM ledger_past"), NOW - 70 * MINUTE);
	now_ms += HOUR;
	mono_ns += HOUR * 1000000;
	run_steps();
	assert_int_equal(count("ledger"), 1);
	assert_int_equal(query_int(db, "SELECT seen_packets FROM ledger_past"), 300);
	assert_int_equal(query_int(db, "SELECT minute_ms FROM ledger_past"), NOW - 10 * MINUTE);
	assert_int_equal(meta("hour_since_ms"), NOW);
}

/* An interface goes with the last row that may name it, one of the maps in use never. */
static void test_interfaces(void **state)
{
	const struct db_retain_limits limits = {.age_ms = {DAY, 0, 0}};

	(void)state;
	exec_sql(db,
		 "INSERT INTO meta VALUES ('generation', 9);"
		 "INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, first_ms, "
		 "last_ms) VALUES (1, 'a', 1, 1, 1, 7, 1, 1795327200000 - 5 * 86400000), "
		 "(2, 'b', 2, 1, 2, 9, 1, 1795327200000 - 5 * 86400000), "
		 "(3, 'c', 2, 1, 2, 8, 1, 1795327200000 - 3600000), (4, 'd', 2, 1, 2, 8, 1, NULL);"
		 "INSERT INTO books_sum (iface, dir, seen_packets, seen_bytes, recorded_packets, "
		 "recorded_bytes) SELECT id, 1, 0, 0, 0, 0 FROM interface");
	add_records(NOW - 6 * DAY, HOUR, 10);
	add_records(NOW - HOUR, MINUTE, 10);
	set_rolled(NOW);
	begin(&limits);
	run_steps();
	assert_query_text(db, "SELECT group_concat(name, '') FROM interface", "bcd");
	assert_query_text(db, "SELECT group_concat(iface, '') FROM books_sum", "234");
	assert_int_equal(query_int(db, "SELECT last_ms FROM interface WHERE id = 4"), NOW);
	now_ms += 3 * DAY;
	mono_ns += 3 * DAY * 1000000;
	run_steps();
	run_steps();
	mono_ns += HOUR * 1000000;
	now_ms += HOUR;
	run_steps();
	assert_query_text(db, "SELECT group_concat(name, '') FROM interface", "b");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_age),	  CASE(test_steps),	 CASE(test_rolled), CASE(test_size),
		CASE(test_reuse), CASE(test_disk),	 CASE(test_clock),  CASE(test_future),
		CASE(test_books), CASE(test_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
