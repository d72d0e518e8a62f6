// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_limit_flood.c: a minute's flood of random 5-tuples beside steady flows: no more records go than record.rate says,
 * however often there is an export, and those of the steady flows that are due in it are all under their own key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "flowd/budget.h"
#include "flowd/expire.h"
#include "flowd/limit.h"
#include "flowd/sweep.h"

#define S BUDGET_NS_PER_S
#define STEADY 1000
#define STEADY_SRC 0x80000000 /* of those from there on */
#define STEADY_PACKETS 50
#define FLOOD_S 60
#define FLOOD_RATE 1000

/* A flood to ever other addresses and ports, beside flows of which each is due all `active_ns`. */
struct flood {
	struct sweep sweep;
	uint64_t gap_ns, active_ns;
	uint64_t began_ns, now_ns;
	uint64_t due_ns[STEADY];
	uint64_t rows, packets, folded; /* that went to the database */
	uint64_t want, steady, own;	/* packets: in all, of steady flows, and of these by name */
	uint32_t seed;
};

static struct flow_record record(uint32_t src, uint32_t dst, uint16_t dport, uint64_t packets)
{
	return (struct flow_record){
		.key = {.src = {src},
			.dst = {dst},
			.sport = htons(1234),
			.dport = htons(dport),
			.ethertype = ETH_P_IP,
			.ifnum = 2,
			.proto = IPPROTO_TCP,
			.dir = FLOW_INGRESS},
		.half[0] = {.packets = packets, .bytes = packets * 100},
		.iface = 9,
	};
}

static struct flow_record random_record(struct flood *flood)
{
	struct flow_record rec;

	flood->seed = flood->seed * 1664525 + 1013904223;
	rec = record(flood->seed % STEADY_SRC, flood->seed * 2654435761U,
		     (uint16_t)(flood->seed >> 16), 1);
	flood->want++;
	return rec;
}

/* What the map gave up and went past the table of conversations; then what is in there. */
static void flood_small(struct flood *flood)
{
	uint64_t flows = 5 * FLOOD_RATE * flood->gap_ns / S;

	for (uint64_t i = 0; i < flows; i++) {
		struct flow_record rec = random_record(flood);
		struct expire_delta delta = {.packets = 1,
					     .bytes = 100,
					     .first_ns = flood->now_ns,
					     .last_ns = flood->now_ns};

		limit_fold(&flood->sweep, &rec.key, &delta);
	}
	assert_true(limit_begin(&flood->sweep, false, flood->now_ns));
	for (uint64_t i = 0; i < flows; i++) {
		struct flow_record rec = random_record(flood);

		assert_int_equal(limit_add(&flood->sweep, &rec), 0);
	}
}

static void flood_steady(struct flood *flood)
{
	for (uint32_t i = 0; i < STEADY; i++) {
		const struct expire_record due = {.half[0].packets = STEADY_PACKETS,
						  .start_ns = flood->due_ns[i] - flood->active_ns,
						  .end_ns = flood->now_ns,
						  .reason = END_ACTIVE};
		struct flow_record rec = record(STEADY_SRC + i, 0x0100000a, 443, STEADY_PACKETS);

		if (flood->due_ns[i] > flood->now_ns ||
		    !limit_may(&flood->sweep, &due, flood->now_ns))
			continue;
		assert_int_equal(limit_add(&flood->sweep, &rec), 0);
		flood->due_ns[i] = flood->now_ns + flood->active_ns;
		flood->want += STEADY_PACKETS;
		flood->steady += STEADY_PACKETS;
	}
}

static void flood_went(struct flood *flood)
{
	struct sink_batch *batch = &flood->sweep.batch;

	flood->rows += batch->records;
	for (size_t i = 0; i < batch->records; i++) {
		const struct flow_record *rec = &batch->record[i];
		bool named = !(rec->key.marks & FLOW_MARKS_NAMED);

		flood->packets += rec->half[0].packets;
		flood->folded += !named;
		if (named && rec->key.src[0] >= STEADY_SRC)
			flood->own += rec->half[0].packets;
	}
	sink_batch_reset(batch);
}

/* Exports all `gap_ns`, where they are to be all `sweep_ns`. */
static void flood_run(uint64_t gap_ns, uint64_t sweep_ns, uint64_t active_ns)
{
	const uint64_t saved_ns = sweep_ns > S ? 2 * sweep_ns : 2 * S;
	const uint64_t burst = FLOOD_RATE * saved_ns / S;
	const uint64_t burst_folded = FLOOD_RATE / 8 * sweep_ns / S;
	const struct limit_conf conf = {.rate = FLOOD_RATE,
					.burst_ns = 2 * S,
					.sweep_ns = sweep_ns,
					.active_ns = active_ns};
	static struct flood flood;
	struct limit *limit = &flood.sweep.limit;

	flood = (struct flood){.gap_ns = gap_ns, .active_ns = active_ns, .began_ns = 100 * S};
	assert_int_equal(limit_open(limit), 0);
	limit_set(limit, &conf, flood.began_ns);
	for (uint32_t i = 0; i < STEADY; i++) /* a third of them at once */
		flood.due_ns[i] = flood.began_ns + active_ns * (i % 3 ? i : STEADY) / STEADY;
	for (uint64_t t = gap_ns; t <= FLOOD_S * S; t += gap_ns) {
		flood.now_ns = flood.began_ns + t;
		flood_small(&flood);
		flood_steady(&flood);
		limit_end(&flood.sweep);
		flood_went(&flood);
		assert_in_range(flood.rows, 0, t * FLOOD_RATE / S + burst + burst_folded + 2);
		/* catch-alls of both directions beside them */
		assert_in_range(flood.folded, 1,
				t * (FLOOD_RATE / 8) / S + burst_folded + 2 + 2 * t / gap_ns);
	}
	assert_int_equal(flood.packets, flood.want);
	assert_int_equal(flood.own, flood.steady);
	for (uint32_t i = 0; i < STEADY; i++)
		assert_true(flood.due_ns[i] > flood.now_ns);
	/* it was made use of, and nothing is left to be paid for long */
	assert_true(flood.rows > FLOOD_S * FLOOD_RATE);
	limit_begin(&flood.sweep, false, flood.now_ns + saved_ns + S / 2);
	assert_int_equal(limit->room, burst);
	sink_batch_free(&flood.sweep.batch);
	limit_close(limit);
}

static void test_limit_flood(void **state)
{
	(void)state;
	flood_run(S / 10, S / 10, 5 * S);
	flood_run(S / 50, S, 5 * S); /* the ring fills fast */
	flood_run(S / 4, S, 3 * S);
	flood_run(S, S, 60 * S);
	flood_run(5 * S, 5 * S, 20 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_limit_flood)};

	return cmocka_run_group_tests_name("limit_flood", tests, NULL, NULL);
}
