/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * key.bpf.h: a flow key of what the kernel holds in its hands: a packet's headers, or a socket.
 *
 * A packet's headers are read from where the kernel says that the network header is: PLAIN_BYTES, and
 * where that is not IPv4 without options, HEADER_BYTES. What follows the linear part is not looked into;
 * ports out of reach stay 0 and the key says so (FLOW_MARK_SHORT), as does a later fragment's.
 *
 *   head ........ mac_header | network_header ........ tail ......... end | skb_shared_info
 *                            |<---- HEADER_BYTES ---->|  never beyond the allocation
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "kernel.bpf.h"
#include "schema/flow.h"

#define PLAIN_BYTES 40	/* IPv4 and as much of TCP */
#define HEADER_BYTES 80 /* IPv4 with all options, or IPv6 with 36 bytes of extensions, and ports */
#define EXTENSIONS 3
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_STAG 0x88a8
#define NO_MAC_HEADER 0xffff

/* Where things are in an skb's buffer, as offsets from its head. */
struct packet {
	const unsigned char *head;
	__u32 data;
	__u32 net;   /* 0: unknown */
	__u32 start; /* of the frame, before what the kernel pulled; may lie before the head */
	__u32 tail;
	__u32 segments_header; /* bytes before the payload, as each segment has them; 0: unknown */
};

static __always_inline void packet_find(const struct sk_buff *skb, __u32 link, struct packet *ret)
{
	__u32 mac = skb->mac_header, net = skb->network_header;

	ret->head = skb->head;
	ret->data = (__u32)(skb->data - ret->head);
	ret->tail = skb->tail;
	ret->segments_header = 0;
	if (!net && mac != NO_MAC_HEADER) /* received, not yet looked at */
		net = mac == ret->data ? mac + link : ret->data;
	ret->net = net;
	if (mac != NO_MAC_HEADER && mac <= net && mac <= ret->data)
		ret->start = mac;
	else /* sent, the link's header is not there yet */
		ret->start = (net && net <= ret->data ? net : ret->data) - link;
}

/* Protocols that begin with two ports. */
static __always_inline bool has_ports(__u8 proto)
{
	return proto == 6 || proto == 17 || proto == 132 || proto == 33 || proto == 136;
}

/* `b` has HEADER_BYTES, `have` of them of the packet; `at` is where the transport header begins. */
static __always_inline void key_transport(const __u8 *b, __u32 at, __u32 have, struct packet *pkt,
					  struct flow_key *key)
{
	__u8 proto = key->proto;

	barrier_var(at);
	if (at > HEADER_BYTES - 4 || at + 4 > have) {
		if (has_ports(proto) || proto == 1 || proto == 58)
			key->marks |= FLOW_MARK_SHORT;
		return;
	}
	if (has_ports(proto)) {
		key->sport = *(const __be16 *)(b + at);
		key->dport = *(const __be16 *)(b + at + 2);
		if (proto == 17)
			pkt->segments_header = at + 8;
		barrier_var(at);
		if (proto == 6 && at <= HEADER_BYTES - 13)
			pkt->segments_header = at + (b[at + 12] >> 4) * 4;
	} else if (proto == 1 || proto == 58) {
		key->sport = bpf_htons(b[at]);
		key->dport = bpf_htons(b[at + 1]);
	}
}

static __always_inline void key_addresses(const __u8 *b, struct flow_key *key)
{
	key->proto = b[9];
	key->src[0] = *(const __be32 *)(b + 12);
	key->dst[0] = *(const __be32 *)(b + 16);
}

static __always_inline bool is_later_fragment(const __u8 *b, struct flow_key *key)
{
	if (!(*(const __be16 *)(b + 6) & bpf_htons(0x1fff)))
		return false;
	key->marks |= FLOW_MARK_FRAGMENT;
	return true;
}

static __always_inline void key_ipv4(const __u8 *b, __u32 have, struct packet *pkt,
				     struct flow_key *key)
{
	__u32 header = (b[0] & 15) * 4;

	key_addresses(b, key);
	if (!is_later_fragment(b, key))
		key_transport(b, header, have, pkt, key);
}

static __always_inline bool is_extension(__u8 next)
{
	return next == 0 || next == 43 || next == 44 || next == 60;
}

static __always_inline void key_ipv6(const __u8 *b, __u32 have, struct packet *pkt,
				     struct flow_key *key)
{
	__u32 at = 40;
	__u8 next = b[6];

	__builtin_memcpy(key->src, b + 8, 16);
	__builtin_memcpy(key->dst, b + 24, 16);
	for (int i = 0; i < EXTENSIONS && is_extension(next); i++) {
		barrier_var(at); /* else what is compared is not what is added */
		if (at > HEADER_BYTES - 8)
			break;
		if (next == 44 && *(const __be16 *)(b + at + 2) & bpf_htons(0xfff8))
			key->marks |= FLOW_MARK_FRAGMENT;
		key->proto = next; /* where it goes on is not known below */
		next = b[at];
		at += key->proto == 44 ? 8 : b[at + 1] * 8U + 8;
		if (key->marks)
			break;
	}
	key->proto = next;
	if (is_extension(next))
		key->marks |= FLOW_MARK_SHORT;
	else if (!key->marks)
		key_transport(b, at, have, pkt, key);
}

/* The tag that is not in the bytes. True: there is one. */
static __always_inline bool key_tag(const struct sk_buff *skb, struct flow_key *key)
{
	__be16 proto = skb->vlan_proto;

	if (!proto)
		return false;
	if (bpf_core_field_exists(struct sk_buff___tag, vlan_present)) {
		const struct sk_buff___tag *old = (const void *)skb;

		if (!BPF_CORE_READ_BITFIELD(old, vlan_present))
			return false;
	}
	key->vlan = FLOW_VLAN_TAGGED | (skb->vlan_tci & 0xfff);
	if (proto == bpf_htons(ETHERTYPE_STAG))
		key->marks |= FLOW_MARK_STAG;
	return true;
}

/* Into HEADER_BYTES. False: they cannot be read. `plain`: IPv4 without options. */
static __always_inline bool headers_read(const __u8 *from, __u16 type, __u8 *b, bool *ret_plain)
{
	*ret_plain = false;
	if (type == ETHERTYPE_IPV4) {
		if (bpf_probe_read_kernel(b, PLAIN_BYTES, from))
			return false;
		*ret_plain = b[0] == 0x45;
	}
	return *ret_plain || !bpf_probe_read_kernel(b, HEADER_BYTES, from);
}

/* Addresses, ports, protocol. The key is zeroed but for its tag. */
static __always_inline void key_of_packet(const struct sk_buff *skb, struct packet *pkt,
					  struct flow_key *key)
{
	__u16 type = bpf_ntohs(skb->protocol);
	__u8 marks = key->marks;
	__u8 b[HEADER_BYTES];
	__u32 have;
	bool plain;

	key->ethertype = type;
	if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6 && type != ETHERTYPE_VLAN &&
	    type != ETHERTYPE_STAG)
		return;
	have = pkt->tail > pkt->net ? pkt->tail - pkt->net : 0;
	if (!pkt->net || have < 20 || !headers_read(pkt->head + pkt->net, type, b, &plain)) {
		key->marks |= FLOW_MARK_SHORT;
		return;
	}
	if (plain) {
		key_addresses(b, key);
		if (!is_later_fragment(b, key))
			key_transport(b, 20, have, pkt, key);
		return;
	}
	key->marks = 0;
	if (b[0] >> 4 == 4 && type != ETHERTYPE_IPV6) {
		key->ethertype = ETHERTYPE_IPV4; /* the tag in the bytes is above it */
		key_ipv4(b, have, pkt, key);
	} else if (b[0] >> 4 == 6 && type != ETHERTYPE_IPV4 && have >= 40) {
		key->ethertype = ETHERTYPE_IPV6;
		key_ipv6(b, have, pkt, key);
	} else {
		key->marks = FLOW_MARK_SHORT;
	}
	key->marks |= marks;
}

/* Of a frame on the wire, and of all segments where there are several. */
static __always_inline __u64 packet_bytes(const struct sk_buff *skb, const struct packet *pkt,
					  __u32 segments, bool tagged)
{
	__u32 tag = tagged ? 4 : 0;
	__u64 bytes = skb->len + (__s32)(pkt->data - pkt->start) + tag;

	if (segments > 1 && pkt->segments_header)
		bytes += (segments - 1) *
			 (__u64)(pkt->segments_header + (pkt->net - pkt->start) + tag);
	return bytes;
}

/* The direction that the socket sends in; out: false, the other. An ifnum of 0. */
static __always_inline void key_of_sock(const struct sock_common *c, bool out, struct flow_key *key)
{
	__be32 *mine = out ? key->src : key->dst, *other = out ? key->dst : key->src;
	__be16 port = bpf_htons(c->skc_num);

	key->proto = IPPROTO_TCP;
	key->dir = out ? FLOW_EGRESS : FLOW_INGRESS;
	key->sport = out ? port : c->skc_dport;
	key->dport = out ? c->skc_dport : port;
	if (c->skc_family == AF_INET6 &&
	    (c->skc_v6_daddr.in6_u.u6_addr32[0] || c->skc_v6_daddr.in6_u.u6_addr32[1] ||
	     c->skc_v6_daddr.in6_u.u6_addr32[2] != bpf_htonl(0xffff))) {
		key->ethertype = ETHERTYPE_IPV6;
		for (int i = 0; i < 4; i++) {
			mine[i] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
			other[i] = c->skc_v6_daddr.in6_u.u6_addr32[i];
		}
	} else {
		key->ethertype = ETHERTYPE_IPV4;
		mine[0] = c->skc_rcv_saddr;
		other[0] = c->skc_daddr;
	}
}

/* As the answer goes. */
static __always_inline void key_turn(struct flow_key *key)
{
	__be16 port = key->sport;

	key->sport = key->dport;
	key->dport = port;
	key->dir ^= FLOW_INGRESS ^ FLOW_EGRESS;
	for (int i = 0; i < 4; i++) {
		__be32 address = key->src[i];

		key->src[i] = key->dst[i];
		key->dst[i] = address;
	}
}
