/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cache.h: find, choose and fill a slot of a flow set. Pure; compiled for BPF and for the host.
 *
 * The hash is multilinear: each 8-byte word of the key times its own random odd number, summed
 * and mixed, so that no one who does not know the seed can aim at a set (Lemire and Kaser,
 * "Strongly universal string hashing is fast", 2014, section 3). A product carries a difference
 * upwards only, so each word's upper half is folded into its lower one first: without that, all
 * IPv6 keys that differ in bytes 7 and 15 of an address (a plain numbering of subnets and hosts)
 * had 256 hashes between them.
 */
#pragma once

#include "flow.h"

/* linux/stddef.h has one that only asks for it: clang left cache_find a call of 6 ns a packet. */
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))

#ifdef __clang__ /* for gcc, which does not at -O2 */
#define CACHE_UNROLL
#else
#define CACHE_UNROLL _Pragma("GCC unroll 8")
#endif

#define CACHE_KEY_WORDS (sizeof(struct flow_key) / 8)
#define CACHE_ONE 256 /* an equal tag, in a sum whose lower bits are the way */

/* A key seen as words, which C's aliasing rule allows for this type only. */
typedef __u64 __attribute__((__may_alias__)) cache_word;

struct cache_hash {
	__u32 set; /* before the mask */
	__u32 tag; /* never 0 */
};

/* What a word of the key adds to the sum. */
static __always_inline __u64 cache_term(__u64 word, __u64 seed)
{
	return (word ^ word >> 32) * seed;
}

static __always_inline struct cache_hash cache_mix(__u64 sum)
{
	sum ^= sum >> 32;
	sum *= 0x9e3779b97f4a7c15ULL;
	sum ^= sum >> 29;
	return (struct cache_hash){.set = (__u32)sum, .tag = (__u32)(sum >> 32) | 1};
}

/* The seed is volatile: it is a BPF constant that is set at load, which clang would fold to 0. */
static __always_inline struct cache_hash cache_hash(const struct flow_key *key,
						    const volatile __u64 *seed)
{
	const cache_word *word = (const cache_word *)key;
	__u64 sum = seed[CACHE_KEY_WORDS];

	CACHE_UNROLL
	for (unsigned int i = 0; i < CACHE_KEY_WORDS; i++)
		sum += cache_term(word[i], seed[i]);
	return cache_mix(sum);
}

static __always_inline int cache_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	const cache_word *x = (const cache_word *)a, *y = (const cache_word *)b;
	__u64 diff = 0;

	CACHE_UNROLL
	for (unsigned int i = 0; i < CACHE_KEY_WORDS; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}

/*
 * The way that holds `key`, or FLOW_WAYS. Which way that is cannot be predicted, so tags are compared
 * without a branch: each equal one adds CACHE_ONE and its number. The empty asm keeps the compiler
 * from making branches of it again. Two equal tags in a set are rare enough to be looked at in turn.
 */
static __always_inline __u32 cache_find(const struct flow_set *set, const struct flow_key *key,
					__u32 tag)
{
	__u64 sum = 0;

	CACHE_UNROLL
	for (__u32 way = 0; way < FLOW_WAYS; way++) {
		__u64 equal = ((__u64)(set->tag[way] ^ tag) - 1) >> 63;

		__asm__("" : "+r"(equal));
		sum += equal * (CACHE_ONE + way);
	}
	if (!sum)
		return FLOW_WAYS;
	if (cache_key_equal(&set->slot[sum & (FLOW_WAYS - 1)].key, key))
		return sum & (FLOW_WAYS - 1);
	if (sum < 2 * CACHE_ONE)
		return FLOW_WAYS;
	for (__u32 way = 0; way < FLOW_WAYS; way++) {
		if (set->tag[way] == tag && cache_key_equal(&set->slot[way].key, key))
			return way;
	}
	return FLOW_WAYS;
}

/*
 * The way that a new key gets where it may choose. Looked at first, it needs no wait for the line of tags: the
 * processor predicts that the key is there, and loads its lines together with the tags.
 */
static __always_inline __u32 cache_first(__u32 tag)
{
	return tag / (1U << (32 - FLOW_WAYS_SHIFT));
}

static __always_inline int cache_holds(const struct flow_set *set, __u32 way,
				       const struct flow_key *key, __u32 tag)
{
	return set->tag[way] == tag && cache_key_equal(&set->slot[way].key, key);
}

/* How recently a way was used, never 0: a flow that is better known counts as younger than it is. */
static __always_inline __u32 cache_rank(__u32 used)
{
	return (used >> 2) + 1 + (used & 3) * FLOW_SPARED_EPOCHS;
}

/* Of a new flow. */
static __always_inline __u32 cache_used(__u32 epoch)
{
	return epoch << 2 | FLOW_KNOWN_ONCE;
}

/* The first packet of the epoch; the flow is known for long then. */
static __always_inline int cache_turned(__u32 used, __u32 epoch)
{
	return used >> 2 != (epoch & FLOW_EPOCH_MASK);
}

/*
 * The way to give up for a new key: a free one, else the least recently used; of those of one epoch one that
 * had a single packet. Ties go to the first at or after `start`, which the caller varies so that a set of equals
 * is replaced evenly.
 */
static __always_inline __u32 cache_victim(const struct flow_set *set, __u32 start)
{
	__u32 best = 0, best_rank = ~0U;

	for (__u32 i = 0; i < FLOW_WAYS; i++) {
		__u32 way = (start + i) & (FLOW_WAYS - 1);
		__u32 rank = set->tag[way] ? cache_rank(set->used[way]) : 0;

		if (rank < best_rank) {
			best = way;
			best_rank = rank;
		}
	}
	return best;
}

/*
 * The way of a new key: its first one or else another that is free; where none is its first one again, if that was
 * idle for so long that it does not matter which was for longer; or else the one to give up.
 */
static __always_inline __u32 cache_place(const struct flow_set *set, __u32 tag, __u32 epoch)
{
	__u32 first = cache_first(tag), way = cache_victim(set, first) & (FLOW_WAYS - 1);
	__u32 idle = (epoch - (set->used[first] >> 2)) & FLOW_EPOCH_MASK;

	return set->tag[way] && idle >= FLOW_IDLE_EPOCHS ? first : way;
}

/* Nothing of the slot's life would be lost with it: all was exported and committed. */
static __always_inline int cache_clean(const struct flow_slot *slot, const struct flow_mark *mark)
{
	return slot->birth == mark->committed.birth && slot->packets == mark->committed.packets &&
	       slot->bytes == mark->committed.bytes && slot->ip_bytes == mark->committed.ip_bytes;
}

/* True where the next packet is the first since flowd last read the slot for an export. */
static __always_inline int cache_exported(const struct flow_slot *slot,
					  const struct flow_mark *mark)
{
	return slot->birth == mark->pending.birth && slot->packets == mark->pending.packets;
}
