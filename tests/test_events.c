/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_events.c: the kernel's events and counters, stored and live, through window, interfaces,
 * direction and filter; how they join records in groups; what reasons mean.
 */
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

#include "cli/drops.h"
#include "cli/events.h"
#include "cli/filter.h"
#include "cli/group.h"
#include "cli/group_fill.h"
#include "cli/intern.h"
#include "cli/query.h"
#include "cli/reasons.h"
#include "schema/db.h"
#include "schema/event.h"
#include "tests/fake_flowd.h"

#define MINUTE 1795264440000 /* a whole minute */
#define SWEEP 7
#define ALL (1U << EVENT_MAX) - 1

static char dir[] = "/tmp/wireledger-events-XXXXXX";
static char db_path[64], socket_path[64];

/* Hosts are 10.0.0.N; TCP from port 1 to port 2. */
static struct event_record event(int64_t end_ms, uint8_t what, unsigned src, unsigned dst,
				 uint64_t packets)
{
	return (struct event_record){
		.start_ms = end_ms - 1000,
		.end_ms = end_ms,
		.key = {.ethertype = 0x0800,
			.proto = 6,
			.dir = what == EVENT_DROP ? FLOW_INGRESS : FLOW_EGRESS,
			.src = {htonl(0x0a000000 | src)},
			.dst = {htonl(0x0a000000 | dst)},
			.sport = htons(1),
			.dport = htons(2)},
		.packets = packets,
		.bytes = packets * 100,
		.skbs = packets,
		.iface = 1,
		.what = what,
	};
}

static void insert_event(struct sqlite3 *db, const struct event_record *rec)
{
	struct db_event_words words = {0};
	struct sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(db, db_event_insert, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(db_event_bind(stmt, rec, &words, 0), 0);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
}

static void insert_events(struct sqlite3 *db)
{
	struct event_record rec = event(MINUTE + 1000, EVENT_DROP, 1, 2, 1);

	insert_event(db, &rec);
	rec = event(MINUTE + 2000, EVENT_RETRANSMIT, 2, 1, 2);
	insert_event(db, &rec);
	rec = event(MINUTE + 3000, EVENT_DROP, 1, 2, 4);
	rec.iface = 2;
	insert_event(db, &rec);
	rec = event(MINUTE + 4000, EVENT_DROP, 1, 2, 8);
	rec.iface = 0; /* of an interface that is not counted */
	insert_event(db, &rec);
	rec = event(MINUTE + 5000, EVENT_DROP, 0, 0, 16);
	memset(&rec.key, 0, sizeof(rec.key));
	rec.folded = 1;
	insert_event(db, &rec);
}

static void exec_sql(struct sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int setup(void **state)
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
	exec_sql(
		db,
		"INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, ingress, egress, "
		"first_ms, last_ms) VALUES (1, 'eth0', 2, 1, 1, 1, 'tcx', 'tcx', 1, 2), "
		"(2, 'eth1', 3, 1, 2, 1, 'tcx', 'tcx', 1, NULL), "
		"(3, 'eth0', 9, 1, 3, 1, 'tcx', 'tcx', 1, NULL)");
	exec_sql(db, "INSERT INTO word VALUES (1, 'link'), (2, 'rx_dropped'), (3, 'softnet'), "
		     "(4, 'cpu0 dropped')");
	exec_sql(db, "INSERT INTO counter VALUES (1795264440000, 1, 1, 2, 5), "
		     "(1795264440000, 0, 3, 4, 7)");
	assert_int_equal(db_meta_set_int(db, "last_sweep", SWEEP), 0);
	assert_int_equal(db_meta_set_text(db, "socket", socket_path), 0);
	insert_events(db);
	db_close(db, lock);
	return 0;
}

static int teardown(void **state)
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

/* Bits of the packets of the events that were found; each has one of its own. */
static uint64_t found(const struct query_options *opts, uint32_t what)
{
	struct event_record rec;
	struct events events;
	struct query query;
	uint64_t bits = 0;
	int have;

	if (query_open(opts, &query) || events_open(&query, what, &events))
		fail_msg("%s", query.error);
	while ((have = events_next(&events, &rec)) > 0)
		bits += rec.packets;
	if (have < 0)
		fail_msg("%s", query.error);
	events_close(&events);
	query_close(&query);
	return bits;
}

static void test_window(void **state)
{
	struct query_options opts = options();

	(void)state;
	assert_int_equal(found(&opts, ALL), 31);
	assert_int_equal(found(&opts, 1U << EVENT_RETRANSMIT), 2);
	assert_int_equal(found(&opts, 1U << EVENT_RESET_SENT), 0);
	opts.since_ms = MINUTE + 2000;
	opts.until_ms = MINUTE + 4000;
	assert_int_equal(found(&opts, ALL), 2 + 4);
	opts.since_ms = MINUTE + 4001;
	opts.until_ms = MINUTE + 4002;
	assert_int_equal(found(&opts, ALL), 0);
}

static void test_interface_and_direction(void **state)
{
	const char *eth0 = "eth0";
	struct query_options opts = options();

	(void)state;
	opts.dir = FLOW_EGRESS;
	assert_int_equal(found(&opts, ALL), 2);
	opts.dir = -1;
	opts.ifaces = &eth0;
	opts.iface_count = 1;
	assert_int_equal(found(&opts, ALL), 1 + 2 + 16);
	opts.tunnel.mode = TUNNELARG_ANY;
	assert_int_equal(found(&opts, ALL), 0);
}

static void filtered(const char *expression, uint64_t bits, uint64_t undecided)
{
	struct query_options opts = options();
	struct filter_error error;

	assert_int_equal(filter_compile(expression, &opts.event_filter, &error), 0);
	assert_int_equal(found(&opts, ALL), bits);
	assert_int_equal(filter_undecided(opts.event_filter), undecided);
	filter_free(opts.event_filter);
}

/* What a folded event's key does not tell is left out, and so is what asks for flags. */
static void test_filter(void **state)
{
	(void)state;
	filtered("tcp", 15, 16);
	filtered("src host 10.0.0.2", 2, 16);
	filtered("udp", 0, 16);
	filtered("tcp[tcpflags] & tcp-syn != 0", 0, 31);
	filtered("dst port 2 and tcp[tcpflags] & tcp-syn = 0", 0, 31);
}

/* Live ones are added, in the window, and have an end to their texts. */
static void test_live(void **state)
{
	struct event_record live[2] = {event(MINUTE + 90000, EVENT_DROP, 1, 2, 32),
				       event(MINUTE + 190000, EVENT_DROP, 1, 2, 64)};
	struct counter_record counter = {.minute_ms = MINUTE + 60000, .value = 9, .iface = 1};
	struct fake_flowd fake = {.head = {.events = 2, .counters = 1, .sweep = SWEEP},
				  .events = live,
				  .counters = &counter,
				  .lies = 1,
				  .db = db_path};
	struct query_options opts = options();
	struct drops drops = {.kind = &drops_kinds[0]};
	struct query query;
	pid_t pid;

	(void)state;
	memset(live[0].reason, 'R', sizeof(live[0].reason));
	strcpy(counter.source, "link");
	strcpy(counter.name, "rx_dropped");
	pid = fake_start(&fake, socket_path);
	opts.stored = false;
	opts.until_ms = MINUTE + 100000;
	assert_int_equal(found(&opts, ALL), 31 + 32);
	assert_int_equal(query_open(&opts, &query), 0);
	drops.query = &query;
	assert_int_equal(drops_read(&drops), 0);
	assert_int_equal(drops.traced.total.drops->packets, 29 + 32);
	assert_int_equal(drops.traced.total.drops->folded, 16);
	assert_int_equal(drops.traced.table.used, 2);
	assert_int_equal(drops.counters.total.drops->packets, 5 + 7 + 9);
	assert_int_equal(drops.counters.table.used, 2);
	assert_int_equal(
		strlen(intern_text(&drops.intern, drops.traced.total.drops->reason.of[0].name)),
		sizeof(live[0].reason) - 1);
	drops_free(&drops);
	query_close(&query);
	fake_stop(pid, socket_path);
}

static enum query_live state_of(const struct fake_flowd *fake)
{
	pid_t pid = fake_start(fake, socket_path);
	struct query_options opts = options();
	enum query_live live_state;
	struct query query;

	opts.stored = false;
	if (query_open(&opts, &query))
		fail_msg("%s", query.error);
	live_state = query.live_state;
	query_close(&query);
	fake_stop(pid, socket_path);
	return live_state;
}

/* Sizes and counts that a flowd of this version does not have. */
static void test_live_refused(void **state)
{
	struct event_record rec = event(MINUTE, EVENT_DROP, 1, 2, 1);
	struct fake_flowd fake = {
		.head = {.events = 1, .sweep = SWEEP}, .events = &rec, .db = db_path};

	(void)state;
	assert_int_equal(state_of(&fake), QUERY_LIVE_INCLUDED);
	fake.head.event_size = sizeof(rec) - 8;
	assert_int_equal(state_of(&fake), QUERY_LIVE_NONE);
	fake.head.event_size = 0;
	fake.head.counter_size = 1;
	assert_int_equal(state_of(&fake), QUERY_LIVE_NONE);
	fake.head.counter_size = 0;
	fake.head.counters = UINT32_MAX;
	assert_int_equal(state_of(&fake), QUERY_LIVE_NONE);
}

static const struct group_entry *entry_of(const struct group *group, const struct group_kind *kind,
					  const char *want)
{
	char key[128];

	for (size_t i = 0; i < group->used; i++) {
		kind->text(&group->entry[i].key, key, sizeof(key));
		if (!strcmp(key, want))
			return &group->entry[i];
	}
	fail_msg("no group '%s'", want);
	return NULL;
}

/* A record of the connection that event() is of; what was sent again belongs to who sent. */
static void add_record(struct group *group, const struct group_kind *kind)
{
	struct flow_record rec = {
		.start_ms = MINUTE,
		.end_ms = MINUTE + 500,
		.key = event(0, EVENT_DROP, 1, 2, 0).key,
		.half = {{.packets = 100, .bytes = 10000}, {.packets = 50, .bytes = 5000}},
		.iface = 1,
		.has_health = 1,
		.health = {{.count = {.retransmits = 3, .rtt_sum_us = 10, .rtt_count = 2},
			    .rtt_min_us = 4,
			    .rtt_max_us = 6},
			   {.count = {.retransmits = 5}}},
	};

	assert_int_equal(group_record(group, kind, &rec, 3), 0);
}

static void test_join(void **state)
{
	const struct group_kind *kind = group_kind_find("flow");
	struct query_options opts = options();
	struct group group = {0};
	const struct group_entry *entry;
	struct query query;

	(void)state;
	assert_int_equal(query_open(&opts, &query), 0);
	add_record(&group, kind);
	assert_int_equal(group_fill_events(&query, kind, ALL, &group), 0);
	assert_int_equal(group_sort(&group, &group_metrics[0]), 4);
	entry = entry_of(&group, kind, "tcp 10.0.0.1:1 > 10.0.0.2:2");
	assert_int_equal(entry->sums.flows, 1);
	assert_int_equal(entry->sums.end_ms, MINUTE + 500); /* the record's, not the events' */
	assert_int_equal(entry->sums.health->retransmits, 3);
	assert_int_equal(entry->sums.health->rtt_min_us, 4);
	assert_int_equal(entry->sums.drops->packets, 1 + 4 + 8);
	entry = entry_of(&group, kind,
			 "tcp 10.0.0.2:1 > 10.0.0.1:2"); /* no record has these ports */
	assert_int_equal(entry->sums.flows, 0);
	assert_int_equal(entry->sums.end_ms, MINUTE + 2000);
	assert_int_equal(group_kernel(entry->sums.health), 2);
	entry = entry_of(&group, kind, "(no detail)");
	assert_int_equal(entry->sums.drops->folded, 16);
	assert_int_equal(group.total.drops->packets, 29);
	assert_int_equal(group.total.health->retransmits, 8);
	assert_int_equal(group_ratio(&group.total, 10000), 533);
	assert_int_equal(group.entry[0].sums.bytes, 10000);
	group_free(&group);
	query_close(&query);
}

/* Of many names the first ones are kept, and that there were more. */
static void test_tally(void **state)
{
	struct event_record rec = event(MINUTE, EVENT_DROP, 1, 2, 1);
	struct group_event item = {.event = &rec, .name = 1};
	struct group group = {0};
	const struct group_tally *tally;

	(void)state;
	for (uint32_t i = 0; i < 2 * GROUP_TALLY; i++) {
		item.reason = i / 2 + 1;
		item.place = i + 1;
		assert_int_equal(group_event(&group, &group_named, &item), 0);
	}
	assert_int_equal(group_sort(&group, &group_metrics[0]), 1);
	tally = &group.total.drops->reason;
	assert_int_equal(tally->of[GROUP_TALLY - 1].packets, 2);
	assert_false(tally->more);
	assert_true(group.total.drops->place.more);
	group_free(&group);
}

static void test_intern(void **state)
{
	struct intern intern = {0};
	uint32_t number;
	char text[32];

	(void)state;
	assert_int_equal(intern_add(&intern, "", &number), 0);
	assert_int_equal(number, 0);
	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < 10000; i++) {
			snprintf(text, sizeof(text), "text %u", i);
			assert_int_equal(intern_add(&intern, text, &number), 0);
			assert_int_equal(number, i + 1);
			assert_string_equal(intern_text(&intern, number), text);
		}
	}
	assert_string_equal(intern_text(&intern, 0), "");
	intern_free(&intern);
}

static void test_reasons(void **state)
{
	static const char *const same[] = {"SKB_CSUM", "skb_drop_reason_SKB_CSUM", "SKB_CONSUMED",
					   "skb_not_dropped_yet", "OVS_DROP_METER"};
	static const char *const names[] = {"SKB_CSUM", "SKB_CSUM", "CONSUMED", "NOT_DROPPED_YET",
					    "OVS_DROP_METER"};
	char near[256];

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_non_null(reason_find(same[i]));
		assert_string_equal(reason_find(same[i])->name, names[i]);
	}
	assert_string_equal(reason_find("65537")->name, "SUBSYS_MAC80211_UNUSABLE");
	assert_string_equal(reason_find("2:4")->name, "SUBSYS_OPENVSWITCH");
	assert_string_equal(reason_find("RX_DROP_U_REPLAY")->name, "SUBSYS_MAC80211_UNUSABLE");
	assert_null(reason_find(""));
	assert_null(reason_find("SKB_DROP_REASON_"));
	assert_null(reason_find("17"));
	assert_null(reason_find("9:1"));
	assert_null(reason_find("2:"));
	reason_near("TCP_CSAM", near, sizeof(near));
	assert_int_equal(strncmp(near, "TCP_CSUM, ", 10), 0);
	reason_near("", near, sizeof(near));
	assert_true(*near);
	for (const struct reason *reason = reasons; reason->name; reason++) {
		assert_ptr_equal(reason_find(reason->name), reason); /* each once */
		assert_in_range(strlen(reason->what), 10, 287);	     /* an output's value */
		assert_in_range(strlen(reason->look), 5, 287);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),	     cmocka_unit_test(test_interface_and_direction),
		cmocka_unit_test(test_filter),	     cmocka_unit_test(test_live),
		cmocka_unit_test(test_live_refused), cmocka_unit_test(test_join),
		cmocka_unit_test(test_tally),	     cmocka_unit_test(test_intern),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
