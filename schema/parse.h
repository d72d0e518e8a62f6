/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse.h: packet bytes to flow key. Pure: no map, no helper, no context; for BPF and the host.
 *
 *   frame | Ethernet | tags ... | LLC/SNAP | IPv4 options / IPv6 extensions | ports ... |
 *
 * Every frame gets a key: what cannot be read is left 0 and the key is marked, so that no frame
 * falls out of the books. One bounds check, pkt_pull; lengths that headers claim are believed only
 * within the IP packet's own length, so that padding is never read as a header.
 *
 * Parsing is a walk of stages; each reads one layer at f->off and names the next stage. A stage
 * forgets how it was reached, which keeps the BPF verifier's work a sum instead of a product. This
 * is the seam for tunnels and labels: a decapsulation stage leads back to PARSE_LINK or PARSE_NET.
 */
#pragma once

#include "cache.h"
#include "flow.h"

#include <linux/if_ether.h>
#include <linux/in.h>

#define PARSE_TAGS 4	      /* VLAN tags walked; the first two are in the key */
#define PARSE_EXTENSIONS 6    /* IPv6 extension headers walked */
#define PARSE_OFF_MAX 0x3fff  /* headers are looked for in the first 16 kB */
#define PARSE_LENGTH_MAX 1500 /* in the type field: the length of an 802.3 frame (3.2.6) */
#define PARSE_UNKNOWN 0xffffffffU
#define PARSE_JUMBO 0xc2 /* option type, RFC 2675 section 2 */

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PARSE_SWAP16(x) __builtin_bswap16(x)
#else
#define PARSE_SWAP16(x) (x)
#endif

enum parse_proto {
	PARSE_HOPOPTS = 0,
	PARSE_ICMP = 1,
	PARSE_TCP = 6,
	PARSE_UDP = 17,
	PARSE_DCCP = 33,
	PARSE_ROUTING = 43,
	PARSE_FRAGMENT = 44,
	PARSE_AH = 51,
	PARSE_ICMPV6 = 58,
	PARSE_DSTOPTS = 60,
	PARSE_SCTP = 132,
	PARSE_MOBILITY = 135,
	PARSE_UDPLITE = 136,
	PARSE_HIP = 139,
	PARSE_SHIM6 = 140,
};

enum parse_stage {
	PARSE_DONE = 0,
	PARSE_LINK,
	PARSE_NET,
	PARSE_EXTENSION,
	PARSE_TRANSPORT,
};

/* The bytes of a packet that can be read in place. */
struct pkt {
	const __u8 *pos;
	const __u8 *end;
};

/* What the hook knows beside the bytes. */
struct pkt_meta {
	__u32 len;	  /* of the frame, bytes out of reach included */
	__u32 reach;	  /* of it, bytes that can be read in place */
	__u32 segments;	  /* frames on the wire that this packet stands for; 0 or 1: itself */
	__u32 gso_size;	  /* payload of each segment, 0 where not segmented */
	__u16 vlan_proto; /* TPID of a tag held beside the bytes, host order; 0: none */
	__u16 vlan_tci;
	__u16 l3_proto; /* EtherType, host order, where the device has no link layer; else 0 */
	__u16 ifnum;
	__u32 dir; /* enum flow_dir */
};

/* What the bytes say. */
struct flow_facts {
	struct flow_key key;
	__u32 packets; /* on the wire */
	__u32 bytes;
	__u32 ip_bytes;
	__u32 ip_len; /* the IP packet's length by its header, PARSE_UNKNOWN: it does not say */
	__u32 room;   /* of it, what the next stage may read */
	__u16 l3_off;
	__u16 off;	/* of the next stage; at the end: of the payload, what GSO repeats */
	__u8 stage;	/* enum parse_stage */
	__u8 next;	/* IP protocol for the next stage */
	__u8 verdict;	/* enum flow_verdict */
	__u8 truncated; /* the packet has more bytes than were in reach */
	__u8 tcp_flags;
	__u8 tcp_syn;
	__u8 unsent; /* bytes of the headers that segments made from the packet will not carry */
	__u8 pad;
	__u32 gso; /* not 0: segments will be made of it */
	__u32 pad2;
};

/* The next `len` bytes, or NULL where the packet ends before them. The one bounds check. */
static __always_inline const void *pkt_pull(struct pkt *pkt, __u32 len)
{
	const __u8 *pos = pkt->pos;

#ifdef __bpf__
	if (pos + len > pkt->end) /* the form that the verifier knows */
		return NULL;
#else
	if ((__u64)(pkt->end - pos) < len)
		return NULL;
#endif
	pkt->pos = pos + len;
	return pos;
}

/* Four bytes as they lie. BPF may read them at once; of a copy clang makes single bytes. */
static __always_inline __be32 pkt_be32(const __u8 *pos)
{
#ifdef __bpf__
	return *(const __be32 *)pos;
#else
	__be32 word;

	__builtin_memcpy(&word, pos, sizeof(word));
	return word;
#endif
}

static __always_inline void parse_short(struct flow_facts *f)
{
	f->key.marks |= FLOW_MARK_SHORT;
	f->verdict = VERDICT_SHORT;
	f->stage = PARSE_DONE;
}

static __always_inline void parse_deep(struct flow_facts *f)
{
	f->key.marks |= FLOW_MARK_DEEP;
	f->verdict = VERDICT_DEEP;
	f->stage = PARSE_DONE;
}

static __always_inline void parse_tag(struct flow_facts *f, __u16 tpid, __u16 tci)
{
	if (!f->key.vlan) {
		f->key.vlan = FLOW_VLAN_TAGGED | (tci & 0xfff);
		if (tpid == ETH_P_8021AD)
			f->key.marks |= FLOW_MARK_STAG;
	} else if (!f->key.cvlan) {
		f->key.cvlan = FLOW_VLAN_TAGGED | (tci & 0xfff);
	}
}

static __always_inline int parse_is_tag(__u16 ethertype)
{
	return ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD || ethertype == ETH_P_QINQ1;
}

/* RFC 9293 section 3.1. */
static __always_inline void parse_tcp(struct pkt *pkt, struct flow_facts *f)
{
	const __be16 *port = pkt_pull(pkt, 4);
	const __u8 *rest;

	if (!port || f->room < 4)
		return parse_short(f);
	f->key.sport = port[0];
	f->key.dport = port[1];
	rest = pkt_pull(pkt, 16);
	if (!rest || f->room < 20)
		return parse_short(f);
	f->tcp_flags = rest[9];
	f->tcp_syn = (rest[9] & 0x12) == 0x02;
	if (rest[8] >> 4 < 5 || f->room < (__u32)(rest[8] >> 4) * 4)
		return parse_short(f);
	f->off += (rest[8] >> 4) * 4;
}

/* Type and code are the first two bytes (RFC 792, RFC 4443 section 2.1). */
static __always_inline void parse_icmp(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *icmp = pkt_pull(pkt, 2);

	if (!icmp || f->room < 2)
		return parse_short(f);
	f->key.sport = PARSE_SWAP16((__u16)icmp[0]);
	f->key.dport = PARSE_SWAP16((__u16)icmp[1]);
	f->off += 8;
}

/* Ports are the first four bytes of UDP, UDP-Lite, SCTP and DCCP; `len` is the whole header. */
static __always_inline void parse_ports(struct pkt *pkt, __u32 len, struct flow_facts *f)
{
	const __be16 *port = pkt_pull(pkt, 4);

	if (!port || f->room < 4)
		return parse_short(f);
	f->key.sport = port[0];
	f->key.dport = port[1];
	if (!pkt_pull(pkt, len - 4) || f->room < len)
		return parse_short(f);
	f->off += len;
}

static __always_inline void parse_transport(struct pkt *pkt, struct flow_facts *f)
{
	__u8 proto = f->next;

	f->stage = PARSE_DONE;
	f->key.proto = proto;
	if (proto == PARSE_TCP)
		parse_tcp(pkt, f);
	else if (proto == PARSE_UDP || proto == PARSE_UDPLITE)
		parse_ports(pkt, 8, f);
	else if (proto == PARSE_ICMP || proto == PARSE_ICMPV6)
		parse_icmp(pkt, f);
	else if (proto == PARSE_SCTP || proto == PARSE_DCCP)
		parse_ports(pkt, 12, f);
}

/* RFC 791. A total length of 0 is that of a packet larger than 64 kB (BIG TCP): no limit. */
static __always_inline void parse_ipv4(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *ip = pkt_pull(pkt, 20);
	__u32 header, total;

	if (!ip || ip[0] >> 4 != 4)
		return parse_short(f);
	f->key.src[0] = pkt_be32(ip + 12);
	f->key.dst[0] = pkt_be32(ip + 16);
	f->key.proto = f->next = ip[9];
	header = (ip[0] & 0xf) * 4;
	total = (__u32)ip[2] << 8 | ip[3];
	f->ip_len = total ? total : PARSE_UNKNOWN;
	if (header < 20 || f->ip_len < header)
		return parse_short(f);
	f->off += header;
	f->room = f->ip_len - header;
	if ((ip[6] & 0x1f) || ip[7])
		f->key.marks |= FLOW_MARK_FRAGMENT;
	else
		f->stage = PARSE_TRANSPORT;
}

static __always_inline int parse_is_extension(__u8 proto)
{
	return proto == PARSE_HOPOPTS || proto == PARSE_ROUTING || proto == PARSE_FRAGMENT ||
	       proto == PARSE_AH || proto == PARSE_DSTOPTS || proto == PARSE_MOBILITY ||
	       proto == PARSE_HIP || proto == PARSE_SHIM6;
}

/*
 * RFC 8200 section 3. A payload length of 0 is a jumbogram's (RFC 2675), or a GSO packet's larger
 * than 64 kB (BIG TCP).
 */
static __always_inline void parse_ipv6(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *ip = pkt_pull(pkt, 40);

	if (!ip || ip[0] >> 4 != 6)
		return parse_short(f);
	for (int i = 0; i < 4; i++) {
		f->key.src[i] = pkt_be32(ip + 8 + 4 * i);
		f->key.dst[i] = pkt_be32(ip + 24 + 4 * i);
	}
	f->key.proto = f->next = ip[6];
	f->room = (__u32)ip[4] << 8 | ip[5];
	f->ip_len = f->room + 40;
	if (!f->room && (f->next == PARSE_HOPOPTS || f->gso))
		f->room = f->ip_len = PARSE_UNKNOWN;
	f->off += 40;
	f->stage = parse_is_extension(f->next) ? PARSE_EXTENSION : PARSE_TRANSPORT;
}

/* One extension header: RFC 8200 section 4; AH counts words of 4 (RFC 4302 section 2.2). */
static __always_inline void parse_extension(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *ext = pkt_pull(pkt, 8);
	__u32 len;

	f->key.proto = f->next;
	if (!ext || f->room < 8)
		return parse_short(f);
	len = (ext[1] + 1U) * 8;
	if (f->next == PARSE_FRAGMENT)
		len = 8;
	else if (f->next == PARSE_AH)
		len = (ext[1] + 2U) * 4;
	if (f->room < len || f->off + len > PARSE_OFF_MAX)
		return parse_short(f);
	/* net/ipv6/ip6_offload.c, ipv6_hopopt_jumbo_remove */
	if (f->gso && f->next == PARSE_HOPOPTS && ext[2] == PARSE_JUMBO && len == 8 &&
	    f->ip_len == PARSE_UNKNOWN && f->off == f->l3_off + 40)
		f->unsent = 8;
	f->off += len;
	f->room -= len;
	if (f->next == PARSE_FRAGMENT && (ext[2] || (ext[3] & 0xf8))) {
		f->key.proto = ext[0];
		f->key.marks |= FLOW_MARK_FRAGMENT;
		f->stage = PARSE_DONE;
		return;
	}
	f->key.proto = f->next = ext[0];
	if (!parse_is_extension(f->next))
		f->stage = PARSE_TRANSPORT;
}

/* RFC 826; the addresses of IPv4 over Ethernet are kept, as tcpdump's `host` matches them. */
static __always_inline void parse_arp(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *arp = pkt_pull(pkt, 28);

	if (!arp)
		return parse_short(f);
	__builtin_memcpy(&f->key.sport, arp + 6, 2);
	if (arp[2] != 0x08 || arp[3] != 0 || arp[4] != 6 || arp[5] != 4)
		return;
	f->key.src[0] = pkt_be32(arp + 14);
	f->key.dst[0] = pkt_be32(arp + 24);
}

/* The layer that key.ethertype names. */
static __always_inline void parse_net(struct pkt *pkt, struct flow_facts *f)
{
	__u16 ethertype = f->key.ethertype;

	f->stage = PARSE_DONE;
	f->l3_off = f->off;
	if (ethertype == ETH_P_IP)
		parse_ipv4(pkt, f);
	else if (ethertype == ETH_P_IPV6)
		parse_ipv6(pkt, f);
	else if (ethertype == ETH_P_ARP || ethertype == ETH_P_RARP)
		parse_arp(pkt, f);
}

/* IEEE 802.2; SNAP with OUI 0 (RFC 1042) carries an EtherType, which is followed. */
static __always_inline void parse_llc(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *llc = pkt_pull(pkt, 3), *snap;

	f->key.ethertype = FLOW_ETH_LLC;
	f->stage = PARSE_DONE;
	if (!llc)
		return parse_short(f);
	f->key.sport = PARSE_SWAP16((__u16)(llc[0] << 8 | llc[1]));
	if (llc[0] != 0xaa || llc[1] != 0xaa || llc[2] != 0x03)
		return;
	snap = pkt_pull(pkt, 5);
	if (!snap)
		return parse_short(f);
	if (snap[0] || snap[1] || snap[2] || snap[3] < 0x06)
		return;
	f->key.sport = 0;
	f->key.ethertype = (__u16)(snap[3] << 8 | snap[4]);
	f->off += 8;
	f->stage = PARSE_NET;
}

/* A plain Ethernet header, as most are. Anything else is left to parse_link. */
static __always_inline void parse_plain(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *eth = pkt_pull(pkt, 14);
	__u16 ethertype;

	if (!eth)
		return;
	ethertype = (__u16)(eth[12] << 8 | eth[13]);
	if (parse_is_tag(ethertype) || ethertype <= PARSE_LENGTH_MAX)
		return;
	f->key.ethertype = ethertype;
	f->off = 14;
	f->stage = PARSE_NET;
}

/* IEEE 802.3 and 802.1Q. The first two tags are kept; a stack of more than PARSE_TAGS is too deep. */
static __always_inline void parse_link(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *eth = pkt_pull(pkt, 14), *tag;
	__u16 ethertype;

	if (!eth)
		return parse_short(f);
	f->off = 14;
	f->stage = PARSE_NET;
	ethertype = (__u16)(eth[12] << 8 | eth[13]);
	/* a tag held beside the bytes is one of the stack: both hooks find the same frame too deep */
	for (int depth = f->key.vlan ? 1 : 0; depth < PARSE_TAGS && parse_is_tag(ethertype);
	     depth++) {
		tag = pkt_pull(pkt, 4);
		f->key.ethertype = ethertype;
		if (!tag)
			return parse_short(f);
		parse_tag(f, ethertype, (__u16)(tag[0] << 8 | tag[1]));
		f->off += 4;
		ethertype = (__u16)(tag[2] << 8 | tag[3]);
	}
	f->key.ethertype = ethertype;
	if (parse_is_tag(ethertype))
		parse_deep(f);
	else if (ethertype <= PARSE_LENGTH_MAX)
		parse_llc(pkt, f);
}

/*
 * What the packet was on the wire. A segmented packet repeats all its headers in each segment
 * (skbuff.h, gso_segs); a tag held in metadata is 4 bytes of each. IP bytes leave out the link
 * layer and the padding of short frames; a length that the frame cannot hold counts as the frame.
 */
static __always_inline void parse_count(const struct pkt_meta *meta, struct flow_facts *f)
{
	__u32 segments = meta->segments, extra = 0, ip = 0;
	__u32 tag = meta->vlan_proto ? 4 : 0;

	if (!segments && meta->gso_size && meta->len > f->off)
		segments = (meta->len - f->off + meta->gso_size - 1) / meta->gso_size;
	if (!segments)
		segments = 1;
	if (segments > 1)
		extra = segments - 1;
	f->packets = segments;
	f->bytes = meta->len + extra * f->off + segments * (tag - f->unsent);
	if (f->key.ethertype != ETH_P_IP && f->key.ethertype != ETH_P_IPV6)
		return;
	if (meta->len > f->l3_off)
		ip = meta->len - f->l3_off;
	if (!extra && f->ip_len < ip)
		ip = f->ip_len;
	f->ip_bytes = ip + extra * (__u32)(f->off - f->l3_off) - segments * f->unsent;
}

/* Before the first stage. */
static __always_inline void parse_begin(const struct pkt_meta *meta, struct flow_facts *f)
{
	__builtin_memset(f, 0, sizeof(*f));
	f->key.ifnum = meta->ifnum;
	f->key.dir = (__u8)meta->dir;
	f->ip_len = PARSE_UNKNOWN;
	f->truncated = meta->reach < meta->len;
	f->gso = meta->gso_size |
		 meta->segments >> 1; /* no branch: the verifier would follow both */
	f->stage = PARSE_LINK;
	if (meta->vlan_proto)
		parse_tag(f, meta->vlan_proto, meta->vlan_tci);
	if (meta->l3_proto) {
		f->key.ethertype = meta->l3_proto;
		f->stage = PARSE_NET;
	}
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
static inline void parse_packet(const void *data, const struct pkt_meta *meta, struct flow_facts *f)
{
	struct pkt pkt = parse_at(data, meta->reach, 0);

	parse_begin(meta, f);
	if (f->stage == PARSE_LINK)
		parse_plain(&pkt, f);
	pkt = parse_at(data, meta->reach, f->off);
	if (f->stage == PARSE_LINK)
		parse_link(&pkt, f);
	if (f->stage == PARSE_NET)
		parse_net(&pkt, f);
	for (int depth = 0; depth < PARSE_EXTENSIONS && f->stage == PARSE_EXTENSION; depth++) {
		pkt = parse_at(data, meta->reach, f->off);
		parse_extension(&pkt, f);
	}
	if (f->stage == PARSE_EXTENSION)
		parse_deep(f);
	if (f->stage == PARSE_TRANSPORT) {
		pkt = parse_at(data, meta->reach, f->off);
		parse_transport(&pkt, f);
	}
	parse_count(meta, f);
}
#endif
