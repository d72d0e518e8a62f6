/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_db_flow.c: records as rows and back, what a row that is not ours gives, and the text view. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/db_util.h"
#include "tests/random_flow.h"

#define ROUNDS 20000

static struct sqlite3 *db;
static int lock_fd;

static int setup(void **state)
{
	struct db_error error;

	return dir_setup(state) || db_open_writer(in_dir("flow.db"), false, &db, &lock_fd, &error);
}

static int teardown(void **state)
{
	db_close(db, lock_fd);
	return dir_teardown(state);
}

static sqlite3_stmt *prepare(const char *sql)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL))
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return stmt;
}

static void insert(sqlite3_stmt *stmt, const struct flow_record *rec, uint32_t n)
{
	assert_int_equal(db_row_bind(stmt, DB_TABLE_FLOW, rec->end_ms << 20 | n, rec), 0);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_reset(stmt);
}

static int compare_records(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct flow_record));
}

/* What goes in comes out, every byte of it. */
static void test_round_trip(void **state)
{
	struct flow_record *in = calloc(ROUNDS, sizeof(*in)), *out = calloc(ROUNDS, sizeof(*out));
	sqlite3_stmt *stmt = prepare(db_row_insert[DB_TABLE_FLOW]);
	size_t count = 0;

	(void)state;
	assert_non_null(in);
	assert_non_null(out);
	exec_sql(db, "BEGIN");
	for (uint32_t i = 0; i < ROUNDS; i++) {
		random_record(&in[i]);
		insert(stmt, &in[i], i);
	}
	sqlite3_finalize(stmt);
	exec_sql(db, "COMMIT");
	stmt = prepare("SELECT " DB_FLOW_COLUMNS " FROM flow");
	while (sqlite3_step(stmt) == SQLITE_ROW)
		assert_int_equal(db_flow_read(stmt, &out[count++]), 0);
	sqlite3_finalize(stmt);
	assert_int_equal(count, ROUNDS);
	qsort(in, ROUNDS, sizeof(*in), compare_records);
	qsort(out, ROUNDS, sizeof(*out), compare_records);
	assert_memory_equal(in, out, ROUNDS * sizeof(*in));
	free(in);
	free(out);
}

static struct flow_record make(uint16_t ethertype, uint8_t proto, const char *src, const char *dst)
{
	struct flow_record rec = {.start_ms = 1600000000123, .end_ms = 1600000001000, .iface = 1};
	int family = ethertype == ETH_P_IPV6 ? AF_INET6 : AF_INET;

	rec.key.ethertype = ethertype;
	rec.key.proto = proto;
	if (src)
		assert_int_equal(inet_pton(family, src, rec.key.src), 1);
	if (dst)
		assert_int_equal(inet_pton(family, dst, rec.key.dst), 1);
	rec.half[0].packets = 1;
	rec.end_reason = END_IDLE;
	return rec;
}

static void insert_one(const struct flow_record *rec)
{
	sqlite3_stmt *stmt = prepare(db_row_insert[DB_TABLE_FLOW]);

	exec_sql(db, "DELETE FROM flow");
	insert(stmt, rec, 0);
	sqlite3_finalize(stmt);
}

#define LAYOUT                                                                                     \
	"SELECT quote(ethertype) || ' ' || quote(vlan) || ' ' || quote(cvlan) || ' ' || "          \
	"quote(proto) || ' ' || quote(src) || ' ' || quote(dst) || ' ' || quote(sport) || ' ' || " \
	"quote(dport) || ' ' || quote(tcp_flags) FROM flow_plain"

/* Rows as schema.sql draws them, for whoever reads them with SQL. */
static void test_layout(void **state)
{
	struct flow_record rec = make(ETH_P_IP, 6, "192.168.0.1", "1.2.3.4");

	(void)state;
	rec.key.sport = htons(40000);
	rec.key.dport = htons(80);
	rec.half[0].tcp_flags = 0x1b;
	rec.half[0].tcp_syn = 1;
	rec.half[1].tcp_flags = 0x12;
	insert_one(&rec);
	assert_query_text(db, LAYOUT, "NULL NULL NULL 6 -1062731775 16909060 40000 80 70171");
	rec = make(ETH_P_IPV6, 58, "::1", "fe80::");
	rec.key.vlan = FLOW_VLAN_TAGGED;
	rec.key.cvlan = FLOW_VLAN_TAGGED | 4095;
	insert_one(&rec);
	assert_query_text(db, LAYOUT,
			  "NULL 0 4095 58 X'00000000000000000000000000000001' "
			  "X'FE800000000000000000000000000000' 0 0 NULL");
	rec = make(ETH_P_ARP, 0, "10.0.0.1", "0.0.0.0");
	rec.key.sport = htons(1);
	insert_one(&rec);
	assert_query_text(db, LAYOUT, "2054 NULL NULL NULL 167772161 0 1 NULL NULL");
	rec = make(0, 0, NULL, NULL);
	insert_one(&rec);
	assert_query_text(db, LAYOUT, "0 NULL NULL NULL NULL NULL NULL NULL NULL");
	assert_int_equal(
		query_int(db, "SELECT id = 1600000001000 << 20 AND duration_ms = 877 FROM flow"),
		1);
}

/* Every value that a hand or another program may have put there is read or refused. */
static void test_wrong_rows(void **state)
{
	static const char *const wrong[] = {
		"how = 4096",
		"how = 'in'",
		"how = -1",
		"l2 = 1 << 43",
		"l2 = -1",
		"l2 = x'00'",
		"proto = 'tcp'",
		"proto = 256",
		"src = '1.2.3.4'",
		"src = NULL",
		"src = x'00'",
		"src = zeroblob(16)",
		"sport = 65536",
		"dport = 1.5",
		"packets = 'many'",
		"l2 = (65536 | 34525) << 26",
		"l2_bytes = 'many'",
		"rev_l2_bytes = 0.5",
		"tcp_flags = 262144",
		"iface = 4294967296",
		"src = NULL, dst = NULL, l2 = (65536 | 2048) << 26",
		"src = NULL, dst = NULL",
	};
	struct flow_record rec = make(ETH_P_IP, 6, "192.168.0.1", "1.2.3.4"), got = rec;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char sql[128];
		sqlite3_stmt *stmt;

		insert_one(&rec);
		snprintf(sql, sizeof(sql), "UPDATE flow SET %s", wrong[i]);
		exec_sql(db, sql);
		stmt = prepare("SELECT " DB_FLOW_COLUMNS " FROM flow");
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		if (db_flow_read(stmt, &got) != -EPROTO)
			fail_msg("%s: taken", wrong[i]);
		assert_memory_equal(&got, &rec, sizeof(got));
		sqlite3_finalize(stmt);
	}
}

static void test_view(void **state)
{
	struct flow_record rec = make(ETH_P_IP, 6, "192.168.0.1", "255.2.3.4");

	(void)state;
	exec_sql(db,
		 "INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, first_ms) "
		 "VALUES (1, 'eth0', 2, 0, 1, 1, 0)");
	rec.half[0].tcp_flags = 0xff;
	rec.half[1].tcp_flags = 0x12;
	rec.half[0].tcp_syn = rec.half[1].tcp_syn = 1;
	insert_one(&rec);
	assert_query_text(db,
			  "SELECT start || ' ' || end || ' ' || iface || ' ' || dir FROM flow_text",
			  "2020-09-13T12:26:40.123Z 2020-09-13T12:26:41.000Z eth0 ingress");
	assert_query_text(db, "SELECT src || ' ' || dst FROM flow_text", "192.168.0.1 255.2.3.4");
	assert_query_text(db, "SELECT tcp_flags || ' ' || rev_tcp_flags FROM flow_text", "255 18");
	rec = make(ETH_P_IPV6, 6, "2001:db8::1", "::");
	insert_one(&rec);
	assert_query_text(
		db, "SELECT src || ' ' || dst FROM flow_text",
		"2001:0db8:0000:0000:0000:0000:0000:0001 0000:0000:0000:0000:0000:0000:0000:0000");
	rec = make(FLOW_ETH_LLC, 0, NULL, NULL);
	insert_one(&rec);
	assert_query_text(
		db, "SELECT coalesce(src, '-') || coalesce(tcp_flags, '-') FROM flow_text", "--");
}

/* The columns that fields[] names are there. */
static void test_field_columns(void **state)
{
	(void)state;
	for (const struct field *f = fields; f->name; f++) {
		char sql[128];

		if (!f->column)
			continue;
		snprintf(sql, sizeof(sql), "SELECT \"flow_plain\".\"%s\" FROM flow_plain",
			 f->column);
		sqlite3_finalize(prepare(sql));
	}
}

#define FLOW_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_TEST(test_round_trip),    FLOW_TEST(test_layout),
		FLOW_TEST(test_wrong_rows),    FLOW_TEST(test_view),
		FLOW_TEST(test_field_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
