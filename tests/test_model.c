/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_model.c: a randomized model of the whole way from packet to row. cache.h, sweep.c, export.c,
 * expire.c, conv.c and books.c are the product's, on maps in plain memory; around them are BPF
 * writers that stop in the middle (model_world.c), a ring whose records may be busy, a database that
 * is a transaction, and a flowd that is killed at any atomic access, also while it starts
 * again (model_flowd.c). At the end every flow's sums must be what was sent, and the books say so.
 *
 *   plain    traffic at every atomic access of flowd, and an eviction at almost every new flow
 *   kills    flowd dies anywhere: in a pass, between the atomic stores of a mark, after the
 *            transaction; sums of each interface and direction alone are compared where it had given
 *            records of the ring back early
 *   more     batches of 8 records: most of what is due has to wait for the next
 *   fold     flowd's table has room for 20 conversations: the rest is folded
 *   stall    the database stands still for long, with room for 24 records in the ring
 *   torn     a packet's bytes follow its count later, and slots are copied a word at a time
 *   busy     ring records stay reserved for long, those behind them wait
 *   adopt    flowd ends in order, and the next one has another database
 *   rate     no more than 10 records a second: the rest is folded, and the ledger says how much
 *   all      these but adopt
 *
 * WL_MODEL_RUNS=N: so many seeds a mode; WL_MODEL_SEED=N: this one alone, with every difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model_flowd.h"
#include "tests/model_world.h"

#define RUNS 100
#define STEPS 600
#define STALL_STEPS 60
#define HAND_OVER_STEP 200
#define ANY_ROOM .ring_records = MODEL_RING, .expire_max = MODEL_NO_LIMIT
#define ANY_BATCH .batch_max = 262144

static const struct mode modes[] = {
	{"plain", ANY_ROOM, ANY_BATCH},
	{"kills", ANY_ROOM, ANY_BATCH, .kills = true},
	{"more", ANY_ROOM, .batch_max = 8},
	{"more+kills", ANY_ROOM, .batch_max = 8, .kills = true},
	{"fold", .ring_records = MODEL_RING, .expire_max = 20, ANY_BATCH},
	{"fold+kills", .ring_records = MODEL_RING, .expire_max = 20, ANY_BATCH, .kills = true},
	{"stall", .ring_records = 24, .expire_max = MODEL_NO_LIMIT, ANY_BATCH, .stalls = true},
	{"stall+kills", .ring_records = 24, .expire_max = MODEL_NO_LIMIT, ANY_BATCH, .stalls = true,
	 .kills = true},
	{"torn", ANY_ROOM, ANY_BATCH, .tear = true},
	{"busy", ANY_ROOM, ANY_BATCH, .busy = true},
	{"adopt", ANY_ROOM, ANY_BATCH, .adopt = true},
	{"adopt+kills", ANY_ROOM, ANY_BATCH, .adopt = true, .kills = true},
	{"rate", ANY_ROOM, ANY_BATCH, .rate = 10},
	{"rate+kills", ANY_ROOM, ANY_BATCH, .rate = 10, .kills = true},
	{"rate+stall", .ring_records = 24, .expire_max = 24, ANY_BATCH, .rate = 2, .stalls = true,
	 .kills = true},
	{"all", .ring_records = 64, .expire_max = 24, .batch_max = 8, .rate = 30, .kills = true,
	 .busy = true, .stalls = true, .tear = true},
};
#define MODES (sizeof(modes) / sizeof(modes[0]))

/* One run; here and not in variables of its function, for longjmp leaves those undefined. */
static struct {
	uint64_t seed;
	int step, stalled, bad;
	bool verbose;
} run;

static void complain(const char *what, const struct flow_key *key, uint64_t want, uint64_t got)
{
	run.bad++;
	if (!run.verbose)
		return;
	print_error("    %s", what);
	if (key)
		print_error(" %08x:%u>%08x:%u if%u dir%u marks%u", key->src[0], key->sport,
			    key->dst[0], key->dport, key->ifnum, key->dir, key->marks);
	print_error(": want %llu, got %llu (%+lld)\n", (unsigned long long)want,
		    (unsigned long long)got, (long long)(got - want));
}

static void expect(const char *what, const struct flow_key *key, uint64_t want, uint64_t got)
{
	if (got != want)
		complain(what, key, want, got);
}

/* flowd folds where its table is full, and beyond the rate of records: then the sums of what is left of the key count. */
static void add_all(struct table *to, const struct table *from)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct sum *s = &from->sum[i];
		struct flow_key key = s->key;

		if (world.mode.expire_max < MODEL_NO_LIMIT || world.mode.rate || flowd.lossy)
			key = (struct flow_key){.ifnum = key.ifnum, .dir = key.dir};
		sum_add(to, &key, s->packets, s->bytes);
		sum_of(to, &key)->again += s->again;
	}
}

static void check_flows(void)
{
	static struct table want, got;

	want.count = got.count = 0;
	add_all(&want, &world.truth);
	add_all(&got, &world.database[0].flows);
	add_all(&got, &world.database[1].flows);
	for (size_t i = 0; i < got.count; i++)
		sum_of(&want, &got.sum[i].key);
	for (size_t i = 0; i < want.count; i++) {
		const struct sum *w = &want.sum[i], *g = sum_of(&got, &w->key);

		expect("packets", &w->key, w->packets, g->packets);
		expect("bytes", &w->key, w->bytes, g->bytes);
		/* of what is in the catch-all nobody knows whether it was sent again */
		if (!flowd.lossy || g->again > w->again)
			expect("retransmits", &w->key, w->again, g->again);
	}
}

static void check_books(uint32_t ifnum, uint32_t dir)
{
	const struct sweep_books *b = &flowd.sweep.iface[ifnum].books[dir];
	const struct model_db *db = world.db;
	struct flow_ledger sum;
	uint64_t lost;

	maps_ledger(flowd.sweep.maps, ifnum, dir, &sum);
	if (b->unaccounted_packets || b->unaccounted_bytes)
		complain("unaccounted packets", NULL, 0, (uint64_t)b->unaccounted_packets);
	if (db->seen[ifnum][dir].packets != sum.seen.packets)
		complain("books seen", NULL, sum.seen.packets, db->seen[ifnum][dir].packets);
	if (db->recorded[ifnum][dir].packets != sum.seen.packets)
		complain("books recorded", NULL, sum.seen.packets,
			 db->recorded[ifnum][dir].packets);
	/* another database's records may be of packets that the one before said it of */
	lost = db->verdict[ifnum][dir][VERDICT_FOLDED].packets +
	       db->verdict[ifnum][dir][VERDICT_CATCHALL].packets;
	if (!world.mode.adopt && lost != db->lost[ifnum][dir])
		complain("folded in the ledger", NULL, db->lost[ifnum][dir], lost);
}

static void finish_run(void)
{
	world.mortal = false;
	world.quiet = true;
	traffic_rest();
	flowd_finish();
	check_flows();
	for (uint32_t i = 2; i < MODEL_IFACES * 2; i++)
		check_books(i / 2, i % 2);
	if (flowd.sweep.stats.stale)
		complain("stale ring records", NULL, 0, flowd.sweep.stats.stale);
	flowd_die();
}

/* All is committed and settled when the other database comes. */
static void hand_over(void)
{
	world.mortal = false;
	flowd_finish();
	flowd_die();
	world.db = &world.database[1];
	flowd_start();
}

static bool may_be_killed(void)
{
	return world.mode.kills && (!world.mode.adopt || run.step > HAND_OVER_STEP);
}

static void step(void)
{
	for (uint64_t i = rnd() % 60; i; i--)
		traffic(true);
	if (run.stalled)
		run.stalled--;
	else if (world.mode.stalls && one_in(40))
		run.stalled = STALL_STEPS;
	flowd_do(run.stalled);
	if (world.mortal && one_in(60))
		longjmp(flowd.grave, 1);
	if (world.mode.adopt && run.step == HAND_OVER_STEP)
		hand_over();
}

/* A flowd until it is killed or the run is over. */
static void live(void)
{
	world.mortal = may_be_killed();
	for (int i = 0; i < 40; i++)
		traffic(true);
	flowd_start();
	for (; run.step < STEPS; run.step++) {
		world.mortal = may_be_killed();
		step();
	}
}

static void run_once(const struct mode *mode, uint64_t seed)
{
	world_new(mode, seed);
	run.seed = seed;
	run.step = run.stalled = run.bad = 0;
	flowd.lossy = false;
	if (setjmp(flowd.grave)) {
		world.mortal = false;
		flowd_die();
	}
	live();
	finish_run();
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void test_mode(void **state)
{
	const struct mode *mode = *state;
	uint64_t only = env_number("WL_MODEL_SEED", 0), runs = env_number("WL_MODEL_RUNS", RUNS);
	uint64_t first = only ? only : 1, last = only ? only : runs;

	for (uint64_t seed = first; seed <= last; seed++) {
		run.verbose = only != 0;
		run_once(mode, seed);
		if (run.bad)
			fail_msg(
				"mode %s, seed %llu: %d differences (WL_MODEL_SEED=%llu shows them)",
				mode->name, (unsigned long long)seed, run.bad,
				(unsigned long long)seed);
	}
}

int main(void)
{
	struct CMUnitTest tests[MODES];

	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < MODES; i++) {
		tests[i].name = modes[i].name;
		tests[i].test_func = test_mode;
		tests[i].initial_state = (void *)(uintptr_t)&modes[i];
	}
	return _cmocka_run_group_tests("model", tests, MODES, NULL, NULL);
}
