/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rtt.h: round trips. What a packet asks is written to a small table by the conversation and the side
 * that sent it; the first packet of the other side that answers it takes it out again. Pure; for BPF
 * and the host.
 *
 *   asked                          token              answered by
 *   SYN, SYN with ACK              seq + 1            ack, once a SYN or an initiator's first ACK has it
 *   a new timestamp (RFC 7323)     TSval              the first packet with it as TSecr
 *   ICMP echo request              id << 16 | seq     the reply with the same
 *
 * The table is direct-mapped and shared between CPUs: of two that want a place the later has it, unless
 * the conversation that is in it waits for a timestamp already. Nothing but a sample is lost by it.
 */
#pragma once

#include "packet.h"
#include "tcp.h"

#define RTT_KEEP_NS 2000000000ULL /* that a timestamp is waited for */
#define RTT_MAX_US 120000000U	  /* longer ones are no round trips */
#define RTT_SHIFT 51		  /* of a hash to a place */

_Static_assert(FLOW_WAITS == 1 << (64 - RTT_SHIFT), "a place for every hash");

enum rtt_kind {
	RTT_HANDSHAKE = 0,
	RTT_STAMP = 1,
	RTT_ECHO = 2,
};

/* What a packet may have to do with the table. */
enum rtt_wants {
	RTT_WANTS_ASK = 1,
	RTT_WANTS_ANSWER = 2,
};

/* Where a side's question stands. */
struct rtt_place {
	__u32 index;
	__u32 check; /* never 0 */
};

static __always_inline __u64 rtt_side(const __be32 *addr, __u32 port, const volatile __u64 *seed)
{
	__u64 low = (__u64)addr[0] << 32 | addr[1], high = (__u64)addr[2] << 32 | addr[3];

	return (low ^ low >> 32) * seed[0] + (high ^ high >> 32) * seed[1] + port * seed[2];
}

/* The place of what the packet's sender asked, or of what it may answer. */
static __always_inline struct rtt_place rtt_place(const struct flow_facts *f, enum rtt_kind kind,
						  int answer, const volatile __u64 *seed)
{
	__u32 sport = f->key.sport, dport = f->key.dport, side;
	__u64 src, dst, sum;

	if (kind == RTT_ECHO)
		sport = dport = f->seq >> 16;
	src = rtt_side(f->key.src, sport, seed);
	dst = rtt_side(f->key.dst, dport, seed);
	side = (src < dst) ^ answer;
	sum = (src + dst + f->key.ifnum * seed[3] + kind * seed[4]) * 0x9e3779b97f4a7c15ULL;
	sum ^= sum >> 29;
	sum *= 0xbf58476d1ce4e5b9ULL;
	return (struct rtt_place){
		.index = (__u32)(sum >> RTT_SHIFT) ^ side,
		.check = (__u32)sum << 1 | side | 2,
	};
}

static __always_inline __u64 rtt_what(struct rtt_place place, __u32 token)
{
	return (__u64)place.check << 32 | token;
}

/*
 * True: the wait may not be replaced by another timestamp of the same side. `now` may be of a coarser
 * clock than the question's, and so before it; or of one that was set back.
 */
static __always_inline int rtt_waits(const struct flow_wait *wait, struct rtt_place place,
				     __u64 now)
{
	return wait->what >> 32 == place.check &&
	       now - wait->since_ns + RTT_KEEP_NS < 2 * RTT_KEEP_NS;
}

/*
 * A word that other CPUs may ask for at the same moment. A replay has one thread: there a locked instruction
 * would but wait for all stores before it.
 */
static __always_inline void rtt_put(__u64 *what, __u64 value)
{
#ifdef __bpf__
	__sync_lock_test_and_set(what, value);
#else
	*what = value;
#endif
}

/* It was that, and is 0 now. */
static __always_inline int rtt_take(__u64 *what, __u64 value)
{
#ifdef __bpf__
	return __sync_val_compare_and_swap(what, value, 0) == value;
#else
	*what = 0;
	(void)value;
	return 1;
#endif
}

/* Ask. The exchange is a barrier: no reader sees the new token with the old time. */
static __always_inline void rtt_ask(struct flow_wait *wait, struct rtt_place place, __u32 token,
				    __u64 now)
{
	rtt_put(&wait->what, 0);
	wait->since_ns = now;
	rtt_put(&wait->what, rtt_what(place, token));
}

/* When that was asked; 0: it was not, or was answered. */
static __always_inline __u64 rtt_answer(struct flow_wait *wait, struct rtt_place place, __u32 token)
{
	__u64 what = rtt_what(place, token), since;

	if (*(const volatile __u64 *)&wait->what != what)
		return 0;
	since = *(const volatile __u64 *)&wait->since_ns; /* not before it is known whose */
	return rtt_take(&wait->what, what) ? since : 0;
}

/* What the packet's timestamps or its echo want, enum rtt_wants; the slot has the timestamps then. */
static __always_inline __u32 rtt_wants(struct flow_slot *slot, const struct flow_facts *f)
{
	__u32 what = 0;

	if (f->segment & PARSE_SEGMENT_STAMPED) {
		if (slot->tcp_tsecr != (__u16)f->tsecr)
			what = RTT_WANTS_ANSWER;
		if (slot->tcp_tsval != (__u16)f->tsval && f->payload)
			what |= RTT_WANTS_ASK;
		slot->tcp_tsecr = (__u16)f->tsecr;
		slot->tcp_tsval = (__u16)f->tsval;
	} else if (f->segment & PARSE_SEGMENT_ECHO) {
		what = RTT_WANTS_ASK;
	} else if (f->segment & PARSE_SEGMENT_REPLY) {
		what = RTT_WANTS_ANSWER;
	}
	return what;
}

/* A round trip that the slot's side has answered; handshake: that of its connection. */
static __always_inline void rtt_count(struct flow_slot *slot, struct flow_health *h, __u64 since,
				      __u64 now, int handshake)
{
	__u64 us = (now - since + 500) / 1000;

	if ((__s64)(now - since) < 0 || us > RTT_MAX_US)
		return;
	us += !us;
	h->count.rtt_sum_us += us;
	h->count.rtt_count++;
	if (!h->rtt_min_us || us < h->rtt_min_us)
		h->rtt_min_us = (__u32)us;
	if (us > h->rtt_max_us)
		h->rtt_max_us = (__u32)us;
	if (handshake)
		h->handshake_us = (__u32)us;
	slot->tcp_state |= TCP_HEALTH;
}
