// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_replay_tcp.c: sequence analysis in a replay's cache: the other direction found, whichever way its
 * packets went, and nothing forgotten when gains are handed over or the table grows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replay_send.h"

/* Four segments, the second of which B asks for. */
static void lose_one(uint64_t ns, bool fast)
{
	for (uint32_t i = 0; i < 4; i++)
		data(ns + i * 100000, 0, 1, 1000 + i * 100, 5000, 100);
	for (uint32_t i = 0; i < 3; i++)
		tcp(ns + 500000 + i * 1000, 1, 0, ACK, 5000, 1100);
	data(ns + (fast ? 600000 : 400 * MS), 0, 1, 1100, 5000, 100);
}

static void expect_tcp(int from, int to, uint32_t retransmits, uint32_t out_of_order, uint32_t dups)
{
	take_all();
	assert_int_equal(health[from][to].count.retransmits, retransmits);
	assert_int_equal(health[from][to].count.out_of_order, out_of_order);
	assert_int_equal(health[from][to].count.dup_acks, dups);
}

static void test_peer(void **state)
{
	(void)state;
	lose_one(0, true);
	expect_tcp(0, 1, 1, 0, 0);
	expect_tcp(1, 0, 0, 0, 2);
}

/* The other direction may be egress. */
static void test_peer_of_the_other_way(void **state)
{
	(void)state;
	way_of_odd = FLOW_EGRESS;
	lose_one(0, true);
	expect_tcp(0, 1, 1, 0, 0);
	expect_tcp(1, 0, 0, 0, 2);
}

/* Without the other direction nobody asked. */
static void test_no_peer(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		data(i * 100000, 0, 1, 1000 + i * 100, 5000, 100);
	data(600000, 0, 1, 1100, 5000, 100);
	expect_tcp(0, 1, 0, 1, 0);
}

/* Times that a decision needs stay when what was gained is handed over. */
static void test_sweep_between(void **state)
{
	(void)state;
	data(0, 0, 1, 1000, 5000, 100);
	data(100000, 0, 1, 1200, 5000, 100);
	take_all();
	data(200000, 0, 1, 1100, 5000, 100);
	expect_tcp(0, 1, 0, 1, 0);
	data(300000, 0, 1, 1300, 5000, 100);
	for (uint32_t i = 0; i < 3; i++)
		tcp(500000 + i * 1000, 1, 0, ACK, 5000, 1200);
	take_all();
	data(600000, 0, 1, 1200, 5000, 100);
	expect_tcp(0, 1, 1, 1, 0);
}

/* The initial round trip is the connection's, however often its counts were handed over. */
static void test_initial_after_sweep(void **state)
{
	(void)state;
	tcp(0, 0, 1, SYN, 999, 0);
	tcp(5 * MS, 1, 0, SYN | ACK, 4999, 1000);
	tcp(10 * MS, 0, 1, ACK, 1000, 5000);
	take_all();
	data(20 * MS, 0, 1, 1000, 5000, 100);
	data(21 * MS, 0, 1, 1200, 5000, 100);
	data(29 * MS, 0, 1, 1100, 5000, 100);
	data(40 * MS, 1, 0, 5000, 1000, 100);
	data(41 * MS, 1, 0, 5200, 1000, 100);
	take_all();
	data(49 * MS, 1, 0, 5100, 1000, 100);
	expect_tcp(0, 1, 0, 1, 0);
	expect_tcp(1, 0, 0, 1, 0);
}

/* A table that has grown since a hole and an ACK. False: their slots gave way to the others'. */
static bool grow_after_hole(void)
{
	uint32_t sets = cache.sets;

	data(0, 0, 1, 1000, 5000, 100);
	data(100000, 0, 1, 1200, 5000, 100);
	tcp(150000, 1, 0, ACK, 5000, 1100);
	for (int i = 0; cache.sets == sets && i < 400000; i++)
		other_flow(160000, (uint16_t)i, (uint16_t)(i >> 16));
	assert_true(cache.sets > sets);
	return is_held(0, 1) && is_held(1, 0);
}

/* Sets are taken apart when the table grows; what the connections were at goes with them. */
static void test_growing_between(void **state)
{
	int tries = 1;

	while (!grow_after_hole()) {
		assert_true(tries++ < 100); /* each with other seeds */
		teardown(state);
		setup(state);
	}
	data(200000, 0, 1, 1100, 5000, 100);
	tcp(210000, 1, 0, ACK, 5000, 1100);
	expect_tcp(0, 1, 0, 1, 0);
	expect_tcp(1, 0, 0, 0, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_peer),
		TEST(test_peer_of_the_other_way),
		TEST(test_no_peer),
		TEST(test_sweep_between),
		TEST(test_initial_after_sweep),
		TEST(test_growing_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
