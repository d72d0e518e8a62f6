// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_limit.c: the budget of records, what is folded to what, and which of too many records stay: the
 * heaviest; sums never change. A flood of some length is test_limit_flood.c's. With flowd killed in between, test_model.c has it (modes rate and fold).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "flowd/budget.h"
#include "flowd/fold.h"
#include "flowd/limit.h"
#include "flowd/room.h"
#include "flowd/sweep.h"

#define S BUDGET_NS_PER_S

static void test_budget_rate(void **state)
{
	struct budget b;
	uint64_t went = 0;

	(void)state;
	budget_start(&b, 7, 2 * S, 5);
	assert_int_equal(budget_room(&b, 1000), 14);
	/* who takes all there is each 10 ms gets what the rate says, and what was saved up */
	for (uint64_t ms = 10; ms <= 100000; ms += 10) {
		budget_fill(&b, 5 + ms * 1000000);
		went += budget_room(&b, 1000);
		budget_take(&b, budget_room(&b, 1000));
	}
	assert_in_range(went, 14 + 700 - 1, 14 + 700);
}

static void test_budget_debt(void **state)
{
	struct budget b;

	(void)state;
	budget_start(&b, 10, 2 * S, 0);
	budget_take(&b, 35); /* such that could not be folded further */
	assert_int_equal(budget_room(&b, 1000), 0);
	budget_fill(&b, S);
	assert_int_equal(budget_room(&b, 1000), 0);
	budget_fill(&b, 2 * S);
	assert_int_equal(budget_room(&b, 1000), 5);
	budget_fill(&b, 100 * S); /* saved up for two seconds, no longer */
	assert_int_equal(budget_room(&b, 1000), 20);
	budget_fill(&b, 50 * S); /* a clock that goes back gives and takes nothing */
	assert_int_equal(budget_room(&b, 4), 4);
	for (int i = 0; i < 100; i++) /* nor is it paid for longer than that */
		budget_take(&b, 7);
	budget_fill(&b, 102 * S);
	assert_int_equal(budget_room(&b, 1000), 0);
	budget_fill(&b, 103 * S);
	assert_int_equal(budget_room(&b, 1000), 10);
}

static void test_budget_limits(void **state)
{
	struct budget b;

	(void)state;
	budget_start(&b, 0, S, 0);
	budget_take(&b, UINT32_MAX);
	budget_fill(&b, S);
	assert_int_equal(budget_room(&b, 77), 77);
	budget_start(&b, 10000000, 3600 * S, 0);
	budget_fill(&b, UINT64_MAX);
	assert_int_equal(budget_room(&b, SIZE_MAX / 4), INT32_MAX);
	budget_start(&b, 1, S / 1000, 0); /* one at least, or none would ever go */
	assert_int_equal(budget_room(&b, 1000), 1);
}

/* A conversation of `packets` packets of 100 bytes and half of it back. */
static struct flow_record record(uint32_t src, uint16_t dport, uint64_t packets)
{
	struct flow_record rec = {
		.key = {.src = {src},
			.dst = {0x0100000a},
			.sport = (__be16)(src >> 3 | 1),
			.dport = htons(dport),
			.ethertype = ETH_P_IP,
			.ifnum = 2,
			.proto = IPPROTO_TCP,
			.dir = FLOW_INGRESS},
		.half = {{.packets = packets,
			  .bytes = packets * 100,
			  .ip_bytes = packets * 86,
			  .tcp_flags = 2,
			  .tcp_syn = 1},
			 {.packets = packets / 2, .bytes = packets * 30, .tcp_flags = 0x12}},
		.iface = 9,
		.start_ms = 5000 + src % 100,
		.end_ms = 6000 + src % 100,
		.outer_ethertype = ETH_P_IP,
		.outer_src = {src},
	};

	return rec;
}

static void test_fold_keys(void **state)
{
	struct fold *fold = fold_new();
	struct flow_record rec;
	const struct flow_record *to;

	(void)state;
	assert_non_null(fold);
	for (uint32_t i = 1; i <= 1000; i++) {
		rec = record(i, 443, 2);
		assert_int_equal(fold_add(fold, &rec), VERDICT_FOLDED);
	}
	assert_int_equal(fold_count(fold), 1);
	to = fold_at(fold, 0);
	assert_int_equal(to->key.marks, FLOW_MARK_FOLDED);
	assert_int_equal(to->key.src[0], 0);
	assert_int_equal(to->key.sport, 0);
	assert_int_equal(to->key.dst[0], 0x0100000a);
	assert_int_equal(ntohs(to->key.dport), 443);
	assert_int_equal(to->key.proto, IPPROTO_TCP);
	assert_int_equal(to->iface, 9);
	assert_int_equal(to->outer_ethertype, 0);
	assert_int_equal(to->outer_src[0], 0);
	assert_int_equal(to->half[0].packets, 2000);
	assert_int_equal(to->half[0].bytes, 200000);
	assert_int_equal(to->half[0].ip_bytes, 172000);
	assert_int_equal(to->half[1].packets, 1000);
	assert_int_equal(to->half[0].tcp_flags | to->half[1].tcp_flags << 8, 0x1202);
	assert_int_equal(to->start_ms, 5000);
	assert_int_equal(to->end_ms, 6099);
	assert_int_equal(to->end_reason, END_RESOURCES);
	fold_clear(fold);
	assert_int_equal(fold_count(fold), 0);
	assert_int_equal(fold_add(fold, &rec), VERDICT_FOLDED);
	assert_int_equal(fold_at(fold, 0)->half[0].packets, 2);
	fold_free(fold);
}

static void test_fold_catchall(void **state)
{
	struct fold *fold = fold_new();
	uint64_t packets[2] = {0};
	struct flow_record rec;

	(void)state;
	fold_limit(fold, 3);
	for (uint32_t i = 0; i < 30; i++) {
		rec = record(i, (uint16_t)(i % 10), 2);
		rec.key.dir = i % 10 / 5 % 2;
		if (i % 10 == 9)
			rec.key.marks |= FLOW_MARK_MIRRORED;
		assert_int_equal(fold_add(fold, &rec),
				 i % 10 < 3 ? VERDICT_FOLDED : VERDICT_CATCHALL);
	}
	/* three keys, and the catch-alls of in, of out, and of a mirror port's out */
	assert_int_equal(fold_count(fold), 6);
	for (size_t i = 0; i < fold_count(fold); i++) {
		const struct flow_record *to = fold_at(fold, i);

		packets[0] += to->half[0].packets;
		packets[1] += to->half[1].packets;
		if (to->key.marks & FLOW_MARK_CATCHALL)
			assert_int_equal(to->key.dst[0] | to->key.dport | to->key.proto, 0);
		assert_int_equal(to->key.ifnum, 2);
	}
	assert_int_equal(packets[0], 60);
	assert_int_equal(packets[1], 30);
	fold_free(fold);
}

/* All interfaces, directions and mirror ports have a place, whatever came before. */
static void test_fold_room(void **state)
{
	struct fold *fold = fold_new();
	struct flow_record rec;

	(void)state;
	for (uint32_t i = 0; i < 3 * FOLD_KEYS; i++) {
		rec = record(i, (uint16_t)i, 1);
		rec.key.ifnum = 1;
		fold_add(fold, &rec);
	}
	for (uint32_t i = 0; i < FOLD_CATCHALLS; i++) {
		rec = record(i, (uint16_t)~i, 1);
		rec.key.ifnum = (__u16)(i / 4);
		rec.key.dir = i & 1;
		rec.key.marks = i & 2 ? FLOW_MARK_MIRRORED : 0;
		assert_int_equal(fold_add(fold, &rec), VERDICT_CATCHALL);
	}
	assert_int_equal(fold_count(fold), FOLD_KEYS + FOLD_CATCHALLS);
	fold_free(fold);
}

static void test_fold_health(void **state)
{
	struct fold *fold = fold_new();
	struct flow_record rec;
	const struct flow_record *to;

	(void)state;
	for (uint32_t i = 1; i <= 10; i++) {
		rec = record(i, 443, 2);
		rec.has_health = i != 1;
		rec.health[1].count.retransmits = i;
		rec.health[1].count.rtt_count = 1;
		rec.health[1].count.rtt_sum_us = i;
		rec.health[1].rtt_min_us = rec.health[1].rtt_max_us = i;
		rec.health[1].handshake_us = 5;
		rec.health[0].drops = 1;
		fold_add(fold, &rec);
	}
	to = fold_at(fold, 0);
	assert_true(to->has_health);
	assert_int_equal(to->health[1].count.retransmits, 54);
	assert_int_equal(to->health[1].count.rtt_sum_us, 54);
	assert_int_equal(to->health[1].rtt_min_us, 2);
	assert_int_equal(to->health[1].rtt_max_us, 10);
	assert_int_equal(to->health[1].handshake_us, 0);
	assert_int_equal(to->health[0].drops, 9);
	fold_free(fold);
}

/* An export of `flows` small records and `large` of 50 packets among them, at that rate. */
static void export_some(struct sweep *sweep, uint64_t rate, uint32_t flows, uint32_t large)
{
	const struct limit_conf conf = {.rate = rate, .burst_ns = S, .sweep_ns = S / 2};

	memset(sweep, 0, sizeof(*sweep));
	assert_int_equal(limit_open(&sweep->limit), 0);
	limit_set(&sweep->limit, &conf, S);
	assert_true(limit_begin(sweep, false, S));
	for (uint32_t i = 0; i < flows; i++) {
		bool is_large = large && i % (flows / large) == 3;
		struct flow_record rec =
			record(i + 1, (uint16_t)(i % 5), is_large ? 50 : 1 + i % 2);

		assert_int_equal(limit_add(sweep, &rec), 0);
	}
	limit_end(sweep);
}

static void export_free(struct sweep *sweep)
{
	sink_batch_free(&sweep->batch);
	limit_close(&sweep->limit);
}

static void test_limit_keeps_heaviest(void **state)
{
	static struct sweep sweep;
	uint64_t packets = 0, back = 0, want = 0, want_back = 0, kept_large = 0, folded[2] = {0};
	const struct sweep_books *books = sweep.iface[2].books;

	(void)state;
	export_some(&sweep, 3000, 100000, 1000);
	assert_in_range(sweep.batch.records, 1000, 3000);
	for (uint32_t i = 0; i < 100000; i++) {
		uint64_t p = i % 100 == 3 ? 50 : 1 + i % 2;

		want += p;
		want_back += p / 2;
	}
	for (size_t i = 0; i < sweep.batch.records; i++) {
		const struct flow_record *rec = &sweep.batch.record[i];
		bool is_folded = rec->key.marks & FLOW_MARK_FOLDED;

		packets += rec->half[0].packets;
		back += rec->half[1].packets;
		kept_large += !is_folded && rec->half[0].packets == 50;
		assert_int_equal(rec->key.ifnum, 0);
		assert_false(!is_folded && rec->half[0].packets == 1); /* while 2 were folded */
		for (int d = 0; d < 2 && is_folded; d++)
			folded[d] += rec->half[d].packets;
	}
	assert_int_equal(packets, want);
	assert_int_equal(back, want_back);
	assert_int_equal(kept_large, 1000);
	/* the ledger's word: by direction */
	assert_int_equal(books[FLOW_INGRESS].moved[0].packets, folded[0]);
	assert_int_equal(books[FLOW_EGRESS].moved[0].packets, folded[1]);
	assert_int_equal(sweep.limit.stats.packets, folded[0] + folded[1]);
	export_free(&sweep);
}

static void test_limit_none(void **state)
{
	static struct sweep sweep;

	(void)state;
	export_some(&sweep, 0, 100000, 0);
	assert_int_equal(sweep.batch.records, 100000);
	assert_int_equal(sweep.limit.stats.flows, 0);
	export_free(&sweep);
	export_some(&sweep, 100000, 100000, 0);
	assert_int_equal(sweep.batch.records, 100000);
	export_free(&sweep);
}

/* The packets of what is folded under another name already are not told of twice. */
static void test_limit_marks(void **state)
{
	static struct sweep sweep;
	const struct limit_conf conf = {.rate = 8, .burst_ns = S, .sweep_ns = S};

	(void)state;
	memset(&sweep, 0, sizeof(sweep));
	assert_int_equal(limit_open(&sweep.limit), 0);
	limit_set(&sweep.limit, &conf, S);
	assert_true(limit_begin(&sweep, false, S));
	for (uint32_t i = 0; i < 1000; i++) {
		struct flow_record rec = record(i, 7, 1);

		if (i % 4)
			rec.key.marks = (uint8_t)(1 << i % 4); /* short, deep, folded */
		assert_int_equal(limit_add(&sweep, &rec), 0);
	}
	limit_end(&sweep);
	assert_true(sweep.batch.records <= 16 + 3);
	assert_in_range(sweep.iface[2].books[0].moved[0].packets +
				sweep.iface[2].books[0].moved[1].packets,
			234, 250);
	export_free(&sweep);
}

/* What may wait does, for some time; what the map gave up, or is the last, does not. */
static void test_limit_waits(void **state)
{
	static struct sweep sweep;
	const struct limit_conf conf = {.rate = 2, .burst_ns = S, .sweep_ns = S, .idle_ns = 5 * S};
	struct expire_record due = {.half[0].packets = 50, .end_ns = 100 * S, .reason = END_IDLE};
	struct flow_record rec = record(1, 7, 50);

	(void)state;
	memset(&sweep, 0, sizeof(sweep));
	assert_int_equal(limit_open(&sweep.limit), 0);
	limit_set(&sweep.limit, &conf, 105 * S);
	assert_true(limit_begin(&sweep, false, 105 * S));
	assert_true(limit_may(&sweep, &due, 105 * S));
	for (int i = 0; i < 4; i++)
		assert_int_equal(limit_add(&sweep, &rec), 0);
	assert_false(limit_may(&sweep, &due, 105 * S));
	assert_int_equal(sweep.limit.stats.waited, 1);
	due.half[0].packets = EXPIRE_SMALL;
	assert_true(limit_may(&sweep, &due, 105 * S));
	due.half[0].packets = 50;
	assert_true(limit_may(&sweep, &due, 200 * S));
	due.reason = END_RESOURCES;
	assert_true(limit_may(&sweep, &due, 105 * S));
	due.reason = END_IDLE;
	sweep.limit.ending = true;
	assert_true(limit_may(&sweep, &due, 105 * S));
	export_free(&sweep);
}

/* All parts together are within memory.max, with the largest table and batch that may be. */
static void test_room(void **state)
{
	static const struct {
		uint64_t max, slots;
	} some[] = {{64 << 20, 2048}, {256 << 20, 131072}, {0, 131072}, {0, 1 << 24}};

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		struct room room = room_of(some[i].max, some[i].slots);

		assert_true(room.conversations >= ROOM_LEAST && room.records >= ROOM_LEAST &&
			    room.answer >= ROOM_LEAST);
		assert_true(some[i].slots * ROOM_SLOT_BYTES +
				    room.conversations * ROOM_CONVERSATION_BYTES +
				    (room.records + room.answer) * ROOM_RECORD_BYTES +
				    ROOM_BASE_BYTES <=
			    room.bytes);
		assert_true(!some[i].max || room.bytes == some[i].max);
		assert_true(room_answers(&room, 0) + some[i].slots * ROOM_SLOT_BYTES +
				    ROOM_BASE_BYTES <=
			    room.bytes);
		assert_int_equal(room_answers(&room, room.bytes), room.answer * ROOM_RECORD_BYTES);
	}
	assert_int_equal(room_of(1 << 20, 1 << 20).records, ROOM_LEAST);
	assert_true(sizeof(struct side) + sizeof(struct flow_health_count) + 4 <= ROOM_SLOT_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget_rate),   cmocka_unit_test(test_budget_debt),
		cmocka_unit_test(test_budget_limits), cmocka_unit_test(test_fold_keys),
		cmocka_unit_test(test_fold_catchall), cmocka_unit_test(test_fold_room),
		cmocka_unit_test(test_fold_health),   cmocka_unit_test(test_limit_keeps_heaviest),
		cmocka_unit_test(test_limit_none),    cmocka_unit_test(test_limit_marks),
		cmocka_unit_test(test_limit_waits),   cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
