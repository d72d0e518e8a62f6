/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_db_event.c: the kernel's events and counters, and the words that they name, through the sink
 * into the database and back.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "schema/db_event.h"
#include "schema/event.h"
#include "tests/random_flow.h"
#include "tests/sink_util.h"

#define ROUNDS 5000

static struct sqlite3 *db;
static struct sink *sink;
static struct sink_batch batch;

static int setup(void **state)
{
	int err = dir_setup(state);

	sink = open_sink(&db);
	return err;
}

static int teardown(void **state)
{
	sink->ops->free(sink);
	sink_batch_free(&batch);
	return dir_teardown(state);
}

static void random_event(struct event_record *event)
{
	memset(event, 0, sizeof(*event));
	random_key(&event->key);
	event->end_ms = (int64_t)random_below(1000);
	event->start_ms = event->end_ms - (int64_t)random_below(2000);
	event->packets = random_count();
	event->bytes = random_count();
	event->skbs = random_count();
	event->iface = (uint32_t)random_count();
	event->what = (uint8_t)random_below(EVENT_MAX);
	event->folded = (uint8_t)random_below(2);
	random_text(event->reason, sizeof(event->reason));
	random_text(event->place, sizeof(event->place));
	if (random_below(2))
		random_text(event->device, sizeof(event->device));
}

static int compare_events(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct event_record));
}

#define EVENT_SELECT "SELECT " DB_EVENT_COLUMNS " FROM " DB_EVENT_TABLES " ORDER BY event.id"

/* More words than are kept in memory, many events in a millisecond: what goes in comes out. */
static void test_events(void **state)
{
	struct event_record *out = calloc(ROUNDS, sizeof(*out));
	sqlite3_stmt *stmt;
	size_t n = 0;

	(void)state;
	assert_non_null(out);
	for (size_t i = 0; i < ROUNDS; i++) {
		struct event_record event;

		random_event(&event);
		assert_int_equal(sink_batch_add_event(&batch, &event), 0);
	}
	assert_write(sink, &batch);
	assert_int_equal(sqlite3_prepare_v2(db, EVENT_SELECT, -1, &stmt, NULL), 0);
	while (sqlite3_step(stmt) == SQLITE_ROW && n < ROUNDS)
		assert_int_equal(db_event_read(stmt, &out[n++]), 0);
	sqlite3_finalize(stmt);
	assert_int_equal(n, ROUNDS);
	qsort(batch.event, ROUNDS, sizeof(*out), compare_events);
	qsort(out, ROUNDS, sizeof(*out), compare_events);
	assert_memory_equal(batch.event, out, ROUNDS * sizeof(*out));
	free(out);
	assert_write(sink, &batch); /* the same once more: other ids, no new words */
	assert_int_equal(query_int(db, "SELECT count(*) FROM event"), 2 * ROUNDS);
	assert_int_equal(query_int(db, "SELECT count(*) - count(DISTINCT text) FROM word"), 0);
	assert_query_text(db, "PRAGMA integrity_check", "ok");
}

static struct event_record make_event(void)
{
	struct event_record event = {.start_ms = 1600000000000,
				     .end_ms = 1600000001000,
				     .packets = 1,
				     .what = EVENT_DROP};

	event.key.ethertype = ETH_P_IP;
	event.key.proto = 17;
	event.key.dport = htons(53);
	inet_pton(AF_INET, "192.0.2.1", event.key.src);
	strcpy(event.reason, "NO_SOCKET");
	strcpy(event.place, "__udp4_lib_rcv+0x1");
	return event;
}

static void write_event(const struct event_record *event)
{
	sink_batch_reset(&batch);
	exec_sql(db, "DELETE FROM event");
	assert_int_equal(sink_batch_add_event(&batch, event), 0);
	assert_write(sink, &batch);
}

static void test_event_view(void **state)
{
	struct event_record event = make_event();

	(void)state;
	exec_sql(db,
		 "INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, first_ms) "
		 "VALUES (1, 'eth0', 2, 0, 1, 1, 0)");
	write_event(&event);
	assert_query_text(
		db,
		"SELECT start || ' ' || end || ' ' || what || ' ' || quote(device) || ' ' || "
		"src || ' ' || dport || ' ' || reason || ' ' || place FROM event_text",
		"2020-09-13T12:26:40.000Z 2020-09-13T12:26:41.000Z drop NULL 192.0.2.1 53 "
		"NO_SOCKET __udp4_lib_rcv+0x1");
	event.iface = 1;
	event.what = EVENT_RESET_RECEIVED;
	write_event(&event);
	assert_query_text(db, "SELECT what || ' ' || device FROM event_text",
			  "reset-received eth0");
	strcpy(event.device, "veth1");
	write_event(&event);
	assert_query_text(db, "SELECT device FROM event_text", "veth1");
}

/* Where all numbers of a millisecond are taken: the next. */
static void test_full_millisecond(void **state)
{
	struct event_record event = make_event();

	(void)state;
	event.end_ms = 77;
	event.start_ms = 7;
	exec_sql(
		db,
		"INSERT INTO event SELECT (77 << 20) | 1048575, 0, 0, NULL, NULL, 0, 0, NULL, NULL, 0, "
		"NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 1, 1, 0");
	exec_sql(db,
		 "INSERT INTO event SELECT 78 << 20, 0, 0, NULL, NULL, 0, 0, NULL, NULL, 0, NULL, "
		 "NULL, NULL, NULL, NULL, NULL, NULL, 1, 1, 1, 0");
	assert_int_equal(sink_batch_add_event(&batch, &event), 0);
	assert_write(sink, &batch);
	assert_int_equal(
		query_int(db, "SELECT (id >> 20) - duration_ms FROM event WHERE duration_ms"), 7);
	assert_int_equal(query_int(db, "SELECT count(*) FROM event WHERE id >> 20 = 78"), 2);
}

static void test_wrong_events(void **state)
{
	static const char *const wrong[] = {
		"event SET what = 4",	   "event SET folded = 2", "event SET packets = 'x'",
		"event SET src = x'00'",   "event SET iface = -1", "event SET duration_ms = 'long'",
		"word SET text = x'0000'",
	};
	struct event_record event = make_event(), got = event;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char sql[128];
		sqlite3_stmt *stmt;

		write_event(&event);
		snprintf(sql, sizeof(sql), "UPDATE %s%s", wrong[i],
			 *wrong[i] == 'w' ? " WHERE text = 'NO_SOCKET'" : "");
		exec_sql(db, sql);
		assert_int_equal(sqlite3_prepare_v2(db, EVENT_SELECT, -1, &stmt, NULL), 0);
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		if (db_event_read(stmt, &got) != -EPROTO)
			fail_msg("%s: taken", wrong[i]);
		sqlite3_finalize(stmt);
	}
}

static void add_counter(const char *name, int64_t minute_ms, uint64_t value)
{
	struct counter_record counter = {.minute_ms = minute_ms, .value = value, .iface = 2};

	strcpy(counter.source, "ethtool");
	strcpy(counter.name, name);
	assert_int_equal(sink_batch_add_counter(&batch, &counter), 0);
}

/* Gains add up by minute, also within a batch; a sum beyond 2^63 stays an integer. */
static void test_counters(void **state)
{
	static const struct {
		const char *name;
		uint64_t value;
	} expected[] = {{"rx_missed", 6}, {"rx_huge", INT64_MAX}, {"rx_missed", 3}};
	struct counter_record got;
	sqlite3_stmt *stmt;

	(void)state;
	add_counter("rx_missed", 60000, 1);
	add_counter("rx_missed", 60000, 2);
	add_counter("rx_huge", 60000, INT64_MAX);
	assert_write(sink, &batch);
	add_counter("rx_missed", 120000, 3);
	assert_write(sink, &batch);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "SELECT " DB_COUNTER_COLUMNS " FROM " DB_COUNTER_TABLES
					    " ORDER BY minute_ms, name",
					    -1, &stmt, NULL),
			 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		assert_int_equal(db_counter_read(stmt, &got), 0);
		assert_string_equal(got.name, expected[i].name);
		assert_string_equal(got.source, "ethtool");
		assert_int_equal(got.value, expected[i].value);
		assert_int_equal(got.minute_ms, i < 2 ? 60000 : 120000);
		assert_int_equal(got.iface, 2);
	}
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	assert_query_text(
		db,
		"SELECT minute || ' ' || quote(iface) || ' ' || source || ' ' || name || ' ' || value "
		"FROM counter_text WHERE minute_ms = 120000",
		"1970-01-01T00:02Z NULL ethtool rx_missed 3");
}

/* Written with the batch that drained it, and left alone by one that did not. */
static void test_generation(void **state)
{
	int64_t value = 0;

	(void)state;
	assert_write(sink, &batch);
	assert_int_equal(db_meta_get_int(db, "event_generation", &value), -ENOENT);
	batch.event_generation = 5;
	assert_write(sink, &batch);
	batch.event_generation = 0;
	assert_write(sink, &batch);
	assert_int_equal(db_meta_get_int(db, "event_generation", &value), 0);
	assert_int_equal(value, 5);
}

/* Words of a batch that failed are not there: those of the next try are new, and found. */
static void test_rolled_back(void **state)
{
	struct event_record event = make_event();
	char error[SINK_ERROR_MAX], sql[64];

	(void)state;
	assert_write(sink, &batch);
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld",
		 (long long)query_int(db, "PRAGMA page_count") + 20);
	exec_sql(db, sql);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(sink_batch_add_event(&batch, &event), 0);
	batch.event_generation = 9;
	assert_int_equal(sink->ops->write(sink, &batch, error, sizeof(error)), -ENOSPC);
	assert_int_equal(query_int(db, "SELECT count(*) FROM word"), 0);
	assert_int_equal(query_int(db, "SELECT count(*) FROM event"), 0);
	exec_sql(db, "INSERT INTO word VALUES (1, 'another'), (2, 'one more')");
	exec_sql(db, "PRAGMA max_page_count = 1000000");
	assert_write(sink, &batch);
	assert_int_equal(query_int(db,
				   "SELECT count(*) FROM event_text WHERE reason = 'NO_SOCKET' AND "
				   "place = '__udp4_lib_rcv+0x1'"),
			 2000);
}

#define EVENT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EVENT_TEST(test_events),	   EVENT_TEST(test_event_view),
		EVENT_TEST(test_full_millisecond), EVENT_TEST(test_wrong_events),
		EVENT_TEST(test_counters),	   EVENT_TEST(test_generation),
		EVENT_TEST(test_rolled_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
