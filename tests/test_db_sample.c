/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_db_sample.c: sampled packets through the sink into the database and back, their order, and rows
 * that no sink has written.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "schema/db_sample.h"
#include "tests/random_flow.h"
#include "tests/sink_util.h"

#define ROUNDS 3000

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

/* Of none, of the most, or any between, mostly few. */
static uint32_t random_captured(void)
{
	switch (random_below(16)) {
	case 0:
		return 0;
	case 1:
		return SAMPLE_SNAPLEN_MAX;
	case 2:
		return (uint32_t)random_below(SAMPLE_SNAPLEN_MAX);
	default:
		return (uint32_t)random_below(SAMPLE_SNAPLEN);
	}
}

static void random_sample(struct sample_record *sample)
{
	static uint8_t frame[SAMPLE_SNAPLEN_MAX];

	memset(sample, 0, sizeof(*sample));
	random_key(&sample->key);
	sample->key.tunnel_kind = (uint8_t)(random_below(3) ? 0 : random_below(FLOW_TUNNEL_MAX));
	sample->key.tunnel_id = sample->key.tunnel_kind ? (uint32_t)random_u64() : 0;
	sample->time_ns = 1700000000000000000 + (int64_t)random_below(1ULL << 40);
	sample->iface = (uint32_t)random_count();
	sample->link = random_below(2) ? 1 : 101;
	sample->captured = random_captured();
	sample->length = sample->captured + (uint32_t)random_below(100000);
	sample->packets = 1 + (uint32_t)random_count();
	sample->rate = (uint32_t)random_count();
	sample->why = (uint32_t)random_below(2 * SAMPLE_DROP);
	sample->gso_size = (uint32_t)random_count();
	random_text(sample->reason, sizeof(sample->reason));
	random_text(sample->place, sizeof(sample->place));
	if (random_below(2))
		random_text(sample->device, sizeof(sample->device));
	for (size_t i = 0; i < sample->captured; i += 8)
		memcpy(frame + i, &(uint64_t){random_u64()}, 8);
	sample->frame = frame;
}

static int compare_time(const void *a, const void *b)
{
	const struct sample_record *x = a, *y = b;

	return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

static void assert_same(const struct sample_record *a, const struct sample_record *b)
{
	struct sample_record x = *a, y = *b;

	assert_int_equal(x.captured, y.captured);
	assert_memory_equal(x.frame, y.frame, x.captured);
	x.frame = y.frame = NULL;
	assert_memory_equal(&x, &y, sizeof(x));
}

/* What goes in comes out, by time, each field of it; the sum of what it takes is kept. */
static void test_round_trip(void **state)
{
	struct sample_record *sorted = calloc(ROUNDS, sizeof(*sorted));
	struct sample_record got;
	struct db_samples samples;
	int64_t bytes = 0;

	(void)state;
	assert_non_null(sorted);
	for (size_t i = 0; i < ROUNDS; i++) {
		struct sample_record sample;

		random_sample(&sample);
		assert_int_equal(sink_batch_add_sample(&batch, &sample), 0);
		bytes += db_sample_bytes(sample.captured);
	}
	batch.sample_pos = 77;
	assert_write(sink, &batch);
	memcpy(sorted, batch.sample, ROUNDS * sizeof(*sorted));
	qsort(sorted, ROUNDS, sizeof(*sorted), compare_time);
	assert_int_equal(db_samples_open(db, INT64_MIN, INT64_MAX, 0, &samples), 0);
	for (size_t i = 0; i < ROUNDS; i++) {
		assert_int_equal(db_samples_next(&samples, &got), 1);
		assert_int_equal(samples.id, got.time_ns);
		assert_same(&got, &sorted[i]);
	}
	assert_int_equal(db_samples_next(&samples, &got), 0);
	db_samples_close(&samples);
	assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'sample_bytes'"), bytes);
	assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'sample_pos'"), 77);
	assert_query_text(db, "PRAGMA integrity_check", "ok");
	free(sorted);
}

static struct sample_record make_sample(int64_t time_ns)
{
	static const uint8_t frame[64] = {0x02, 0x42};
	struct sample_record sample = {.time_ns = time_ns,
				       .link = 1,
				       .length = 1514,
				       .captured = sizeof(frame),
				       .packets = 1,
				       .rate = 1000,
				       .why = SAMPLE_RATE,
				       .frame = frame};

	sample.key.ethertype = ETH_P_IP;
	sample.key.proto = 6;
	sample.key.dport = htons(443);
	inet_pton(AF_INET, "192.0.2.1", sample.key.src);
	return sample;
}

/* Alone, by a sink that knows of no other. */
static void write_sample(const struct sample_record *sample)
{
	sink->ops->free(sink);
	sink = open_sink(&db);
	sink_batch_reset(&batch);
	exec_sql(db, "DELETE FROM sample");
	assert_int_equal(sink_batch_add_sample(&batch, sample), 0);
	assert_write(sink, &batch);
}

#define VIEW_SQL                                                                                      \
	"SELECT time || '|' || quote(device) || '|' || dir || '|' || src "                            \
	"|| '|' || dst || '|' || dport || '|' || quote(tunnel) || '|' || quote(tunnel_id) || '|' || " \
	"link || '|' || length || '|' || captured || '|' || packets || '|' || quote(gso_size) || "    \
	"'|' || quote(rate) || '|' || why || '|' || quote(reason) || '|' || quote(place) "            \
	"FROM sample_text"

static void test_view(void **state)
{
	struct sample_record sample = make_sample(1600000000000000042);

	(void)state;
	exec_sql(db,
		 "INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, first_ms) "
		 "VALUES (1, 'eth0', 2, 0, 1, 1, 0)");
	write_sample(&sample);
	assert_query_text(db, VIEW_SQL,
			  "2020-09-13T12:26:40.000000042Z|NULL|ingress|192.0.2.1|0.0.0.0|443|NULL|"
			  "NULL|ethernet|1514|64|1|NULL|1000|rate|NULL|NULL");
	sample.iface = 1;
	sample.why = 2 * SAMPLE_DROP - 1;
	sample.key.dir = FLOW_EGRESS;
	sample.key.tunnel_kind = FLOW_TUNNEL_MPLS;
	sample.key.tunnel_id = 3 << 20 | 16;
	sample.link = 101;
	sample.rate = 0;
	sample.captured = 0;
	sample.packets = 4;
	sample.gso_size = 1448;
	strcpy(sample.reason, "NO_SOCKET");
	strcpy(sample.place, "tcp_v4_rcv+0x1");
	write_sample(&sample);
	assert_query_text(db, VIEW_SQL,
			  "2020-09-13T12:26:40.000000042Z|'eth0'|egress|192.0.2.1|0.0.0.0|443|"
			  "'mpls'|16|raw|1514|0|4|1448|NULL|rate,first,reset,retransmit,"
			  "zero-window,malformed,drop|'NO_SOCKET'|'tcp_v4_rcv+0x1'");
	strcpy(sample.device, "veth1");
	write_sample(&sample);
	assert_query_text(db, "SELECT device FROM sample_text", "veth1");
}

/* Times and interfaces of a window's samples, as text. */
static void assert_window(int64_t since_ns, int64_t until_ns, uint32_t iface, const char *expected)
{
	struct sample_record sample;
	struct db_samples samples;
	char text[256] = "";
	int have;

	assert_int_equal(db_samples_open(db, since_ns, until_ns, iface, &samples), 0);
	while ((have = db_samples_next(&samples, &sample)) > 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%lld:%u ",
			 (long long)sample.time_ns, sample.iface);
	assert_int_equal(have, 0);
	db_samples_close(&samples);
	assert_string_equal(text, expected);
}

/* The first nanosecond is in, the last is not. */
static void test_windows(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		struct sample_record sample = make_sample(60 - (int64_t)i * 10);

		sample.iface = i % 3;
		assert_int_equal(sink_batch_add_sample(&batch, &sample), 0);
	}
	assert_window(INT64_MIN, INT64_MAX, 0, "");
	assert_write(sink, &batch);
	assert_window(INT64_MIN, INT64_MAX, 0, "10:2 20:1 30:0 40:2 50:1 60:0 ");
	assert_window(20, 50, 0, "20:1 30:0 40:2 ");
	assert_window(21, 51, 0, "30:0 40:2 50:1 ");
	assert_window(0, 100, 2, "10:2 40:2 ");
	assert_window(0, 100, 9, "");
	assert_window(61, INT64_MAX, 0, "");
}

/* Of one nanosecond: the next that is free, in a batch and over batches, also where others are near. */
static void test_same_time(void **state)
{
	static const int64_t times[] = {100, 100, 102, 100, 100, 99};

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		struct sample_record sample = make_sample(times[i]);

		sample.iface = i + 1;
		assert_int_equal(sink_batch_add_sample(&batch, &sample), 0);
	}
	assert_write(sink, &batch);
	assert_window(0, 200, 0, "99:6 100:1 101:2 102:4 103:5 104:3 ");
	sink_batch_reset(&batch);
	assert_int_equal(sink_batch_add_sample(&batch, &(struct sample_record){.time_ns = 101}), 0);
	assert_int_equal(sink_batch_add_sample(&batch, &(struct sample_record){.time_ns = 99}), 0);
	assert_write(sink, &batch);
	assert_int_equal(query_int(db, "SELECT max(id) * 100 + count(*) FROM sample"), 10608);
}

/* A capture without times, say: that many of one nanosecond cost no more than others. */
static void test_no_times(void **state)
{
	struct sample_record sample = make_sample(0);

	(void)state;
	for (int i = 0; i < 20000; i++)
		assert_int_equal(sink_batch_add_sample(&batch, &sample), 0);
	for (int i = 0; i < 5; i++)
		assert_write(sink, &batch);
	assert_int_equal(query_int(db, "SELECT max(id) FROM sample"), 99999);
	sink->ops->free(sink);
	sink = open_sink(&db);
	assert_write(sink, &batch);
	assert_int_equal(query_int(db, "SELECT max(id) FROM sample"), 119999);
}

static void test_wrong_samples(void **state)
{
	static const char *const wrong[] = {
		"sample SET frame = 'text'",
		"sample SET frame = 5",
		"sample SET frame = zeroblob(9217), length = 9217",
		"sample SET frame = zeroblob(1515)",
		"sample SET length = -1",
		"sample SET length = 1 << 32",
		"sample SET packets = 'x'",
		"sample SET gso_size = 1.5",
		"sample SET rate = x'00'",
		"sample SET why = 128",
		"sample SET link = 0",
		"sample SET link = 100",
		"sample SET link = 113",
		"sample SET dir = 2",
		"sample SET src = x'00'",
		"sample SET dst = NULL",
		"sample SET iface = -1",
		"sample SET vlan = 4096",
		"sample SET tunnel_kind = 17",
		"sample SET tunnel_kind = 3, tunnel_id = NULL",
		"sample SET tunnel_kind = 3, tunnel_id = 1 << 32",
		"word SET text = x'0000'",
		"word SET text = '0123456789abcdef'",
	};
	struct sample_record sample = make_sample(5), got = sample, before = got;

	(void)state;
	strcpy(sample.device, "eth0");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct db_samples samples;
		char sql[128];

		write_sample(&sample);
		snprintf(sql, sizeof(sql), "UPDATE %s", wrong[i]);
		exec_sql(db, sql);
		assert_int_equal(db_samples_open(db, 0, 10, 0, &samples), 0);
		if (db_samples_next(&samples, &got) != -EPROTO || samples.id != 5)
			fail_msg("%s: taken", wrong[i]);
		db_samples_close(&samples);
		exec_sql(db, "UPDATE word SET text = 'eth0'");
	}
	assert_memory_equal(&got, &before, sizeof(got));
}

/* A text that fills its place loses its end, and can be read. */
static void test_long_text(void **state)
{
	struct sample_record sample = make_sample(5), got;
	struct db_samples samples;

	(void)state;
	memset(sample.device, 'd', sizeof(sample.device));
	memset(sample.reason, 'r', sizeof(sample.reason));
	memset(sample.place, 'p', sizeof(sample.place));
	write_sample(&sample);
	assert_int_equal(db_samples_open(db, 0, 10, 0, &samples), 0);
	assert_int_equal(db_samples_next(&samples, &got), 1);
	assert_int_equal(strlen(got.device), sizeof(got.device) - 1);
	assert_int_equal(strlen(got.reason), sizeof(got.reason) - 1);
	assert_int_equal(strlen(got.place), sizeof(got.place) - 1);
	db_samples_close(&samples);
}

/* A database that flowd has yet to update says so, and one that is broken what SQLite says. */
static void test_no_table(void **state)
{
	struct db_samples samples;

	(void)state;
	exec_sql(db, "PRAGMA user_version = 3");
	assert_int_equal(db_samples_open(db, 0, 10, 0, &samples), -ENODATA);
	db_samples_close(&samples);
	exec_sql(db, "PRAGMA user_version = 5; DROP VIEW sample_text; DROP TABLE sample");
	assert_int_equal(db_samples_open(db, 0, 10, 0, &samples), -EIO);
	assert_string_equal(sqlite3_errmsg(db), "no such table: sample");
	db_samples_close(&samples);
}

#define SAMPLE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SAMPLE_TEST(test_round_trip), SAMPLE_TEST(test_view),
		SAMPLE_TEST(test_windows),    SAMPLE_TEST(test_same_time),
		SAMPLE_TEST(test_no_times),   SAMPLE_TEST(test_wrong_samples),
		SAMPLE_TEST(test_long_text),  SAMPLE_TEST(test_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
