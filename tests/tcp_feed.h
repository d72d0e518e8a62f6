/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcp_feed.h: for tests of tcp.h: segments of one connection, both ways, into two slots, as the packet
 * path feeds them: tcp_plain, else tcp_look with the other slot where tcp_wants_peer asks for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/tcp.h"

#define FIN TCP_FLAG_FIN
#define SYN TCP_FLAG_SYN
#define RST TCP_FLAG_RST
#define ACK TCP_FLAG_ACK

/* A packet: one segment, or (mss) as many as its payload needs. */
struct segment {
	uint64_t ns;
	uint32_t seq;
	uint32_t ack;
	uint32_t len; /* of payload */
	uint16_t window;
	uint16_t mss;
	uint8_t side;
	uint8_t flags;
	bool later; /* not the first of its packet */
};

struct pair {
	struct flow_slot slot[2];
	struct flow_health health[2];
	bool alone; /* each direction without the other: a capture of one way */
};

static inline uint32_t segment_count(const struct segment *s)
{
	return s->mss && s->len ? (s->len + s->mss - 1) / s->mss : 1;
}

/* The segment as the parser tells it. */
static inline struct flow_facts segment_facts(const struct segment *s)
{
	uint32_t packets = segment_count(s);

	return (struct flow_facts){
		.packets = packets,
		.tcp_flags = s->flags,
		.seq = s->seq,
		.ack = s->ack,
		.payload = s->len,
		.mss = packets > 1 ? s->mss : 0,
		.window = s->window,
		.segment = PARSE_SEGMENT_TCP,
	};
}

/* Those that the packet is on the wire; FIN is on the last one. */
static inline struct segment segment_part(const struct segment *s, uint32_t i)
{
	uint32_t count = segment_count(s);
	struct segment part = *s;

	if (count == 1)
		return part;
	part.mss = 0;
	part.later = i;
	part.seq += i * s->mss;
	part.len = i + 1 < count ? s->mss : s->len - i * s->mss;
	if (i + 1 < count)
		part.flags &= (uint8_t)~FIN;
	return part;
}

static inline void pair_feed(struct pair *pair, const struct segment *s)
{
	struct flow_slot *slot = &pair->slot[s->side], *other = &pair->slot[!s->side];
	struct flow_facts f = segment_facts(s);
	struct tcp_peer peer = {.state = 0};

	if (!tcp_plain(slot, &f, s->ns)) {
		if (!pair->alone && other->packets && tcp_wants_peer(slot, &f))
			tcp_join(&peer, other, &pair->health[!s->side]);
		tcp_look(slot, &pair->health[s->side], &peer, &f, s->ns);
		slot->tcp_state &= (uint8_t) ~(TCP_TIMED | TCP_TROUBLE);
	}
	slot->packets += f.packets;
	slot->last_ns = s->ns;
}
