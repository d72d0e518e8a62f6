/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quick.h: what nearly every packet is, at one look: TCP or UDP over IPv4 without options or over IPv6 without
 * extension headers, whole, plain or behind one tag. For all else, and wherever a length does not fit, the
 * walk of parse.h is asked: what both know they know alike (tests/fuzz_parse.c, tests/test_parse.c).
 *
 * The facts are made in registers and stored by words of 8 bytes. The key is read again by such words, and a
 * processor hands a word that was stored in parts over only when all of them are in its cache.
 */
#pragma once

#include "parse.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#define QUICK_TYPE(ethertype) ((__u16)((ethertype) >> 8 | ((ethertype)&0xff) << 8)) /* as it lies */
#define QUICK_FRAGMENT 0xff3f /* of an IPv4 header's fragment field, as it lies: all but DF */

/* Where the layers are, and how the packet ends. */
struct quick_place {
	__u32 l3;
	__u32 l4;
	__u32 end; /* by the IP header */
	__u8 proto;
};

/* Two halves of a word, as they lie one behind the other. */
static __always_inline __u64 quick_word(__u32 first, __u32 second)
{
	return first | (__u64)second << 32;
}

static __always_inline __u64 quick_be64(const __u8 *pos)
{
	return quick_word(pkt_be32(pos), pkt_be32(pos + 4));
}

/* The addresses. False: not for here. */
static __always_inline int quick_ipv4(struct pkt *pkt, struct quick_place *at, cache_word *word)
{
	const __u8 *ip = pkt_pull(pkt, 20);

	if (!ip || ip[0] != 0x45 || (pkt_be16(ip + 6) & QUICK_FRAGMENT))
		return 0;
	word[0] = pkt_be32(ip + 12);
	word[1] = 0;
	word[2] = pkt_be32(ip + 16);
	word[3] = 0;
	at->proto = ip[9];
	at->l4 = at->l3 + 20;
	at->end = at->l3 + PARSE_SWAP16(pkt_be16(ip + 2));
	return 1;
}

static __always_inline int quick_ipv6(struct pkt *pkt, struct quick_place *at, cache_word *word)
{
	const __u8 *ip = pkt_pull(pkt, 40);

	if (!ip || ip[0] >> 4 != 6)
		return 0;
	word[0] = quick_be64(ip + 8);
	word[1] = quick_be64(ip + 16);
	word[2] = quick_be64(ip + 24);
	word[3] = quick_be64(ip + 32);
	at->proto = ip[6];
	at->l4 = at->l3 + 40;
	at->end = at->l4 + PARSE_SWAP16(pkt_be16(ip + 4));
	return 1;
}

/* Ports; then all that is 0 or known. `off` is behind the transport header. False: the lengths do not fit. */
static __always_inline int quick_facts(const struct pkt_meta *meta, const struct quick_place *at,
				       __u32 off, __u64 tcp, struct flow_facts *f)
{
	cache_word *word = (cache_word *)f;

	if (at->end < off || meta->len < off)
		return 0;
	word[7] = quick_word(1, meta->len);
	word[8] =
		quick_word((at->end < meta->len ? at->end : meta->len) - at->l3, at->end - at->l3);
	word[9] = quick_word(at->end, at->l3 | off << 16);
	word[10] = (__u64)at->proto << 8 | (__u64)(meta->reach < meta->len) << 24 | tcp << 32;
	word[11] = (__u64)meta->inner << 24;
	return 1;
}

static __always_inline int quick_tcp(struct pkt *pkt, const struct pkt_meta *meta,
				     const struct quick_place *at, struct flow_facts *f)
{
	cache_word *word = (cache_word *)f;
	const __u8 *tcp = pkt_pull(pkt, 20), *option;
	__u32 segment = PARSE_SEGMENT_TCP, size, off;

	if (!tcp)
		return 0;
	size = tcp[12] >> 4;
	off = at->l4 + size * 4;
	if (size < 5 || !quick_facts(meta, at, off, tcp[13] | ((tcp[13] & 0x12) == 0x02) << 8, f))
		return 0;
	word[12] = quick_word(parse_be32(tcp + 4), parse_be32(tcp + 8));
	word[13] = 0;
	if (size >= 8) {
		option = pkt_pull(pkt, 12);
		if (option && pkt_be32(option) == PARSE_STAMPS) {
			word[13] = quick_word(parse_be32(option + 4), parse_be32(option + 8));
			segment |= PARSE_SEGMENT_STAMPED;
		}
	}
	word[14] = quick_word((at->end < meta->len ? at->end : meta->len) - off,
			      (__u32)parse_be16(tcp + 14) << 16);
	word[15] = segment;
	return 1;
}

static __always_inline int quick_udp(struct pkt *pkt, const struct pkt_meta *meta,
				     const struct quick_place *at, struct flow_facts *f)
{
	cache_word *word = (cache_word *)f;
	const __u8 *udp = pkt_pull(pkt, 8);

	if (!udp || (meta->inner && parse_is_tunnel_port(pkt_be16(udp + 2))))
		return 0;
	word[12] = word[13] = word[14] = word[15] = 0;
	return quick_facts(meta, at, at->l4 + 8, 0, f);
}

/* True: `f` is what the walk would make of the packet. Else nothing of it is to be believed. */
static __always_inline int quick_packet(const struct pkt *whole, const struct pkt_meta *meta,
					struct flow_facts *f)
{
	struct pkt pkt = *whole;
	const __u8 *eth = pkt_pull(&pkt, 14), *ports;
	struct quick_place at = {.l3 = 14};
	__u32 link, marks = meta->untagged;
	cache_word *word = (cache_word *)f;
	__u16 type, vlan = 0;

	if (!eth || (meta->len >> 16 | meta->segments >> 1 | meta->gso_size | meta->vlan_proto |
		     meta->l3_proto))
		return 0;
	type = pkt_be16(eth + 12);
	if (type == QUICK_TYPE(ETH_P_8021Q)) {
		const __u8 *tag = pkt_pull(&pkt, 4);

		if (!tag)
			return 0;
		vlan = FLOW_VLAN_TAGGED | (parse_be16(tag) & 0xfff);
		type = pkt_be16(tag + 2);
		at.l3 = 18;
		marks = 0;
	}
	if (type == QUICK_TYPE(ETH_P_IP)) {
		if (!quick_ipv4(&pkt, &at, word))
			return 0;
		link = ETH_P_IP | (__u32)vlan << 16;
	} else if (type == QUICK_TYPE(ETH_P_IPV6)) {
		if (!quick_ipv6(&pkt, &at, word))
			return 0;
		link = ETH_P_IPV6 | (__u32)vlan << 16;
	} else {
		return 0;
	}
	word[5] = quick_word((__u32)meta->ifnum << 16, at.proto | meta->dir << 8 | marks << 16);
	word[6] = 0;
	ports = pkt.pos;
	if (at.proto == PARSE_TCP) {
		if (!quick_tcp(&pkt, meta, &at, f))
			return 0;
	} else if (at.proto != PARSE_UDP || !quick_udp(&pkt, meta, &at, f)) {
		return 0;
	}
	word[4] = quick_word(pkt_be32(ports), link);
	return 1;
}

_Static_assert(offsetof(struct flow_key, sport) == 32 && offsetof(struct flow_key, dport) == 34 &&
		       offsetof(struct flow_key, ethertype) == 36 &&
		       offsetof(struct flow_key, vlan) == 38 &&
		       offsetof(struct flow_key, ifnum) == 42 &&
		       offsetof(struct flow_key, proto) == 44 &&
		       offsetof(struct flow_key, marks) == 46,
	       "the words of the key");
_Static_assert(
	offsetof(struct flow_facts, packets) == 56 && offsetof(struct flow_facts, ip_bytes) == 64 &&
		offsetof(struct flow_facts, end) == 72 && offsetof(struct flow_facts, off) == 78 &&
		offsetof(struct flow_facts, next) == 81 &&
		offsetof(struct flow_facts, truncated) == 83 &&
		offsetof(struct flow_facts, tcp_syn) == 85 &&
		offsetof(struct flow_facts, into) == 91 && offsetof(struct flow_facts, seq) == 96 &&
		offsetof(struct flow_facts, tsval) == 104 &&
		offsetof(struct flow_facts, window) == 118 &&
		offsetof(struct flow_facts, segment) == 120 && sizeof(struct flow_facts) == 128,
	"and of the facts");

#else

static __always_inline int quick_packet(const struct pkt *whole, const struct pkt_meta *meta,
					struct flow_facts *f)
{
	(void)whole;
	(void)meta;
	(void)f;
	return 0;
}

#endif
