/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quick.h: what nearly every packet is, at one look, and the hash of its key: TCP or UDP over IPv4 without options or
 * over IPv6 without extension headers, whole, plain or behind one tag. For all else, and wherever a length does not
 * fit, the walk of parse.h is asked: what both know they know alike (tests/fuzz_parse.c, tests/test_parse.c).
 *
 * The facts are made in registers and stored by words of 8 bytes. The key is read again by such words, and a
 * processor hands a word that was stored in parts over only when all of them are in its cache.
 */
#pragma once

#include "cache.h"
#include "parse.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#define QUICK_TYPE(ethertype) ((__u16)((ethertype) >> 8 | ((ethertype)&0xff) << 8)) /* as it lies */
#define QUICK_FRAGMENT 0xff3f /* of an IPv4 header's fragment field, as it lies: all but DF */

/* What is known of the packet while its facts are made. */
struct quick {
	__u32 l3;
	__u32 l4;
	__u32 end;   /* by the IP header */
	__u32 whole; /* or by the frame, where that ends before */
	__u8 proto;
	const volatile __u64 *seed; /* NULL: the hash is not asked for */
	__u64 sum;		    /* see cache_hash */
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

/* A word of the key, and at once its part of the hash: BPF has few registers to keep it in. One that is 0 has none. */
static __always_inline void quick_key(struct quick *q, struct flow_facts *f, __u32 number,
				      __u64 word)
{
	((cache_word *)f)[number] = word;
	if (q->seed) {
		q->sum += cache_term(word, q->seed[number]);
		__asm__ volatile("" : "+r"(q->sum)); /* nor is it made later */
	}
}

/* The addresses. False: not for here. */
static __always_inline int quick_ipv4(struct pkt *pkt, struct quick *q, struct flow_facts *f)
{
	const __u8 *ip = pkt_pull(pkt, 20);
	cache_word *word = (cache_word *)f;

	if (!ip || ip[0] != 0x45 || (pkt_be16(ip + 6) & QUICK_FRAGMENT))
		return 0;
	quick_key(q, f, 0, pkt_be32(ip + 12));
	word[1] = 0;
	quick_key(q, f, 2, pkt_be32(ip + 16));
	word[3] = 0;
	q->proto = ip[9];
	q->l4 = q->l3 + 20;
	q->end = q->l3 + PARSE_SWAP16(pkt_be16(ip + 2));
	return 1;
}

static __always_inline int quick_ipv6(struct pkt *pkt, struct quick *q, struct flow_facts *f)
{
	const __u8 *ip = pkt_pull(pkt, 40);

	if (!ip || ip[0] >> 4 != 6)
		return 0;
	quick_key(q, f, 0, quick_be64(ip + 8));
	quick_key(q, f, 1, quick_be64(ip + 16));
	quick_key(q, f, 2, quick_be64(ip + 24));
	quick_key(q, f, 3, quick_be64(ip + 32));
	q->proto = ip[6];
	q->l4 = q->l3 + 40;
	q->end = q->l4 + PARSE_SWAP16(pkt_be16(ip + 4));
	return 1;
}

/* All that is 0 or known but for ports. `off` is behind the transport header. False: the lengths do not fit. */
static __always_inline int quick_facts(const struct pkt_meta *meta, struct quick *q, __u32 off,
				       __u64 tcp, struct flow_facts *f)
{
	cache_word *word = (cache_word *)f;

	if (q->end < off || meta->len < off)
		return 0;
	q->whole = q->end < meta->len ? q->end : meta->len;
	word[6] = 0;
	word[7] = quick_word(1, meta->len);
	word[8] = quick_word(q->whole - q->l3, q->end - q->l3);
	word[9] = quick_word(q->end, q->l3 | off << 16);
	word[10] = (__u64)q->proto << 8 | (__u64)(meta->reach < meta->len) << 24 | tcp << 32;
	word[11] = (__u64)meta->inner << 24;
	return 1;
}

static __always_inline int quick_tcp(struct pkt *pkt, const struct pkt_meta *meta, struct quick *q,
				     struct flow_facts *f)
{
	cache_word *word = (cache_word *)f;
	const __u8 *tcp = pkt_pull(pkt, 20), *option;
	__u32 segment = PARSE_SEGMENT_TCP, size, off, flags;

	if (!tcp)
		return 0;
	size = tcp[12] >> 4;
	off = q->l4 + size * 4;
	flags = tcp[13];
	flags |= (flags >> 1 & ~(flags >> 4) & 1) << 8; /* SYN without ACK */
	if (size < 5 || !quick_facts(meta, q, off, flags, f))
		return 0;
	word[14] = quick_word(q->whole - off, (__u32)parse_be16(tcp + 14) << 16);
	word[12] = quick_word(parse_be32(tcp + 4), parse_be32(tcp + 8));
	word[13] = 0;
	if (size >= 8) {
		option = pkt_pull(pkt, 12);
		if (option && pkt_be32(option) == PARSE_STAMPS) {
			word[13] = quick_word(parse_be32(option + 4), parse_be32(option + 8));
			segment |= PARSE_SEGMENT_STAMPED;
		}
	}
	word[15] = segment;
	return 1;
}

static __always_inline int quick_udp(struct pkt *pkt, const struct pkt_meta *meta, struct quick *q,
				     struct flow_facts *f)
{
	cache_word *word = (cache_word *)f;
	const __u8 *udp = pkt_pull(pkt, 8);

	if (!udp || (meta->inner && parse_is_tunnel_port(pkt_be16(udp + 2))))
		return 0;
	word[12] = word[13] = word[14] = word[15] = 0;
	return quick_facts(meta, q, q->l4 + 8, 0, f);
}

/*
 * A packet of that EtherType, behind `l3` bytes. Both are constants, so that each of the four there are is code of its
 * own, with offsets known.
 */
static __always_inline int quick_net(struct pkt *pkt, const struct pkt_meta *meta, __u16 ethertype,
				     __u32 l3, __u32 vlan, __u32 marks, const volatile __u64 *seed,
				     struct flow_facts *f, struct cache_hash *ret_hash)
{
	struct quick q = {.l3 = l3, .seed = seed, .sum = seed ? seed[CACHE_KEY_WORDS] : 0};
	const __u8 *ports;

	if (ethertype == ETH_P_IP ? !quick_ipv4(pkt, &q, f) : !quick_ipv6(pkt, &q, f))
		return 0;
	quick_key(&q, f, 5,
		  quick_word((__u32)meta->ifnum << 16, q.proto | meta->dir << 8 | marks << 16));
	ports = pkt->pos;
	if (q.proto == PARSE_TCP) {
		if (!quick_tcp(pkt, meta, &q, f))
			return 0;
	} else if (q.proto != PARSE_UDP || !quick_udp(pkt, meta, &q, f)) {
		return 0;
	}
	quick_key(&q, f, 4, quick_word(pkt_be32(ports), ethertype | vlan << 16));
	if (seed)
		*ret_hash = cache_mix(q.sum);
	return 1;
}

/*
 * True: `f` is what the walk would make of the packet, and *ret_hash that of its key, unless `seed` is NULL. Else
 * nothing of either is to be believed.
 */
static __always_inline int quick_packet(const struct pkt *whole, const struct pkt_meta *meta,
					const volatile __u64 *seed, struct flow_facts *f,
					struct cache_hash *ret_hash)
{
	struct pkt pkt = *whole;
	const __u8 *eth = pkt_pull(&pkt, 14), *tag;
	__u32 vlan;
	__u16 type;

	if (!eth || (meta->len >> 16 | meta->segments >> 1 | meta->gso_size | meta->vlan_proto |
		     meta->l3_proto))
		return 0;
	type = pkt_be16(eth + 12);
	if (type == QUICK_TYPE(ETH_P_IP))
		return quick_net(&pkt, meta, ETH_P_IP, 14, 0, meta->untagged, seed, f, ret_hash);
	if (type == QUICK_TYPE(ETH_P_IPV6))
		return quick_net(&pkt, meta, ETH_P_IPV6, 14, 0, meta->untagged, seed, f, ret_hash);
	tag = pkt_pull(&pkt, 4);
	if (type != QUICK_TYPE(ETH_P_8021Q) || !tag)
		return 0;
	vlan = FLOW_VLAN_TAGGED | (parse_be16(tag) & 0xfff);
	type = pkt_be16(tag + 2);
	if (type == QUICK_TYPE(ETH_P_IP))
		return quick_net(&pkt, meta, ETH_P_IP, 18, vlan, 0, seed, f, ret_hash);
	if (type == QUICK_TYPE(ETH_P_IPV6))
		return quick_net(&pkt, meta, ETH_P_IPV6, 18, vlan, 0, seed, f, ret_hash);
	return 0;
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
					const volatile __u64 *seed, struct flow_facts *f,
					struct cache_hash *ret_hash)
{
	(void)whole;
	(void)meta;
	(void)seed;
	(void)f;
	(void)ret_hash;
	return 0;
}

#endif
