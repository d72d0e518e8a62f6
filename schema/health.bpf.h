/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * health.bpf.h: what the packet path does with a slot's TCP state and round trips; part of
 * account.bpf.h, as this code too writes slots, each from the one CPU that may.
 *
 *   health_segment   inline: a packet that is as expected costs a dozen instructions
 *   health_timed     out of line: the same by the full clock, where something went wrong lately
 *   health_look      out of line: the others, with the slot of the other direction
 *   health_stamp     out of line: a timestamp, or an echo, that may be sampled or be an answer
 */
#pragma once

#include "maps.bpf.h"
#include "rtt.h"
#include "tcp.h"

#define HEALTH_TRIES 8	   /* CPUs whose slots are looked at together */
#define HEALTH_SAMPLES 32  /* round trips asked for in a tick of a CPU */
#define HEALTH_GATHERS 128 /* looks at other CPUs' slots in a tick */

static __always_inline struct flow_slot *health_slot(__u32 number)
{
	__u32 index = number / FLOW_WAYS;
	struct flow_set *set = bpf_map_lookup_elem(&slots, &index);

	return set ? &set->slot[number & (FLOW_WAYS - 1)] : NULL;
}

static __always_inline struct flow_health *health_of(__u32 number)
{
	__u32 index = number / FLOW_WAYS;
	struct flow_health_set *set = bpf_map_lookup_elem(&health, &index);

	return set ? &set->health[number & (FLOW_WAYS - 1)] : NULL;
}

static __always_inline struct flow_wait *health_wait(struct rtt_place place)
{
	__u32 index = place.index & (FLOW_WAITS - 1);

	return bpf_map_lookup_elem(&waits, &index);
}

/* One more round trip may be asked for. */
static __always_inline int health_may_sample(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct flow_cpu *stat = bpf_map_lookup_elem(&cpus, &cpu);

	if (!stat || !stat->samples)
		return 0;
	stat->samples--;
	return 1;
}

/* And one more look at other CPUs' slots be taken: a flood is not to make each of its packets dear. */
static __always_inline int health_may_gather(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct flow_cpu *stat = bpf_map_lookup_elem(&cpus, &cpu);

	if (!stat)
		return 0;
	if (!stat->gathers) {
		stat->unasked++;
		return 0;
	}
	stat->gathers--;
	return 1;
}

/* Where the other direction's slot may be: on that CPU, under a key that differs in this. */
enum health_place {
	HEALTH_PLACE_UNKNOWN = 1, /* one of them has FLOW_MARK_VLAN_UNKNOWN, the other not */
	HEALTH_PLACE_SAME = 2,	  /* it goes the same way: a mirror port */
	HEALTH_PLACES = 4,	  /* of a CPU */
};

/* TCP's key of the other direction. */
static __always_inline void health_reverse(const struct flow_key *key, __u32 place,
					   struct flow_key *rev)
{
	__builtin_memcpy(rev, key, sizeof(*rev));
	__builtin_memcpy(rev->src, key->dst, sizeof(rev->src));
	__builtin_memcpy(rev->dst, key->src, sizeof(rev->dst));
	rev->sport = key->dport;
	rev->dport = key->sport;
	rev->dir = place & HEALTH_PLACE_SAME ? key->dir : !key->dir;
	if (place & HEALTH_PLACE_UNKNOWN) {
		rev->marks ^= FLOW_MARK_VLAN_UNKNOWN;
		rev->marks &= (__u8)~FLOW_MARK_STAG;
		rev->vlan = rev->cvlan = 0;
	}
	rev->outer = flow_outer_turned(key->outer);
}

/* Out of line, for what is not in its first way. */
static __noinline __u32 health_way(const struct flow_set *set, const struct flow_key *key,
				   __u32 tag)
{
	return cache_find(set, key, tag);
}

/* The number of that key's slot on that CPU, or ~0. */
static __always_inline __u32 health_find(__u32 cpu, const struct flow_key *key)
{
	struct cache_hash hash = cache_hash(key, geometry.seed);
	__u32 index = cpu * geometry.cpu_sets + (hash.set & geometry.set_mask), way;
	struct flow_set *set = bpf_map_lookup_elem(&slots, &index);

	if (!set)
		return ~0U;
	way = health_way(set, key, hash.tag);
	return way < FLOW_WAYS ? index * FLOW_WAYS + way : ~0U;
}

/*
 * Look for the other direction on that CPU, at that place. 0: it is not there. Global, as is
 * health_follow: the verifier walks each once, not once a CPU.
 */
__noinline int health_join(__u32 cpu, __u32 place, struct flow_facts *f, struct tcp_peer *peer)
{
	__u32 zero = 0, number;
	struct flow_wrap *wrap = bpf_map_lookup_elem(&wraps, &zero); /* not needed any more */
	const struct flow_health *h;
	const struct flow_slot *slot;

	if (!wrap || !f || !peer)
		return 0;
	health_reverse(&f->key, place, &wrap->first);
	number = health_find(cpu, &wrap->first);
	slot = health_slot(number);
	h = health_of(number);
	if (number == ~0U || !slot || !h)
		return 0;
	tcp_join(peer, slot, h);
	return 1;
}

/* Another CPU's slot of the same direction as that of `own`. */
__noinline int health_follow(__u32 own, __u32 cpu, struct flow_facts *f, struct tcp_peer *peer)
{
	struct flow_slot *slot = health_slot(own);
	const struct flow_health *h;
	const struct flow_slot *other;
	__u32 number;

	if (!slot || !f || !peer)
		return 0;
	number = health_find(cpu, &f->key);
	other = health_slot(number);
	h = health_of(number);
	if (number == ~0U || !other || !h)
		return 0;
	tcp_follow(slot, f, other);
	if (h->initial_ns)
		peer->initial_ns = h->initial_ns;
	return 1;
}

/*
 * What the CPU that is `ahead` of the place where the other direction was last knows of both directions;
 * that place is kept in the slot. 0: not of the other one.
 */
__noinline int health_gather(__u32 number, __u32 ahead, struct flow_facts *f, struct tcp_peer *peer)
{
	struct flow_slot *slot = health_slot(number);
	__u32 place, cpu;

	if (!slot || !f || !peer || !geometry.cpus)
		return 0;
	place = slot->tcp_peer % HEALTH_PLACES;
	cpu = (slot->tcp_peer / HEALTH_PLACES + ahead) % geometry.cpus;
	if (cpu != bpf_get_smp_processor_id())
		health_follow(number, cpu, f, peer);
	for (__u32 i = 0; i < HEALTH_PLACES; i++) {
		if (!health_join(cpu, place ^ i, f, peer))
			continue;
		slot->tcp_peer ^= (__u16)i;
		return 1;
	}
	return 0;
}

static __always_inline struct tcp_peer *health_peer(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&peers, &zero);
}

/*
 * What other CPUs know: any may have sent or got the packets before this one. Where there are more than
 * HEALTH_TRIES, those from where the other direction was last, and on from there where it was not found.
 */
static __always_inline void health_gather_all(struct flow_slot *slot, __u32 number,
					      struct flow_facts *f, struct tcp_peer *peer)
{
	__u32 found = 0;

	for (__u32 i = 0; i < HEALTH_TRIES && i < geometry.cpus; i++)
		found |= (__u32)health_gather(number, i, f, peer);
	if (!(found & 1) && geometry.cpus > HEALTH_TRIES)
		slot->tcp_peer += HEALTH_TRIES * HEALTH_PLACES;
}

/* Before health_look: what it has to know of other slots. Apart from it, as the stack is short. */
__noinline int health_ready(__u32 number, struct flow_facts *f)
{
	struct flow_slot *slot = health_slot(number);
	struct flow_health *h = health_of(number);
	struct tcp_peer *peer = health_peer();

	if (!slot || !h || !peer || !f)
		return 0;
	__builtin_memset(peer, 0, sizeof(*peer));
	tcp_start(slot, h, f); /* what is of another connection is no hole */
	if ((tcp_wants_others(slot, f) || tcp_wants_peer(slot, f)) && health_may_gather())
		health_gather_all(slot, number, f, peer);
	return 0;
}

/* The handshake's questions and answers; see rtt.h. `first`: the packet after a SYN. */
static __always_inline void health_handshake(struct flow_slot *slot, struct flow_health *h,
					     const struct flow_facts *f, int first, __u64 now)
{
	struct rtt_place place;
	struct flow_wait *wait;

	if ((f->tcp_flags & TCP_FLAG_ACK) && (first || (f->tcp_flags & TCP_FLAG_SYN))) {
		place = rtt_place(f, RTT_HANDSHAKE, 1, geometry.seed);
		wait = health_wait(place);
		if (wait) {
			__u64 since = rtt_answer(wait, place, f->ack);

			if (since)
				rtt_count(slot, h, since, now, 1);
		}
	}
	if (f->tcp_flags & TCP_FLAG_SYN) {
		place = rtt_place(f, RTT_HANDSHAKE, 0, geometry.seed);
		wait = health_wait(place);
		if (wait)
			rtt_ask(wait, place, f->seq + 1, now);
	}
}

/*
 * True: the segment is as expected, but for its time; it is in the slot now. Where 1 % of the segments
 * are sent again, most are such.
 */
__noinline int health_timed(__u32 number, struct flow_facts *f)
{
	struct flow_slot *slot = health_slot(number);

	return slot && f && tcp_is_timed(slot, f) && tcp_expected(slot, f, bpf_ktime_get_ns());
}

/* A segment that is not plain. */
__noinline int health_look(__u32 number, struct flow_facts *f, __u64 now)
{
	struct flow_slot *slot = health_slot(number);
	struct flow_health *h = health_of(number);
	struct tcp_peer *peer = health_peer();
	int shakes, first;

	if (!slot || !h || !peer || !f)
		return 0;
	first = !!(slot->tcp_state & TCP_HANDSHAKE);
	shakes = first || ((f->tcp_flags & TCP_FLAG_SYN) && health_may_sample());
	if (shakes || (slot->tcp_state & TCP_TIMED))
		now = bpf_ktime_get_ns();
	f->why |= (__u8)tcp_look(slot, h, peer, f, now);
	if (shakes)
		health_handshake(slot, h, f, first, now);
	return 0;
}

/* A timestamp that is new in the slot, or an echo; what: enum rtt_wants. */
__noinline int health_stamp(__u32 number, struct flow_facts *f, __u32 what)
{
	enum rtt_kind kind = f && (f->segment & PARSE_SEGMENT_STAMPED) ? RTT_STAMP : RTT_ECHO;
	struct flow_slot *slot = health_slot(number);
	struct flow_health *h = health_of(number);
	struct rtt_place place;
	struct flow_wait *wait;

	if (!slot || !h || !f)
		return 0;
	if (what & RTT_WANTS_ANSWER) {
		place = rtt_place(f, kind, 1, geometry.seed);
		wait = health_wait(place);
		if (wait && wait->what) {
			__u64 since = rtt_answer(wait, place, kind == RTT_ECHO ? f->seq : f->tsecr);

			if (since)
				rtt_count(slot, h, since, bpf_ktime_get_ns(), 0);
		}
	}
	if (what & RTT_WANTS_ASK) {
		place = rtt_place(f, kind, 0, geometry.seed);
		wait = health_wait(place);
		if (wait && (kind == RTT_ECHO || !rtt_waits(wait, place, slot->last_ns)) &&
		    health_may_sample())
			rtt_ask(wait, place, kind == RTT_ECHO ? f->seq : f->tsval,
				bpf_ktime_get_ns());
	}
	return 0;
}

/* A new epoch: flowd has read the least and the most of the one before. */
static __always_inline void health_turn(const struct flow_slot *slot, __u32 number)
{
	struct flow_health *h;

	if (!(slot->tcp_state & TCP_HEALTH))
		return;
	h = health_of(number);
	if (h)
		h->rtt_min_us = h->rtt_max_us = 0;
}

/* Before the packet is counted in the slot of that number. */
static __always_inline void health_segment(struct flow_slot *slot, __u32 number,
					   struct flow_facts *f, __u64 now)
{
	__u32 what;

	if ((f->segment & PARSE_SEGMENT_TCP) && !tcp_plain(slot, f, now) &&
	    !health_timed(number, f)) {
		health_ready(number, f);
		health_look(number, f, now);
	}
	what = rtt_wants(slot, f);
	if (what)
		health_stamp(number, f, what);
}

/* After a slot was made, before its first packet is counted. */
static __always_inline void health_first(__u32 number, struct flow_facts *f, __u64 now)
{
	if (f->segment & PARSE_SEGMENT_TCP) {
		health_ready(number, f);
		health_look(number, f, now);
		return;
	}
	health_stamp(number, f, f->segment & PARSE_SEGMENT_ECHO ? RTT_WANTS_ASK : RTT_WANTS_ANSWER);
}
