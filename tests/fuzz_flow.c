// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_flow.c: libFuzzer target: packets of a few dozen keys and of the vectors, gains as a live
 * flowd reads them, clock steps, sweeps, evictions and a sink without room, through the cache of a
 * replay, the table of conversations, the memory of fragments and the numbers of outer endpoints, put
 * together as replay.c does. fuzz_flow_step.h has what goes in; fuzz_flow_model.h and
 * fuzz_flow_record.h have what must come out, and any difference aborts.
 *
 *   build/fuzz/fuzz_flow --write-seeds=build/fuzz/seeds
 *   build/fuzz/fuzz_flow -max_total_time=60 -max_len=750 build/fuzz/corpus build/fuzz/seeds
 *
 *   input   | times, cache size << 6 | seed | step | step | ...
 */
#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "flowd/expire_ahead.h"
#include "flowd/outer.h"
#include "flowd/replay_cache.h"
/* The product's branches are to be covered, not the model's. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)
#include "fuzz_flow_record.h"
#include "fuzz_flow_step.h"

#define INPUT_MAX 750 /* bytes: a new key takes three, and there is room for MODEL_KEYS */
#define ANY_ROOM UINT32_MAX
#define WANTED_MAX 32 /* as many as replay.c has */
#define START_NS S

static struct {
	const uint8_t *data;
	size_t left;
	struct expire_conf conf;
	struct model model;
	struct replay_cache cache;
	struct replay_fragments *fragments; /* NULL before the first */
	struct outer *outer;
	struct expire *expire;
	uint64_t now_ns, tick_ns;
	uint32_t room; /* for records */
	struct expire_wanted wanted[WANTED_MAX];
	uint32_t wants, fetches, adds;
	uint8_t where, kind; /* of the last packet */
} fuzz;

static uint64_t random_state;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* In libc's place, so that an input does the same each time. splitmix64 (Steele, Lea, Flood 2014). */
ssize_t getrandom(void *buf, size_t size, unsigned int flags)
{
	uint8_t *bytes = buf;

	(void)flags;
	for (size_t i = 0; i < size; i++) {
		uint64_t z = random_state += 0x9e3779b97f4a7c15ULL;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		bytes[i] = (uint8_t)((z ^ z >> 27) >> 24);
	}
	return (ssize_t)size;
}

static uint8_t take(void)
{
	if (!fuzz.left)
		return 0;
	fuzz.left--;
	return *fuzz.data++;
}

/* --- as replay.c puts it together ----------------------------------------------------------------- */

/* A slot without a conversation will be handed over, in the order in which they are announced. */
static void announce(const struct flow_slot *slot, enum replay_when when)
{
	if (replay_slot_ref(slot) != REPLAY_NO_REF)
		expire_fetch_half(fuzz.expire, replay_slot_ref(slot));
	else if (when == REPLAY_SOON)
		expire_want(fuzz.expire, &slot->key, &fuzz.wanted[fuzz.wants++ % WANTED_MAX]);
	else
		expire_fetch(fuzz.expire, &fuzz.wanted[fuzz.fetches++ % WANTED_MAX]);
}

static uint32_t add_unknown(uint32_t number, const struct flow_slot *slot,
			    const struct expire_delta *delta, bool last)
{
	uint32_t ref;

	if (last)
		return expire_add(fuzz.expire, &slot->key, delta);
	ref = expire_add_wanted(fuzz.expire, &slot->key, &fuzz.wanted[fuzz.adds++ % WANTED_MAX],
				delta);
	replay_cache_link(&fuzz.cache, number, ref);
	*expire_slots(fuzz.expire, ref) = number;
	return ref;
}

static void take_gain(void *arg, uint32_t number, const struct flow_slot *slot,
		      enum replay_when when)
{
	uint32_t ref = replay_slot_ref(slot);
	struct expire_delta delta = expire_delta_of(slot);

	(void)arg;
	if (when != REPLAY_GAIN && when != REPLAY_LAST) {
		announce(slot, when);
		return;
	}
	if (ref == REPLAY_NO_REF) {
		ref = add_unknown(number, slot, &delta, when == REPLAY_LAST);
	} else {
		if (delta.packets)
			expire_add_to(fuzz.expire, ref, &delta);
		if (when == REPLAY_LAST)
			*expire_slots(fuzz.expire, ref) = EXPIRE_NONE;
	}
	model_gain(&fuzz.model, ref, &slot->key, &delta);
}

static void pull(void *arg, uint32_t slot, bool soon)
{
	(void)arg;
	if (slot >= fuzz.cache.sets * FLOW_WAYS)
		return;
	if (soon)
		replay_cache_fetch(&fuzz.cache, slot);
	else
		replay_cache_pull(&fuzz.cache, slot);
}

static void slot_moved(void *arg, uint32_t old_ref, uint32_t new_ref)
{
	uint32_t slot = *expire_slots(fuzz.expire, new_ref);

	(void)arg;
	if (slot < fuzz.cache.sets * FLOW_WAYS)
		replay_cache_link(&fuzz.cache, slot, new_ref);
	model_moved(&fuzz.model, old_ref, new_ref);
}

static bool take_record(void *arg, const struct expire_record *rec)
{
	struct flow_record row;

	(void)arg;
	if (!fuzz.room) {
		fuzz.model.refused = true;
		return false;
	}
	fuzz.room--;
	if (rec->end_ns) {
		outer_resolve(fuzz.outer, &rec->key, &row);
		model_ends(&fuzz.model, rec->key.outer, &row);
	}
	model_record(&fuzz.model, rec, false);
	for (int i = 0; rec->gone && i < 2; i++) {
		uint32_t slot = rec->ref[i] == EXPIRE_NONE
					? EXPIRE_NONE
					: *expire_slots(fuzz.expire, rec->ref[i]);

		if (slot < fuzz.cache.sets * FLOW_WAYS)
			replay_cache_unlink(&fuzz.cache, slot);
	}
	return true;
}

/* Each slot in use is where its key's hash says, the key's only one, and its half knows it. */
static void check_slots(void)
{
	bool seen[MODEL_KEYS] = {false};

	for (uint32_t n = 0; n < fuzz.cache.sets * FLOW_WAYS; n++) {
		const struct flow_set *set = &fuzz.cache.set[n / FLOW_WAYS];
		const struct flow_key *key = &set->slot[n % FLOW_WAYS].key;
		uint32_t ref = replay_slot_ref(&set->slot[n % FLOW_WAYS]);
		struct model_key *k;

		if (!set->tag[n % FLOW_WAYS]) {
			CHECK(ref == REPLAY_NO_REF, "slot %u is free, its half %u", n, ref);
			continue;
		}
		k = model_key(&fuzz.model, key);
		CHECK(!seen[k - fuzz.model.key], "slot %u is not the only one of its key", n);
		seen[k - fuzz.model.key] = true;
		CHECK(cache_find(set, key, cache_hash(key, fuzz.cache.seed).tag) == n % FLOW_WAYS &&
			      (cache_hash(key, fuzz.cache.seed).set & (fuzz.cache.sets - 1)) ==
				      n / FLOW_WAYS,
		      "slot %u is not found", n);
		CHECK(ref == REPLAY_NO_REF ||
			      (fuzz.model.of_ref[ref] == k && *expire_slots(fuzz.expire, ref) == n),
		      "slot %u and half %u", n, ref);
	}
}

static void sweep_cache(void)
{
	replay_cache_sweep(&fuzz.cache);
	model_swept(&fuzz.model);
	check_slots();
}

static void pair(void)
{
	expire_pair(fuzz.expire, slot_moved, NULL);
	model_paired(&fuzz.model);
}

static void export_due(uint32_t room)
{
	bool all;

	fuzz.room = room;
	fuzz.model.now_ns = fuzz.now_ns;
	all = expire_due(fuzz.expire, fuzz.now_ns, take_record, NULL);
	CHECK(all || !fuzz.room, "not all, but there is room");
	model_due(&fuzz.model, all);
}

static void advance(uint64_t by_ns)
{
	uint64_t every = fuzz.conf.sweep_ns, late;

	fuzz.now_ns += by_ns;
	if (fuzz.now_ns < fuzz.tick_ns)
		return;
	late = fuzz.now_ns - fuzz.tick_ns;
	sweep_cache();
	pair();
	if (late >= every)
		pair();
	export_due(ANY_ROOM);
	fuzz.tick_ns += (late / every + 1) * every;
}

/* --- packets -------------------------------------------------------------------------------------- */

static void number_outer(struct packet *p)
{
	p->facts.key.outer = outer_number(fuzz.outer, &p->wrap);
	model_outer(&fuzz.model, &p->wrap.outer, p->facts.key.outer);
}

static void see_fragment(struct packet *p, uint64_t ns)
{
	struct flow_key want = p->facts.key;

	if (!fuzz.fragments)
		fuzz.fragments = replay_fragments_new();
	model_fragment(&fuzz.model, &p->facts, &p->wrap, ns, &want);
	replay_fragments_see(fuzz.fragments, &p->facts, &p->wrap, ns);
	CHECK(!memcmp(&p->facts.key, &want, sizeof(want)), "a fragment of another flow");
}

static void feed(struct packet *p, uint64_t ns)
{
	struct flow_facts *f = &p->facts;
	struct expire_delta delta;

	if (f->tunnels && (f->into & PARSE_INTO_INNER))
		number_outer(p);
	if (f->frag)
		see_fragment(p, ns);
	delta = (struct expire_delta){
		.packets = f->packets,
		.bytes = f->bytes,
		.ip_bytes = f->ip_bytes,
		.first_ns = ns,
		.last_ns = ns,
		.tcp_flags = f->tcp_flags,
		.tcp_syn = f->tcp_syn,
	};
	fuzz.model.back |= ns < fuzz.now_ns;
	model_fed(&fuzz.model, &f->key, &delta);
	*replay_cache_next(&fuzz.cache) = *f;
	replay_cache_add(&fuzz.cache, cache_hash(&f->key, fuzz.cache.seed), ns);
}

/* --- steps ---------------------------------------------------------------------------------------- */

/* Once in a while a packet is older than the clock, as captures have them. */
static uint64_t step_clock(uint8_t step)
{
	uint64_t by = step_ns[step >> 3 & 7];

	if (step & STEP_OLDER)
		return fuzz.now_ns - (by < fuzz.now_ns ? by : 0);
	advance(by);
	return fuzz.now_ns;
}

static void take_plain(struct packet *p, uint8_t what)
{
	if (what != STEP_REPLY && what != STEP_AGAIN) {
		fuzz.where = take();
		fuzz.kind = take();
	} else if (what == STEP_REPLY) {
		fuzz.where ^= WHERE_REVERSE | WHERE_EGRESS;
	}
	packet_make(p, fuzz.where, fuzz.kind);
	packet_tcp(p, take());
	packet_size(p, take());
}

static void step_packet(uint8_t step)
{
	uint64_t ns = step_clock(step);
	struct packet p;

	if ((step & 7) == STEP_VECTOR) {
		uint8_t number = take();

		packet_vector(&p, number, take());
	} else {
		take_plain(&p, step & 7);
	}
	if ((step & 7) == STEP_FRAGMENT)
		packet_fragment(&p, take());
	feed(&p, ns);
}

/* What a sweep of live slots adds: any number of packets, or bytes alone, or of a slot given up. */
static void step_gain(uint8_t step)
{
	uint64_t last_ns = step_clock(step);
	struct expire_delta delta;
	struct packet p;
	uint8_t live;

	take_plain(&p, STEP_GAIN);
	live = take();
	if (p.facts.tunnels)
		number_outer(&p);
	delta = (struct expire_delta){
		.packets = live & LIVE_TORN ? 0 : p.facts.packets,
		.bytes = p.facts.bytes,
		.ip_bytes = p.facts.ip_bytes,
		.first_ns = last_ns - step_ns[live & 3],
		.last_ns = last_ns,
		.tcp_flags = p.facts.tcp_flags,
		.tcp_syn = p.facts.tcp_syn,
		.evicted = !!(live & LIVE_EVICTED),
	};
	fuzz.model.back |= last_ns < fuzz.now_ns || (live & 3) == 3;
	model_fed(&fuzz.model, &p.facts.key, &delta);
	model_gain(&fuzz.model, expire_add(fuzz.expire, &p.facts.key, &delta), &p.facts.key,
		   &delta);
}

/* A key's half is given up by one slot, or has another, or has it no more. */
static void step_slot(uint8_t what)
{
	static const struct expire_delta evicted = {.evicted = true};
	const struct model_key *k = &fuzz.model.key[(what >> 3) % MODEL_KEYS];
	uint32_t *slots;

	if (k->ref == EXPIRE_NONE || k >= fuzz.model.key + fuzz.model.keys)
		return;
	slots = expire_slots(fuzz.expire, k->ref);
	if ((what & 7) == TABLE_EVICT) {
		expire_add_to(fuzz.expire, k->ref, &evicted);
		model_gain(&fuzz.model, k->ref, &k->key, &evicted);
	} else if (*slots == EXPIRE_NONE) {
		*slots = SLOT_ELSEWHERE;
	} else if (*slots == SLOT_ELSEWHERE) {
		*slots = EXPIRE_NONE;
	}
}

static void step_table(uint8_t what)
{
	switch (what & 7) {
	case TABLE_PAIR:
		pair();
		break;
	case TABLE_LIST:
		model_list(&fuzz.model);
		break;
	case TABLE_SWEEP:
		sweep_cache();
		break;
	case TABLE_DUE:
		sweep_cache();
		export_due(ANY_ROOM);
		break;
	case TABLE_REFUSE:
		sweep_cache();
		export_due(what >> 3);
		break;
	default:
		step_slot(what);
	}
}

static void step(void)
{
	uint8_t first = take();

	switch (first & 7) {
	case STEP_GAIN:
		step_gain(first);
		break;
	case STEP_CLOCK:
		advance(take() * S / 4);
		break;
	case STEP_TABLE:
		step_table(take());
		break;
	default:
		step_packet(first);
	}
}

/* What is left goes into records; then what had other slots, and has nothing more to tell. */
static void end(void)
{
	sweep_cache();
	pair();
	pair();
	fuzz.model.ending = true;
	fuzz.room = ANY_ROOM;
	for (int i = 0; i < 2; i++) {
		CHECK(expire_all(fuzz.expire, take_record, NULL), "there is room");
		model_due(&fuzz.model, true);
	}
	model_end(&fuzz.model);
}

static void begin(uint8_t conf, uint8_t seed)
{
	const struct times *t = &times[conf % COUNT(times)];

	memset(&fuzz, 0, sizeof(fuzz));
	random_state = seed;
	fuzz.conf = (struct expire_conf){
		.idle_ns = t->idle_ns,
		.active_ns = t->active_ns,
		.linger_ns = t->linger_ns,
		.sweep_ns = t->sweep_ns,
		.pull = pull,
	};
	fuzz.now_ns = START_NS;
	fuzz.tick_ns = START_NS + fuzz.conf.sweep_ns;
	fuzz.expire = expire_new(&fuzz.conf);
	fuzz.outer = outer_new(-1);
	if (replay_cache_open(&fuzz.cache, FLOW_WAYS << (conf >> 6), take_gain, NULL) ||
	    !fuzz.expire || !fuzz.outer)
		abort();
	fuzz.model.conf = &fuzz.conf;
	fuzz.model.expire = fuzz.expire;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	begin(data[0], data[1]);
	fuzz.data = data + 2;
	fuzz.left = (size > INPUT_MAX ? INPUT_MAX : size) - 2;
	while (fuzz.left)
		step();
	end();
	replay_cache_close(&fuzz.cache);
	replay_fragments_free(fuzz.fragments);
	outer_free(fuzz.outer);
	expire_free(fuzz.expire);
	return 0;
}

/* --write-seeds=DIR writes a corpus and ends. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *option = "--write-seeds=";

	packet_vectors();
	if (*argc < 2 || strncmp((*argv)[1], option, strlen(option)))
		return 0;
	seeds_write((*argv)[1] + strlen(option));
	exit(0);
}
#pragma clang attribute pop
