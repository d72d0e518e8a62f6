/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_query.c: queries over a small database of known records and a flowd that is played by a
 * process of the test; sums by each kind of group; the coverage line.
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

#include "cli/coverage.h"
#include "cli/filter.h"
#include "cli/group.h"
#include "cli/query.h"
#include "schema/db.h"
#include "tests/fake_flowd.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MINUTE 1795264440000 /* a whole minute */
#define SWEEP 7

static char dir[] = "/tmp/wireledger-query-XXXXXX";
static char db_path[64], socket_path[64];

/* Hosts are 10.0.0.N. */
static struct flow_record record(int64_t end_ms, unsigned src, unsigned dst, unsigned proto,
				 unsigned sport, unsigned dport)
{
	return (struct flow_record){
		.start_ms = end_ms - 1000,
		.end_ms = end_ms,
		.key = {.ethertype = 0x0800,
			.proto = (uint8_t)proto,
			.src = {htonl(0x0a000000 | src)},
			.dst = {htonl(0x0a000000 | dst)},
			.sport = htons((uint16_t)sport),
			.dport = htons((uint16_t)dport)},
		.half = {{.packets = 10, .bytes = 1000, .ip_bytes = 860},
			 {.packets = 5, .bytes = 500, .ip_bytes = 430}},
		.iface = 1,
		.end_reason = END_IDLE,
	};
}

static size_t make_stored(struct flow_record rec[8])
{
	rec[0] = record(MINUTE + 1000, 1, 2, 6, 40000, 443);
	rec[1] = record(MINUTE + 2000, 1, 3, 17, 5000, 53);
	rec[2] = record(MINUTE + 2000, 3, 3, 17, 99, 99);
	rec[3] = record(MINUTE + 61000, 4, 1, 6, 443, 443);
	rec[3].key.dir = FLOW_EGRESS;
	rec[3].iface = 2;
	rec[4] = record(MINUTE + 62000, 0, 0, 0, 1, 0);
	rec[4].key.ethertype = 0x0806;
	rec[4].key.src[0] = htonl(0x0a000001);
	rec[4].key.dst[0] = htonl(0x0a000002);
	rec[4].half[1] = (struct flow_half){0};
	rec[5] = record(MINUTE + 63000, 0, 2, 6, 0, 443);
	rec[5].key.src[0] = 0;
	rec[5].key.marks = FLOW_MARK_FOLDED;
	rec[5].half[1] = (struct flow_half){0};
	rec[5].iface = 3; /* eth0, made anew */
	return 6;
}

static void exec(struct sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void insert_records(struct sqlite3 *db)
{
	struct flow_record rec[8];
	struct sqlite3_stmt *stmt;
	size_t n = make_stored(rec);

	assert_int_equal(sqlite3_prepare_v2(db, db_row_insert[DB_TABLE_FLOW], -1, &stmt, NULL),
			 SQLITE_OK);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(
			db_row_bind(stmt, DB_TABLE_FLOW, rec[i].end_ms << 20 | (int64_t)i, &rec[i]),
			0);
		assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
		sqlite3_reset(stmt);
	}
	sqlite3_finalize(stmt);
}

static int make_db(void **state)
{
	struct db_error error = {""};
	struct sqlite3 *db;
	int lock;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(db_path, sizeof(db_path), "%s/ledger.db", dir);
	snprintf(socket_path, sizeof(socket_path), "%s/flowd.sock", dir);
	if (db_open_writer(db_path, false, &db, &lock, &error))
		fail_msg("%s", error.text);
	exec(db, "BEGIN");
	exec(db,
	     "INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, ingress, egress, "
	     "first_ms, last_ms) VALUES (1, 'eth0', 2, 1, 1, 1, 'tcx', 'tcx', 1, 2), "
	     "(2, 'eth1', 3, 1, 2, 1, 'tcx', 'tcx', 1, NULL), "
	     "(3, 'eth0', 9, 1, 3, 1, 'tcx', 'tcx', 1, NULL)");
	exec(db,
	     "INSERT INTO ledger VALUES "
	     "(1795264440000, 1, 0, 999999, 1, 999000, 1, 999, 1, 0,0,0,0, 0,0,0,0, 3,0, NULL,NULL), "
	     "(1795264500000, 1, 0, 1, 1, 950, 1, 50, 1, 0,0,0,0, 1,0,0,0, 3,0, NULL,NULL), "
	     "(1795264500000, 2, 1, 100, 1, 100, 1, 0, 1, 2,0,0,0, 0,0,0,0, 0,0, NULL,NULL)");
	assert_int_equal(db_meta_set_int(db, "last_sweep", SWEEP), 0);
	assert_int_equal(db_meta_set_text(db, "socket", socket_path), 0);
	insert_records(db);
	exec(db, "COMMIT");
	db_close(db, lock);
	return 0;
}

static int remove_db(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct query_options options(void)
{
	return (struct query_options){
		.db = db_path, .until_ms = INT64_MAX, .dir = -1, .stored = true};
}

/* end_ms of the records found, relative to MINUTE, as text; and the matches. */
static void found(const struct query_options *opts, char *text, size_t size)
{
	struct flow_record rec;
	struct query query;
	unsigned match;
	size_t len = 0;
	int have;

	*text = 0;
	if (query_open(opts, &query))
		fail_msg("%s", query.error);
	while ((have = query_next(&query, &rec, &match)) > 0)
		len += (size_t)snprintf(text + len, size - len, "%s%d:%u", len ? " " : "",
					(int)(rec.end_ms - MINUTE) / 1000, match);
	if (have < 0)
		fail_msg("%s", query.error);
	query_close(&query);
}

static void test_order_and_window(void **state)
{
	struct query_options opts = options();
	char text[256];

	(void)state;
	found(&opts, text, sizeof(text));
	assert_string_equal(text, "63:1 62:1 61:3 2:3 2:3 1:3");
	opts.since_ms = MINUTE + 2000;
	opts.until_ms = MINUTE + 62000;
	found(&opts, text, sizeof(text));
	assert_string_equal(text, "61:3 2:3 2:3");
	opts.since_ms = MINUTE + 62001;
	opts.until_ms = MINUTE + 62002;
	found(&opts, text, sizeof(text));
	assert_string_equal(text, "");
}

static void test_interface_and_direction(void **state)
{
	const char *eth0 = "eth0", *eth1 = "eth1", *bad = "eth9";
	struct query_options opts = options();
	struct query query;
	char text[256];

	(void)state;
	opts.ifaces = &eth0;
	opts.iface_count = 1;
	found(&opts, text, sizeof(text));
	assert_string_equal(text, "63:1 62:1 2:3 2:3 1:3");
	opts.ifaces = &eth1;
	opts.dir = FLOW_EGRESS;
	found(&opts, text, sizeof(text));
	assert_string_equal(text, "61:1");
	opts.dir = FLOW_INGRESS;
	found(&opts, text, sizeof(text));
	assert_string_equal(text, "61:2");
	opts.ifaces = &bad;
	assert_int_equal(query_open(&opts, &query), -ENODEV);
	assert_non_null(strstr(query.error, "interface 'eth9': not in"));
	assert_non_null(strstr(query.error, "known: eth0, eth1"));
	query_close(&query);
}

static void test_filter_halves(void **state)
{
	struct query_options opts = options();
	struct filter_error error;
	struct query query;
	struct flow_record rec;
	unsigned match;
	char text[256];

	(void)state;
	assert_int_equal(filter_compile("src host 10.0.0.1", &opts.filter, &error), 0);
	found(&opts, text, sizeof(text));
	assert_string_equal(text, "62:1 61:2 2:1 1:1"); /* ARP has a sender, too */
	assert_int_equal(filter_undecided(opts.filter), 10);
	filter_free(opts.filter);
	assert_int_equal(filter_compile("ip[8] > 1", &opts.filter, &error), 0);
	assert_int_equal(query_open(&opts, &query), 0);
	assert_int_equal(query_next(&query, &rec, &match), -ENODATA);
	assert_string_equal(query.error, "filter 'ip[8] > 1': a flow record does not keep the byte "
					 "at offset 22 (IPv4 time to live)");
	query_close(&query);
	filter_free(opts.filter);
}

/* A flowd: answers `lies` live requests with a wrong sweep, then with the right one; has two records. */
static pid_t start_flowd(int lies, const char *db, uint32_t records)
{
	struct flow_record rec[2] = {record(MINUTE + 62500, 1, 9, 6, 1, 2),
				     record(MINUTE + 90000, 8, 9, 6, 1, 2)};
	struct control_books books = {.iface = 1, .seen = {500, 1}, .held = {77, 1}};
	struct fake_flowd fake = {
		.head = {.records = 2, .books = 1, .sweep = SWEEP, .now_ms = MINUTE + 130000},
		.books = &books,
		.records = rec,
		.cut = records - 2,
		.lies = lies,
		.db = db,
	};

	books.verdict[VERDICT_SHORT] = (struct flow_count){4, 1};
	return fake_start(&fake, socket_path);
}

static enum query_live ask_flowd(int lies, const char *db, uint32_t records, char *text,
				 size_t size)
{
	struct query_options opts = options();
	enum query_live state;
	struct query query;
	pid_t pid = start_flowd(lies, db, records);

	opts.stored = false;
	if (query_open(&opts, &query))
		fail_msg("%s", query.error);
	state = query.live_state;
	query_close(&query);
	if (lies < 20)
		found(&opts, text, size);
	fake_stop(pid, socket_path);
	return state;
}

static void test_live_part(void **state)
{
	static const char stored[] = "63:1 62:1 61:3 2:3 2:3 1:3";
	char text[256];

	(void)state;
	assert_int_equal(ask_flowd(0, db_path, 2, text, sizeof(text)), QUERY_LIVE_INCLUDED);
	assert_string_equal(text, "90:3 63:1 62:3 62:1 61:3 2:3 2:3 1:3");
	assert_int_equal(ask_flowd(3, db_path, 2, text, sizeof(text)), QUERY_LIVE_INCLUDED);
	assert_string_equal(text, "90:3 63:1 62:3 62:1 61:3 2:3 2:3 1:3");
	assert_int_equal(ask_flowd(1000, db_path, 2, text, sizeof(text)), QUERY_LIVE_NONE);
	assert_int_equal(ask_flowd(0, "/etc/passwd", 2, text, sizeof(text)), QUERY_LIVE_NONE);
	assert_string_equal(text, stored);
	assert_int_equal(ask_flowd(0, db_path, 3, text, sizeof(text)), QUERY_LIVE_NONE);
	assert_string_equal(text, stored); /* the answer was cut short */
}

/* "key flows packets bytes; ..." of a group kind over all records. */
static void grouped(const char *name, char *text, size_t size)
{
	const struct group_kind *kind = group_kinds;
	struct query_options opts = options();
	struct group group = {0};
	struct flow_record rec;
	struct query query;
	unsigned match;
	size_t count, len = 0;
	char key[128];

	while (strcmp(kind->name, name))
		kind++;
	assert_int_equal(query_open(&opts, &query), 0);
	while (query_next(&query, &rec, &match) > 0) {
		rec.iface = query_iface(&query, rec.iface)->same;
		assert_int_equal(group_record(&group, kind, &rec, match), 0);
	}
	count = group_sort(&group, &group_metrics[0]);
	for (size_t i = 0; i < count; i++) {
		const struct group_sums *sums = &group.entry[i].sums;

		kind->text(&group.entry[i].key, key, sizeof(key));
		len += (size_t)snprintf(text + len, size - len, "%s%s %d %d %d", len ? "; " : "",
					key, (int)sums->flows, (int)sums->packets,
					(int)sums->bytes);
	}
	assert_int_equal(group.total.packets, 80);
	group_free(&group);
	query_close(&query);
}

static void test_groups(void **state)
{
	static const struct {
		const char *kind, *want;
	} cases[] = {
		{"host", "10.0.0.1 3 45 4500; 10.0.0.3 2 30 3000; 10.0.0.2 2 25 2500; "
			 "10.0.0.4 1 15 1500; (folded) 1 10 1000; (arp) 1 10 1000"},
		{"src",
		 "10.0.0.1 3 25 2500; 10.0.0.3 3 20 2000; (folded) 1 10 1000; (arp) 1 10 1000; "
		 "10.0.0.4 1 10 1000; 10.0.0.2 1 5 500"},
		{"pair", "10.0.0.1 - 10.0.0.2 1 15 1500; 10.0.0.1 - 10.0.0.3 1 15 1500; "
			 "10.0.0.1 - 10.0.0.4 1 15 1500; 10.0.0.3 - 10.0.0.3 1 15 1500; "
			 "(arp) 1 10 1000; (folded) - 10.0.0.2 1 10 1000"},
		{"proto", "tcp 3 40 4000; udp 2 30 3000; (arp) 1 10 1000"},
		{"iface", "1 5 65 6500; 2 1 15 1500"},
		{"vlan", "(untagged) 6 80 8000"},
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		grouped(cases[i].kind, text, sizeof(text));
		if (strcmp(text, cases[i].want))
			fail_msg("%s: '%s', wanted '%s'", cases[i].kind, text, cases[i].want);
	}
	grouped("port", text, sizeof(text));
	assert_non_null(strstr(text, "443/tcp 3 40 4000")); /* once where both ends have it */
	assert_non_null(strstr(text, "99/udp 1 15 1500"));
	grouped("flow", text, sizeof(text));
	assert_non_null(strstr(text, "tcp 10.0.0.1:40000 > 10.0.0.2:443 1 10 1000"));
	assert_non_null(strstr(text, "tcp 10.0.0.2:443 > 10.0.0.1:40000 1 5 500"));
	assert_non_null(strstr(text, "udp 10.0.0.3:99 > 10.0.0.3:99 2 15 1500"));
}

/* The table grows, keeps every sum, and sorts alike each time. */
static void test_many_groups(void **state)
{
	struct group group = {0};
	size_t count;

	(void)state;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < 50000; i++) {
			struct flow_record rec = record(MINUTE, i, i + 1, 6, 1, 2);

			assert_int_equal(group_record(&group, &group_kinds[1], &rec, 1), 0);
		}
	}
	count = group_sort(&group, &group_metrics[1]);
	assert_int_equal(count, 50000);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(group.entry[i].sums.packets, 20);
		assert_int_equal(ntohl(group.entry[i].key.src[0]), 0x0a000000 + i);
	}
	group_free(&group);
}

static void test_percent(void **state)
{
	(void)state;
	assert_int_equal(coverage_percent(1, 1), 10000);
	assert_int_equal(coverage_percent(999999, 1000000), 9999);
	assert_int_equal(coverage_percent(UINT64_MAX - 1, UINT64_MAX), 9999);
	assert_int_equal(coverage_percent(0, 5), 0);
	assert_int_equal(coverage_percent(5, 0), 0);
}

static void coverage_line(const struct query_options *opts, char *text, size_t size)
{
	FILE *file = fmemopen(text, size, "w");
	struct coverage coverage;
	struct query query;

	assert_int_equal(query_open(opts, &query), 0);
	assert_int_equal(coverage_read(&query, &coverage), 0);
	coverage_print(&coverage, &query, file);
	fclose(file);
	query_close(&query);
}

/* What flowd counted since is added; what it holds, and whether its books balance, is its word. */
static void test_coverage_live(void **state)
{
	struct query_options opts = options();
	pid_t pid = start_flowd(0, db_path, 2);
	char text[512];

	(void)state;
	opts.stored = false;
	coverage_line(&opts, text, sizeof(text));
	fake_stop(pid, socket_path);
	assert_string_equal(text,
			    "coverage: 1,000,600 packets seen on eth0, eth1 in the minutes "
			    "2026-11-21 12:34 to 12:37, 99.99 % under their own key, 1 folded, "
			    "6 cut short, 0 unaccounted, 1,000,050 recorded, 77 held; live part "
			    "included\n");
}

static void test_coverage(void **state)
{
	struct query_options opts = options();
	char text[512];

	(void)state;
	coverage_line(&opts, text, sizeof(text));
	assert_string_equal(text,
			    "coverage: 1,000,100 packets seen on eth0, eth1 in the minutes "
			    "2026-11-21 12:34 to 12:36, 99.99 % under their own key, 1 folded, "
			    "2 cut short, 3 unaccounted, 1,000,050 recorded, 50 held; stored "
			    "records only\n");
	opts.since_ms = MINUTE + 60000; /* what was off before is not this window's */
	coverage_line(&opts, text, sizeof(text));
	assert_string_equal(text,
			    "coverage: 101 packets seen on eth0, eth1 in the minutes "
			    "2026-11-21 12:35 to 12:36, 97.02 % under their own key, 1 folded, "
			    "2 cut short, 0 unaccounted, 1,050 recorded, 50 held; stored "
			    "records only\n");
	opts.since_ms = options().since_ms;
	opts.until_ms = MINUTE + 60000;
	opts.dir = FLOW_INGRESS;
	coverage_line(&opts, text, sizeof(text));
	assert_string_equal(text,
			    "coverage: 999,999 packets seen on eth0, eth1 (ingress) in the "
			    "minutes 2026-11-21 12:34 to 12:35, 99.99 % under their own key, "
			    "0 folded, 3 unaccounted, 999,000 recorded, 999 held; stored records "
			    "only\n");
	opts.since_ms = opts.until_ms = MINUTE + 600000;
	coverage_line(&opts, text, sizeof(text));
	assert_string_equal(text, "coverage: the ledger has nothing for this window on eth0, eth1 "
				  "(ingress); stored records only\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_window),
		cmocka_unit_test(test_interface_and_direction),
		cmocka_unit_test(test_filter_halves),
		cmocka_unit_test(test_live_part),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_many_groups),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_coverage_live),
	};

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, make_db, remove_db);
}
