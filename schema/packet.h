/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.h: what the walk of parse.h, label.h and tunnel.h works on: the bytes in reach, what the hook
 * knows beside them, what has been found so far; and the words of its stages. Pure.
 *
 * One bounds check, pkt_pull; lengths that headers claim are believed only within the IP packet's own
 * length, so that padding is never read as a header.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>

#include "cache.h"
#include "flow.h"
#include "sample.h"

#define PARSE_TAGS 4		/* VLAN tags walked; the first two are in the key */
#define PARSE_EXTENSIONS 6	/* extension headers walked of each IPv6 header */
#define PARSE_OFF_MAX 0x3fff	/* headers are looked for in the first 16 kB */
#define PARSE_LENGTH_MAX 1500	/* in the type field: the length of an 802.3 frame (3.2.6) */
#define PARSE_PBB 0x88e7	/* EtherType of the backbone service tag (IEEE 802.1ah) */
#define PARSE_FABRICPATH 0x8903 /* EtherType of Cisco's FabricPath */
#define PARSE_NESTED_MAC 16	/* f->nested has two numbers */
#define PARSE_UNKNOWN 0xffffffffU
#define PARSE_JUMBO 0xc2 /* option type, RFC 2675 section 2 */

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PARSE_STAMPS 0x0a080101 /* NOP, NOP, kind 8, length 10 as they lie */
#define PARSE_SWAP16(x) __builtin_bswap16(x)
#define PARSE_SWAP32(x) __builtin_bswap32(x)
#else
#define PARSE_STAMPS 0x0101080a
#define PARSE_SWAP16(x) (x)
#define PARSE_SWAP32(x) (x)
#endif

enum parse_proto {
	PARSE_HOPOPTS = 0,
	PARSE_ICMP = 1,
	PARSE_IPIP = 4,
	PARSE_TCP = 6,
	PARSE_UDP = 17,
	PARSE_DCCP = 33,
	PARSE_IPV6 = 41,
	PARSE_ROUTING = 43,
	PARSE_FRAGMENT = 44,
	PARSE_GRE = 47,
	PARSE_ESP = 50,
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
	PARSE_LINK,	 /* Ethernet */
	PARSE_TAGGED,	 /* what key.ethertype names is a tag or LLC */
	PARSE_LABEL,	 /* MPLS, PPPoE, Ethernet in Ethernet */
	PARSE_NET,	 /* what key.ethertype names */
	PARSE_EXTENSION, /* of IPv6: the header that f->next names */
	PARSE_TRANSPORT, /* what f->next names */
	PARSE_TUNNEL,	 /* a header that another packet may follow */
	PARSE_INNER,	 /* that packet */
};

enum parse_frag {
	PARSE_WHOLE = 0,
	PARSE_FIRST = 1, /* fragment, with more to come */
	PARSE_LATER = 2, /* fragment without the datagram's headers */
};

/* What is done about tunnels, in f->into. */
enum parse_into {
	PARSE_INTO_INNER = 1,	/* the inner packet is the flow */
	PARSE_INTO_MEASURE = 2, /* GSO: each segment repeats the inner headers too */
	PARSE_INTO_SAVED = 4,	/* wrap->first is */
	PARSE_INTO_FRAG = 8,	/* f->frag is of a header outside the first tunnel */
};

/* What else the packet's own header tells, in f->segment. */
enum parse_segment {
	PARSE_SEGMENT_TCP = 1,	   /* seq, ack, window, payload, mss */
	PARSE_SEGMENT_STAMPED = 2, /* tsval, tsecr */
	PARSE_SEGMENT_ECHO = 4,	   /* seq: identifier << 16 | sequence number of an ICMP echo */
	PARSE_SEGMENT_REPLY = 8,   /* the same of its reply */
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
	__u16 l3_proto; /* EtherType, host order, where the bytes start behind it; else 0 */
	__u16 ifnum;
	__u32 dir;	/* enum flow_dir */
	__u32 inner;	/* 1: the inner packet of a tunnel is the flow; 0: the outer */
	__u32 untagged; /* marks of a packet in whose bytes there is no tag */
};

/* What the bytes say. */
struct flow_facts {
	struct flow_key key;
	__u32 packets; /* on the wire */
	__u32 bytes;
	__u32 ip_bytes;
	__u32 ip_len; /* the IP packet's length by its header, PARSE_UNKNOWN: it does not say */
	__u32 end;    /* offset at which the headers walked say that the packet ends */
	__u16 l3_off;
	__u16 off;	/* of the next stage; at the end: of the payload, what GSO repeats */
	__u8 stage;	/* enum parse_stage */
	__u8 next;	/* IP protocol for the next stage */
	__u8 verdict;	/* enum flow_verdict */
	__u8 truncated; /* the packet has more bytes than were in reach */
	__u8 tcp_flags;
	__u8 tcp_syn;
	__u8 unsent; /* bytes of the headers that segments made from the packet will not carry */
	__u8 gso;    /* 1: segments will be made of it; no length field can say how long it is */
	__u8 frag;   /* enum parse_frag, of the outermost fragment header */
	__u8 nested; /* IPv6 extension headers of this header | PARSE_NESTED_MAC * Ethernet in Ethernet */
	__u8 tunnels; /* entered */
	__u8 into;    /* enum parse_into */
	__u32 frag_id;
	__u32 seq;
	__u32 ack;
	__u32 tsval; /* timestamps option, RFC 7323 section 3 */
	__u32 tsecr;
	__u32 payload; /* bytes behind the TCP header, of all segments */
	__u16 mss;     /* of each segment, where there are more than one */
	__u16 window;  /* as in the header */
	__u8 segment;  /* enum parse_segment */
	__u8 why;      /* enum sample_why: what of SAMPLE_TRIGGERS the packet is */
	__u8 pad[2];
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

/* Bytes as they lie. BPF may read them at once; of a copy clang makes single bytes. */
static __always_inline __be16 pkt_be16(const __u8 *pos)
{
#ifdef __bpf__
	return *(const __be16 *)pos;
#else
	__be16 half;

	__builtin_memcpy(&half, pos, sizeof(half));
	return half;
#endif
}

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

/* The headers walked say that the packet ends before off + len. */
static __always_inline int parse_beyond(const struct flow_facts *f, __u32 len)
{
	return f->end < f->off + len;
}

/* An enclosed packet ends where its header says, or sooner. */
static __always_inline void parse_narrow(struct flow_facts *f, __u32 len)
{
	if (len != PARSE_UNKNOWN && f->off + len < f->end)
		f->end = f->off + len;
}

static __always_inline void parse_short(struct flow_facts *f)
{
	f->key.marks |= FLOW_MARK_SHORT;
	f->why = SAMPLE_MALFORMED;
	f->verdict = VERDICT_SHORT;
	f->stage = PARSE_DONE;
}

static __always_inline void parse_deep(struct flow_facts *f)
{
	f->key.marks |= FLOW_MARK_DEEP;
	f->why = SAMPLE_MALFORMED;
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

static __always_inline __u16 parse_be16(const __u8 *pos)
{
	return (__u16)(pos[0] << 8 | pos[1]);
}

static __always_inline __u32 parse_be32(const __u8 *pos)
{
	return PARSE_SWAP32(pkt_be32(pos));
}

static __always_inline __u32 parse_be24(const __u8 *pos)
{
	return (__u32)pos[0] << 16 | (__u32)pos[1] << 8 | pos[2];
}
