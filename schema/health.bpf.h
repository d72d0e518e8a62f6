/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * health.bpf.h: what the packet path does with a slot's TCP state and round trips; part of
 * account.bpf.h, as this code too writes slots, each from the one CPU that may.
 *
 *   health_segment   inline: a packet that is as expected costs a dozen instructions
 *   health_look      out of line: the others, with the slot of the other direction
 *   health_stamp     out of line: a timestamp, or an echo, that may be sampled or be an answer
 */
#pragma once

#include "maps.bpf.h"
#include "rtt.h"
#include "tcp.h"

#define HEALTH_PEER_TRIES 8 /* places looked at for the other direction's slot, each time */
#define HEALTH_SAMPLES 32   /* round trips asked for in a tick of a CPU */

enum health_stamp {
	HEALTH_STAMP_ASK = 1,
	HEALTH_STAMP_ANSWER = 2,
};

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

/* TCP's key of the other direction; `same`: it goes the same way (a mirror port). */
static __always_inline void health_reverse(const struct flow_key *key, __u32 same,
					   struct flow_key *rev)
{
	__builtin_memcpy(rev, key, sizeof(*rev));
	__builtin_memcpy(rev->src, key->dst, sizeof(rev->src));
	__builtin_memcpy(rev->dst, key->src, sizeof(rev->dst));
	rev->sport = key->dport;
	rev->dport = key->sport;
	rev->dir = same ? key->dir : !key->dir;
	if ((key->outer & 3) == FLOW_OUTER_FORWARD || (key->outer & 3) == FLOW_OUTER_BACKWARD)
		rev->outer = key->outer ^ 3;
}

/* The number of that key's slot on that CPU, or ~0. */
static __always_inline __u32 health_find(__u32 cpu, const struct flow_key *key)
{
	struct cache_hash hash = cache_hash(key, geometry.seed);
	__u32 index = cpu * geometry.cpu_sets + (hash.set & geometry.set_mask), way;
	struct flow_set *set = bpf_map_lookup_elem(&slots, &index);

	if (!set)
		return ~0U;
	way = cache_find(set, key, hash.tag);
	return way < FLOW_WAYS ? index * FLOW_WAYS + way : ~0U;
}

/*
 * The other direction's slot, which may be on any CPU: where it was last, else the next places, on from
 * there the next time. ~0: not found.
 */
static __always_inline __u32 health_peer(struct flow_slot *slot, const struct flow_facts *f)
{
	__u32 places = geometry.cpus * 2, place = slot->tcp_peer, number, zero = 0;
	struct flow_wrap *wrap = bpf_map_lookup_elem(&wraps, &zero); /* not needed any more */

	if (!wrap)
		return ~0U;
	for (int i = 0; i < HEALTH_PEER_TRIES && i < (int)places; i++) {
		if (place >= places)
			place = 0;
		health_reverse(&f->key, place & 1, &wrap->first);
		number = health_find(place >> 1, &wrap->first);
		if (number != ~0U) {
			slot->tcp_peer = (__u16)place;
			return number;
		}
		place++;
	}
	slot->tcp_peer = (__u16)place;
	return ~0U;
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

/* A segment that is not plain. */
__noinline int health_look(__u32 number, struct flow_facts *f, __u64 now)
{
	struct flow_slot *slot = health_slot(number);
	struct flow_health *h = health_of(number);
	struct tcp_peer peer = {};
	int shakes, first;

	if (!slot || !h || !f)
		return 0;
	first = !!(slot->tcp_state & TCP_HANDSHAKE);
	shakes = first || ((f->tcp_flags & TCP_FLAG_SYN) && health_may_sample());
	if (shakes || (slot->tcp_state & TCP_TIMED))
		now = bpf_ktime_get_ns();
	if (tcp_wants_peer(slot, f)) {
		__u32 other = health_peer(slot, f);

		if (other != ~0U) {
			const struct flow_health *its = health_of(other);

			peer.slot = health_slot(other);
			if (its)
				peer.initial_ns = its->initial_ns;
		}
	}
	tcp_look(slot, h, &peer, f, now);
	if (shakes)
		health_handshake(slot, h, f, first, now);
	return 0;
}

/* A timestamp that is new in the slot, or an echo; what: enum health_stamp. */
__noinline int health_stamp(__u32 number, struct flow_facts *f, __u32 what)
{
	enum rtt_kind kind = f && (f->segment & PARSE_SEGMENT_STAMPED) ? RTT_STAMP : RTT_ECHO;
	struct flow_slot *slot = health_slot(number);
	struct flow_health *h = health_of(number);
	struct rtt_place place;
	struct flow_wait *wait;

	if (!slot || !h || !f)
		return 0;
	if (what & HEALTH_STAMP_ANSWER) {
		place = rtt_place(f, kind, 1, geometry.seed);
		wait = health_wait(place);
		if (wait && wait->what) {
			__u64 since = rtt_answer(wait, place, kind == RTT_ECHO ? f->seq : f->tsecr);

			if (since)
				rtt_count(slot, h, since, bpf_ktime_get_ns(), 0);
		}
	}
	if (what & HEALTH_STAMP_ASK) {
		place = rtt_place(f, kind, 0, geometry.seed);
		wait = health_wait(place);
		if (wait && (kind == RTT_ECHO || !rtt_waits(wait, place, slot->last_ns)) &&
		    health_may_sample())
			rtt_ask(wait, place, kind == RTT_ECHO ? f->seq : f->tsval,
				bpf_ktime_get_ns());
	}
	return 0;
}

/* What the packet's timestamps or its echo want, enum health_stamp; the slot has the timestamps then. */
static __always_inline __u32 health_wants(struct flow_slot *slot, const struct flow_facts *f)
{
	__u32 what = 0;

	if (f->segment & PARSE_SEGMENT_STAMPED) {
		if (slot->tcp_tsecr != (__u16)f->tsecr)
			what = HEALTH_STAMP_ANSWER;
		if (slot->tcp_tsval != (__u16)f->tsval && f->payload)
			what |= HEALTH_STAMP_ASK;
		slot->tcp_tsecr = (__u16)f->tsecr;
		slot->tcp_tsval = (__u16)f->tsval;
	} else if (f->segment & PARSE_SEGMENT_ECHO) {
		what = HEALTH_STAMP_ASK;
	} else if (f->segment & PARSE_SEGMENT_REPLY) {
		what = HEALTH_STAMP_ANSWER;
	}
	return what;
}

/* All of the slot was exported: what is of one record alone begins anew. */
static __always_inline void health_exported(const struct flow_slot *slot, __u32 number)
{
	struct flow_health *h;

	if (!(slot->tcp_state & TCP_HEALTH))
		return;
	h = health_of(number);
	if (h)
		h->rtt_min_us = h->rtt_max_us = h->handshake_us = 0;
}

/* Before the packet is counted in the slot of that number. */
static __always_inline void health_segment(struct flow_slot *slot, __u32 number,
					   struct flow_facts *f, __u64 now)
{
	__u32 what;

	if ((f->segment & PARSE_SEGMENT_TCP) && !tcp_plain(slot, f, now))
		health_look(number, f, now);
	what = health_wants(slot, f);
	if (what)
		health_stamp(number, f, what);
}

/* After the first packet of a slot was counted. */
static __always_inline void health_first(__u32 number, struct flow_facts *f, __u64 now)
{
	if (f->segment & PARSE_SEGMENT_TCP)
		health_look(number, f, now);
	else
		health_stamp(number, f,
			     f->segment & PARSE_SEGMENT_ECHO ? HEALTH_STAMP_ASK
							     : HEALTH_STAMP_ANSWER);
}
