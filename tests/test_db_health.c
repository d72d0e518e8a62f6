/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_db_health.c: what records have beside their packets, through the sink into the database and
 * back; where there is a row and where there is none; rows that are not ours.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/random_flow.h"
#include "tests/sink_util.h"

#define ROUNDS 20000

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

static int compare_records(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct flow_record));
}

/* All of table flow, to be freed; there are `count`. */
static struct flow_record *read_back(size_t count)
{
	struct flow_record *out = calloc(count, sizeof(*out));
	struct db_flows flows;
	int64_t id = INT64_MAX;
	size_t n = 0;

	assert_non_null(out);
	assert_int_equal(db_flows_open(db, INT64_MIN >> 20, INT64_MAX, &flows), 0);
	while (n < count && db_flows_next(&flows, &out[n]) == 1) {
		assert_true(flows.id < id);
		id = flows.id;
		n++;
	}
	assert_int_equal(n < count ? 0 : db_flows_next(&flows, out), 0);
	db_flows_close(&flows);
	assert_int_equal(n, count);
	return out;
}

/* The batch's records, written, are those of the database, every byte of them. */
static void assert_same(void)
{
	struct flow_record *out = read_back(batch.records);

	qsort(batch.record, batch.records, sizeof(*out), compare_records);
	qsort(out, batch.records, sizeof(*out), compare_records);
	for (size_t i = 0; i < batch.records; i++)
		assert_memory_equal(&batch.record[i], &out[i], sizeof(*out));
	free(out);
}

static void fill(size_t records)
{
	sink_batch_reset(&batch);
	batch.sweep = 1;
	for (size_t i = 0; i < records; i++) {
		struct flow_record rec;

		random_record(&rec);
		random_health(&rec);
		random_tunnel(&rec);
		assert_int_equal(sink_batch_add_record(&batch, &rec), 0);
	}
}

static void test_round_trip(void **state)
{
	(void)state;
	fill(ROUNDS);
	assert_write(sink, &batch);
	assert_same();
	assert_query_text(db, "PRAGMA integrity_check", "ok");
}

/* Where ids are taken, records go in one by one, and find the next that is free. */
static void test_taken(void **state)
{
	(void)state;
	fill(500);
	for (size_t i = 0; i < batch.records; i++) {
		batch.record[i].start_ms = 1000;
		batch.record[i].end_ms = 2000;
	}
	exec_sql(
		db,
		"INSERT INTO flow SELECT (2000 << 20) | 100, 0, 1, 2, NULL, NULL, NULL, NULL, NULL, NULL, "
		"1, 1, 0, 0, 0, 0, NULL");
	assert_write(sink, &batch);
	exec_sql(db, "DELETE FROM flow WHERE id = (2000 << 20) | 100");
	assert_same();
}

/* Nothing to say, nothing stored; and everything as great as can be. */
static void test_extremes(void **state)
{
	struct flow_record rec;

	(void)state;
	random_record(&rec);
	assert_int_equal(sink_batch_add_record(&batch, &rec), 0);
	assert_write(sink, &batch);
	assert_int_equal(query_int(db, "SELECT (SELECT count(*) FROM flow_tcp) + "
				       "(SELECT count(*) FROM flow_rtt) + "
				       "(SELECT count(*) FROM flow_socket) + "
				       "(SELECT count(*) FROM word)"),
			 0);
	memset(rec.health, 0xff, sizeof(rec.health));
	rec.health[0].pad = rec.health[1].pad = 0;
	memset(&rec.socket, 0xff, sizeof(rec.socket));
	memset(rec.socket.pad, 0, sizeof(rec.socket.pad));
	rec.socket.has = rec.socket.side = rec.has_health = 1;
	assert_int_equal(sink_batch_add_record(&batch, &rec), 0);
	exec_sql(db, "DELETE FROM flow");
	assert_write(sink, &batch);
	assert_same();
}

static struct flow_record make(void)
{
	struct flow_record rec = {.start_ms = 1000, .end_ms = 2000, .iface = 1};

	rec.key.ethertype = ETH_P_IP;
	rec.key.proto = 6;
	rec.half[0].packets = 1;
	return rec;
}

static void write_one(const struct flow_record *rec)
{
	sink_batch_reset(&batch);
	exec_sql(db, "DELETE FROM flow; DELETE FROM flow_tcp; DELETE FROM flow_rtt; "
		     "DELETE FROM flow_socket");
	assert_int_equal(sink_batch_add_record(&batch, rec), 0);
	assert_write(sink, &batch);
}

/* Rows as schema.sql draws them, for whoever reads them with SQL. */
static void test_layout(void **state)
{
	struct flow_record rec = make();

	(void)state;
	rec.has_health = 1;
	rec.health[1].drops = 7;
	write_one(&rec);
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow_rtt"), 0);
	assert_query_text(db,
			  "SELECT retransmits || ' ' || rev_retransmits || ' ' || rev_drops FROM "
			  "flow_tcp JOIN flow ON flow = id",
			  "0 0 7");
	rec.health[1].drops = 0;
	rec.health[0].count.rtt_count = 2;
	rec.health[0].count.rtt_sum_us = 1;
	write_one(&rec);
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow_tcp"), 0);
	assert_query_text(db,
			  "SELECT quote(handshake_us) || rtt_sum_us || rtt_min_us || "
			  "quote(rev_rtt_count) || quote(rev_rtt_min_us) FROM flow_rtt",
			  "NULL10NULLNULL");
	rec.socket.has = 1;
	strcpy(rec.socket.process, "ssh");
	write_one(&rec);
	assert_query_text(db,
			  "SELECT text || side || quote(pid) || lost || quote(cwnd) FROM "
			  "flow_socket JOIN word ON word.id = process",
			  "ssh0NULL0NULL");
}

static void test_view(void **state)
{
	struct flow_record rec = make();

	(void)state;
	write_one(&rec);
	assert_query_text(
		db, "SELECT quote(retransmits) || quote(rtt_us) || quote(process) FROM flow_text",
		"0NULLNULL");
	rec.key.proto = 17;
	write_one(&rec);
	assert_query_text(db,
			  "SELECT quote(retransmits) || quote(rev_resets) || drops FROM flow_text",
			  "NULLNULL0");
	rec.key.proto = 6;
	rec.has_health = 1;
	rec.health[0].count.retransmits = 3;
	rec.health[1].drop_bytes = 4;
	rec.health[1].count.rtt_count = 2;
	rec.health[1].count.rtt_sum_us = 1001;
	rec.health[0].handshake_us = 5;
	rec.socket.has = 1;
	rec.socket.cwnd = 10;
	strcpy(rec.socket.process, "curl");
	write_one(&rec);
	assert_query_text(
		db,
		"SELECT retransmits || ' ' || rev_drop_bytes || ' ' || quote(rtt_us) || ' ' || "
		"rev_rtt_us || ' ' || rev_rtt_samples || ' ' || handshake_us || ' ' || "
		"process || ' ' || cwnd FROM flow_text",
		"3 4 NULL 500 2 5 curl 10");
}

/* Whatever the window, a record has what is its own: also where rows beside have no flow. */
static void test_window(void **state)
{
	struct flow_record rec = make(), got;
	struct db_flows flows;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		rec.end_ms = 2000 + i;
		rec.has_health = i % 3 == 0;
		rec.health[0].count.resets = i % 3 == 0 ? i + 1 : 0;
		rec.socket.has = i % 5 == 0;
		rec.socket.cwnd = i % 5 == 0 ? i + 1 : 0;
		assert_int_equal(sink_batch_add_record(&batch, &rec), 0);
	}
	assert_write(sink, &batch);
	exec_sql(db, "DELETE FROM flow WHERE (id >> 20) % 10 = 0");
	assert_int_equal(db_flows_open(db, 2010, 2075, &flows), 0);
	for (uint32_t i = 74; i >= 10; i--) {
		if (i % 10 == 0)
			continue;
		assert_int_equal(db_flows_next(&flows, &got), 1);
		assert_int_equal(got.end_ms, 2000 + i);
		assert_int_equal(got.has_health, i % 3 == 0);
		assert_int_equal(got.health[0].count.resets, i % 3 ? 0 : i + 1);
		assert_int_equal(got.socket.cwnd, i % 5 ? 0 : i + 1);
	}
	assert_int_equal(db_flows_next(&flows, &got), 0);
	db_flows_close(&flows);
	db_flows_close(&flows);
	exec_sql(db, "DROP TABLE flow_rtt");
	assert_int_not_equal(db_flows_open(db, 0, INT64_MAX, &flows), 0);
	db_flows_close(&flows);
}

/* Every value that a hand or another program may have put there is read or refused. */
static void test_wrong_rows(void **state)
{
	static const char *const wrong[] = {
		"flow_tunnel SET kind = 99",
		"flow_tunnel SET outer_src = 'a'",
		"flow_tunnel SET tunnel_id = -1",
		"flow_tcp SET retransmits = 'many'",
		"flow_tcp SET rev_resets = -1",
		"flow_tcp SET rev_drops = 4294967296",
		"flow_rtt SET rtt_count = x'00'",
		"flow_rtt SET rev_rtt_max_us = 4294967296",
		"flow_socket SET side = 2",
		"flow_socket SET pid = 1.5",
		"word SET text = 'sixteen bytes and more'",
		"word SET text = x'00'",
	};
	struct flow_record rec = make(), got = rec;

	(void)state;
	rec.has_health = rec.socket.has = 1;
	rec.key.tunnel_kind = FLOW_TUNNEL_GTPU;
	rec.health[0].drops = rec.health[0].handshake_us = 1;
	strcpy(rec.socket.process, "ssh");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char sql[128];
		struct db_flows flows;

		exec_sql(db, "UPDATE word SET text = 'ssh'");
		write_one(&rec);
		snprintf(sql, sizeof(sql), "UPDATE %s", wrong[i]);
		exec_sql(db, sql);
		assert_int_equal(db_flows_open(db, 0, INT64_MAX, &flows), 0);
		if (db_flows_next(&flows, &got) != -EPROTO)
			fail_msg("%s: taken", wrong[i]);
		assert_int_equal(flows.id >> 20, 2000);
		db_flows_close(&flows);
	}
}

#define HEALTH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HEALTH_TEST(test_round_trip), HEALTH_TEST(test_taken), HEALTH_TEST(test_extremes),
		HEALTH_TEST(test_layout),     HEALTH_TEST(test_view),  HEALTH_TEST(test_window),
		HEALTH_TEST(test_wrong_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
