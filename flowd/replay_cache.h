/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay_cache.h: the flow map of a replay: the sets of flow.h for one CPU and one thread, and what
 * the maps beside it know of fragments. Pure.
 *
 * A slot holds what its key gained since the last sweep, and is on the list of dirty ones where that
 * is anything; so a sweep visits those alone, and a slot that makes room hands its gain over at once.
 * Packets wait in a short queue first, while the lines of their sets and slots come from memory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/tunnel.h"

#define REPLAY_QUEUE 32 /* in two halves: one is filled while the other's memory comes */
#define REPLAY_NO_REF UINT32_MAX

/*
 * What the slot of that number gained (packets 0: nothing). `last`: the slot is given up, and with it
 * cache->ref[number], the caller's own word of each slot, REPLAY_NO_REF at first.
 */
typedef void replay_gain(void *arg, uint32_t number, const struct flow_slot *slot, bool last);

struct replay_cache {
	struct flow_set *set;
	uint32_t *ref;	 /* of each slot */
	uint32_t *dirty; /* numbers of slots with a gain */
	uint32_t sets;
	uint32_t dirties;
	uint32_t epoch;
	uint32_t created;
	uint32_t queued; /* where the next packet's facts go */
	bool waiting;	 /* the other half is full */
	replay_gain *gain;
	void *arg;
	__u64 seed[FLOW_SEED_WORDS];
	struct flow_facts facts[REPLAY_QUEUE];
	struct cache_hash hash[REPLAY_QUEUE];
	uint64_t ns[REPLAY_QUEUE];
};

/* `slots`: a power of two, FLOW_WAYS at least. 0 or -errno. */
int replay_cache_open(struct replay_cache *cache, uint32_t slots, replay_gain *gain, void *arg);
void replay_cache_close(struct replay_cache *cache);

/* Where the next packet's facts go. */
static inline struct flow_facts *replay_cache_next(struct replay_cache *cache)
{
	return &cache->facts[cache->queued];
}

/* They are there, of a packet of that time; they will be counted with the next sweep at the latest. */
void replay_cache_add(struct replay_cache *cache, uint64_t ns);

/* Hand over every slot's gain. */
void replay_cache_sweep(struct replay_cache *cache);

/* First fragments' flows, in sets of FLOW_WAYS. */
struct replay_fragments;

struct replay_fragments *replay_fragments_new(void);
void replay_fragments_free(struct replay_fragments *fragments);

/* As account_fragment(), for a packet with f->frag. */
void replay_fragments_see(struct replay_fragments *fragments, struct flow_facts *f,
			  const struct flow_wrap *wrap, uint64_t ns);
