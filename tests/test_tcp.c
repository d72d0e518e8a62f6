// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_tcp.c: tcp.h over connections written down segment by segment, and what is to be counted of each
 * direction. What is wanted is from RFC 9293 and the rules of Wireshark's packet-tcp.c. Each connection
 * is fed again with its numbers wrapping at many places, with the clock's wrap in it, and with its sides
 * changed over; then random ones against tcp_model.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tcp_cases.h"
#include "tcp_model.h"

#define SHIFTS 60
#define SHIFT_STEP 61
#define TICKS_WRAP_NS (1ULL << 42)

static struct model model;

/* A connection as fed: where its numbers and its clock begin, and who is who. */
struct variant {
	uint64_t ns;
	uint32_t seq[2];
	uint8_t swap;
};

static struct segment vary(const struct segment *s, const struct variant *v)
{
	struct segment x = *s;

	x.ns += v->ns;
	x.side ^= v->swap;
	x.seq += v->seq[s->side];
	if (s->flags & ACK)
		x.ack += v->seq[!s->side];
	return x;
}

static bool count_differs(const struct tcp_case *c, const struct variant *v, int side,
			  const struct flow_health *h)
{
	const struct flow_health_count *got = &h->count, *want = &c->want[side];

	if (!memcmp(got, want, sizeof(*got)))
		return false;
	print_error("'%s', side %c, numbers %#x %#x, clock %#llx, swap %d:\n"
		    "  retransmits %u bytes %llu out of order %u dup acks %u zero windows %u "
		    "resets %u keep-alives %u SYNs %u\n"
		    "  wanted      %u bytes %llu out of order %u dup acks %u zero windows %u "
		    "resets %u keep-alives %u SYNs %u\n",
		    c->name, "AB"[side], v -> seq[0], v -> seq[1], (unsigned long long)v -> ns,
		    v -> swap, got -> retransmits, got -> retransmitted_bytes, got -> out_of_order,
		    got -> dup_acks, got -> zero_windows, got -> resets, got -> keep_alives,
		    got -> syn_repeats, want -> retransmits, want -> retransmitted_bytes,
		    want -> out_of_order, want -> dup_acks, want -> zero_windows, want -> resets,
		    want -> keep_alives, want -> syn_repeats);
	return true;
}

/* apart: the segments of a GSO packet one by one. */
static bool case_fails(const struct tcp_case *c, const struct variant *v, bool apart)
{
	struct pair pair = {.alone = c->alone};
	bool bad = false;

	model_clear(&model);
	model.alone = c->alone;
	for (uint32_t i = 0; i < c->count; i++) {
		struct segment s = vary(&c->list[i], v);

		model_feed(&model, &s);
		for (uint32_t j = 0; apart && j < segment_count(&s); j++) {
			struct segment part = segment_part(&s, j);

			pair_feed(&pair, &part);
		}
		if (!apart)
			pair_feed(&pair, &s);
	}
	for (int i = 0; i < 2; i++) {
		int side = i ^ v->swap;

		bad |= count_differs(c, v, i, &pair.health[side]);
		if (c->initial_us[i])
			bad |= labs((long)pair.health[side].initial_ns -
				    (long)c->initial_us[i] * 1000) > 1000;
		if (!bad && !model_agrees(&model, &pair, side)) {
			print_error("'%s', side %c: not as the model\n", c->name, "AB"[i]);
			bad = true;
		}
	}
	return bad;
}

static void test_cases(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < TCP_CASES; i++) {
		struct variant v = {.ns = 10000000000ULL};

		failed += case_fails(&tcp_cases[i], &v, false);
		failed += case_fails(&tcp_cases[i], &v, true);
		v.swap = 1;
		failed += case_fails(&tcp_cases[i], &v, false);
	}
	assert_int_equal(failed, 0);
}

static void test_numbers_wrap(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < TCP_CASES && !failed; i++) {
		for (uint32_t j = 0; j < SHIFTS; j++) {
			uint32_t shift = 0U - CASE_SEQ - j * SHIFT_STEP;
			struct variant v = {.ns = 10000000000ULL, .seq = {shift, shift}};

			failed += case_fails(&tcp_cases[i], &v, false);
		}
	}
	assert_int_equal(failed, 0);
}

static void test_clock_wraps(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < TCP_CASES && !failed; i++) {
		for (uint32_t j = 0; j < tcp_cases[i].count; j++) {
			uint64_t ns = tcp_cases[i].list[j].ns;
			struct variant v = {.ns = TICKS_WRAP_NS - (ns & ~0x3ffULL)};

			failed += case_fails(&tcp_cases[i], &v, false);
			v.ns += 2048;
			failed += case_fails(&tcp_cases[i], &v, false);
		}
	}
	assert_int_equal(failed, 0);
}

static struct flow_facts facts_of(uint32_t seq, uint32_t len)
{
	return segment_facts(
		&(struct segment){.flags = ACK, .seq = seq, .ack = 1, .len = len, .window = 500});
}

/*
 * Which packets get the full clock: those with data, after a hole or a repetition; ACKs stay plain. What is
 * plain needs neither the other direction nor flow_health.
 */
static void test_timed(void **state)
{
	static const uint32_t odd[] = {1300, 1000};
	struct tcp_peer none = {.state = 0};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct flow_health h = {.rtt_min_us = 0};
		struct flow_slot slot = {.tcp_state = 0};
		struct flow_facts f = facts_of(1000, 100);

		assert_false(tcp_plain(&slot, &f, 1000));
		tcp_look(&slot, &h, &none, &f, 1000);
		f = facts_of(1100, 100);
		assert_true(tcp_plain(&slot, &f, 2000));
		assert_int_equal(slot.tcp_state, TCP_SEEN | TCP_ACKED);
		f = facts_of(odd[i], 100);
		assert_false(tcp_plain(&slot, &f, 3000));
		assert_int_equal(tcp_wants_peer(&slot, &f), i == 1);
		tcp_look(&slot, &h, &none, &f, 3000);
		assert_true(slot.tcp_state & TCP_TIMED);
		f = facts_of(slot.tcp_next, 100);
		assert_false(tcp_plain(&slot, &f, 4000));
		assert_true(tcp_is_timed(&slot, &f) && tcp_expected(&slot, &f, 4096));
		assert_int_equal(slot.tcp_time, tcp_ticks(4096));
		assert_true(slot.tcp_state & TCP_TIMED);
		f = facts_of(slot.tcp_next, 0);
		f.ack = 2;
		assert_true(tcp_plain(&slot, &f, 4000));
		tcp_calm(&slot);
		f = facts_of(slot.tcp_next, 100);
		f.ack = 2;
		assert_true(tcp_is_timed(&slot, &f) && !tcp_plain(&slot, &f, 5000));
		tcp_calm(&slot);
		assert_int_equal(slot.tcp_state & (__u8)~TCP_HEALTH, TCP_SEEN | TCP_ACKED);
		f = facts_of(slot.tcp_next, 100);
		f.ack = 2;
		assert_true(tcp_plain(&slot, &f, 5000));
	}
}

/* However many ask, they ask. */
static void test_many_duplicates(void **state)
{
	struct pair pair = {.alone = false};
	struct segment a = {.flags = ACK, .seq = 1000, .ack = 5000, .len = 300, .window = 500};
	struct segment b = {.side = 1, .flags = ACK, .seq = 5000, .ack = 1000, .window = 500};

	(void)state;
	pair_feed(&pair, &a);
	for (b.ns = 1; b.ns <= 258; b.ns++)
		pair_feed(&pair, &b);
	a.len = 100;
	a.ns = b.ns;
	pair_feed(&pair, &a);
	assert_int_equal(pair.health[1].count.dup_acks, 257);
	assert_int_equal(pair.health[0].count.retransmits, 1);
}

static uint32_t below(uint32_t end)
{
	return (uint32_t)random() % end;
}

/* Any segment near what its side has sent and the other has seen. */
static struct segment random_segment(uint64_t *ns)
{
	static const uint32_t pause[] = {0, 1, 400, 2500, 3500, 15000, 21000, 400000, 1200000};
	static const uint8_t rare[] = {FIN | ACK, SYN, SYN | ACK, RST, RST | ACK, FIN, 0};
	struct segment s = {.side = (uint8_t)below(2), .flags = ACK, .window = 500};
	int64_t step = (int64_t)(pause[below(9)] * 1000ULL);
	const struct model_segment *newest = model_newest(&model.side[s.side]);
	const struct model_segment *other = model_newest(&model.side[!s.side]);

	*ns += below(20) ? (uint64_t)step : 0ULL - 1000;
	s.ns = *ns;
	s.seq = newest ? (uint32_t)newest->end : 0U - below(3000);
	s.ack = other ? (uint32_t)other->end : 1;
	if (!below(3))
		s.ack -= below(8) * 100;
	if (!below(3))
		s.seq -= below(2) ? below(9) * 100 : below(3);
	if (!below(20))
		s.seq += 100;
	if (below(2))
		s.len = below(4) ? 100 : below(130);
	if (!below(12))
		s.window = below(3) ? 0 : 501;
	if (!below(15))
		s.flags = rare[below(sizeof(rare))];
	if (s.len && !below(3) && !(s.flags & (SYN | RST))) {
		s.mss = (uint16_t)(below(3) ? 100 : 10 + below(120));
		s.len += below(6) * s.mss;
	}
	return s;
}

static void print_random(const struct segment *s)
{
	print_error("{%llu, %c, flags %x, seq %u, ack %u, len %u, window %u, mss %u}\n",
		    (unsigned long long)s->ns, "AB"[s->side], s -> flags, s -> seq, s -> ack,
		    s -> len, s -> window, s -> mss);
}

/* As GSO packets and one by one it is the same, and as the model has it. */
static void run_random(unsigned int seed, bool alone)
{
	struct pair pair = {.alone = alone};
	static struct segment list[120];
	uint64_t ns = below(2) ? 20000000000ULL : TICKS_WRAP_NS - 3000000000ULL;
	uint32_t count = 20 + below(100);

	model_clear(&model);
	model.alone = alone;
	for (uint32_t i = 0; i < count; i++) {
		list[i] = random_segment(&ns);
		model_feed(&model, &list[i]);
		pair_feed(&pair, &list[i]);
		if (model_agrees(&model, &pair, 0) && model_agrees(&model, &pair, 1))
			continue;
		for (uint32_t j = 0; j <= i; j++)
			print_random(&list[j]);
		for (int side = 0; side < 2; side++) {
			struct tcp_case c = {.name = "model", .count = count};
			struct variant v = {.ns = 0};

			c.want[side] = model.side[side].sum;
			count_differs(&c, &v, side, &pair.health[side]);
		}
		fail_msg("seed %u: segment %u differs from the model", seed, i);
	}
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 20000; seed++) {
		srandom(seed);
		run_random(seed, !below(8));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),		cmocka_unit_test(test_numbers_wrap),
		cmocka_unit_test(test_clock_wraps),	cmocka_unit_test(test_timed),
		cmocka_unit_test(test_many_duplicates), cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
