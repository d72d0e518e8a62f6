/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_ref.h: a second parser, slow and simple, written from the RFCs and flow(5). fuzz_parse.c
 * holds parse.h against it; nothing of parse.h is used but its types.
 *
 *   fuzz_ref.c          link, labels, IP, transport, counts
 *   fuzz_ref_tunnel.c   tunnels
 *
 * Offsets count from the frame's start. The walk is recursion: each header is read, then what it
 * carries.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/flow.h"
#include "schema/parse.h"

#define REF_DECAPSULATIONS 4

struct ref {
	const uint8_t *byte;
	uint64_t reach;
	uint64_t len;
	bool segmented; /* each segment repeats the headers */
	bool follow;	/* what is in a tunnel is the flow */

	/* The walk. */
	uint64_t end;	    /* where the enclosing headers say that their payload ends */
	unsigned int tags;  /* walked in this Ethernet frame */
	unsigned int macs;  /* Ethernet frames in each other, outside of a tunnel or in it */
	unsigned int depth; /* tunnels entered */

	/* Found. */
	uint64_t ip_start;
	uint64_t ip_end;     /* by the IP header alone, UINT64_MAX: it does not say */
	uint64_t headers;    /* bytes before the payload */
	uint64_t dropped;    /* of them, bytes that segmentation takes out */
	uint64_t dropped_ip; /* of those, bytes before ip_start */
	bool ip;
	bool unmeasured; /* of headers that each segment repeats, some could not be read */
	enum flow_verdict verdict;
	uint8_t tcp_flags;
	bool tcp_syn;
	uint8_t frag;
	uint32_t frag_id;
	struct flow_key key;
	struct flow_key outer; /* the key before the innermost tunnel was entered */
};

struct ref_counts {
	uint64_t packets;
	uint64_t bytes;
	uint64_t ip_bytes;
};

/* What the frame is; `r` is zeroed first. Reads meta->reach bytes of it at most. */
void ref_parse(struct ref *r, const uint8_t *frame, const struct pkt_meta *meta);

/* What the frame counts. */
struct ref_counts ref_count(const struct ref *r, const struct pkt_meta *meta);

/* Between the two files: the bytes there, ... */
static inline unsigned int ref_two(const struct ref *r, uint64_t at)
{
	return r->byte[at] * 256U + r->byte[at + 1];
}

static inline uint32_t ref_three(const struct ref *r, uint64_t at)
{
	return ref_two(r, at) * 256U + r->byte[at + 2];
}

static inline uint32_t ref_four(const struct ref *r, uint64_t at)
{
	return ref_three(r, at) * 256U + r->byte[at + 3];
}

/* captured, and inside of what the enclosing headers say. */
static inline bool ref_inside(const struct ref *r, uint64_t at, uint64_t bytes)
{
	return at + bytes <= r->reach && at + bytes <= r->end;
}

/* What is at `at` is one layer: an Ethernet frame, or what an EtherType says. */
void ref_ethernet(struct ref *r, uint64_t at);
void ref_net(struct ref *r, uint64_t at, unsigned int ethertype);

/* The verdicts that are no plain flow; both return to let a parser end with one. */
void ref_cut_short(struct ref *r);
void ref_too_deep(struct ref *r);

/* The IP protocols 4, 41 and 47, and UDP datagrams; `at` is behind the IP or UDP header. */
void ref_tunnel_ip(struct ref *r, uint64_t at, unsigned int proto);
void ref_tunnel_udp(struct ref *r, uint64_t at, unsigned int port);
