/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp.h: sequence analysis of one direction of a TCP connection. Pure; for BPF and the host.
 *
 *   tcp_plain     the next segment in order, an acknowledgement of new data: nearly every packet
 *   tcp_look      everything else, with the other direction's slot where tcp_wants_peer asks for it
 *
 * What is what follows Wireshark's analysis (tcp.analysis.*, packet-tcp.c of version 4.0), segment by
 * segment of a GSO packet, for segments that carry data, SYN or FIN and begin before what is expected:
 *
 *   keep-alive       at most a byte, the one before what is expected; also a probe of a closed window
 *   out of order     it came within the connection's initial round trip (3 ms where that is not known)
 *                    of the segment that was the newest, and does not end where that one did
 *   retransmission   all others, and in any case what the other side has acknowledged already, and
 *                    what it asked for by two duplicate ACKs within the last 20 ms
 *
 * Different by definition: what begins at or behind what is expected is never a retransmission here.
 * Wireshark calls it a spurious one where an acknowledgement of it was captured first.
 */
#pragma once

#include "packet.h"

#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10
#define TCP_FLAGS_RARE (TCP_FLAG_FIN | TCP_FLAG_SYN | TCP_FLAG_RST)

#define TCP_DUPS_FAST 2		  /* duplicate ACKs that ask for a segment */
#define TCP_FAST_NS 20000000ULL	  /* for so long */
#define TCP_INITIAL_NS 3000000U	  /* a round trip that is not known */
#define TCP_BACK_NS 20000000LL	  /* that a coarse clock is behind a full one at most */
#define TCP_NEAR (1U << 26)	  /* sequence numbers of one connection are not farther apart */
#define TCP_TICK_SHIFT 6	  /* see tcp_ticks() */
#define TCP_LONG_NS 1000000000ULL /* nothing is out of order after it, whatever the clock's wrap */
#define TCP_SYN_REACH 16384 /* so far behind what is expected a SYN is of the same connection */

/* A part of the analysis: in BPF a global function, which the verifier walks once and by itself. */
#ifdef __bpf__
#define TCP_PART __noinline int
#else
#define TCP_PART static inline int
#endif

/* flow_slot.tcp_state. */
enum tcp_state {
	TCP_SEEN = 1,	    /* tcp_next is known */
	TCP_ACKED = 2,	    /* tcp_ack is known */
	TCP_HEALTH = 4,	    /* the slot's flow_health is in use; else it is all 0 */
	TCP_KEPT_ALIVE = 8, /* the last packet was a keep-alive */
	TCP_TIMED = 16,	    /* something went wrong lately: the full clock is wanted */
	TCP_HANDSHAKE = 32, /* the last packet was a SYN without ACK */
	TCP_TROUBLE = 64,   /* it went wrong since the last tcp_calm() */
};

/* TCP_SEEN and TCP_ACKED alone of these: the slot is in the middle of a connection. */
#define TCP_STATES_ODD (TCP_SEEN | TCP_ACKED | TCP_KEPT_ALIVE | TCP_HANDSHAKE)

/* What the other direction's slots tell; of several CPUs' together, see tcp_join. */
struct tcp_peer {
	__u64 last_ns; /* of its last packet; 0: none is known */
	__u32 ack;     /* where state has TCP_ACKED */
	__u32 dups;
	__u32 initial_ns;
	__u32 state;
};

/* flow_slot.tcp_time: units of 64 ns, modulo 2^32: 275 s. */
static __always_inline __u32 tcp_ticks(__u64 ns)
{
	return (__u32)(ns >> TCP_TICK_SHIFT);
}

static __always_inline int tcp_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

/* Sequence numbers that the packet takes: its payload, SYN and FIN (RFC 9293 section 3.4). */
static __always_inline __u32 tcp_length(const struct flow_facts *f)
{
	return f->payload + (f->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_FIN) ? 1 : 0);
}

/* The acknowledgement and the window of the packet are the last now. */
static __always_inline void tcp_take_ack(struct flow_slot *slot, const struct flow_facts *f)
{
	if (f->tcp_flags & TCP_FLAG_ACK) {
		if (slot->tcp_ack != f->ack)
			slot->tcp_dups = 0;
		slot->tcp_ack = f->ack;
		slot->tcp_state |= TCP_ACKED;
	}
	slot->tcp_window = f->window;
}

/*
 * True: the packet is as expected, and is in the slot now. `now`: of the clock that tcp_look has. Sums
 * of differences for branches, as BPF has no instruction that makes a truth value.
 */
static __always_inline int tcp_expected(struct flow_slot *slot, const struct flow_facts *f,
					__u64 now)
{
	__u32 odd = (slot->tcp_state & TCP_STATES_ODD) ^ (TCP_SEEN | TCP_ACKED), other;

	odd |= (f->tcp_flags & (TCP_FLAGS_RARE | TCP_FLAG_ACK)) ^ TCP_FLAG_ACK;
	odd |= f->seq ^ slot->tcp_next;
	odd |= (f->window - 1U) >> 16; /* it is 0 */
	if (odd)
		return 0;
	other = (f->ack ^ slot->tcp_ack) | (__u32)(f->window ^ slot->tcp_window);
	if (f->payload) {
		slot->tcp_next = f->seq + f->payload;
		slot->tcp_time = tcp_ticks(now);
	} else if (!other) {
		return 0;
	}
	if (other) {
		if (slot->tcp_ack != f->ack)
			slot->tcp_dups = 0;
		slot->tcp_ack = f->ack;
		slot->tcp_window = f->window;
	}
	return 1;
}

/* Once an epoch: the second without trouble ends TCP_TIMED. */
static __always_inline void tcp_calm(struct flow_slot *slot)
{
	__u8 timed = slot->tcp_state & TCP_TROUBLE ? TCP_TIMED : 0;

	slot->tcp_state = (slot->tcp_state & (__u8) ~(TCP_TIMED | TCP_TROUBLE)) | timed;
}

/* The full clock's time of the packet is wanted. */
static __always_inline int tcp_is_timed(const struct flow_slot *slot, const struct flow_facts *f)
{
	return (slot->tcp_state & TCP_TIMED) && f->payload;
}

/* The same, by the coarse clock: a packet with data that needs the full one is not plain. */
static __always_inline int tcp_plain(struct flow_slot *slot, const struct flow_facts *f, __u64 now)
{
	return !tcp_is_timed(slot, f) && tcp_expected(slot, f, now);
}

/*
 * A SYN of another connection than the slot's last: the same ports are used again. Where data went with
 * the SYN, or right after it (RFC 7413), the same SYN is further back than by one.
 */
static __always_inline int tcp_begins(const struct flow_slot *slot, const struct flow_facts *f)
{
	return (f->tcp_flags & TCP_FLAG_SYN) && slot->tcp_next - 1 - f->seq > TCP_SYN_REACH;
}

static __always_inline int tcp_is_keep_alive(const struct flow_slot *slot,
					     const struct flow_facts *f)
{
	return f->payload <= 1 && f->seq == slot->tcp_next - 1 && !(f->tcp_flags & TCP_FLAGS_RARE);
}

/* It repeats the last acknowledgement, and says nothing else. */
static __always_inline int tcp_is_repeat(const struct flow_slot *slot, const struct flow_facts *f)
{
	return !f->payload && f->window && f->window == slot->tcp_window &&
	       f->seq == slot->tcp_next && (slot->tcp_state & TCP_ACKED) &&
	       f->ack == slot->tcp_ack && (f->tcp_flags & TCP_FLAG_ACK) &&
	       !(f->tcp_flags & TCP_FLAGS_RARE);
}

/* It takes sequence numbers that were taken before. */
static __always_inline int tcp_is_again(const struct flow_slot *slot, const struct flow_facts *f)
{
	return (slot->tcp_state & TCP_SEEN) && tcp_length(f) &&
	       tcp_before(f->seq, slot->tcp_next) && !tcp_begins(slot, f) &&
	       !tcp_is_keep_alive(slot, f);
}

/* tcp_look cannot do without the other direction. */
static __always_inline int tcp_wants_peer(const struct flow_slot *slot, const struct flow_facts *f)
{
	return tcp_is_again(slot, f) || tcp_is_repeat(slot, f);
}

/* Something is missing before the packet: another CPU may have seen it. */
static __always_inline int tcp_wants_others(const struct flow_slot *slot,
					    const struct flow_facts *f)
{
	return !(slot->tcp_state & TCP_SEEN) || tcp_before(slot->tcp_next, f->seq);
}

/* Both may be of one connection: no port was used again between them. */
static __always_inline int tcp_is_near(__u32 a, __u32 b)
{
	return a - b + TCP_NEAR < 2 * TCP_NEAR;
}

/* Another CPU's slot of the same direction: what that saw last is what is expected here. */
static __always_inline void tcp_follow(struct flow_slot *slot, const struct flow_facts *f,
				       const struct flow_slot *other)
{
	if (!(other->tcp_state & TCP_SEEN) || !tcp_is_near(f->seq, other->tcp_next))
		return;
	if ((slot->tcp_state & TCP_SEEN) && (!tcp_before(slot->tcp_next, other->tcp_next) ||
					     (__s64)(other->last_ns - slot->last_ns) < 0))
		return;
	slot->tcp_next = other->tcp_next;
	slot->tcp_time = other->tcp_time;
	slot->tcp_state |= TCP_SEEN;
}

static __always_inline void tcp_join_ack(struct tcp_peer *peer, const struct flow_slot *slot)
{
	int later = tcp_is_near(peer->ack, slot->tcp_ack)
			    ? tcp_before(peer->ack, slot->tcp_ack)
			    : (__s64)(slot->last_ns - peer->last_ns) > 0;

	if (!(peer->state & TCP_ACKED) || later) {
		peer->ack = slot->tcp_ack;
		peer->dups = slot->tcp_dups;
	} else if (peer->ack == slot->tcp_ack) {
		peer->dups += slot->tcp_dups + 1U;
	}
	peer->state |= TCP_ACKED;
}

/*
 * Another slot of the other direction. Where several CPUs saw the same acknowledgement, each holds its
 * first sight of it as new.
 */
static __always_inline void tcp_join(struct tcp_peer *peer, const struct flow_slot *slot,
				     const struct flow_health *h)
{
	if (h->initial_ns)
		peer->initial_ns = h->initial_ns;
	if (slot->tcp_state & TCP_ACKED)
		tcp_join_ack(peer, slot);
	if ((__s64)(slot->last_ns - peer->last_ns) > 0) {
		peer->last_ns = slot->last_ns;
		peer->state &= ~(__u32)TCP_KEPT_ALIVE;
		peer->state |= slot->tcp_state & TCP_KEPT_ALIVE;
	}
}

/* What of a packet was sent before: segments, and the kinds of them. */
struct tcp_again {
	__u32 segments;
	__u32 out_of_order;
	__u32 bytes; /* of payload, retransmitted */
};

/* Segments from the packet's first one that begin before `next`; they are f->mss bytes each. */
static __always_inline __u32 tcp_segments_before(const struct flow_facts *f, __u32 next)
{
	__u32 mss = f->mss ? f->mss : 1, count;

	if (f->packets <= 1)
		return 1;
	count = (next - f->seq + mss - 1) / mss;
	return count < f->packets ? count : f->packets;
}

/* Segments from the first one that the other side had acknowledged wholly. */
static __always_inline __u32 tcp_segments_acked(const struct flow_facts *f, __u32 segments,
						__u32 ack)
{
	__u32 mss = f->mss ? f->mss : 1;

	if (!f->payload || !tcp_before(f->seq, ack))
		return 0;
	if (!tcp_before(ack, f->seq + f->payload))
		return segments;
	if (f->packets <= 1)
		return 0;
	return (ack - f->seq) / mss < segments ? (ack - f->seq) / mss : segments;
}

/* The other side asked for what begins there. */
static __always_inline int tcp_was_asked_for(const struct tcp_peer *peer, __u32 seq, __u64 now)
{
	return (peer->state & TCP_ACKED) && peer->dups >= TCP_DUPS_FAST && peer->ack == seq &&
	       (__s64)(now - peer->last_ns) < (__s64)TCP_FAST_NS;
}

/* It came soon after the newest segment. */
static __always_inline int tcp_is_soon(const struct flow_slot *slot, const struct flow_health *h,
				       const struct tcp_peer *peer, __u64 now)
{
	__u32 initial = h->initial_ns ? h->initial_ns : peer->initial_ns;
	__s64 ns = (__s64)(__s32)(tcp_ticks(now) - slot->tcp_time) * (1 << TCP_TICK_SHIFT);

	if ((__s64)(now - slot->last_ns) > (__s64)TCP_LONG_NS)
		return 0;
	/* farther back than that are ticks that wrapped */
	return ns > -TCP_BACK_NS && ns < (initial ? initial : TCP_INITIAL_NS);
}

static __always_inline struct tcp_again tcp_sort_again(const struct flow_slot *slot,
						       const struct flow_health *h,
						       const struct tcp_peer *peer,
						       const struct flow_facts *f, __u64 now)
{
	__u32 next = slot->tcp_next, mss = f->mss, repeated = next - f->seq, acked = 0, rest;
	struct tcp_again again = {.segments = tcp_segments_before(f, next)};
	int newest;

	if (peer->state & TCP_ACKED)
		acked = tcp_segments_acked(f, again.segments, peer->ack);
	if (f->payload > 1 && repeated == 1 && !acked)
		return (struct tcp_again){}; /* a probe's byte goes again with what follows it */
	again.bytes = repeated < f->payload ? repeated : f->payload;
	rest = again.segments - acked;
	if (rest && tcp_was_asked_for(peer, f->seq + acked * mss, now))
		rest--;
	if (!rest || !tcp_is_soon(slot, h, peer, now))
		return again;
	/* the one that ends where the newest did is a repetition of it */
	newest = f->seq + tcp_length(f) == next ||
		 (again.segments < f->packets && f->seq + again.segments * mss == next);
	again.out_of_order = newest ? rest - 1 : rest;
	/* those before are whole */
	if (again.out_of_order)
		again.bytes = (again.segments - rest) * mss +
			      (newest ? again.bytes - (again.segments - 1) * mss : 0);
	return again;
}

static __always_inline void tcp_note(struct flow_slot *slot)
{
	slot->tcp_state |= TCP_HEALTH;
}

/* Segments that were there before, or should have been. Returns SAMPLE_RETRANSMIT, or 0. */
TCP_PART tcp_look_again(struct flow_slot *slot, struct flow_health *h, const struct tcp_peer *peer,
			const struct flow_facts *f, __u64 now)
{
	struct tcp_again again;

	if (!slot || !h || !peer || !f)
		return 0;
	again = tcp_sort_again(slot, h, peer, f, now);
	if (!again.segments)
		return 0;
	h->count.retransmits += again.segments - again.out_of_order;
	h->count.out_of_order += again.out_of_order;
	h->count.retransmitted_bytes += again.bytes;
	if (f->tcp_flags & TCP_FLAG_SYN)
		h->count.syn_repeats++;
	slot->tcp_state |= TCP_TIMED | TCP_TROUBLE;
	tcp_note(slot);
	return SAMPLE_RETRANSMIT;
}

/* Where it is another connection, or the first packet of one, forget what was before. */
static __always_inline void tcp_start(struct flow_slot *slot, struct flow_health *h,
				      const struct flow_facts *f)
{
	if ((slot->tcp_state & TCP_SEEN) && !tcp_begins(slot, f))
		return;
	slot->tcp_next = f->seq;
	slot->tcp_dups = 0;
	slot->tcp_window = 0;
	slot->tcp_state &= TCP_HEALTH | TCP_TIMED | TCP_TROUBLE;
	if (slot->tcp_state & TCP_HEALTH)
		h->initial_ns = 0;
}

/* What a segment is by itself: SAMPLE_RESET, SAMPLE_ZERO_WINDOW, or 0. */
static __always_inline __u32 tcp_is_by_itself(const struct flow_facts *f)
{
	if (f->tcp_flags & TCP_FLAG_RST)
		return SAMPLE_RESET;
	/* the last segment has the FIN, the others say what they say */
	if (!f->window && !(f->tcp_flags & TCP_FLAG_SYN) &&
	    f->packets > (f->tcp_flags & TCP_FLAG_FIN))
		return SAMPLE_ZERO_WINDOW;
	return 0;
}

/* What it says beside its place in the sequence. Returns what it is by itself. */
TCP_PART tcp_look_flags(struct flow_slot *slot, struct flow_health *h, const struct tcp_peer *peer,
			const struct flow_facts *f)
{
	__u32 why;

	if (!slot || !h || !peer || !f)
		return 0;
	why = tcp_is_by_itself(f);
	if (why == SAMPLE_RESET)
		h->count.resets += f->packets;
	else if (why)
		h->count.zero_windows += f->packets - (f->tcp_flags & TCP_FLAG_FIN);
	if (why)
		tcp_note(slot);
	if (tcp_is_repeat(slot, f) && !(peer->state & TCP_KEPT_ALIVE)) {
		if (slot->tcp_dups < 255)
			slot->tcp_dups++;
		h->count.dup_acks++;
		tcp_note(slot);
	}
	return (int)why;
}

/* From the last SYN to the first packet after it: the handshake's two round trips. */
TCP_PART tcp_look_handshake(struct flow_slot *slot, struct flow_health *h,
			    const struct flow_facts *f, __u64 now)
{
	__u32 ticks;

	if (!slot || !h || !f || !(slot->tcp_state & TCP_HANDSHAKE))
		return 0;
	ticks = tcp_ticks(now) - slot->tcp_time;
	slot->tcp_state &= (__u8)~TCP_HANDSHAKE;
	if ((f->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST)) != TCP_FLAG_ACK)
		return 0;
	if ((__s64)(now - slot->last_ns) > (__s64)~0U)
		ticks = ~0U; /* they may have wrapped */
	else if ((__s32)ticks < 0)
		return 0; /* the clock was set back */
	h->initial_ns = ticks <= ~0U >> TCP_TICK_SHIFT ? ticks << TCP_TICK_SHIFT | 1 : ~0U;
	tcp_note(slot);
	return 0;
}

/*
 * A packet that is not plain: count what it is in the slot's health, and put it into the slot. `now`:
 * of the full clock where the state says TCP_TIMED or the packet is a SYN or follows one; else of the
 * coarse one. slot->last_ns is still that of the packet before. Returns enum sample_why: what was noted.
 */
static __always_inline __u32 tcp_look(struct flow_slot *slot, struct flow_health *h,
				      const struct tcp_peer *peer, const struct flow_facts *f,
				      __u64 now)
{
	__u32 end = f->seq + tcp_length(f), why;

	tcp_start(slot, h, f);
	tcp_look_handshake(slot, h, f, now);
	why = (__u32)tcp_look_flags(slot, h, peer, f);
	if ((slot->tcp_state & TCP_SEEN) && tcp_is_keep_alive(slot, f)) {
		h->count.keep_alives++;
		tcp_note(slot);
		slot->tcp_state |= TCP_KEPT_ALIVE;
	} else {
		slot->tcp_state &= (__u8)~TCP_KEPT_ALIVE;
		if (tcp_is_again(slot, f))
			why |= (__u32)tcp_look_again(slot, h, peer, f, now);
		else if ((slot->tcp_state & TCP_SEEN) && f->seq != slot->tcp_next)
			/* a hole: something will come late */
			slot->tcp_state |= TCP_TIMED | TCP_TROUBLE;
	}
	if (!(slot->tcp_state & TCP_SEEN) || tcp_before(slot->tcp_next, end)) {
		slot->tcp_next = end;
		slot->tcp_time = tcp_ticks(now);
	}
	if ((f->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN) {
		slot->tcp_state |= TCP_HANDSHAKE;
		slot->tcp_time = tcp_ticks(now);
	}
	slot->tcp_state |= TCP_SEEN;
	tcp_take_ack(slot, f);
	return why;
}
