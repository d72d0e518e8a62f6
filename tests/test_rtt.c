// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_rtt.c: round trips: packets of a few hosts through a replay's cache, and what each direction is
 * said to have answered; then rtt.h's table itself, where places are shared and clocks go back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay_send.h"
#include "schema/rtt.h"

static void test_handshake(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++, v6 = true) {
		memset(health, 0, sizeof(health));
		tcp(0, 0, 1, SYN, 999, 0);
		tcp(5 * MS, 1, 0, SYN | ACK, 4999, 1000);
		tcp(12 * MS, 0, 1, ACK, 1000, 5000);
		tcp(13 * MS, 1, 0, ACK, 5000, 1000);
		tcp(14 * MS, 0, 1, ACK, 1000, 5000);
		expect(1, 0, 1, 5000);
		expect(0, 1, 1, 7000);
		assert_int_equal(health[1][0].handshake_us, 5000);
		assert_int_equal(health[0][1].handshake_us, 7000);
	}
}

static void test_handshake_is_of_the_last_syn(void **state)
{
	(void)state;
	tcp(0, 0, 1, SYN, 999, 0);
	tcp(1 * SEC, 0, 1, SYN, 999, 0);
	tcp(1 * SEC + 5 * MS, 1, 0, SYN | ACK, 4999, 1000);
	expect(1, 0, 1, 5000);
}

static void test_handshake_of_others(void **state)
{
	(void)state;
	tcp(0, 0, 1, SYN, 999, 0);
	tcp(1 * MS, 1, 0, SYN | ACK, 4999, 1001); /* not what was asked */
	tcp(2 * MS, 2, 0, SYN | ACK, 4999, 1000); /* not who was asked */
	tcp(3 * MS, 0, 1, SYN | ACK, 999, 1000);  /* who asked */
	expect(1, 0, 0, 0);
	expect(2, 0, 0, 0);
	expect(0, 1, 0, 0);
}

static void test_refused_is_answered(void **state)
{
	(void)state;
	tcp(0, 0, 1, SYN, 999, 0);
	tcp(4 * MS, 1, 0, RST | ACK, 0, 1000);
	expect(1, 0, 0, 0); /* no SYN of its own: not looked at */
}

static void test_stamps_of_both_directions(void **state)
{
	(void)state;
	stamped(0, 0, 1, 100, 10, 77);
	stamped(1 * MS, 1, 0, 100, 500, 77); /* answers nothing that was asked */
	stamped(20 * MS, 1, 0, 0, 501, 10);
	stamped(31 * MS, 0, 1, 100, 11, 500);
	stamped(33 * MS, 0, 1, 100, 12, 500); /* not once more */
	stamped(61 * MS, 1, 0, 0, 502, 11);
	expect(1, 0, 2, 50000);
	expect(0, 1, 1, 30000);
	assert_int_equal(health[1][0].rtt_min_us, 20000);
	assert_int_equal(health[1][0].rtt_max_us, 30000);
	assert_int_equal(health[1][0].handshake_us, 0);
}

/* The first segment with a timestamp is answered; those without data are not. */
static void test_stamps_that_ask(void **state)
{
	(void)state;
	stamped(0, 0, 1, 0, 10, 1);
	stamped(5 * MS, 1, 0, 0, 500, 10);
	expect(1, 0, 0, 0);
	stamped(10 * MS, 0, 1, 100, 11, 1);
	stamped(15 * MS, 0, 1, 100, 11, 1);
	stamped(30 * MS, 1, 0, 0, 501, 11);
	stamped(40 * MS, 1, 0, 0, 502, 11);
	expect(1, 0, 1, 20000);
	/* one at a time, of each side: 12 is waited for */
	stamped(50 * MS, 0, 1, 100, 12, 1);
	stamped(60 * MS, 0, 1, 100, 13, 1);
	stamped(90 * MS, 1, 0, 0, 503, 12);
	stamped(99 * MS, 1, 0, 0, 504, 13);
	expect(1, 0, 2, 60000);
}

/* One that is never answered is given up after two seconds. */
static void test_stamps_given_up(void **state)
{
	(void)state;
	stamped(0, 0, 1, 100, 10, 1);
	stamped(1999 * MS, 0, 1, 100, 11, 1);
	stamped(2001 * MS, 0, 1, 100, 12, 1);
	stamped(2011 * MS, 1, 0, 0, 500, 12);
	stamped(2012 * MS, 1, 0, 0, 500, 10);
	expect(1, 0, 1, 10000);
}

static void test_echo(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++, v6 = true) {
		memset(health, 0, sizeof(health));
		ping(0, 0, 1, 7 << 16 | 1);
		ping(1 * MS, 0, 1, 8 << 16 | 1);
		ping(2 * MS, 1, 0, 7 << 16 | 1); /* the other way */
		pong(9 * MS, 1, 0, 7 << 16 | 2);
		pong(10 * MS, 1, 0, 7 << 16 | 1);
		pong(11 * MS, 1, 0, 7 << 16 | 1); /* once more */
		pong(13 * MS, 1, 0, 8 << 16 | 1);
		pong(13 * MS, 0, 1, 7 << 16 | 1);
		expect(1, 0, 2, 22000);
		expect(0, 1, 1, 11000);
		assert_int_equal(health[1][0].rtt_min_us, 10000);
	}
}

static void test_lengths(void **state)
{
	(void)state;
	ping(0, 0, 1, 1);
	pong(0, 1, 0, 1); /* at once: 1 us */
	ping(1 * SEC, 0, 1, 2);
	pong(1 * SEC + 1499, 1, 0, 2);
	ping(2 * SEC, 0, 1, 3);
	pong(2 * SEC + 1500, 1, 0, 3);
	ping(10 * SEC, 0, 1, 4);
	pong(129 * SEC, 1, 0, 4);
	ping(200 * SEC, 0, 1, 5);
	pong(321 * SEC, 1, 0, 5); /* none any more */
	ping(400 * SEC, 0, 1, 6);
	pong(399 * SEC, 1, 0, 6); /* the clock went back */
	expect(1, 0, 4, 1 + 1 + 2 + 119000000);
}

/* After a clock was set back by an hour, a question of before does not stand in the way for that long. */
static void test_clock_goes_back(void **state)
{
	(void)state;
	start_ns += 3600 * SEC;
	stamped(0, 0, 1, 100, 10, 1);
	start_ns -= 3600 * SEC;
	stamped(0, 0, 1, 100, 11, 1);
	stamped(7 * MS, 1, 0, 0, 500, 11);
	expect(1, 0, 1, 7000);
}

static struct flow_facts facts_of(uint32_t port)
{
	struct flow_facts f = {.key = {.ifnum = 1, .proto = 6, .dport = 80}};

	f.key.src[0] = 1;
	f.key.dst[0] = 2;
	f.key.sport = (uint16_t)port;
	return f;
}

static struct flow_facts back(const struct flow_facts *f)
{
	struct flow_facts rev = *f;

	memcpy(rev.key.src, f->key.dst, sizeof(rev.key.src));
	memcpy(rev.key.dst, f->key.src, sizeof(rev.key.dst));
	rev.key.sport = f->key.dport;
	rev.key.dport = f->key.sport;
	return rev;
}

/* Who may answer finds the place of who asked, and nobody else's; check is never 0. */
static void test_places(void **state)
{
	static const __u64 zeros[FLOW_SEED_WORDS];
	struct flow_facts any = facts_of(1);

	(void)state;
	assert_int_not_equal(rtt_place(&any, RTT_STAMP, 0, zeros).check, 0);
	for (uint32_t port = 1; port < 5000; port++) {
		struct flow_facts f = facts_of(port), rev = back(&f), other = f;
		struct rtt_place asked = rtt_place(&f, RTT_STAMP, 0, cache.seed);
		struct rtt_place found = rtt_place(&rev, RTT_STAMP, 1, cache.seed);
		struct rtt_place own = rtt_place(&f, RTT_STAMP, 1, cache.seed);
		struct rtt_place kind = rtt_place(&rev, RTT_HANDSHAKE, 1, cache.seed);

		assert_int_equal(asked.index, found.index);
		assert_int_equal(asked.check, found.check);
		assert_true(asked.index < FLOW_WAITS && asked.check);
		assert_int_not_equal(own.check, asked.check);
		assert_int_equal(own.index, asked.index ^ 1);
		assert_int_not_equal(kind.check, asked.check);
		other.key.ifnum = 2;
		assert_int_not_equal(rtt_place(&other, RTT_STAMP, 0, cache.seed).check,
				     asked.check);
	}
}

/* Of two in one place the later has it, and neither gets the other's answer. */
static void test_collision(void **state)
{
	struct flow_wait wait = {.what = 0};
	struct rtt_place one = {.index = 5, .check = 6}, two = {.index = 5, .check = 8};

	(void)state;
	rtt_ask(&wait, one, 77, 1000);
	assert_true(rtt_waits(&wait, one, 2000));
	assert_false(rtt_waits(&wait, two, 2000));
	assert_int_equal(rtt_answer(&wait, two, 77), 0);
	assert_int_equal(rtt_answer(&wait, one, 78), 0);
	rtt_ask(&wait, two, 77, 3000);
	assert_int_equal(rtt_answer(&wait, one, 77), 0);
	assert_int_equal(rtt_answer(&wait, two, 77), 3000);
	assert_int_equal(rtt_answer(&wait, two, 77), 0);
	assert_false(rtt_waits(&wait, two, 3500));
}

/* The clock that asks may be finer than the one by which it is seen that somebody waits. */
static void test_waits_by_a_coarse_clock(void **state)
{
	struct flow_wait wait = {.what = 0};
	struct rtt_place place = {.index = 5, .check = 6};

	(void)state;
	rtt_ask(&wait, place, 77, 10 * SEC);
	assert_true(rtt_waits(&wait, place, 10 * SEC - 4 * MS));
	assert_true(rtt_waits(&wait, place, 12 * SEC - 1));
	assert_false(rtt_waits(&wait, place, 12 * SEC));
	assert_false(rtt_waits(&wait, place, 7 * SEC));
}

static void test_count(void **state)
{
	struct flow_slot slot = {.tcp_state = 0};
	struct flow_health h = {.rtt_min_us = 0};

	(void)state;
	rtt_count(&slot, &h, 1200, 1000, 0);
	rtt_count(&slot, &h, 1000, 1000 + 120000001000ULL, 0);
	assert_int_equal(h.count.rtt_count, 0);
	assert_int_equal(slot.tcp_state, 0);
	rtt_count(&slot, &h, 1000, 1000 + 120000000000ULL, 0);
	rtt_count(&slot, &h, 1000, 31000, 1);
	rtt_count(&slot, &h, 1000, 51000, 0);
	assert_int_equal(h.count.rtt_count, 3);
	assert_int_equal(h.count.rtt_sum_us, 120000080);
	assert_int_equal(h.rtt_min_us, 30);
	assert_int_equal(h.rtt_max_us, 120000000);
	assert_int_equal(h.handshake_us, 30);
	assert_int_equal(slot.tcp_state, TCP_HEALTH);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_handshake),
		TEST(test_handshake_is_of_the_last_syn),
		TEST(test_handshake_of_others),
		TEST(test_refused_is_answered),
		TEST(test_stamps_of_both_directions),
		TEST(test_stamps_that_ask),
		TEST(test_stamps_given_up),
		TEST(test_echo),
		TEST(test_lengths),
		TEST(test_clock_goes_back),
		TEST(test_places),
		TEST(test_collision),
		TEST(test_waits_by_a_coarse_clock),
		TEST(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
