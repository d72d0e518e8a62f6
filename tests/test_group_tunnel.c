/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_group_tunnel.c: --tunnel, top --group tunnel and vlan, names of tunnels, and a database that
 * has replays alone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "cli/args.h"
#include "cli/coverage.h"
#include "cli/group.h"
#include "cli/names.h"
#include "cli/query.h"
#include "cli/tunnelarg.h"
#include "schema/db.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct flow_record record(uint8_t kind, uint32_t id, uint32_t rev_id, uint32_t outer_src,
				 uint32_t outer_dst)
{
	struct flow_record rec = {
		.start_ms = 1000,
		.end_ms = 2000,
		.key = {.ethertype = 0x0800, .proto = 6, .tunnel_kind = kind, .tunnel_id = id},
		.half = {{.packets = 10, .bytes = 1000}, {.packets = 5, .bytes = 500}},
		.rev_tunnel_id = rev_id,
		.iface = 1,
	};

	if (outer_src)
		rec.outer_ethertype = 0x0800;
	rec.outer_src[0] = htonl(outer_src);
	rec.outer_dst[0] = htonl(outer_dst);
	return rec;
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int err;
		struct tunnelarg want;
	} cases[] = {
		{"vxlan", 0, {TUNNELARG_KIND, FLOW_TUNNEL_VXLAN, false, 0}},
		{"vxlan:100", 0, {TUNNELARG_KIND, FLOW_TUNNEL_VXLAN, true, 100}},
		{"esp:0x1234abcd", 0, {TUNNELARG_KIND, FLOW_TUNNEL_ESP, true, 0x1234abcd}},
		{"mpls:1048575", 0, {TUNNELARG_KIND, FLOW_TUNNEL_MPLS, true, 0xfffff}},
		{"gre:4294967295", 0, {TUNNELARG_KIND, FLOW_TUNNEL_GRE, true, 0xffffffff}},
		{"any", 0, {.mode = TUNNELARG_ANY}},
		{"none", 0, {.mode = TUNNELARG_NONE}},
		{"mpls:1048576", -ERANGE, {0}},
		{"pppoe:65536", -ERANGE, {0}},
		{"gre:99999999999999999999999", -ERANGE, {0}},
		{"vxlan:", -EINVAL, {0}},
		{"vxlan:0x", -EINVAL, {0}},
		{"vxlan:-1", -EINVAL, {0}},
		{"vxlan: 1", -EINVAL, {0}},
		{"vxlan:1x", -EINVAL, {0}},
		{"ipip:1", -ENOTSUP, {0}},
		{"any:1", -ENOTSUP, {0}},
		{"none:0", -ENOTSUP, {0}},
		{"", -ENOENT, {0}},
		{":5", -ENOENT, {0}},
		{"VXLAN", -ENOENT, {0}},
		{"vxlan100", -ENOENT, {0}},
	};
	char known[192];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct tunnelarg got = {0};

		if (tunnelarg_parse(cases[i].text, &got) != cases[i].err)
			fail_msg("'%s': not %d", cases[i].text, cases[i].err);
		assert_int_equal(got.mode, cases[i].want.mode);
		assert_int_equal(got.kind, cases[i].want.kind);
		assert_int_equal(got.has_id, cases[i].want.has_id);
		assert_int_equal(got.id, cases[i].want.id);
	}
	tunnelarg_known(known, sizeof(known));
	assert_memory_equal(known, "mpls, pppoe, vxlan, ", 20);
	assert_non_null(strstr(known, ", ah, "));
	assert_string_equal(known + strlen(known) - 9, "any, none");
}

static void test_match(void **state)
{
	static const struct {
		const char *text;
		int mpls, gtpu, ipip, plain;
	} cases[] = {
		{"any", 1, 1, 1, 0},	 {"none", 0, 0, 0, 1},	  {"mpls", 1, 0, 0, 0},
		{"mpls:16", 1, 0, 0, 0}, {"mpls:17", 1, 0, 0, 0}, {"mpls:18", 0, 0, 0, 0},
		{"gtpu:7", 0, 1, 0, 0},	 {"gtpu:0", 0, 0, 0, 0},  {"ipip", 0, 0, 1, 0},
	};
	struct flow_record mpls = record(FLOW_TUNNEL_MPLS, 2U << 20 | 16, 1U << 20 | 17, 0, 0);
	struct flow_record gtpu = record(FLOW_TUNNEL_GTPU, 7, 0, 1, 2);
	struct flow_record ipip = record(FLOW_TUNNEL_IPIP, 0, 0, 1, 2);
	struct flow_record plain = record(0, 0, 0, 0, 0);

	(void)state;
	gtpu.half[1] = (struct flow_half){0}; /* its id 0 is that of no packet */
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct tunnelarg arg;

		assert_int_equal(tunnelarg_parse(cases[i].text, &arg), 0);
		assert_int_equal(tunnelarg_match(&arg, &mpls), cases[i].mpls);
		assert_int_equal(tunnelarg_match(&arg, &gtpu), cases[i].gtpu);
		assert_int_equal(tunnelarg_match(&arg, &ipip), cases[i].ipip);
		assert_int_equal(tunnelarg_match(&arg, &plain), cases[i].plain);
	}
}

static void test_names(void **state)
{
	static const struct {
		uint8_t kind;
		uint32_t id;
		const char *want;
	} cases[] = {
		{FLOW_TUNNEL_NONE, 0, "(none)"},
		{FLOW_TUNNEL_VXLAN, 100, "vxlan 100"},
		{FLOW_TUNNEL_MPLS, 3U << 20 | 1000, "mpls 1000"},
		{FLOW_TUNNEL_PPPOE, 0, "pppoe 0"},
		{FLOW_TUNNEL_GRE, 0, "gre"},
		{FLOW_TUNNEL_GRE, 5, "gre 5"},
		{FLOW_TUNNEL_IPIP, 0, "ipip"},
		{FLOW_TUNNEL_ESP, 0x1234abcd, "esp 0x1234abcd"},
		{FLOW_TUNNEL_GTPU, 16, "gtpu 0x00000010"},
		{200, 1, "(none)"},
	};
	char text[NAMES_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		names_tunnel(cases[i].kind, cases[i].id, text, sizeof(text));
		assert_string_equal(text, cases[i].want);
	}
}

/* Names of 32 bytes at most, and no half of a character of UTF-8. */
static void test_iface_names(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{"", ""},
		{"eth0", "eth0"},
		{"a-capture-of-32-bytes-or-so.pcap", "a-capture-of-32-bytes-or-so.pcap"},
		{"a-capture-of-33-bytes-or-so.pcap1", "a-capture-of-33-by..-or-so.pcap1"},
		{"0123456789abcdefg\xc3\xa4-------------\xc3\xa4"
		 "456789.pcap",
		 "0123456789abcdefg..456789.pcap"},
	};
	char text[NAMES_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		names_iface(cases[i].name, text, sizeof(text));
		assert_string_equal(text, cases[i].want);
	}
}

/* Usage lists each kind that is known. */
static void test_usage(void **state)
{
	const struct args_option *option = args_window;
	char known[192], *rest = known, *kind;

	(void)state;
	tunnelarg_known(known, sizeof(known));
	while (option->name && strcmp(option->name, "tunnel"))
		option++;
	assert_non_null(option->name);
	while ((kind = strsep(&rest, ", "))) {
		if (!strstr(option->help, kind))
			fail_msg("'%s' is not in usage", kind);
	}
}

/* "key flows packets; ..." */
static void grouped(const char *name, const struct flow_record *recs, size_t count, char *text,
		    size_t size)
{
	const struct group_kind *kind = group_kinds;
	struct group group = {0};
	size_t len = 0, rows;
	char key[192];

	while (strcmp(kind->name, name))
		kind++;
	for (size_t i = 0; i < count; i++) {
		unsigned match =
			QUERY_MATCH_FORWARD | (recs[i].half[1].packets ? QUERY_MATCH_REVERSE : 0);

		assert_int_equal(group_record(&group, kind, &recs[i], match), 0);
	}
	rows = group_sort(&group, &group_metrics[0]);
	for (size_t i = 0; i < rows; i++) {
		kind->text(&group.entry[i].key, key, sizeof(key));
		len += (size_t)snprintf(text + len, size - len, "%s%s %d %d", len ? "; " : "", key,
					(int)group.entry[i].sums.flows,
					(int)group.entry[i].sums.packets);
	}
	group_free(&group);
}

static void test_group_tunnel(void **state)
{
	struct flow_record recs[] = {
		record(FLOW_TUNNEL_VXLAN, 100, 100, 0x0a000001, 0x0a000002),
		record(FLOW_TUNNEL_VXLAN, 100, 100, 0x0a000002,
		       0x0a000001), /* the other side began */
		record(FLOW_TUNNEL_VXLAN, 100, 100, 0x0a000002, 0x0a000001),
		record(FLOW_TUNNEL_MPLS, 1U << 20 | 1000, 2U << 20 | 1000, 0, 0),
		record(FLOW_TUNNEL_GTPU, 1, 2, 0x0a000001, 0x0a000003),
		record(0, 0, 0, 0, 0),
		record(0, 0, 0, 0, 0),
	};
	char text[512];

	(void)state;
	recs[6].key.marks = FLOW_MARK_CATCHALL;
	recs[6].half[1] = (struct flow_half){0};
	recs[6].half[0].bytes = 1;
	grouped("tunnel", recs, COUNT(recs), text, sizeof(text));
	assert_string_equal(text, "vxlan 100 10.0.0.1 - 10.0.0.2 3 45; (none) 1 15; "
				  "mpls 1000 1 15; gtpu 0x00000001 10.0.0.1 - 10.0.0.3 1 10; "
				  "gtpu 0x00000002 10.0.0.1 - 10.0.0.3 1 5; (no detail) 1 10");
}

static void test_group_vlan(void **state)
{
	struct flow_record recs[] = {record(0, 0, 0, 0, 0), record(0, 0, 0, 0, 0),
				     record(0, 0, 0, 0, 0), record(0, 0, 0, 0, 0)};
	char text[256];

	(void)state;
	recs[1].key.marks = FLOW_MARK_VLAN_UNKNOWN;
	recs[1].half[0].bytes = 900;
	recs[2].key.marks = FLOW_MARK_VLAN_UNKNOWN; /* the other direction's tag is known */
	recs[2].key.vlan = FLOW_VLAN_TAGGED | 5;
	recs[2].half[0].bytes = 800;
	recs[3].key.vlan = FLOW_VLAN_TAGGED | 5;
	recs[3].half[0].bytes = 1;
	recs[3].half[1].bytes = 1;
	grouped("vlan", recs, COUNT(recs), text, sizeof(text));
	assert_string_equal(text, "(untagged) 1 15; (unknown) 1 15; 5 2 30");
}

static void exec(struct sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* Nobody is asked for a live part, and nobody is missed. */
static void test_replayed(void **state)
{
	char dir[] = "/tmp/wireledger-group-XXXXXX", path[64], command[128], text[512];
	FILE *file = fmemopen(text, sizeof(text), "w");
	struct query_options options = {.db = path, .until_ms = INT64_MAX, .dir = -1};
	struct db_error error = {""};
	struct coverage coverage;
	struct sqlite3 *db;
	struct query query;
	int lock;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/ledger.db", dir);
	assert_int_equal(db_open_writer(path, false, &db, &lock, &error), 0);
	exec(db,
	     "INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, ingress, egress, "
	     "first_ms, last_ms) VALUES (1, 'a capture \x1b[1m.pcap', 0, 0, 0, 1, 'replay', "
	     "NULL, 1, 2)");
	exec(db, "INSERT INTO ledger VALUES "
		 "(1795264440000, 1, 0, 9, 1, 9, 1, 0, 1, 0,0,0,0, 0,0,0,0, 0,0, NULL,NULL)");
	assert_false(query_has_flowd(db, NULL, NULL));
	assert_true(query_has_flowd(db, NULL, "default"));
	assert_true(query_has_flowd(db, "/run/a.sock", NULL));
	db_close(db, lock);
	assert_int_equal(query_open(&options, &query), 0);
	assert_int_equal(query.live_state, QUERY_LIVE_UNWANTED);
	assert_int_equal(coverage_read(&query, &coverage), 0);
	coverage_print(&coverage, &query, file);
	query_close(&query);
	fclose(file);
	assert_string_equal(text, "coverage: 9 packets seen on a capture ?[1m.pcap in the minutes "
				  "2026-11-21 12:34 to 12:35, 100.00 % under their own key, "
				  "0 folded, 0 unaccounted, 9 recorded, 0 held; stored records "
				  "only\n");
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	   cmocka_unit_test(test_match),
		cmocka_unit_test(test_names),	   cmocka_unit_test(test_iface_names),
		cmocka_unit_test(test_usage),	   cmocka_unit_test(test_group_tunnel),
		cmocka_unit_test(test_group_vlan), cmocka_unit_test(test_replayed),
	};

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
