/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_model.h: what tcp.h says, said a second time and slowly: every segment is kept, and what is to be
 * known of a direction is looked up in that list each time. Sequence numbers are 64 bits wide here and
 * times have all their bits, so that nothing wraps; a GSO packet is taken apart first. The rules are those
 * of Wireshark's packet-tcp.c, in the order in which it asks them; but only what is at the beginning of a
 * packet is a keep-alive or goes on from the byte of a probe.
 */
#pragma once

#include <string.h>

#include "tcp_feed.h"

#define MODEL_SEGMENTS 8192
#define MODEL_FAST_NS 20000000
#define MODEL_INITIAL_NS 3000000
#define MODEL_BACK_NS 20000000 /* that a clock may be set back and still be believed */
#define MODEL_LONG_NS 1000000000
#define MODEL_SYN_REACH 16384 /* a SYN so far back is of the same connection */

struct model_segment {
	int64_t seq, end; /* end: behind the payload, SYN or FIN */
	int64_t ack;
	uint64_t ns;
	uint32_t len;
	uint16_t window;
	uint8_t flags;
	bool begins; /* a connection */
	bool kept_alive;
	bool duplicate; /* ACK */
	bool later;	/* in its packet */
};

struct model_side {
	struct model_segment list[MODEL_SEGMENTS];
	uint32_t count;
	uint32_t start; /* of the connection, in the list */
	uint32_t initial_ns;
	uint64_t last_ns; /* of the last packet */
	struct flow_health_count sum;
};

struct model {
	struct model_side side[2];
	bool alone;
};

static inline bool model_is(const struct model_segment *x, uint8_t flags)
{
	return x->flags & flags;
}

static inline const struct model_segment *model_last(const struct model_side *s)
{
	return s->count > s->start ? &s->list[s->count - 1] : NULL;
}

/* The segment after which nothing newer was sent, NULL before the first. */
static inline const struct model_segment *model_newest(const struct model_side *s)
{
	const struct model_segment *newest = NULL;

	for (uint32_t i = s->start; i < s->count; i++) {
		if (!newest || s->list[i].end > newest->end)
			newest = &s->list[i];
	}
	return newest;
}

/* The last one with an acknowledgement. */
static inline const struct model_segment *model_acked(const struct model_side *s)
{
	for (uint32_t i = s->count; i > s->start; i--) {
		if (model_is(&s->list[i - 1], ACK))
			return &s->list[i - 1];
	}
	return NULL;
}

/* Duplicate ACKs since the acknowledgement has been that. */
static inline uint32_t model_dups(const struct model_side *s)
{
	const struct model_segment *last = model_acked(s);
	uint32_t dups = 0;

	for (uint32_t i = s->count; i > s->start; i--) {
		const struct model_segment *x = &s->list[i - 1];

		if (model_is(x, ACK) && x->ack != last->ack)
			break;
		dups += x->duplicate;
	}
	return dups;
}

/* When the newest was sent; there is one clock for that and for the last SYN. */
static inline uint64_t model_newest_ns(const struct model_side *s)
{
	const struct model_segment *newest = model_newest(s);
	uint64_t ns = newest->ns;

	for (const struct model_segment *x = newest; x < &s->list[s->count]; x++) {
		if (model_is(x, SYN) && !model_is(x, ACK))
			ns = x->ns;
	}
	return ns;
}

/* As exact as the product's clock: 64 ns. */
static inline int64_t model_ns(uint64_t from, uint64_t to)
{
	return ((int64_t)(to >> 6) - (int64_t)(from >> 6)) * 64;
}

/* Near the numbers that the side has. */
static inline int64_t model_wide(const struct model_side *s, uint32_t seq)
{
	const struct model_segment *newest = model_newest(s);

	return newest ? newest->end + (int32_t)(seq - (uint32_t)newest->end) : seq;
}

/* The first round trip: from a SYN to the packet after it. */
static inline void model_shake(struct model_side *s, const struct model_segment *x)
{
	const struct model_segment *last = model_last(s);
	int64_t ns;

	if (!last || !model_is(last, SYN) || model_is(last, ACK))
		return;
	if (!model_is(x, ACK) || model_is(x, SYN | RST))
		return;
	ns = model_ns(last->ns, x->ns);
	if (ns >= 0)
		s->initial_ns = ns < UINT32_MAX ? (uint32_t)ns | 1 : UINT32_MAX;
}

static inline bool model_is_duplicate(const struct model_side *s, const struct model_side *peer,
				      const struct model_segment *x)
{
	const struct model_segment *last = model_last(s), *acked = model_acked(s);

	if (!acked || x->len || !model_is(x, ACK) || model_is(x, SYN | FIN | RST))
		return false;
	if (!x->window || x->window != last->window || x->seq != model_newest(s)->end)
		return false;
	return (uint32_t)x->ack == (uint32_t)acked->ack &&
	       !(peer && peer->count && peer->list[peer->count - 1].kept_alive);
}

/* The place up to which the peer has acknowledged, in the numbers of x. */
static inline bool model_peer_ack(const struct model_side *peer, const struct model_segment *x,
				  int64_t *ret_ack)
{
	const struct model_segment *acked = peer ? model_acked(peer) : NULL;

	if (acked)
		*ret_ack = x->seq + (int32_t)((uint32_t)acked->ack - (uint32_t)x->seq);
	return acked;
}

static inline bool model_is_out_of_order(const struct model_side *s, const struct model_side *peer,
					 const struct model_segment *x)
{
	int64_t ns = model_ns(model_newest_ns(s), x->ns), limit = MODEL_INITIAL_NS;

	if (s->initial_ns || (peer && peer->initial_ns))
		limit = s->initial_ns ? s->initial_ns : peer->initial_ns;
	if ((int64_t)(x->ns - s->last_ns) > MODEL_LONG_NS)
		return false;
	return ns > -MODEL_BACK_NS && ns < limit && x->end != model_newest(s)->end;
}

static inline void model_again(struct model_side *s, const struct model_side *peer,
			       const struct model_segment *x)
{
	int64_t next = model_newest(s)->end, ack = 0, twice = next - x->seq;
	bool known = model_peer_ack(peer, x, &ack);
	bool spurious = known && x->len && x->seq + x->len <= ack;
	bool fast = known && model_dups(peer) >= 2 && ack == x->seq &&
		    (int64_t)(x->ns - peer->last_ns) < MODEL_FAST_NS;

	if (!spurious && !x->later && x->len > 1 && x->seq == next - 1)
		return;
	s->sum.syn_repeats += model_is(x, SYN);
	if (!spurious && !fast && model_is_out_of_order(s, peer, x)) {
		s->sum.out_of_order++;
		return;
	}
	s->sum.retransmits++;
	s->sum.retransmitted_bytes += twice < x->len ? (uint64_t)twice : x->len;
}

/* A segment; x->seq and x->end are of 64 bits. */
static inline void model_segment(struct model_side *s, const struct model_side *peer,
				 struct model_segment *x)
{
	const struct model_segment *newest;

	model_shake(s, x);
	newest = model_newest(s);
	s->sum.resets += model_is(x, RST);
	s->sum.zero_windows += !x->window && !model_is(x, SYN | FIN | RST);
	x->duplicate = model_is_duplicate(s, peer, x);
	s->sum.dup_acks += x->duplicate;
	x->kept_alive = newest && !x->later && x->len <= 1 && x->seq == newest->end - 1 &&
			!model_is(x, SYN | FIN | RST);
	s->sum.keep_alives += x->kept_alive;
	if (newest && !x->kept_alive && x->seq < newest->end && x->end > x->seq)
		model_again(s, peer, x);
	s->list[s->count++] = *x;
}

static inline void model_part(struct model *m, const struct segment *part)
{
	struct model_side *s = &m->side[part->side], *peer = &m->side[!part->side];
	const struct model_segment *newest = model_newest(s);
	struct model_segment x = {.ack = part->ack,
				  .ns = part->ns,
				  .len = part->len,
				  .window = part->window,
				  .flags = part->flags,
				  .later = part->later};

	x.seq = model_wide(s, part->seq);
	x.begins = !newest || ((part->flags & SYN) && (x.seq > newest->end - 1 ||
						       x.seq < newest->end - 1 - MODEL_SYN_REACH));
	if (x.begins) {
		s->start = s->count;
		s->initial_ns = 0;
	}
	x.end = x.seq + part->len + (part->flags & (SYN | FIN) ? 1 : 0);
	model_segment(s, m->alone || !peer->count ? NULL : peer, &x);
}

static inline void model_feed(struct model *m, const struct segment *s)
{
	for (uint32_t i = 0; i < segment_count(s); i++) {
		struct segment part = segment_part(s, i);

		model_part(m, &part);
	}
	m->side[s->side].last_ns = s->ns;
}

static inline bool model_full(const struct model *m, uint32_t more)
{
	return m->side[0].count + more > MODEL_SEGMENTS || m->side[1].count + more > MODEL_SEGMENTS;
}

static inline void model_clear(struct model *m)
{
	for (int i = 0; i < 2; i++) {
		struct model_side *s = &m->side[i];

		s->count = s->start = s->initial_ns = 0;
		s->last_ns = 0;
		memset(&s->sum, 0, sizeof(s->sum));
	}
}

/* The side's slot and what is beside it say the same. */
static inline bool model_agrees(const struct model *m, const struct pair *pair, int side)
{
	static const struct flow_health none;
	const struct model_side *s = &m->side[side];
	const struct flow_slot *slot = &pair->slot[side];
	const struct flow_health *h = slot->tcp_state & TCP_HEALTH ? &pair->health[side] : &none;

	return !memcmp(&h->count, &s->sum, sizeof(s->sum)) && h->initial_ns == s->initial_ns &&
	       (!s->count || slot->tcp_next == (uint32_t)model_newest(s)->end);
}
