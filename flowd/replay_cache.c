/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay_cache.c: account.bpf.h's work on the host. See replay_cache.h. */
#include "flowd/replay_cache.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/memory.h"
#include "flowd/replay_tcp.h"
#include "flowd/seed.h"

#define SETS_START 1024U
#define CLOSING (TH_FIN | TH_RST)
#define FRAGMENT_SETS (FLOW_FRAGMENTS / FLOW_WAYS)

/* flow_slot.birth here; flow_slot.seq is the caller's word. */
enum {
	SLOT_LISTED = 1,
	SLOT_KNOWN = 2, /* has the caller's word */
};

/* Sets and the list of their slots, all empty. */
static int make_table(struct replay_cache *cache, uint32_t sets)
{
	struct flow_set *set = memory_big(sets * sizeof(*set));
	struct flow_health_set *health = calloc(sets, sizeof(*health));
	uint32_t *listed = malloc(sets * FLOW_WAYS * sizeof(*listed));

	if (!set || !health || !listed) {
		free(set);
		free(health);
		free(listed);
		return -ENOMEM;
	}
	memset(set, 0, sets * sizeof(*set));
	cache->set = set;
	cache->health = health;
	cache->listed = listed;
	cache->sets = sets;
	cache->list_count = cache->crowded = 0;
	return 0;
}

static void free_table(struct replay_cache *cache)
{
	free(cache->set);
	free(cache->health);
	free(cache->listed);
}

int replay_cache_open(struct replay_cache *cache, uint32_t slots, replay_gain *gain, void *arg)
{
	int err;

	memset(cache, 0, sizeof(*cache));
	err = seed_fill(cache->seed);
	if (err)
		return err;
	cache->gain = gain;
	cache->arg = arg;
	cache->epoch = 1;
	cache->sets_max = slots / FLOW_WAYS;
	cache->wait = calloc(FLOW_WAITS, sizeof(*cache->wait));
	if (!cache->wait)
		return -ENOMEM;
	return make_table(cache, cache->sets_max < SETS_START ? cache->sets_max : SETS_START);
}

void replay_cache_close(struct replay_cache *cache)
{
	free_table(cache);
	free(cache->wait);
	memset(cache, 0, sizeof(*cache));
}

static struct flow_slot *slot_at(const struct replay_cache *cache, uint32_t number)
{
	return &cache->set[number / FLOW_WAYS].slot[number % FLOW_WAYS];
}

static void slot_add(struct flow_slot *slot, const struct flow_facts *f, uint64_t ns)
{
	if (ns > slot->last_ns || !slot->packets) /* nothing: last_ns is of what was handed over */
		slot->last_ns = ns;
	slot->packets += f->packets;
	slot->bytes += f->bytes;
	slot->ip_bytes += f->ip_bytes;
	slot->tcp_flags |= f->tcp_flags;
	slot->tcp_syn |= f->tcp_syn;
	if (ns < slot->first_ns)
		slot->first_ns = ns;
}

/* Nothing is in the slot; whose it is stays, and when its last packet came, which tcp.h asks for. */
static void slot_clear(struct flow_slot *slot)
{
	slot->packets = slot->bytes = slot->ip_bytes = 0;
	slot->first_ns = UINT64_MAX;
	slot->tcp_flags = slot->tcp_syn = 0;
}

/* What it gained is handed over for the last time. */
static void give_up(struct replay_cache *cache, uint32_t number, struct flow_slot *slot)
{
	if (slot->packets || slot->birth & SLOT_KNOWN)
		cache->gain(cache->arg, number, slot, REPLAY_LAST);
}

/* The way for a new key of that tag, of another that may have to go. */
static uint32_t victim(const struct flow_set *set, uint32_t tag)
{
	return cache_victim(set, tag >> 1) & (FLOW_WAYS - 1);
}

/* A slot for the key. It is on the list where the one before was. */
static uint32_t make_room(struct replay_cache *cache, uint32_t index, const struct flow_key *key,
			  uint32_t tag)
{
	struct flow_set *set = &cache->set[index];
	uint32_t way = victim(set, tag);

	if (set->tag[way]) {
		give_up(cache, index * FLOW_WAYS + way, &set->slot[way]);
		if ((set->used[way] >> 2) + 1 >= cache->epoch)
			cache->crowded++;
	}
	slot_clear(&set->slot[way]);
	set->slot[way].last_ns = 0;
	set->slot[way].birth &= SLOT_LISTED;
	set->slot[way].key = *key;
	replay_tcp_begin(&set->slot[way], &cache->health[index].health[way]);
	set->tag[way] = tag;
	set->used[way] = cache_used(cache->epoch);
	return way;
}

/* Does somebody wait for this packet? */
static bool is_awaited(const struct flow_slot *slot, const struct flow_facts *f)
{
	if (slot->birth & SLOT_LISTED)
		return false;
	return !(slot->birth & SLOT_KNOWN) || (f->tcp_flags & CLOSING);
}

/* The packet at that place of the queue. */
static void count_one(struct replay_cache *cache, uint32_t at)
{
	const struct flow_facts *f = &cache->facts[at];
	struct cache_hash hash = cache->hash[at];
	uint32_t index = hash.set & (cache->sets - 1), way = cache->way[at];
	struct flow_set *set = &cache->set[index];
	struct flow_slot *slot;

	if (set->tag[way] != hash.tag || !cache_key_equal(&set->slot[way].key, &f->key))
		way = cache_find(set, &f->key, hash.tag);
	if (way == FLOW_WAYS)
		way = make_room(cache, index, &f->key, hash.tag);
	else if (cache_turned(set->used[way], cache->epoch))
		set->used[way] = cache->epoch << 2 | FLOW_KNOWN_LONG;
	slot = &set->slot[way];
	if (is_awaited(slot, f)) {
		slot->birth |= SLOT_LISTED;
		cache->listed[cache->list_count++] = index * FLOW_WAYS + way;
	}
	if (f->segment)
		replay_tcp(cache, index * FLOW_WAYS + way, f, cache->ns[at]);
	slot_add(slot, f, cache->ns[at]);
}

/* The slot's key has a slot in the bigger table too, where its connection goes on. */
static void move(struct replay_cache *cache, struct replay_cache *bigger, uint32_t number)
{
	const struct flow_slot *from = slot_at(cache, number);
	struct cache_hash hash = cache_hash(&from->key, cache->seed);
	uint32_t index = hash.set & (bigger->sets - 1), way = number % FLOW_WAYS;
	struct flow_slot *to = &bigger->set[index].slot[way];

	*to = *from;
	slot_clear(to);
	to->birth = 0;
	bigger->set[index].tag[way] = hash.tag;
	bigger->set[index].used[way] = cache->set[number / FLOW_WAYS].used[way];
	replay_tcp_move(to, &bigger->health[index].health[way],
			&cache->health[number / FLOW_WAYS].health[way]);
}

/* A table of twice the size: each set's slots are those of two. */
static void grow(struct replay_cache *cache)
{
	struct replay_cache bigger = {0};

	if (make_table(&bigger, cache->sets * 2)) {
		cache->sets_max = cache->sets; /* it does with what there is */
		return;
	}
	for (uint32_t number = 0; number < cache->sets * FLOW_WAYS; number++) {
		if (!cache->set[number / FLOW_WAYS].tag[number % FLOW_WAYS])
			continue;
		give_up(cache, number, slot_at(cache, number));
		move(cache, &bigger, number);
	}
	free_table(cache);
	cache->set = bigger.set;
	cache->health = bigger.health;
	cache->listed = bigger.listed;
	cache->sets = bigger.sets;
	cache->list_count = cache->crowded = 0;
}

/* Four tags at once. */
typedef uint32_t tags __attribute__((vector_size(16), may_alias, aligned(4)));

_Static_assert(FLOW_WAYS == 8, "two of these a set");

/* Where the tag is, or will be. Two equal ones in a set are rare, and count_one() looks. */
static uint32_t find_way(const struct flow_set *set, uint32_t tag)
{
	static const tags ways[] = {{8, 9, 10, 11}, {12, 13, 14, 15}};
	const tags *known = (const tags *)set->tag;
	tags hit = ((known[0] == tag) & ways[0]) | ((known[1] == tag) & ways[1]);
	uint32_t way = (hit[0] | hit[1]) | (hit[2] | hit[3]);

	return way ? way - FLOW_WAYS : victim(set, tag);
}

/* That part's tags are here: its slots will be needed. */
static void fetch_part(struct replay_cache *cache, uint32_t part)
{
	for (uint32_t at = part * REPLAY_PART; at < (part + 1) * REPLAY_PART; at++) {
		const struct flow_set *set = &cache->set[cache->hash[at].set & (cache->sets - 1)];
		uint32_t way = find_way(set, cache->hash[at].tag) & (FLOW_WAYS - 1);

		cache->way[at] = (uint8_t)way;
		__builtin_prefetch(&set->slot[way], 1);
		__builtin_prefetch(&set->slot[way].packets, 1);
	}
}

/* Its slots are here: what the caller has of those that make room will be needed. */
static void announce_part(struct replay_cache *cache, uint32_t part)
{
	for (uint32_t at = part * REPLAY_PART; at < (part + 1) * REPLAY_PART; at++) {
		uint32_t index = cache->hash[at].set & (cache->sets - 1), way = cache->way[at];
		const struct flow_set *set = &cache->set[index];

		if (set->tag[way] != cache->hash[at].tag && set->slot[way].birth & SLOT_KNOWN)
			cache->gain(cache->arg, index * FLOW_WAYS + way, &set->slot[way],
				    REPLAY_SOON);
	}
}

static void count_part(struct replay_cache *cache, uint32_t part, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		count_one(cache, part * REPLAY_PART + i);
	if (cache->crowded > cache->sets && cache->sets < cache->sets_max)
		grow(cache);
}

/* The part `back` ones before that one. */
static uint32_t part_before(uint32_t part, uint32_t back)
{
	return (part - back) & (REPLAY_QUEUE / REPLAY_PART - 1);
}

void replay_cache_part(struct replay_cache *cache)
{
	uint32_t part = cache->queued / REPLAY_PART - 1;

	cache->queued %= REPLAY_QUEUE;
	fetch_part(cache, part);
	if (cache->waiting)
		announce_part(cache, part_before(part, 1));
	if (cache->waiting == 2)
		count_part(cache, part_before(part, 2), REPLAY_PART);
	else
		cache->waiting++;
}

/* All of the queue. What has no way yet is looked for. */
static void count_queue(struct replay_cache *cache)
{
	uint32_t part = cache->queued / REPLAY_PART, rest = cache->queued % REPLAY_PART;

	for (; cache->waiting; cache->waiting--)
		count_part(cache, part_before(part, cache->waiting), REPLAY_PART);
	memset(&cache->way[part * REPLAY_PART], 0, rest);
	count_part(cache, part, rest);
	cache->queued = 0;
}

void replay_cache_fetch(const struct replay_cache *cache, uint32_t number)
{
	const struct flow_slot *slot = slot_at(cache, number);

	__builtin_prefetch(slot, 1);
	__builtin_prefetch(&slot->packets, 1);
}

static void hand_over(struct replay_cache *cache, uint32_t number)
{
	struct flow_slot *slot = slot_at(cache, number);

	cache->gain(cache->arg, number, slot, REPLAY_GAIN);
	replay_tcp_given(slot, &cache->health[number / FLOW_WAYS].health[number % FLOW_WAYS]);
	slot_clear(slot);
	slot->birth &= SLOT_KNOWN;
}

static void announce(const struct replay_cache *cache, uint32_t number, enum replay_when when)
{
	const struct flow_health *beside = replay_cache_health(cache, number);

	if (beside)
		__builtin_prefetch(beside, 1);
	cache->gain(cache->arg, number, slot_at(cache, number), when);
}

/* The slot at that place of the list is three, two or one REPLAY_AHEADs from its turn. */
static void prepare(const struct replay_cache *cache, uint32_t at, uint32_t aheads)
{
	if (at >= cache->list_count)
		return;
	if (aheads == 3)
		replay_cache_fetch(cache, cache->listed[at]);
	else
		announce(cache, cache->listed[at], aheads == 2 ? REPLAY_SOON : REPLAY_NEXT);
}

void replay_cache_sweep(struct replay_cache *cache)
{
	count_queue(cache);
	for (uint32_t aheads = 3; aheads; aheads--) {
		for (uint32_t at = 0; at < aheads * REPLAY_AHEAD && at < cache->list_count; at++)
			prepare(cache, at, aheads);
	}
	for (uint32_t i = 0; i < cache->list_count; i++) {
		for (uint32_t aheads = 3; aheads; aheads--)
			prepare(cache, i + aheads * REPLAY_AHEAD, aheads);
		hand_over(cache, cache->listed[i]);
	}
	cache->list_count = cache->crowded = 0;
	cache->epoch = (cache->epoch + 1) & FLOW_EPOCH_MASK;
}

void replay_cache_pull(struct replay_cache *cache, uint32_t number)
{
	if (slot_at(cache, number)->packets)
		hand_over(cache, number);
}

void replay_cache_link(struct replay_cache *cache, uint32_t number, uint32_t ref)
{
	struct flow_slot *slot = slot_at(cache, number);

	slot->seq = ref;
	slot->birth |= SLOT_KNOWN;
}

void replay_cache_unlink(struct replay_cache *cache, uint32_t number)
{
	slot_at(cache, number)->birth &= SLOT_LISTED;
}

uint32_t replay_slot_ref(const struct flow_slot *slot)
{
	return slot->birth & SLOT_KNOWN ? slot->seq : REPLAY_NO_REF;
}

const struct flow_health *replay_cache_health(const struct replay_cache *cache, uint32_t number)
{
	if (!(slot_at(cache, number)->tcp_state & TCP_HEALTH))
		return NULL;
	return &cache->health[number / FLOW_WAYS].health[number % FLOW_WAYS];
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

	if (fragments && seed_fill(fragments->seed)) {
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
	if (known && ns < known->first.seen_ns + FLOW_FRAGMENT_NS &&
	    known->first.seen_ns < ns + FLOW_FRAGMENT_NS)
		parse_fragment_later(f, &known->first.key);
}
