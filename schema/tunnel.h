/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tunnel.h: the stages that lead to another packet, and the whole walk for the host.
 *
 *   TUNNEL   a header that may carry a packet: its kind, id and length go to the wrap
 *   INNER    there is a packet: its headers become the key, those before it the outer ones
 *
 * By default tunnels are not entered and the outer headers are the flow. A packet that segmentation
 * will cut repeats its inner headers in each segment, so there they are walked in any case, to
 * measure them, and the outer key is put back at the end.
 */
#pragma once

#include "label.h"
#include "parse.h"

#define PARSE_TUNNELS 4	    /* tunnels entered */
#define PARSE_STEPS 96	    /* stages of a packet, at most: 16 in each of 5, and Ethernet headers */
#define PARSE_GTP_HEADERS 4 /* GTP-U extension headers walked */

#define PARSE_GRE_CHECKSUM 0x80 /* bits of a GRE header's first byte (RFC 2784, RFC 2890) */
#define PARSE_GRE_ROUTING 0x40
#define PARSE_GRE_KEY 0x20
#define PARSE_GRE_SEQUENCE 0x10
#define PARSE_ERSPAN 0x88be
#define PARSE_ERSPAN3 0x22eb
#define PARSE_VSID_MIN 0x1000 /* RFC 7637 section 3.2 */
#define PARSE_VSID_MAX 0xfffffe

/* What the walk leaves behind on its way in. Kept beside the facts: few packets need it. */
struct flow_wrap {
	struct flow_key first; /* as it was before the first tunnel */
	struct flow_key outer; /* as it was before the innermost: its addresses are the endpoints */
	__u32 id;	       /* of the tunnel at hand */
	__u32 ip_len;	       /* the first key's */
	__u16 l3_off;
	__u16 ethertype; /* of the packet inside, 0: Ethernet */
	__u8 kind;
	__u8 pad[3];
};

/* A tunnel header of `len` bytes was read; what follows it is for the next stage. */
static __always_inline void parse_found(struct flow_facts *f, struct flow_wrap *wrap, __u8 kind,
					__u32 id, __u16 ethertype, __u32 len)
{
	if (parse_beyond(f, len))
		return;
	wrap->kind = kind;
	wrap->id = id;
	wrap->ethertype = ethertype;
	f->off += len;
	f->stage = PARSE_INNER;
}

/* RFC 7348 section 5. */
static __always_inline void parse_vxlan(const __u8 *head, struct flow_facts *f,
					struct flow_wrap *wrap)
{
	if (head[0] & 0x08)
		parse_found(f, wrap, FLOW_TUNNEL_VXLAN, parse_be24(head + 4), 0, 8);
}

/* RFC 8926 section 3.4. */
static __always_inline void parse_geneve(const __u8 *head, struct flow_facts *f,
					 struct flow_wrap *wrap)
{
	__u32 len = 8 + (head[0] & 0x3fU) * 4;
	__u16 type = parse_be16(head + 2);

	if (head[0] >> 6)
		return;
	if (type == ETH_P_TEB)
		type = 0;
	else if (type != ETH_P_IP && type != ETH_P_IPV6)
		return;
	parse_found(f, wrap, FLOW_TUNNEL_GENEVE, parse_be24(head + 4), type, len);
}

/*
 * 3GPP TS 29.281 sections 5.1 and 5.2: G-PDUs alone carry a packet. `pkt` is behind the first 8
 * bytes. Returns the header's length, 0: it is not in order, PARSE_UNKNOWN: it is out of reach.
 */
static __always_inline __u32 parse_gtp_len(struct pkt *pkt, const struct flow_facts *f,
					   const __u8 *head)
{
	const __u8 *pos;
	__u32 len = 12;
	__u8 next;

	if (!(head[0] & 0x07))
		return 8;
	if (parse_beyond(f, len))
		return 0;
	pos = pkt_pull(pkt, 4);
	if (!pos)
		return PARSE_UNKNOWN;
	next = head[0] & 0x04 ? pos[3] : 0;
	for (int i = 0; i < PARSE_GTP_HEADERS && next; i++) {
		__u32 more; /* words after the first */

		if (parse_beyond(f, len + 1))
			return 0;
		pos = pkt_pull(pkt, 1);
		if (!pos)
			return PARSE_UNKNOWN;
		more = *pos - 1U;
		__asm__(""
			: "+r"(more)); /* Linux 6.1's verifier learns its range from the mask alone */
		if (!*pos || parse_beyond(f, len + 4 + (more & 0xff) * 4))
			return 0;
		len += 4 + (more & 0xff) * 4;
		pos = pkt_pull(pkt, 2 + (more & 0xff) * 4) ? pkt_pull(pkt, 1) : NULL;
		if (!pos)
			return PARSE_UNKNOWN;
		next = *pos;
	}
	return next ? 0 : len;
}

static __always_inline void parse_gtpu(struct pkt *pkt, const __u8 *head, struct flow_facts *f,
				       struct flow_wrap *wrap)
{
	const __u8 *pos;
	__u32 len;

	if (head[0] >> 4 != 3 || head[1] != 255)
		return;
	parse_narrow(f, 8 + parse_be16(head + 2));
	len = parse_gtp_len(pkt, f, head);
	if (!len)
		return;
	if (len == PARSE_UNKNOWN)
		return parse_short(f);
	if (parse_beyond(f, len + 1))
		return parse_short(f);
	pos = pkt_pull(pkt, 1);
	if (!pos)
		return parse_short(f);
	if (*pos >> 4 == 4)
		parse_found(f, wrap, FLOW_TUNNEL_GTPU, parse_be24(head + 4) << 8 | head[7],
			    ETH_P_IP, len);
	else if (*pos >> 4 == 6)
		parse_found(f, wrap, FLOW_TUNNEL_GTPU, parse_be24(head + 4) << 8 | head[7],
			    ETH_P_IPV6, len);
}

/* By the destination port; UDP's length (RFC 768) may end the packet sooner than IP's. */
static __always_inline void parse_udp_tunnel(struct pkt *pkt, struct flow_facts *f,
					     struct flow_wrap *wrap)
{
	__u16 port = PARSE_SWAP16(f->key.dport);
	const __u8 *udp = pkt_pull(pkt, 8), *head;
	__u32 len;

	if (!udp)
		return parse_short(f);
	f->off += 8;
	len = parse_be16(udp + 4);
	if (len >= 8 && !f->gso)
		parse_narrow(f, len - 8);
	if (parse_beyond(f, 8))
		return;
	head = pkt_pull(pkt, 8);
	if (!head)
		return parse_short(f);
	if (port == 6081)
		parse_geneve(head, f, wrap);
	else if (port == 2152)
		parse_gtpu(pkt, head, f, wrap);
	else
		parse_vxlan(head, f, wrap);
}

/*
 * GRE with Ethernet inside. NVGRE (RFC 7637) is told from Linux's gretap by what its key may be: with
 * nothing else in the header, and 24 bits of it in the range of a virtual subnet's id.
 */
static __always_inline void parse_gre_ethernet(struct flow_facts *f, struct flow_wrap *wrap,
					       __u8 flags, __u32 key, __u32 len)
{
	__u32 vsid = key >> 8;

	if (flags == PARSE_GRE_KEY && vsid >= PARSE_VSID_MIN && vsid <= PARSE_VSID_MAX)
		parse_found(f, wrap, FLOW_TUNNEL_NVGRE, vsid, 0, len);
	else
		parse_found(f, wrap, FLOW_TUNNEL_GRE, key, 0, len);
}

/* draft-foschiano-erspan-03 section 4: types I and II share a protocol type, II has a sequence. */
static __always_inline void parse_erspan(struct pkt *pkt, struct flow_facts *f,
					 struct flow_wrap *wrap, __u16 type, __u8 flags, __u32 len)
{
	__u32 size = type == PARSE_ERSPAN3 ? 12 : 8;
	const __u8 *head;

	if (type == PARSE_ERSPAN && !(flags & PARSE_GRE_SEQUENCE))
		return parse_found(f, wrap, FLOW_TUNNEL_ERSPAN, 0, 0, len);
	if (parse_beyond(f, len + size))
		return;
	head = pkt_pull(pkt, 8);
	if (!head)
		return parse_short(f);
	if (head[0] >> 4 != (type == PARSE_ERSPAN3 ? 2 : 1))
		return;
	if (type == PARSE_ERSPAN3) {
		const __u8 *rest = pkt_pull(pkt, 4);

		if (!rest)
			return parse_short(f);
		if (rest[2] >> 2 & 0x1f) /* frame type: not Ethernet */
			return;
		if (rest[3] & 1)
			size += 8;
	}
	parse_found(f, wrap, FLOW_TUNNEL_ERSPAN, parse_be16(head + 2) & 0x3ff, 0, len + size);
}

static __always_inline int parse_is_gre_type(__u16 type)
{
	return type == ETH_P_IP || type == ETH_P_IPV6 || type == ETH_P_MPLS_UC ||
	       type == ETH_P_MPLS_MC || type == ETH_P_TEB || type == PARSE_ERSPAN ||
	       type == PARSE_ERSPAN3;
}

/* RFC 2784 section 2.1, RFC 2890 section 2. */
static __always_inline void parse_gre(struct pkt *pkt, struct flow_facts *f, struct flow_wrap *wrap)
{
	const __u8 *head, *word;
	__u32 key = 0, len = 4;
	__u8 flags;
	__u16 type;

	if (parse_beyond(f, 4))
		return;
	head = pkt_pull(pkt, 4);
	if (!head)
		return parse_short(f);
	flags = head[0];
	type = parse_be16(head + 2);
	if ((head[1] & 7) || (flags & PARSE_GRE_ROUTING) || !parse_is_gre_type(type))
		return;
	flags &= PARSE_GRE_CHECKSUM | PARSE_GRE_KEY | PARSE_GRE_SEQUENCE;
	len += (flags >> 7) * 4 + (flags >> 5 & 1) * 4 + (flags >> 4 & 1) * 4;
	if (parse_beyond(f, len))
		return;
	for (__u8 bit = PARSE_GRE_CHECKSUM; bit >= PARSE_GRE_SEQUENCE; bit >>= 1) {
		if (!(flags & bit))
			continue;
		word = pkt_pull(pkt, 4);
		if (!word)
			return parse_short(f);
		if (bit == PARSE_GRE_KEY)
			key = parse_be24(word) << 8 | word[3];
	}
	if (type == ETH_P_TEB)
		parse_gre_ethernet(f, wrap, flags, key, len);
	else if (type == PARSE_ERSPAN || type == PARSE_ERSPAN3)
		parse_erspan(pkt, f, wrap, type, flags, len);
	else
		parse_found(f, wrap, FLOW_TUNNEL_GRE, key, type, len);
}

/* RFC 2003, RFC 4213, RFC 2473: the packet follows at once. */
static __always_inline void parse_ip_tunnel(struct flow_facts *f, struct flow_wrap *wrap)
{
	int in6 = f->key.ethertype == ETH_P_IPV6;

	if (f->next == PARSE_IPIP)
		parse_found(f, wrap, in6 ? FLOW_TUNNEL_4IN6 : FLOW_TUNNEL_IPIP, 0, ETH_P_IP, 0);
	else
		parse_found(f, wrap, in6 ? FLOW_TUNNEL_6IN6 : FLOW_TUNNEL_6IN4, 0, ETH_P_IPV6, 0);
}

/* Without a tunnel in it after all the packet is what its outer headers say. */
static __always_inline void parse_tunnel(struct pkt *pkt, struct flow_facts *f,
					 struct flow_wrap *wrap)
{
	if (!(f->into & PARSE_INTO_SAVED)) {
		wrap->first = f->key;
		wrap->ip_len = f->ip_len;
		wrap->l3_off = f->l3_off;
		f->into |= PARSE_INTO_SAVED | (f->frag ? PARSE_INTO_FRAG : 0);
	}
	f->stage = PARSE_DONE;
	if (f->next == PARSE_UDP)
		parse_udp_tunnel(pkt, f, wrap);
	else if (f->next == PARSE_GRE)
		parse_gre(pkt, f, wrap);
	else
		parse_ip_tunnel(f, wrap);
}

/* Enter the tunnel, where a packet of the kind that its header names is in it. */
static __always_inline void parse_inner(struct pkt *pkt, struct flow_facts *f,
					struct flow_wrap *wrap)
{
	const __u8 *pos = pkt_pull(pkt, 1);
	__u16 ethertype = wrap->ethertype;

	if (!pos || parse_beyond(f, 1) || (ethertype == ETH_P_IP && *pos >> 4 != 4) ||
	    (ethertype == ETH_P_IPV6 && *pos >> 4 != 6))
		return parse_short(f);
	if (f->tunnels == PARSE_TUNNELS)
		return parse_deep(f);
	f->tunnels++;
	f->ip_len = PARSE_UNKNOWN;
	f->unsent = 0;
	wrap->outer = f->key;
	__builtin_memset(f->key.src, 0, sizeof(f->key.src));
	__builtin_memset(f->key.dst, 0, sizeof(f->key.dst));
	f->key.sport = f->key.dport = 0;
	f->key.proto = 0;
	f->key.ethertype = ethertype;
	f->key.tunnel_kind = wrap->kind;
	f->key.tunnel_id = wrap->id;
	f->stage = ethertype ? PARSE_NET : PARSE_LINK;
}

/* One stage; the walk is a loop of them. `pkt` is at f->off. */
static __always_inline void parse_step(struct pkt *pkt, struct flow_facts *f,
				       struct flow_wrap *wrap)
{
	if (f->off > PARSE_OFF_MAX)
		parse_short(f);
	else if (f->stage == PARSE_LINK)
		parse_link(pkt, f);
	else if (f->stage == PARSE_TAGGED)
		parse_tags(pkt, f, f->key.ethertype);
	else if (f->stage == PARSE_LABEL)
		parse_label(pkt, f);
	else if (f->stage == PARSE_NET)
		parse_net(pkt, f);
	else if (f->stage == PARSE_EXTENSION)
		parse_extension(pkt, f);
	else if (f->stage == PARSE_TRANSPORT)
		parse_transport(pkt, f);
	else if (f->stage == PARSE_TUNNEL)
		parse_tunnel(pkt, f, wrap);
	else
		parse_inner(pkt, f, wrap);
}

/* After the last stage: what was walked only to be measured is not the flow. */
static __always_inline void parse_end(struct flow_facts *f, const struct flow_wrap *wrap)
{
	if (f->stage != PARSE_DONE)
		parse_deep(f);
	if ((f->into & PARSE_INTO_SAVED) && !(f->into & PARSE_INTO_INNER)) {
		f->key = wrap->first;
		f->ip_len = wrap->ip_len;
		f->l3_off = wrap->l3_off;
		f->verdict = VERDICT_FLOW;
		f->tcp_flags = f->tcp_syn = f->segment = 0;
		if (!(f->into & PARSE_INTO_FRAG))
			f->frag = f->frag_id = 0;
	}
}

/*
 * What the later fragments of the same datagram have in common with its first one: addresses, the
 * identification in place of ports, and the protocol (RFC 791 section 3.2; RFC 8200 section 4.5
 * leaves it out, since it may differ).
 */
static __always_inline void parse_fragment_key(const struct flow_facts *f,
					       const struct flow_wrap *wrap, struct flow_key *key)
{
	*key = f->into & PARSE_INTO_FRAG ? wrap->first : f->key;
	if (key->ethertype == ETH_P_IPV6)
		key->proto = 0;
	if (key->tunnel_kind == FLOW_TUNNEL_ESP || key->tunnel_kind == FLOW_TUNNEL_AH)
		key->tunnel_kind = key->tunnel_id = 0;
	key->sport = (__be16)(f->frag_id >> 16);
	key->dport = (__be16)f->frag_id;
	key->marks = (key->marks & FLOW_MARK_STAG) | FLOW_MARK_FRAGMENT;
}

/* A first fragment tells the flow of the later ones, unless it is too short itself (RFC 1858). */
static __always_inline int parse_fragment_first(const struct flow_facts *f)
{
	return f->verdict != VERDICT_SHORT || f->key.sport || f->key.dport;
}

/*
 * A later fragment belongs to the flow of `first`, with whatever that one lacked. Where that flow is
 * inside a tunnel that the fragments are not, all behind their IP header is of the packet inside.
 */
static __always_inline void parse_fragment_later(struct flow_facts *f, const struct flow_key *first)
{
	__u32 head = (__u32)f->off - f->l3_off;

	if (first->tunnel_kind >= FLOW_TUNNEL_VXLAN && first->tunnel_kind <= FLOW_TUNNEL_GTPU &&
	    (first->outer != f->key.outer || first->tunnel_kind != f->key.tunnel_kind))
		f->ip_bytes -= head < f->ip_bytes ? head : f->ip_bytes;
	f->key = *first;
	if (f->key.marks & FLOW_MARK_SHORT)
		f->verdict = VERDICT_SHORT;
	else if (f->key.marks & FLOW_MARK_DEEP)
		f->verdict = VERDICT_DEEP;
}

/* The pair of outer endpoints as a key, lower address first. Returns enum flow_outer_way. */
static __always_inline __u32 parse_outer_pair(const struct flow_wrap *wrap, struct flow_key *pair)
{
	const struct flow_key *outer = &wrap->outer;
	__u32 way = FLOW_OUTER_EQUAL;

	__builtin_memset(pair, 0, sizeof(*pair));
	pair->ethertype = outer->ethertype;
	for (int i = 3; i >= 0; i--) {
		if (outer->src[i] != outer->dst[i])
			way = PARSE_SWAP32(outer->src[i]) < PARSE_SWAP32(outer->dst[i])
				      ? FLOW_OUTER_FORWARD
				      : FLOW_OUTER_BACKWARD;
	}
	for (int i = 0; i < 4; i++) {
		pair->src[i] = way == FLOW_OUTER_BACKWARD ? outer->dst[i] : outer->src[i];
		pair->dst[i] = way == FLOW_OUTER_BACKWARD ? outer->src[i] : outer->dst[i];
	}
	return way;
}

#ifndef __bpf__
static inline struct pkt parse_at(const __u8 *start, __u32 reach, __u32 off)
{
	return (struct pkt){.pos = start + (off > reach ? reach : off), .end = start + reach};
}

/*
 * The whole walk for the host: fill `f` from meta->reach bytes at `data`. Never fails; f->verdict
 * says how it went. The BPF programs make the same walk with fewer stages inline (walk.bpf.h).
 */
static inline void parse_packet(const void *data, const struct pkt_meta *meta, struct flow_facts *f,
				struct flow_wrap *wrap)
{
	struct pkt pkt = parse_at(data, meta->reach, 0);

	parse_begin(meta, f);
	wrap->id = wrap->ip_len = 0; /* for the compiler: read only after they are set */
	wrap->l3_off = wrap->ethertype = wrap->kind = 0;
	if (f->stage == PARSE_LINK)
		parse_plain(&pkt, f);
	for (int i = 0; i < PARSE_STEPS && f->stage != PARSE_DONE; i++) {
		pkt = parse_at(data, meta->reach, f->off);
		parse_step(&pkt, f, wrap);
	}
	parse_end(f, wrap);
	parse_count(meta, f);
}
#endif
