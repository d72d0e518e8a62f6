/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay_cache.h: the flow map of a replay: the sets of flow.h for one CPU and one thread, and what
 * the maps beside it know of fragments. Pure.
 *
 * A slot holds what its key gained since that was asked for. Nobody needs to hear of a packet of a
 * conversation that is known and open, until it may be due: so a sweep hands over the gains of those
 * slots alone that are on a list, since they have no conversation yet, or saw FIN or RST; of the others
 * replay_cache_pull does it. A slot that makes room hands its gain over at once. The table begins
 * small, as it is fast while it fits a CPU's cache, and doubles while keys that are in use lose their
 * slots. Packets wait in a short queue first, while memory comes: the set's tags, the slot, and what the
 * caller has of a slot that must make room.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/cache.h"
#include "schema/tunnel.h"

#define REPLAY_PART 16 /* packets of the queue that go on together */
#define REPLAY_QUEUE (4 * REPLAY_PART)
#define REPLAY_AHEAD 8U /* slots of a sweep by which each step is ahead of the next */
#define REPLAY_NO_REF UINT32_MAX

enum replay_when {
	REPLAY_SOON, /* nothing yet: it may be handed over soon */
	REPLAY_NEXT, /* the same, sooner; in a sweep alone, where each slot is announced by both */
	REPLAY_GAIN,
	REPLAY_LAST, /* the slot is given up, and with it the caller's word */
};

/* What the slot of that number gained (packets 0: nothing). */
typedef void replay_gain(void *arg, uint32_t number, const struct flow_slot *slot,
			 enum replay_when when);

struct replay_cache {
	struct flow_set *set;
	struct flow_health_set *health; /* beside set[] */
	struct flow_wait *wait;		/* [FLOW_WAITS] */
	uint32_t *listed;		/* numbers of slots */
	uint32_t sets;
	uint32_t sets_max;
	uint32_t list_count;
	uint32_t crowded; /* slots lost in use since the table got its size, or since a sweep */
	uint32_t epoch;
	uint32_t queued;  /* where the next packet's facts go */
	uint32_t waiting; /* whole parts before it, two at most */
	replay_gain *gain;
	void *arg;
	__u64 seed[FLOW_SEED_WORDS];
	struct flow_facts facts[REPLAY_QUEUE];
	struct cache_hash hash[REPLAY_QUEUE];
	uint8_t way
		[REPLAY_QUEUE]; /* where the key is or may go, as it was when that was looked for */
	uint64_t ns[REPLAY_QUEUE];
};

/* `slots`: at most; a power of two, FLOW_WAYS at least. 0 or -errno. */
int replay_cache_open(struct replay_cache *cache, uint32_t slots, replay_gain *gain, void *arg);
void replay_cache_close(struct replay_cache *cache);

/* Where the next packet's facts go. */
static inline struct flow_facts *replay_cache_next(struct replay_cache *cache)
{
	return &cache->facts[cache->queued];
}

/* A part of the queue is full. */
void replay_cache_part(struct replay_cache *cache);

/*
 * They are there, of a packet of that time, whose key has that hash by cache->seed; they will be counted with the next
 * sweep at the latest.
 */
static inline void replay_cache_add(struct replay_cache *cache, struct cache_hash hash, uint64_t ns)
{
	uint32_t at = cache->queued++;

	cache->hash[at] = hash;
	cache->ns[at] = ns;
	__builtin_prefetch(&cache->set[hash.set & (cache->sets - 1)], 1);
	if (cache->queued % REPLAY_PART == 0)
		replay_cache_part(cache);
}

/* Hand over the gains of the slots on the list. */
void replay_cache_sweep(struct replay_cache *cache);

/* Its lines will be needed. */
void replay_cache_fetch(const struct replay_cache *cache, uint32_t number);

/* Hand over the gain of that slot. Packets of the queue are not in it: replay_cache_sweep counts them. */
void replay_cache_pull(struct replay_cache *cache, uint32_t number);

/* The caller's own word of a slot, of its conversation; REPLAY_NO_REF where it has none. */
void replay_cache_link(struct replay_cache *cache, uint32_t number, uint32_t ref);
void replay_cache_unlink(struct replay_cache *cache, uint32_t number);
uint32_t replay_slot_ref(const struct flow_slot *slot);

/* What is beside the slot, gained as the slot itself was; NULL: nothing. */
const struct flow_health *replay_cache_health(const struct replay_cache *cache, uint32_t number);

/* First fragments' flows, in sets of FLOW_WAYS. */
struct replay_fragments;

struct replay_fragments *replay_fragments_new(void);
void replay_fragments_free(struct replay_fragments *fragments);

/* As account_fragment(), for a packet with f->frag. */
void replay_fragments_see(struct replay_fragments *fragments, struct flow_facts *f,
			  const struct flow_wrap *wrap, uint64_t ns);
