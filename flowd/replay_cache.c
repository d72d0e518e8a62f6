/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay_cache.c: account.bpf.h's work on the host. See replay_cache.h. */
#include "flowd/replay_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define HALF (REPLAY_QUEUE / 2)
#define AHEAD 8 /* dirty slots fetched before they are read */
#define FRAGMENT_SETS (FLOW_FRAGMENTS / FLOW_WAYS)
#define FRAGMENT_NS 30000000000ULL /* that a datagram's fragments may be apart */

static int make_seed(__u64 *seed)
{
	if (getrandom(seed, FLOW_SEED_WORDS * sizeof(*seed), 0) != FLOW_SEED_WORDS * sizeof(*seed))
		return -EIO;
	for (size_t i = 0; i < FLOW_SEED_WORDS; i++)
		seed[i] |= 1;
	return 0;
}

int replay_cache_open(struct replay_cache *cache, uint32_t slots, replay_gain *gain, void *arg)
{
	size_t bytes = slots / FLOW_WAYS * sizeof(*cache->set);
	void *set;
	int err;

	memset(cache, 0, sizeof(*cache));
	err = make_seed(cache->seed);
	if (err)
		return err;
	set = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (set == MAP_FAILED)
		return -errno;
	madvise(set, bytes, MADV_HUGEPAGE); /* for speed; not every kernel has it */
	cache->set = set;
	cache->sets = slots / FLOW_WAYS;
	cache->gain = gain;
	cache->arg = arg;
	cache->epoch = 1;
	cache->ref = malloc(slots * sizeof(*cache->ref));
	cache->dirty = malloc(slots * sizeof(*cache->dirty));
	if (!cache->ref || !cache->dirty) {
		replay_cache_close(cache);
		return -ENOMEM;
	}
	memset(cache->ref, 0xff, slots * sizeof(*cache->ref));
	return 0;
}

void replay_cache_close(struct replay_cache *cache)
{
	if (cache->set)
		munmap(cache->set, cache->sets * sizeof(*cache->set));
	free(cache->ref);
	free(cache->dirty);
	memset(cache, 0, sizeof(*cache));
}

static void slot_add(struct flow_slot *slot, const struct flow_facts *f, uint64_t ns)
{
	slot->packets += f->packets;
	slot->bytes += f->bytes;
	slot->ip_bytes += f->ip_bytes;
	slot->tcp_flags |= f->tcp_flags;
	slot->tcp_syn |= f->tcp_syn;
	if (ns < slot->first_ns)
		slot->first_ns = ns;
	if (ns > slot->last_ns)
		slot->last_ns = ns;
}

/* Nothing is in the slot; whose it is stays. */
static void slot_clear(struct flow_slot *slot)
{
	slot->packets = slot->bytes = slot->ip_bytes = 0;
	slot->first_ns = UINT64_MAX;
	slot->last_ns = 0;
	slot->tcp_flags = slot->tcp_syn = 0;
}

/* A slot for the key, of another that may have to go. It is on the list where that one was. */
static uint32_t make_room(struct replay_cache *cache, uint32_t index, const struct flow_key *key,
			  uint32_t tag)
{
	struct flow_set *set = &cache->set[index];
	uint32_t way = cache_victim(set, cache->created++) & (FLOW_WAYS - 1);
	uint32_t number = index * FLOW_WAYS + way;

	if (set->tag[way]) {
		if (set->slot[way].packets || cache->ref[number] != REPLAY_NO_REF)
			cache->gain(cache->arg, number, &set->slot[way], true);
		cache->ref[number] = REPLAY_NO_REF;
	}
	slot_clear(&set->slot[way]);
	set->slot[way].key = *key;
	set->tag[way] = tag;
	set->used[way] = cache->epoch << 1;
	return way;
}

static void count_one(struct replay_cache *cache, const struct flow_facts *f,
		      struct cache_hash hash, uint64_t ns)
{
	uint32_t index = hash.set & (cache->sets - 1);
	struct flow_set *set = &cache->set[index];
	uint32_t way = cache_find(set, &f->key, hash.tag);
	struct flow_slot *slot;

	if (way == FLOW_WAYS)
		way = make_room(cache, index, &f->key, hash.tag);
	else if (set->used[way] >> 1 != cache->epoch)
		set->used[way] = cache->epoch << 1 | 1;
	slot = &set->slot[way];
	/* birth: on the list */
	if (!slot->birth) {
		slot->birth = 1;
		cache->dirty[cache->dirties++] = index * FLOW_WAYS + way;
	}
	slot_add(slot, f, ns);
}

/* The lines of the slot that has the tag will be needed. */
static void fetch(const struct flow_set *set, uint32_t tag)
{
	uint32_t way = 0;

	for (uint32_t i = 0; i < FLOW_WAYS; i++)
		way |= set->tag[i] == tag ? i : 0;
	__builtin_prefetch(&set->slot[way], 1);
	__builtin_prefetch(&set->slot[way].packets, 1);
}

/* The half of the queue that begins at `from`: its tags are here by now. */
static void fetch_half(const struct replay_cache *cache, uint32_t from)
{
	for (uint32_t i = from; i < from + HALF; i++)
		fetch(&cache->set[cache->hash[i].set & (cache->sets - 1)], cache->hash[i].tag);
}

/* Those packets, whose slots are here by now. */
static void count_range(struct replay_cache *cache, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		count_one(cache, &cache->facts[i], cache->hash[i], cache->ns[i]);
}

void replay_cache_add(struct replay_cache *cache, uint64_t ns)
{
	uint32_t at = cache->queued++;
	struct cache_hash hash = cache_hash(&cache->facts[at].key, cache->seed);

	cache->hash[at] = hash;
	cache->ns[at] = ns;
	__builtin_prefetch(&cache->set[hash.set & (cache->sets - 1)], 1);
	if (cache->queued % HALF)
		return;
	fetch_half(cache, cache->queued - HALF);
	cache->queued %= REPLAY_QUEUE;
	if (cache->waiting)
		count_range(cache, cache->queued, cache->queued + HALF);
	cache->waiting = true;
}

/* All of the queue; the half that waits is older than the one that is being filled. */
static void count_queue(struct replay_cache *cache)
{
	uint32_t filling = cache->queued & ~(HALF - 1U);

	if (cache->waiting)
		count_range(cache, filling ^ HALF, (filling ^ HALF) + HALF);
	count_range(cache, filling, cache->queued);
	cache->waiting = false;
	cache->queued = 0;
}

static struct flow_slot *slot_at(const struct replay_cache *cache, uint32_t number)
{
	return &cache->set[number / FLOW_WAYS].slot[number % FLOW_WAYS];
}

static void fetch_slot(const struct replay_cache *cache, uint32_t number)
{
	const struct flow_slot *slot = slot_at(cache, number);

	__builtin_prefetch(slot, 1);
	__builtin_prefetch(&slot->packets, 1);
	__builtin_prefetch(&cache->ref[number], 1);
}

void replay_cache_sweep(struct replay_cache *cache)
{
	count_queue(cache);
	for (uint32_t i = 0; i < cache->dirties; i++) {
		struct flow_slot *slot = slot_at(cache, cache->dirty[i]);

		if (i + AHEAD < cache->dirties)
			fetch_slot(cache, cache->dirty[i + AHEAD]);
		cache->gain(cache->arg, cache->dirty[i], slot, false);
		slot_clear(slot);
		slot->birth = 0;
	}
	cache->dirties = 0;
	cache->epoch = (cache->epoch + 1) & 0x7fffffff;
}

struct fragment {
	struct flow_key key;
	struct flow_fragment first; /* seen_ns 0: none */
};

struct replay_fragments {
	__u64 seed[FLOW_SEED_WORDS];
	struct fragment fragment[FRAGMENT_SETS][FLOW_WAYS];
};

struct replay_fragments *replay_fragments_new(void)
{
	struct replay_fragments *fragments = calloc(1, sizeof(*fragments));

	if (fragments && make_seed(fragments->seed)) {
		free(fragments);
		return NULL;
	}
	return fragments;
}

void replay_fragments_free(struct replay_fragments *fragments)
{
	free(fragments);
}

/* The datagram's place in its set, or NULL. */
static struct fragment *fragment_find(struct fragment *set, const struct flow_key *key)
{
	for (uint32_t way = 0; way < FLOW_WAYS; way++) {
		if (set[way].first.seen_ns && cache_key_equal(&set[way].key, key))
			return &set[way];
	}
	return NULL;
}

/* The place that has waited longest. */
static struct fragment *fragment_victim(struct fragment *set)
{
	struct fragment *oldest = set;

	for (uint32_t way = 1; way < FLOW_WAYS; way++) {
		if (set[way].first.seen_ns < oldest->first.seen_ns)
			oldest = &set[way];
	}
	return oldest;
}

void replay_fragments_see(struct replay_fragments *fragments, struct flow_facts *f,
			  const struct flow_wrap *wrap, uint64_t ns)
{
	struct flow_key key;
	struct fragment *set, *known;

	parse_fragment_key(f, wrap, &key);
	set = fragments->fragment[cache_hash(&key, fragments->seed).set & (FRAGMENT_SETS - 1)];
	known = fragment_find(set, &key);
	ns |= !ns; /* a capture may begin at 0, which is free here */
	if (f->frag == PARSE_FIRST) {
		if (!parse_fragment_first(f))
			return;
		known = known ? known : fragment_victim(set);
		known->key = key;
		known->first = (struct flow_fragment){.key = f->key, .seen_ns = ns};
		return;
	}
	/* captures may go backwards */
	if (known && ns < known->first.seen_ns + FRAGMENT_NS &&
	    known->first.seen_ns < ns + FRAGMENT_NS)
		parse_fragment_later(f, &known->first.key);
}
