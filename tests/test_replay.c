/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_replay.c: captures made here, replayed into a database of their own: what is in its rows, and
 * that the books balance each minute. No root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pcap/dlt.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <errno.h>

#include "flowd/log.h"
#include "replay_run.h"

static void test_formats(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		capture_begin(DLT_EN10MB, kind & 1, kind >> 1);
		add(START + 123456789, 1, 2, 0);
		assert_int_equal(run(NULL), 0);
		assert_int_equal(stats.first_ns, START + (kind & 1 ? 123456789 : 123456000));
		assert_int_equal(ask("SELECT id >> 20 FROM flow_plain"), START / MS + 123);
		assert_int_equal(ask("SELECT bytes FROM flow_plain"), 100);
		assert_query_text(db, "SELECT src FROM flow_text", "10.0.0.1");
		assert_query_text(db, "SELECT name || ' ' || ingress FROM interface",
				  "in.pcap replay");
		assert_int_equal(ask("SELECT ifindex + netns + ifnum FROM interface"), 0);
		assert_int_equal(ask("SELECT last_ms FROM interface"), START / MS + 123);
	}
}

/* Both directions of one capture are one record, who sent the SYN first. */
static void test_pairing(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	add(START, 2, 1, 0x12);
	add(START + MS, 1, 2, 0x02);
	add(START + 2 * MS, 1, 2, 0x10);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT count(*) FROM flow_plain"), 1);
	assert_int_equal(ask("SELECT packets * 10 + rev_packets FROM flow_plain"), 21);
	assert_int_equal(ask("SELECT marks FROM flow_plain"), FLOW_MARK_MIRRORED);
	assert_int_equal(ask("SELECT end_reason FROM flow_plain"), END_FORCED);
	assert_query_text(db, "SELECT src FROM flow_text", "10.0.0.1");
}

/* The same where one gap is all that follows: many sweeps are one, but it pairs first. */
static void test_gap(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	add(START, 1, 2, 0);
	add(START + MS, 2, 1, 0);
	add(START + 3600 * S, 3, 4, 0);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT count(*) FROM flow_plain"), 2);
	assert_int_equal(ask("SELECT rev_packets FROM flow_plain WHERE end_reason = 1"), 1);
	assert_int_equal(ask("SELECT duration_ms FROM flow_plain WHERE end_reason = 1"), 1);
}

static void test_idle_and_active(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	for (uint64_t i = 0; i < 150; i++) /* 75 s */
		add(START + i * S / 2, 1, 2, 0);
	add(START + 100 * S, 1, 2, 0);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT count(*) FROM flow_plain"), 3);
	assert_int_equal(ask("SELECT packets FROM flow_plain WHERE end_reason = 2"), 120);
	assert_int_equal(ask("SELECT duration_ms FROM flow_plain WHERE end_reason = 2"), 59500);
	assert_int_equal(ask("SELECT packets FROM flow_plain WHERE end_reason = 1"), 30);
	assert_int_equal(ask("SELECT packets FROM flow_plain WHERE end_reason = 4"), 1);
}

/* A closed connection waits for its last packets and no longer. */
static void test_end_of_flow(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	add(START, 1, 2, 0x02);
	add(START + 10 * MS, 1, 2, 0x11);
	add(START + 20 * MS, 2, 1, 0x11);
	add(START + 1500 * MS, 1, 2, 0x10);
	for (uint64_t i = 2; i < 6; i++)
		add(START + i * S, 8, 9, 0);
	add(START + 6 * S, 1, 2, 0x02);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT packets FROM flow_plain WHERE end_reason = 3"), 3);
	assert_int_equal(ask("SELECT count(*) FROM flow_plain WHERE proto = 6"), 2);
}

/* Rows are right by the minute, also where the capture goes back in time. */
static void test_minutes(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	for (uint64_t i = 0; i < 300; i++)
		add(START + i * S, 1, 2, 0);
	add(START + 10 * S, 1, 2, 0);
	add(START + 300 * S, 3, 4, 0);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT count(*) FROM ledger"), 6);
	assert_int_equal(ask("SELECT seen_packets FROM ledger LIMIT 1"), 60);
	assert_int_equal(ask("SELECT recorded_packets FROM ledger LIMIT 1"), 0);
	assert_int_equal(ask("SELECT held_packets FROM ledger LIMIT 1"), 60);
	assert_int_equal(ask("SELECT seen_packets FROM ledger LIMIT 1 OFFSET 4"), 61);
	assert_int_equal(ask("SELECT minute_ms FROM ledger LIMIT 1 OFFSET 5"), START / MS + 300000);
	assert_int_equal(ask("SELECT held_packets FROM ledger LIMIT 1 OFFSET 5"), 0);
}

static void test_backwards(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	add(START + 50 * MS, 1, 2, 0);
	add(START + 20 * MS, 1, 2, 0);
	add(START + 40 * MS, 2, 1, 0);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT duration_ms FROM flow_plain"), 30);
	assert_int_equal(ask("SELECT id >> 20 FROM flow_plain"), START / MS + 50);
	assert_int_equal(ask("SELECT first_ms FROM interface"), START / MS + 20);
	capture_begin(DLT_EN10MB, 1, 0);
	for (uint64_t i = 0; i < 100; i++)
		add(START - i * 3 * S, 1, 2, 0);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT sum(packets) FROM flow_plain"), 100);
}

/* Times that no row can hold: far away, and the beginning of 1970. */
static void test_strange_times(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	add(0, 1, 2, 0);
	add(1, 2, 1, 0);
	add(UINT32_MAX * S, 3, 4, 0);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT count(*) FROM flow_plain"), 2);
}

/* Bytes are the frame's, not what was kept of it. */
static void test_snapped(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	capture_add(START, frame(1, 2, 2), 60, 100);
	capture_add(START, frame(1, 2, 2), 36, 100);
	capture_add(START, frame(1, 2, 2), 10, 1000);
	capture_add(START, frame(1, 2, 2), 100, 40); /* longer than it was */
	assert_int_equal(run(NULL), 0);
	assert_int_equal(stats.bytes, 1240);
	assert_int_equal(stats.short_packets, 3);
	assert_int_equal(ask("SELECT sum(short_packets) FROM ledger"), 3);
	assert_int_equal(ask("SELECT bytes FROM flow_plain WHERE sport = 1001 AND marks = 0"), 100);
}

/* What could be read is written. */
static void test_truncated(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	add(START, 1, 2, 0);
	add(START, 1, 2, 0);
	add(START, 1, 2, 0);
	cap.size -= 10;
	assert_int_equal(run(NULL), -EINVAL);
	assert_int_equal(ask("SELECT packets FROM flow_plain"), 2);
	assert_int_equal(ask("SELECT last_ms IS NOT NULL FROM interface"), 1);
}

static void expect_nothing(void)
{
	assert_true(run(NULL) < 0);
	assert_int_equal(access(in_dir("out.db"), F_OK), -1);
	assert_int_equal(access(in_dir("out.db.lock"), F_OK), -1);
}

/* No database is made for what is no capture. */
static void test_refused(void **state)
{
	struct config config;

	(void)state;
	cap.size = 0;
	expect_nothing();
	memset(cap.data, 'x', 100);
	cap.size = 100;
	expect_nothing();
	capture_begin(DLT_IEEE802_11, 1, 0);
	add(START, 1, 2, 0);
	expect_nothing();
	capture_begin(DLT_EN10MB, 1, 0);
	add(START, 1, 2, 0);
	cap.size -= 1;
	expect_nothing();
	config = config_of(in_dir("missing.pcap"), in_dir("out.db"));
	assert_int_equal(replay(&config, &stats), -EINVAL);
	config = config_of(test_dir, in_dir("out.db"));
	assert_int_equal(replay(&config, &stats), -EINVAL);
	config = config_of(in_dir("in.pcap"), in_dir("no/such/out.db"));
	capture_begin(DLT_EN10MB, 1, 0);
	add(START, 1, 2, 0);
	write_file(in_dir("in.pcap"), cap.data, cap.size);
	assert_true(replay(&config, &stats) < 0);
}

/* A capture without packets is one. */
static void test_empty(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT count(*) FROM flow_plain"), 0);
	assert_int_equal(stats.packets, 0);
}

/* Three fragments, the datagram's ports in the first; `id` of the datagram. */
static void add_fragments(uint64_t ns, uint8_t id, bool first)
{
	uint8_t *data = frame(1, 2, 0);

	data[19] = id;
	data[20] = 0x20;
	if (first)
		capture_add(ns, data, 100, 100);
	data[21] = 10;
	capture_add(ns + MS, data, 100, 100);
	data[20] = 0;
	data[21] = 20;
	capture_add(ns + 2 * MS, data, 100, 100);
}

static void untracked(struct config *config)
{
	config->fragments_track = false;
}

static void test_fragments(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	add_fragments(START, 7, true);
	add_fragments(START + S, 8, false);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT packets FROM flow_plain WHERE sport = 1001"), 3);
	assert_int_equal(ask("SELECT packets FROM flow_plain WHERE marks = 1"), 2);
	assert_int_equal(run(untracked), 0);
	assert_int_equal(ask("SELECT packets FROM flow_plain WHERE sport = 1001"), 1);
	assert_int_equal(ask("SELECT packets FROM flow_plain WHERE marks = 1"), 4);
	capture_begin(DLT_EN10MB, 1, 0);
	add_fragments(START, 7, true);
	add_fragments(START + 31 * S, 7, false);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT packets FROM flow_plain WHERE marks = 1"), 2);
}

static void inner(struct config *config)
{
	config->tunnel_inner = true;
}

/* IP in IP: between 1 and 2, around 3 and 4, in both directions. */
static void add_ipip(uint64_t ns, bool back)
{
	uint8_t outer[120], *data = frame(back ? 2 : 1, back ? 1 : 2, 2);

	memcpy(outer, data, 34);
	outer[17] = 106;
	outer[23] = 4;
	memcpy(outer + 34, frame(back ? 4 : 3, back ? 3 : 4, 2) + 14, 86);
	capture_add(ns, outer, 120, 120);
}

static void test_tunnel(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	add_ipip(START, false);
	add_ipip(START + MS, true);
	assert_int_equal(run(inner), 0);
	assert_int_equal(ask("SELECT count(*) FROM flow_plain"), 1);
	assert_int_equal(ask("SELECT rev_packets FROM flow_plain WHERE proto = 6"), 1);
	assert_query_text(db, "SELECT src || ' ' || outer_src || ' ' || outer_dst FROM flow_text",
			  "10.0.0.3 10.0.0.1 10.0.0.2");
	assert_query_text(db, "SELECT tunnel FROM flow_text", "ipip");
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT packets FROM flow_plain WHERE proto = 4"), 1);
	assert_int_equal(ask("SELECT count(*) FROM flow_tunnel"), 0);
}

static void tiny(struct config *config)
{
	config->slots = 64;
}

/* What made room in the cache is in no record twice or not at all. */
static void test_small_cache(void **state)
{
	int64_t flows, rows;

	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	for (uint64_t i = 0; i < 6000; i++)
		add(START + i * 10 * MS, (uint8_t)(i * 7 % 200), (uint8_t)(200 + i % 50), 0);
	assert_int_equal(run(NULL), 0);
	flows = ask("SELECT count(*) FROM flow_plain");
	rows = ask("SELECT sum(packets * (sport + 3 * dport) + duration_ms) FROM flow_plain");
	assert_int_equal(run(tiny), 0);
	assert_int_equal(ask("SELECT count(*) FROM flow_plain"), flows);
	assert_int_equal(
		ask("SELECT sum(packets * (sport + 3 * dport) + duration_ms) FROM flow_plain"),
		rows);
}

/* A live flowd's numbers stay; another replay is another interface. */
static void test_again(void **state)
{
	struct config config = config_of(in_dir("in.pcap"), in_dir("out.db"));
	struct db_error error;
	int fd;

	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	add(START, 1, 2, 0);
	assert_int_equal(run(NULL), 0);
	close_db();
	assert_int_equal(db_open_writer(config.db, false, &db, &fd, &error), 0);
	assert_int_equal(db_meta_set_int(db, "last_sweep", 77), 0);
	assert_int_equal(db_meta_set_int(db, "ring_pos", 4711), 0);
	assert_int_equal(db_meta_set_int(db, "sample_pos", 815), 0);
	db_close(db, fd);
	assert_int_equal(replay(&config, &stats), 0);
	assert_int_equal(db_open_reader(config.db, &db, &error), 0);
	assert_int_equal(ask("SELECT value FROM meta WHERE key = 'last_sweep'"), 77);
	assert_int_equal(ask("SELECT value FROM meta WHERE key = 'ring_pos'"), 4711);
	assert_int_equal(ask("SELECT value FROM meta WHERE key = 'sample_pos'"), 815);
	assert_int_equal(ask("SELECT count(*) FROM interface"), 2);
	assert_int_equal(ask("SELECT count(DISTINCT generation) FROM interface"), 2);
	assert_int_equal(ask("SELECT count(DISTINCT iface) FROM flow_plain"), 2);
	check_books();
}

/* SIGTERM while standard input gives nothing: what was read is written, and all is well. */
static void test_signal(void **state)
{
	struct config config = config_of("-", in_dir("out.db"));
	int saved = dup(STDIN_FILENO), pipes[2], status, left = 1;
	struct db_error error;
	pid_t pid;

	(void)state;
	close_db();
	unlink(config.db);
	capture_begin(DLT_EN10MB, 1, 0);
	add(START, 1, 2, 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], cap.data, cap.size), cap.size);
	dup2(pipes[0], STDIN_FILENO);
	pid = fork();
	if (!pid)
		_exit(replay(&config, &stats) ? 1 : 0);
	/* read to the last byte: signals are caught by then */
	for (int i = 0; i < 1000 && !ioctl(pipes[0], FIONREAD, &left) && left; i++)
		poll(NULL, 0, 10);
	assert_int_equal(left, 0);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(status, 0);
	assert_int_equal(db_open_reader(config.db, &db, &error), 0);
	assert_int_equal(ask("SELECT packets FROM flow_plain"), 1);
	assert_query_text(db, "SELECT name FROM interface", "stdin");
	check_books();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),	    cmocka_unit_test(test_pairing),
		cmocka_unit_test(test_gap),	    cmocka_unit_test(test_idle_and_active),
		cmocka_unit_test(test_end_of_flow), cmocka_unit_test(test_minutes),
		cmocka_unit_test(test_backwards),   cmocka_unit_test(test_strange_times),
		cmocka_unit_test(test_snapped),	    cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_refused),	    cmocka_unit_test(test_empty),
		cmocka_unit_test(test_fragments),   cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_small_cache), cmocka_unit_test(test_again),
		cmocka_unit_test(test_signal),
	};

	log_open(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, dir_setup, teardown);
}
