/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vectors.h: frames and what they must be accounted as; one table, three runners (test_parse on
 * the host, bpf_vectors through XDP and TC test-run) and the seeds of fuzz_parse.
 *
 * What is wanted is written down from the standards and from flow.h, byte for byte and sum for
 * sum, never taken from the code under test. The numbers beside a frame: 14 Ethernet + 4 a tag,
 * 20 IPv4, 40 IPv6, 20 TCP, 8 UDP. `key` leaves out ifnum and dir, which the runner gives.
 */
#pragma once

#include "schema/flow.h"
#include "schema/tunnel.h"

struct vector {
	const char *name;
	const __u8 *frame;
	__u32 size;  /* bytes in `frame` */
	__u32 len;   /* of the whole frame, zeros follow `frame`; 0: size */
	__u32 reach; /* bytes that the parser gets; 0: len */
	__u32 segments;
	__u32 gso_size;
	__u16 vlan_proto;
	__u16 vlan_tci;
	__u16 l3_proto;
	__u8 inner; /* tunnel = inner */
	/* wanted */
	__u32 verdict;
	__u32 packets;
	__u32 bytes;
	__u32 ip_bytes;
	__u8 tcp_flags;
	__u8 tcp_syn;
	struct flow_key key;
};

/* clang-format off: a table, and the macros that keep it one */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE16(x) ((__be16)(((x)&0xff) << 8 | ((x) >> 8 & 0xff)))
#define BE32(x) ((__be32)((x) << 24 | ((x)&0xff00U) << 8 | ((x) >> 8 & 0xff00U) | (x) >> 24))
#else
#define BE16(x) ((__be16)(x))
#define BE32(x) ((__be32)(x))
#endif

/* Bytes of a frame. */
#define B16(x) ((x) >> 8) & 0xff, (x)&0xff
#define B32(x) B16((x) >> 16), B16((x)&0xffff)
#define Z4 0, 0, 0, 0
#define Z8 Z4, Z4
#define Z16 Z8, Z8
#define FRAME(...) .frame = (const __u8[]){__VA_ARGS__}, .size = sizeof((const __u8[]){__VA_ARGS__})

#define ETH(type) 0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, B16(type)
#define TAG(tci, type) B16(tci), B16(type)
#define LLC(dsap, ssap, control) dsap, ssap, control
#define SNAP(oui, type) LLC(0xaa, 0xaa, 3), 0, B16(oui), B16(type)

/* RFC 791; 10.1.0.1 to 10.1.0.2 unless a vector says otherwise. */
#define A4 10, 1, 0, 1, 10, 1, 0, 2
#define IP4X(first, total, fragment, proto) \
	first, 0, B16(total), 0x12, 0x34, B16(fragment), 64, proto, 0, 0
#define IP4(total, proto) IP4X(0x45, total, 0x4000, proto), A4
#define IP4F(total, fragment, proto) IP4X(0x45, total, fragment, proto), A4
#define KEY4(...)                           \
	.key = {.ethertype = 0x0800,        \
		.src = {BE32(0x0a010001U)}, \
		.dst = {BE32(0x0a010002U)}, \
		__VA_ARGS__}

/* RFC 8200; 2001:db8::1 to 2001:db8::2. */
#define A6(last) 0x20, 0x01, 0x0d, 0xb8, Z8, 0, 0, 0, last
#define IP6(payload, next) 0x60, 0, 0, 0, B16(payload), next, 64, A6(1), A6(2)
#define KEY6(...)                                           \
	.key = {.ethertype = 0x86dd,                        \
		.src = {BE32(0x20010db8U), 0, 0, BE32(1U)}, \
		.dst = {BE32(0x20010db8U), 0, 0, BE32(2U)}, \
		__VA_ARGS__}
#define EXT8(next) next, 0, 1, 4, Z4 /* options header of 8 bytes: PadN (section 4.2) */
#define FRAG6(next, offset_flags) next, 0, B16(offset_flags), 0, 0, 0x12, 0x34

/* Transport headers; ports 40000 (0x9c40) to 5201 (0x1451). */
#define PORTS 0x9c, 0x40, 0x14, 0x51
#define TCPX(words, flags) PORTS, B32(1000), B32(2000), (words) << 4, flags, 0xff, 0xff, 0, 0, 0, 0
#define TCP(flags) TCPX(5, flags)
#define UDP(len) PORTS, B16(len), 0, 0
#define ICMP(type, code) type, code, 0, 0, 0, 7, 0, 1
#define KPORTS .sport = BE16(40000), .dport = BE16(5201)

#define WANT(v, p, b, i) .verdict = VERDICT_##v, .packets = p, .bytes = b, .ip_bytes = i

static const struct vector vectors[] = {
	/* TCP flags: RFC 9293 section 3.1; ECE and CWR: RFC 3168. */
	{"tcp4 syn", FRAME(ETH(0x0800), IP4(40, 6), TCP(0x02)), WANT(FLOW, 1, 54, 40),
	 .tcp_flags = 0x02, .tcp_syn = 1, KEY4(.proto = 6, KPORTS)},
	{"tcp4 syn ack", FRAME(ETH(0x0800), IP4(40, 6), TCP(0x12)), WANT(FLOW, 1, 54, 40),
	 .tcp_flags = 0x12, KEY4(.proto = 6, KPORTS)},
	{"tcp4 syn ece cwr", FRAME(ETH(0x0800), IP4(40, 6), TCP(0xc2)), WANT(FLOW, 1, 54, 40),
	 .tcp_flags = 0xc2, .tcp_syn = 1, KEY4(.proto = 6, KPORTS)},
	{"tcp4 fin psh ack", FRAME(ETH(0x0800), IP4(44, 6), TCP(0x19), 'a', 'b', 'c', 'd'),
	 WANT(FLOW, 1, 58, 44), .tcp_flags = 0x19, KEY4(.proto = 6, KPORTS)},
	{"tcp4 rst padded", FRAME(ETH(0x0800), IP4(40, 6), TCP(0x04)), .len = 60,
	 WANT(FLOW, 1, 60, 40), .tcp_flags = 0x04, KEY4(.proto = 6, KPORTS)},
	{"tcp4 no flags", FRAME(ETH(0x0800), IP4(40, 6), TCP(0)), WANT(FLOW, 1, 54, 40),
	 KEY4(.proto = 6, KPORTS)},
	{"tcp4 all flags", FRAME(ETH(0x0800), IP4(40, 6), TCP(0xff)), WANT(FLOW, 1, 54, 40),
	 .tcp_flags = 0xff, KEY4(.proto = 6, KPORTS)},
	{"tcp4 options", FRAME(ETH(0x0800), IP4(52, 6), TCPX(8, 0x10), 1, 1, 8, 10, Z8),
	 WANT(FLOW, 1, 66, 52), .tcp_flags = 0x10, KEY4(.proto = 6, KPORTS)},
	{"tcp4 offset 15", FRAME(ETH(0x0800), IP4(80, 6), TCPX(15, 0x10), Z16, Z16, Z8),
	 WANT(FLOW, 1, 94, 80), .tcp_flags = 0x10, KEY4(.proto = 6, KPORTS)},
	{"tcp4 offset 4", FRAME(ETH(0x0800), IP4(40, 6), TCPX(4, 0x10)), WANT(SHORT, 1, 54, 40),
	 .tcp_flags = 0x10, KEY4(.proto = 6, KPORTS, .marks = FLOW_MARK_SHORT)},
	{"tcp4 offset 0", FRAME(ETH(0x0800), IP4(40, 6), TCPX(0, 0x02)), WANT(SHORT, 1, 54, 40),
	 .tcp_flags = 0x02, .tcp_syn = 1, KEY4(.proto = 6, KPORTS, .marks = FLOW_MARK_SHORT)},
	{"tcp4 offset beyond packet", FRAME(ETH(0x0800), IP4(40, 6), TCPX(15, 0x10)),
	 WANT(SHORT, 1, 54, 40), .tcp_flags = 0x10,
	 KEY4(.proto = 6, KPORTS, .marks = FLOW_MARK_SHORT)},
	{"tcp4 header cut by total length", FRAME(ETH(0x0800), IP4(39, 6), TCP(0x02)), .len = 60,
	 WANT(SHORT, 1, 60, 39), KEY4(.proto = 6, KPORTS, .marks = FLOW_MARK_SHORT)},
	{"tcp6 syn", FRAME(ETH(0x86dd), IP6(20, 6), TCP(0x02)), WANT(FLOW, 1, 74, 60),
	 .tcp_flags = 0x02, .tcp_syn = 1, KEY6(.proto = 6, KPORTS)},

	/* UDP RFC 768, UDP-Lite RFC 3828, SCTP RFC 9260, DCCP RFC 4340. */
	{"udp4", FRAME(ETH(0x0800), IP4(32, 17), UDP(12), 1, 2, 3, 4), WANT(FLOW, 1, 46, 32),
	 KEY4(.proto = 17, KPORTS)},
	{"udp4 padded to 60", FRAME(ETH(0x0800), IP4(32, 17), UDP(12), 1, 2, 3, 4), .len = 60,
	 WANT(FLOW, 1, 60, 32), KEY4(.proto = 17, KPORTS)},
	{"udp4 no payload", FRAME(ETH(0x0800), IP4(28, 17), UDP(8)), WANT(FLOW, 1, 42, 28),
	 KEY4(.proto = 17, KPORTS)},
	{"udp4 1500", FRAME(ETH(0x0800), IP4(1500, 17), UDP(1480)), .len = 1514,
	 WANT(FLOW, 1, 1514, 1500), KEY4(.proto = 17, KPORTS)},
	{"udp4 jumbo 9000", FRAME(ETH(0x0800), IP4(9000, 17), UDP(8980)), .len = 9014,
	 WANT(FLOW, 1, 9014, 9000), KEY4(.proto = 17, KPORTS)},
	{"udplite4", FRAME(ETH(0x0800), IP4(28, 136), PORTS, 0, 8, 0, 0), WANT(FLOW, 1, 42, 28),
	 KEY4(.proto = 136, KPORTS)},
	{"sctp4 init", FRAME(ETH(0x0800), IP4(52, 132), PORTS, Z8, 1, 0, 0, 20, Z16),
	 WANT(FLOW, 1, 66, 52), KEY4(.proto = 132, KPORTS)},
	{"sctp4 common header cut", FRAME(ETH(0x0800), IP4(31, 132), PORTS, Z8), .len = 60,
	 WANT(SHORT, 1, 60, 31), KEY4(.proto = 132, KPORTS, .marks = FLOW_MARK_SHORT)},
	{"dccp4", FRAME(ETH(0x0800), IP4(32, 33), PORTS, 3, 0, 0, 0, 4, 0, 0, 1),
	 WANT(FLOW, 1, 46, 32), KEY4(.proto = 33, KPORTS)},
	{"udp6", FRAME(ETH(0x86dd), IP6(8, 17), UDP(8)), WANT(FLOW, 1, 62, 48),
	 KEY6(.proto = 17, KPORTS)},
	{"sctp6", FRAME(ETH(0x86dd), IP6(12, 132), PORTS, Z8), WANT(FLOW, 1, 66, 52),
	 KEY6(.proto = 132, KPORTS)},

	/* ICMP RFC 792, ICMPv6 RFC 4443: type in sport, code in dport. */
	{"icmp4 echo request", FRAME(ETH(0x0800), IP4(28, 1), ICMP(8, 0)), WANT(FLOW, 1, 42, 28),
	 KEY4(.proto = 1, .sport = BE16(8))},
	{"icmp4 echo reply", FRAME(ETH(0x0800), IP4(28, 1), ICMP(0, 0)), WANT(FLOW, 1, 42, 28),
	 KEY4(.proto = 1)},
	{"icmp4 port unreachable", FRAME(ETH(0x0800), IP4(56, 1), ICMP(3, 3), IP4(28, 17), UDP(8)),
	 WANT(FLOW, 1, 70, 56), KEY4(.proto = 1, .sport = BE16(3), .dport = BE16(3))},
	{"icmp4 one byte", FRAME(ETH(0x0800), IP4(21, 1), ICMP(8, 7)), .len = 60,
	 WANT(SHORT, 1, 60, 21), KEY4(.proto = 1, .marks = FLOW_MARK_SHORT)},
	{"icmp6 neighbour solicitation", FRAME(ETH(0x86dd), IP6(24, 58), ICMP(135, 0), Z16),
	 WANT(FLOW, 1, 78, 64), KEY6(.proto = 58, .sport = BE16(135))},
	{"icmp6 administratively prohibited", FRAME(ETH(0x86dd), IP6(8, 58), ICMP(1, 1)),
	 WANT(FLOW, 1, 62, 48), KEY6(.proto = 58, .sport = BE16(1), .dport = BE16(1))},

	/* Other protocols have no ports; IPv6's extension numbers mean nothing special in IPv4. */
	{"ospf4", FRAME(ETH(0x0800), IP4(28, 89), PORTS, Z4), WANT(FLOW, 1, 42, 28),
	 KEY4(.proto = 89)},
	{"gre4", FRAME(ETH(0x0800), IP4(24, 47), PORTS), WANT(FLOW, 1, 38, 24), KEY4(.proto = 47)},
	{"esp4", FRAME(ETH(0x0800), IP4(28, 50), PORTS, Z4), WANT(FLOW, 1, 42, 28),
	 KEY4(.proto = 50, .tunnel_kind = FLOW_TUNNEL_ESP, .tunnel_id = 0x9c401451)},
	{"esp4 without its sequence number", FRAME(ETH(0x0800), IP4(27, 50), PORTS, Z4), .len = 60,
	 WANT(SHORT, 1, 60, 27), KEY4(.proto = 50, .marks = FLOW_MARK_SHORT)},
	{"ah4", FRAME(ETH(0x0800), IP4(44, 51), 17, 4, 0, 0, B32(0x100), Z8, UDP(8)),
	 WANT(FLOW, 1, 58, 44),
	 KEY4(.proto = 51, .tunnel_kind = FLOW_TUNNEL_AH, .tunnel_id = 0x100)},
	{"protocol 41 4", FRAME(ETH(0x0800), IP4(60, 41), IP6(0, 59)), WANT(FLOW, 1, 74, 60),
	 KEY4(.proto = 41)},
	{"protocol 0 4", FRAME(ETH(0x0800), IP4(28, 0), 17, 0, Z4, 0, 0), WANT(FLOW, 1, 42, 28),
	 KEY4()},
	{"protocol 44 4", FRAME(ETH(0x0800), IP4(28, 44), 17, 0, 0x10, 0, Z4),
	 WANT(FLOW, 1, 42, 28), KEY4(.proto = 44)},
	{"protocol 255 4, nothing in it", FRAME(ETH(0x0800), IP4(20, 255)), WANT(FLOW, 1, 34, 20),
	 KEY4(.proto = 255)},

	/* Tags: IEEE 802.1Q; the id is 12 bits; 0x88a8 outside sets the S-tag mark. */
	{"vlan 100", FRAME(ETH(0x8100), TAG(100, 0x0800), IP4(28, 17), UDP(8)),
	 WANT(FLOW, 1, 46, 28), KEY4(.proto = 17, KPORTS, .vlan = 0x1064)},
	{"vlan 4095, priority 7, DEI", FRAME(ETH(0x8100), TAG(0xffff, 0x0800), IP4(28, 17), UDP(8)),
	 WANT(FLOW, 1, 46, 28), KEY4(.proto = 17, KPORTS, .vlan = 0x1fff)},
	{"priority tag", FRAME(ETH(0x8100), TAG(0xa000, 0x0800), IP4(28, 17), UDP(8)),
	 WANT(FLOW, 1, 46, 28), KEY4(.proto = 17, KPORTS, .vlan = 0x1000)},
	{"s-tag alone", FRAME(ETH(0x88a8), TAG(200, 0x0800), IP4(28, 17), UDP(8)),
	 WANT(FLOW, 1, 46, 28), KEY4(.proto = 17, KPORTS, .vlan = 0x10c8, .marks = FLOW_MARK_STAG)},
	{"qinq 88a8 8100",
	 FRAME(ETH(0x88a8), TAG(200, 0x8100), TAG(300, 0x0800), IP4(40, 6), TCP(0x10)),
	 WANT(FLOW, 1, 62, 40), .tcp_flags = 0x10,
	 KEY4(.proto = 6, KPORTS, .vlan = 0x10c8, .cvlan = 0x112c, .marks = FLOW_MARK_STAG)},
	{"qinq 8100 8100", FRAME(ETH(0x8100), TAG(1, 0x8100), TAG(2, 0x86dd), IP6(8, 17), UDP(8)),
	 WANT(FLOW, 1, 70, 48), KEY6(.proto = 17, KPORTS, .vlan = 0x1001, .cvlan = 0x1002)},
	{"qinq 9100 8100, both id 0",
	 FRAME(ETH(0x9100), TAG(0, 0x8100), TAG(0, 0x0800), IP4(28, 17), UDP(8)),
	 WANT(FLOW, 1, 50, 28), KEY4(.proto = 17, KPORTS, .vlan = 0x1000, .cvlan = 0x1000)},
	{"qinq 8100 88a8: the outer tag is no s-tag",
	 FRAME(ETH(0x8100), TAG(5, 0x88a8), TAG(6, 0x0800), IP4(28, 17), UDP(8)),
	 WANT(FLOW, 1, 50, 28), KEY4(.proto = 17, KPORTS, .vlan = 0x1005, .cvlan = 0x1006)},
	{"3 tags: the outer two are kept",
	 FRAME(ETH(0x88a8), TAG(1, 0x8100), TAG(2, 0x8100), TAG(3, 0x0800), IP4(28, 17), UDP(8)),
	 WANT(FLOW, 1, 54, 28),
	 KEY4(.proto = 17, KPORTS, .vlan = 0x1001, .cvlan = 0x1002, .marks = FLOW_MARK_STAG)},
	{"4 tags",
	 FRAME(ETH(0x8100), TAG(1, 0x8100), TAG(2, 0x8100), TAG(3, 0x8100), TAG(4, 0x0800),
	       IP4(28, 17), UDP(8)),
	 WANT(FLOW, 1, 58, 28), KEY4(.proto = 17, KPORTS, .vlan = 0x1001, .cvlan = 0x1002)},
	{"5 tags are too deep",
	 FRAME(ETH(0x8100), TAG(1, 0x8100), TAG(2, 0x8100), TAG(3, 0x8100), TAG(4, 0x8100),
	       TAG(5, 0x0800), IP4(28, 17), UDP(8)),
	 WANT(DEEP, 1, 62, 0),
	 .key = {.ethertype = 0x8100, .vlan = 0x1001, .cvlan = 0x1002, .marks = FLOW_MARK_DEEP}},
	{"tag cut in two", FRAME(ETH(0x8100), 0, 100), WANT(SHORT, 1, 16, 0),
	 .key = {.ethertype = 0x8100, .marks = FLOW_MARK_SHORT}},
	{"second tag missing", FRAME(ETH(0x88a8), TAG(7, 0x8100)), WANT(SHORT, 1, 18, 0),
	 .key = {.ethertype = 0x8100, .vlan = 0x1007, .marks = FLOW_MARK_SHORT | FLOW_MARK_STAG}},
	{"tag in metadata", FRAME(ETH(0x0800), IP4(28, 17), UDP(8)), .vlan_proto = 0x8100,
	 .vlan_tci = 0x6064, WANT(FLOW, 1, 46, 28), KEY4(.proto = 17, KPORTS, .vlan = 0x1064)},
	{"tag 0 in metadata", FRAME(ETH(0x0800), IP4(28, 17), UDP(8)), .vlan_proto = 0x8100,
	 WANT(FLOW, 1, 46, 28), KEY4(.proto = 17, KPORTS, .vlan = 0x1000)},
	{"s-tag in metadata, tag in the bytes",
	 FRAME(ETH(0x8100), TAG(300, 0x0800), IP4(28, 17), UDP(8)), .vlan_proto = 0x88a8,
	 .vlan_tci = 200, WANT(FLOW, 1, 50, 28),
	 KEY4(.proto = 17, KPORTS, .vlan = 0x10c8, .cvlan = 0x112c, .marks = FLOW_MARK_STAG)},
	{"tag in metadata, 3 in the bytes",
	 FRAME(ETH(0x8100), TAG(2, 0x8100), TAG(3, 0x8100), TAG(4, 0x0800), IP4(28, 17), UDP(8)),
	 .vlan_proto = 0x8100, .vlan_tci = 1, WANT(FLOW, 1, 58, 28),
	 KEY4(.proto = 17, KPORTS, .vlan = 0x1001, .cvlan = 0x1002)},
	{"tag in metadata, 4 in the bytes: too deep, as 5 in the bytes are",
	 FRAME(ETH(0x8100), TAG(2, 0x8100), TAG(3, 0x8100), TAG(4, 0x8100), TAG(5, 0x0800),
	       IP4(28, 17), UDP(8)),
	 .vlan_proto = 0x8100, .vlan_tci = 1, WANT(DEEP, 1, 62, 0),
	 .key = {.ethertype = 0x8100, .vlan = 0x1001, .cvlan = 0x1002, .marks = FLOW_MARK_DEEP}},
	{"tag in metadata, runt", FRAME(1, 2, 3), .vlan_proto = 0x8100, .vlan_tci = 9,
	 WANT(SHORT, 1, 7, 0), .key = {.vlan = 0x1009, .marks = FLOW_MARK_SHORT}},

	/* IEEE 802.3 with 802.2 LLC: sport is DSAP << 8 | SSAP; SNAP: RFC 1042. */
	{"stp", FRAME(ETH(38), LLC(0x42, 0x42, 3), Z16, Z16, 0, 0, 0), .len = 60,
	 WANT(FLOW, 1, 60, 0), .key = {.ethertype = 4, .sport = BE16(0x4242)}},
	{"stp in a vlan", FRAME(ETH(0x8100), TAG(1, 38), LLC(0x42, 0x42, 3), Z16, Z16, 0, 0, 0),
	 .len = 64, WANT(FLOW, 1, 64, 0),
	 .key = {.ethertype = 4, .sport = BE16(0x4242), .vlan = 0x1001}},
	{"netbeui", FRAME(ETH(47), LLC(0xf0, 0xf1, 3)), .len = 61, WANT(FLOW, 1, 61, 0),
	 .key = {.ethertype = 4, .sport = BE16(0xf0f1)}},
	{"ipx in raw 802.3", FRAME(ETH(30), LLC(0xff, 0xff, 0)), .len = 60, WANT(FLOW, 1, 60, 0),
	 .key = {.ethertype = 4, .sport = BE16(0xffff)}},
	{"snap with ip", FRAME(ETH(36), SNAP(0, 0x0800), IP4(28, 17), UDP(8)), .len = 60,
	 WANT(FLOW, 1, 60, 28), KEY4(.proto = 17, KPORTS)},
	{"snap with ipv6", FRAME(ETH(56), SNAP(0, 0x86dd), IP6(8, 17), UDP(8)),
	 WANT(FLOW, 1, 70, 48), KEY6(.proto = 17, KPORTS)},
	{"snap of another OUI (CDP)", FRAME(ETH(46), SNAP(0x000c, 0x2000)), .len = 60,
	 WANT(FLOW, 1, 60, 0), .key = {.ethertype = 4, .sport = BE16(0xaaaa)}},
	{"snap with a number that is no EtherType", FRAME(ETH(46), SNAP(0, 0x05ff)), .len = 60,
	 WANT(FLOW, 1, 60, 0), .key = {.ethertype = 4, .sport = BE16(0xaaaa)}},
	{"snap with another EtherType", FRAME(ETH(46), SNAP(0, 0x809b)), .len = 60,
	 WANT(FLOW, 1, 60, 0), .key = {.ethertype = 0x809b}},
	{"snap cut", FRAME(ETH(46), LLC(0xaa, 0xaa, 3), 0, 0, 0, 8), WANT(SHORT, 1, 21, 0),
	 .key = {.ethertype = 4, .sport = BE16(0xaaaa), .marks = FLOW_MARK_SHORT}},
	{"snap SAPs, not an unnumbered frame", FRAME(ETH(46), LLC(0xaa, 0xaa, 0x7f)), .len = 60,
	 WANT(FLOW, 1, 60, 0), .key = {.ethertype = 4, .sport = BE16(0xaaaa)}},
	{"llc cut", FRAME(ETH(46), 0x42, 0x42), WANT(SHORT, 1, 16, 0),
	 .key = {.ethertype = 4, .marks = FLOW_MARK_SHORT}},
	{"length 1500 is no EtherType yet", FRAME(ETH(0x05dc), LLC(0x42, 0x42, 3)), .len = 60,
	 WANT(FLOW, 1, 60, 0), .key = {.ethertype = 4, .sport = BE16(0x4242)}},

	/* ARP RFC 826, RARP RFC 903: sport is the operation, src and dst the protocol addresses. */
	{"arp request",
	 FRAME(ETH(0x0806), 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 1, 0, 1, Z4, 0, 0, 10, 1,
	       0, 2),
	 .len = 60, WANT(FLOW, 1, 60, 0),
	 .key = {.ethertype = 0x0806,
		 .sport = BE16(1),
		 .src = {BE32(0x0a010001U)},
		 .dst = {BE32(0x0a010002U)}}},
	{"arp reply in a vlan",
	 FRAME(ETH(0x8100), TAG(3, 0x0806), 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, 10, 1, 0, 2,
	       2, 0, 0, 0, 0, 1, 10, 1, 0, 1),
	 WANT(FLOW, 1, 46, 0),
	 .key = {.ethertype = 0x0806,
		 .sport = BE16(2),
		 .src = {BE32(0x0a010002U)},
		 .dst = {BE32(0x0a010001U)},
		 .vlan = 0x1003}},
	{"rarp request",
	 FRAME(ETH(0x8035), 0, 1, 8, 0, 6, 4, 0, 3, 2, 0, 0, 0, 0, 1, Z4, 2, 0, 0, 0, 0, 1, Z4),
	 .len = 60, WANT(FLOW, 1, 60, 0), .key = {.ethertype = 0x8035, .sport = BE16(3)}},
	{"arp of 20-byte hardware addresses",
	 FRAME(ETH(0x0806), 0, 32, 8, 0, 20, 4, 0, 1, Z16, 1, 2, 3, 4, Z16, 5, 6, 7, 8, Z8),
	 .len = 70, WANT(FLOW, 1, 70, 0), .key = {.ethertype = 0x0806, .sport = BE16(1)}},
	{"arp cut", FRAME(ETH(0x0806), 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 1, 0, 1),
	 WANT(SHORT, 1, 32, 0), .key = {.ethertype = 0x0806, .marks = FLOW_MARK_SHORT}},

	/* Other EtherTypes, and what is no frame. */
	{"lldp", FRAME(ETH(0x88cc), 2, 7, 4, 2, 0, 0, 0, 0, 1), .len = 60, WANT(FLOW, 1, 60, 0),
	 .key = {.ethertype = 0x88cc}},
	{"EtherType 0x05dd", FRAME(ETH(0x05dd), 0x42, 0x42, 3), WANT(FLOW, 1, 17, 0),
	 .key = {.ethertype = 0x05dd}},
	{"EtherType 0x0600", FRAME(ETH(0x0600), 1), WANT(FLOW, 1, 15, 0),
	 .key = {.ethertype = 0x0600}},
	{"EtherType and nothing", FRAME(ETH(0x88b5)), WANT(FLOW, 1, 14, 0),
	 .key = {.ethertype = 0x88b5}},
	{"EtherType 0xffff", FRAME(ETH(0xffff)), .len = 60, WANT(FLOW, 1, 60, 0),
	 .key = {.ethertype = 0xffff}},
	{"runt of 13 bytes", FRAME(0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, 8),
	 WANT(SHORT, 1, 13, 0), .key = {.marks = FLOW_MARK_SHORT}},
	{"one byte", FRAME(0xff), WANT(SHORT, 1, 1, 0), .key = {.marks = FLOW_MARK_SHORT}},

	/* IPv4 headers: RFC 791 section 3.1. */
	{"ip4 without a header", FRAME(ETH(0x0800)), WANT(SHORT, 1, 14, 0),
	 .key = {.ethertype = 0x0800, .marks = FLOW_MARK_SHORT}},
	{"ip4 header cut at 19", FRAME(ETH(0x0800), IP4X(0x45, 28, 0, 17), 10, 1, 0, 1, 10, 1, 0),
	 WANT(SHORT, 1, 33, 19), .key = {.ethertype = 0x0800, .marks = FLOW_MARK_SHORT}},
	{"ip4 router alert, igmp",
	 FRAME(ETH(0x0800), IP4X(0x46, 32, 0, 2), A4, 0x94, 4, 0, 0, 0x16, 0, 0, 0, Z4), .len = 60,
	 WANT(FLOW, 1, 60, 32), KEY4(.proto = 2)},
	{"ip4 options, udp",
	 FRAME(ETH(0x0800), IP4X(0x47, 36, 0, 17), A4, 1, 1, 1, 1, 1, 1, 1, 0, UDP(8)),
	 WANT(FLOW, 1, 50, 36), KEY4(.proto = 17, KPORTS)},
	{"ip4 ihl 15, tcp", FRAME(ETH(0x0800), IP4X(0x4f, 80, 0, 6), A4, Z16, Z16, Z8, TCP(0x18)),
	 WANT(FLOW, 1, 94, 80), .tcp_flags = 0x18, KEY4(.proto = 6, KPORTS)},
	{"ip4 options cut by the frame", FRAME(ETH(0x0800), IP4X(0x4f, 68, 0, 17), A4, Z16, Z4),
	 WANT(SHORT, 1, 54, 40), KEY4(.proto = 17, .marks = FLOW_MARK_SHORT)},
	{"ip4 ihl 4", FRAME(ETH(0x0800), IP4X(0x44, 28, 0, 17), A4, UDP(8)), WANT(SHORT, 1, 42, 28),
	 KEY4(.proto = 17, .marks = FLOW_MARK_SHORT)},
	{"ip4 ihl 0", FRAME(ETH(0x0800), IP4X(0x40, 28, 0, 6), A4, UDP(8)), WANT(SHORT, 1, 42, 28),
	 KEY4(.proto = 6, .marks = FLOW_MARK_SHORT)},
	{"version 6 under EtherType 0x0800", FRAME(ETH(0x0800), IP6(8, 17), UDP(8)),
	 WANT(SHORT, 1, 62, 48), .key = {.ethertype = 0x0800, .marks = FLOW_MARK_SHORT}},
	{"ip4 total length 19", FRAME(ETH(0x0800), IP4(19, 17), UDP(8)), WANT(SHORT, 1, 42, 19),
	 KEY4(.proto = 17, .marks = FLOW_MARK_SHORT)},
	{"ip4 total length under ihl", FRAME(ETH(0x0800), IP4X(0x46, 23, 0, 17), A4, Z4, UDP(8)),
	 WANT(SHORT, 1, 46, 23), KEY4(.proto = 17, .marks = FLOW_MARK_SHORT)},
	{"ip4 total length 0", FRAME(ETH(0x0800), IP4(0, 17), UDP(8)), WANT(FLOW, 1, 42, 28),
	 KEY4(.proto = 17, KPORTS)},
	{"ip4 total length beyond frame", FRAME(ETH(0x0800), IP4(1500, 17), UDP(1480)),
	 WANT(FLOW, 1, 42, 28), KEY4(.proto = 17, KPORTS)},
	{"ip4 padding is not ports", FRAME(ETH(0x0800), IP4(20, 17), UDP(8)), .len = 60,
	 WANT(SHORT, 1, 60, 20), KEY4(.proto = 17, .marks = FLOW_MARK_SHORT)},
	{"ip4 half of the ports", FRAME(ETH(0x0800), IP4(23, 17), UDP(8)), .len = 60,
	 WANT(SHORT, 1, 60, 23), KEY4(.proto = 17, .marks = FLOW_MARK_SHORT)},
	{"ip4 ports and no more", FRAME(ETH(0x0800), IP4(24, 17), UDP(8)), .len = 60,
	 WANT(SHORT, 1, 60, 24), KEY4(.proto = 17, KPORTS, .marks = FLOW_MARK_SHORT)},
	{"ip4 ports cut by the frame", FRAME(ETH(0x0800), IP4(28, 17), 0x9c, 0x40, 0x14),
	 WANT(SHORT, 1, 37, 23), KEY4(.proto = 17, .marks = FLOW_MARK_SHORT)},

	/* Fragments: RFC 791 section 3.2; only the first has ports. */
	{"ip4 first fragment", FRAME(ETH(0x0800), IP4F(1500, 0x2000, 17), UDP(3008)), .len = 1514,
	 WANT(FLOW, 1, 1514, 1500), KEY4(.proto = 17, KPORTS)},
	{"ip4 middle fragment", FRAME(ETH(0x0800), IP4F(1500, 0x20b9, 17), UDP(3008)), .len = 1514,
	 WANT(FLOW, 1, 1514, 1500), KEY4(.proto = 17, .marks = FLOW_MARK_FRAGMENT)},
	{"ip4 last fragment", FRAME(ETH(0x0800), IP4F(68, 0x0172, 17), Z16, Z16, Z16),
	 WANT(FLOW, 1, 82, 68), KEY4(.proto = 17, .marks = FLOW_MARK_FRAGMENT)},
	{"ip4 fragment at 8 (RFC 1858)", FRAME(ETH(0x0800), IP4F(40, 0x0001, 6), TCP(0x02)),
	 WANT(FLOW, 1, 54, 40), KEY4(.proto = 6, .marks = FLOW_MARK_FRAGMENT)},
	{"ip4 fragment at 2048", FRAME(ETH(0x0800), IP4F(40, 0x0100, 6), TCP(0x02)),
	 WANT(FLOW, 1, 54, 40), KEY4(.proto = 6, .marks = FLOW_MARK_FRAGMENT)},
	{"ip4 fragment, data cut off", FRAME(ETH(0x0800), IP4F(1500, 0x20b9, 1)),
	 WANT(FLOW, 1, 34, 20), KEY4(.proto = 1, .marks = FLOW_MARK_FRAGMENT)},
	{"ip4 tiny first fragment", FRAME(ETH(0x0800), IP4F(28, 0x2000, 6), PORTS, Z4), .len = 60,
	 WANT(SHORT, 1, 60, 28), KEY4(.proto = 6, KPORTS, .marks = FLOW_MARK_SHORT)},
	{"ip4 reserved and DF bits are no fragment",
	 FRAME(ETH(0x0800), IP4F(28, 0xc000, 17), UDP(8)), WANT(FLOW, 1, 42, 28),
	 KEY4(.proto = 17, KPORTS)},

	/* IPv6: RFC 8200; AH RFC 4302, jumbograms RFC 2675, mobility RFC 6275. */
	{"ip6 header cut at 39",
	 FRAME(ETH(0x86dd), 0x60, 0, 0, 0, 0, 8, 17, 64, A6(1), Z8, Z4, 0, 0, 0),
	 WANT(SHORT, 1, 53, 39), .key = {.ethertype = 0x86dd, .marks = FLOW_MARK_SHORT}},
	{"version 4 under EtherType 0x86dd", FRAME(ETH(0x86dd), IP4(40, 6), TCP(2), Z8),
	 WANT(SHORT, 1, 62, 48), .key = {.ethertype = 0x86dd, .marks = FLOW_MARK_SHORT}},
	{"ip6 payload 4", FRAME(ETH(0x86dd), IP6(4, 17), UDP(8)), WANT(SHORT, 1, 62, 44),
	 KEY6(.proto = 17, KPORTS, .marks = FLOW_MARK_SHORT)},
	{"ip6 payload 0, udp in the padding", FRAME(ETH(0x86dd), IP6(0, 17), UDP(8)),
	 WANT(SHORT, 1, 62, 40), KEY6(.proto = 17, .marks = FLOW_MARK_SHORT)},
	{"ip6 payload beyond frame", FRAME(ETH(0x86dd), IP6(1000, 17), UDP(1000)),
	 WANT(FLOW, 1, 62, 48), KEY6(.proto = 17, KPORTS)},
	{"ip6 no next header", FRAME(ETH(0x86dd), IP6(0, 59)), .len = 60, WANT(FLOW, 1, 60, 40),
	 KEY6(.proto = 59)},
	{"ip6 hop-by-hop, mld",
	 FRAME(ETH(0x86dd), IP6(32, 0), 58, 0, 5, 2, 0, 0, 1, 0, ICMP(131, 0), Z16),
	 WANT(FLOW, 1, 86, 72), KEY6(.proto = 58, .sport = BE16(131))},
	{"ip6 routing of 24 bytes, tcp",
	 FRAME(ETH(0x86dd), IP6(44, 43), 6, 2, 0, 1, Z4, Z16, TCP(0x11)), WANT(FLOW, 1, 98, 84),
	 .tcp_flags = 0x11, KEY6(.proto = 6, KPORTS)},
	{"ip6 destination options, udp", FRAME(ETH(0x86dd), IP6(16, 60), EXT8(17), UDP(8)),
	 WANT(FLOW, 1, 70, 56), KEY6(.proto = 17, KPORTS)},
	{"ip6 ah of 24 bytes, udp",
	 FRAME(ETH(0x86dd), IP6(32, 51), 17, 4, 0, 0, B32(7), Z16, UDP(8)), WANT(FLOW, 1, 86, 72),
	 KEY6(.proto = 17, KPORTS, .tunnel_kind = FLOW_TUNNEL_AH, .tunnel_id = 7)},
	{"ip6 ah of 12 bytes, udp", FRAME(ETH(0x86dd), IP6(20, 51), 17, 1, 0, 0, Z8, UDP(8)),
	 WANT(FLOW, 1, 74, 60), KEY6(.proto = 17, KPORTS, .tunnel_kind = FLOW_TUNNEL_AH)},
	{"ip6 options, esp", FRAME(ETH(0x86dd), IP6(24, 60), EXT8(50), Z16), WANT(FLOW, 1, 78, 64),
	 KEY6(.proto = 50, .tunnel_kind = FLOW_TUNNEL_ESP)},
	{"ip6 mobility, nothing after it", FRAME(ETH(0x86dd), IP6(8, 135), 59, 0, 0, 0, Z4),
	 WANT(FLOW, 1, 62, 48), KEY6(.proto = 59)},
	{"ip6 first fragment", FRAME(ETH(0x86dd), IP6(1456, 44), FRAG6(17, 1), UDP(3008)),
	 .len = 1510, WANT(FLOW, 1, 1510, 1496), KEY6(.proto = 17, KPORTS)},
	{"ip6 atomic fragment, reserved bits set",
	 FRAME(ETH(0x86dd), IP6(16, 44), FRAG6(17, 6), UDP(8)), WANT(FLOW, 1, 70, 56),
	 KEY6(.proto = 17, KPORTS)},
	{"ip6 middle fragment", FRAME(ETH(0x86dd), IP6(1456, 44), FRAG6(17, 0x05a9), UDP(3008)),
	 .len = 1510, WANT(FLOW, 1, 1510, 1496), KEY6(.proto = 17, .marks = FLOW_MARK_FRAGMENT)},
	{"ip6 last fragment at 8", FRAME(ETH(0x86dd), IP6(16, 44), FRAG6(6, 8), PORTS, Z4),
	 WANT(FLOW, 1, 70, 56), KEY6(.proto = 6, .marks = FLOW_MARK_FRAGMENT)},
	{"ip6 hop-by-hop, later fragment of options",
	 FRAME(ETH(0x86dd), IP6(24, 0), EXT8(44), FRAG6(60, 0x0100), EXT8(17)),
	 WANT(FLOW, 1, 78, 64), KEY6(.proto = 60, .marks = FLOW_MARK_FRAGMENT)},
	{"ip6 6 extensions",
	 FRAME(ETH(0x86dd), IP6(56, 0), EXT8(60), EXT8(43), EXT8(60), EXT8(60), EXT8(60), EXT8(17),
	       UDP(8)),
	 WANT(FLOW, 1, 110, 96), KEY6(.proto = 17, KPORTS)},
	{"ip6 7 extensions are too deep",
	 FRAME(ETH(0x86dd), IP6(64, 0), EXT8(60), EXT8(60), EXT8(60), EXT8(60), EXT8(60), EXT8(43),
	       EXT8(17), UDP(8)),
	 WANT(DEEP, 1, 118, 104), KEY6(.proto = 43, .marks = FLOW_MARK_DEEP)},
	{"ip6 extension cut by the payload length",
	 FRAME(ETH(0x86dd), IP6(8, 0), 17, 1, 1, 12, Z4, Z8, UDP(8)), WANT(SHORT, 1, 78, 48),
	 KEY6(.marks = FLOW_MARK_SHORT)},
	{"ip6 extension cut by the frame", FRAME(ETH(0x86dd), IP6(64, 60), 17, 0, 1, 4),
	 WANT(SHORT, 1, 58, 44), KEY6(.proto = 60, .marks = FLOW_MARK_SHORT)},
	{"ip6 extension longer than the frame",
	 FRAME(ETH(0x86dd), IP6(3000, 60), 17, 255, 1, 4, Z4), WANT(SHORT, 1, 62, 48),
	 KEY6(.proto = 17, .marks = FLOW_MARK_SHORT)},
	{"ip6 jumbogram", FRAME(ETH(0x86dd), IP6(0, 0), 17, 0, 0xc2, 4, 0, 1, 0, 0, UDP(0)),
	 .len = 500, WANT(FLOW, 1, 500, 486), KEY6(.proto = 17, KPORTS)},

	/* Segmented: each of the segments repeats the headers, and a tag held in metadata. */
	{"gso 3 x 100 tcp4", FRAME(ETH(0x0800), IP4(340, 6), TCP(0x18)), .len = 354, .segments = 3,
	 .gso_size = 100, WANT(FLOW, 3, 462, 420), .tcp_flags = 0x18, KEY4(.proto = 6, KPORTS)},
	{"gso 3 x 1000 tcp4 with options, last one 1 byte",
	 FRAME(ETH(0x0800), IP4(2053, 6), TCPX(8, 0x10), Z8, Z4), .len = 2067, .segments = 3,
	 .gso_size = 1000, WANT(FLOW, 3, 2199, 2157), .tcp_flags = 0x10, KEY4(.proto = 6, KPORTS)},
	{"gso size without a count", FRAME(ETH(0x0800), IP4(290, 6), TCP(0x10)), .len = 304,
	 .gso_size = 100, WANT(FLOW, 3, 412, 370), .tcp_flags = 0x10, KEY4(.proto = 6, KPORTS)},
	{"gso 4 x 10 udp6", FRAME(ETH(0x86dd), IP6(48, 17), UDP(48)), .len = 102, .segments = 4,
	 .gso_size = 10, WANT(FLOW, 4, 288, 232), KEY6(.proto = 17, KPORTS)},
	{"gso 2 x 100 in a vlan", FRAME(ETH(0x8100), TAG(9, 0x0800), IP4(228, 17), UDP(208)),
	 .len = 246, .segments = 2, .gso_size = 100, WANT(FLOW, 2, 292, 256),
	 KEY4(.proto = 17, KPORTS, .vlan = 0x1009)},
	{"gso 2 x 100, tag in metadata", FRAME(ETH(0x0800), IP4(228, 17), UDP(208)), .len = 242,
	 .segments = 2, .gso_size = 100, .vlan_proto = 0x8100, .vlan_tci = 9,
	 WANT(FLOW, 2, 292, 256), KEY4(.proto = 17, KPORTS, .vlan = 0x1009)},
	{"gso of one segment", FRAME(ETH(0x0800), IP4(140, 6), TCP(0x10)), .len = 154,
	 .segments = 1, .gso_size = 1448, WANT(FLOW, 1, 154, 140), .tcp_flags = 0x10,
	 KEY4(.proto = 6, KPORTS)},
	{"gso with the IP length of one segment", FRAME(ETH(0x0800), IP4(140, 6), TCP(0x18)),
	 .len = 354, .segments = 3, .gso_size = 100, WANT(FLOW, 3, 462, 420), .tcp_flags = 0x18,
	 KEY4(.proto = 6, KPORTS)},
	{"gso over 64 kB: total length 0", FRAME(ETH(0x0800), IP4(0, 6), TCP(0x10)), .len = 100054,
	 .segments = 100, .gso_size = 1000, WANT(FLOW, 100, 105400, 104000), .tcp_flags = 0x10,
	 KEY4(.proto = 6, KPORTS)},

	/* No link layer (tun): the sources make bytes 12 and 13 an EtherType for test-run. */
	{"gso over 64 kB: jumbo option, not in the segments",
	 FRAME(ETH(0x86dd), IP6(0, 0), 6, 0, 0xc2, 4, B32(100068), TCP(0x10)), .len = 100082,
	 .segments = 100, .gso_size = 1000, WANT(FLOW, 100, 107400, 106000), .tcp_flags = 0x10,
	 KEY6(.proto = 6, KPORTS)},
	{"gso over 64 kB: payload length 0, no option", FRAME(ETH(0x86dd), IP6(0, 6), TCP(0x10)),
	 .len = 100074, .segments = 100, .gso_size = 1000, WANT(FLOW, 100, 107400, 106000),
	 .tcp_flags = 0x10, KEY6(.proto = 6, KPORTS)},
	{"l3 ip4", FRAME(IP4X(0x45, 44, 0, 17), 8, 0, 0, 1, 10, 1, 0, 2, UDP(24), Z16),
	 .l3_proto = 0x0800, WANT(FLOW, 1, 44, 44),
	 .key = {.ethertype = 0x0800,
		 .src = {BE32(0x08000001U)},
		 .dst = {BE32(0x0a010002U)},
		 .proto = 17,
		 KPORTS}},
	{"l3 ip6",
	 FRAME(0x60, 0, 0, 0, 0, 20, 6, 64, 0x20, 0x01, 0x0d, 0xb8, 0x86, 0xdd, 0, 0, Z4, 0, 0, 0,
	       1, A6(2), TCP(0x02)),
	 .l3_proto = 0x86dd, WANT(FLOW, 1, 60, 60), .tcp_flags = 0x02, .tcp_syn = 1,
	 .key = {.ethertype = 0x86dd,
		 .src = {BE32(0x20010db8U), BE32(0x86dd0000U), 0, BE32(1U)},
		 .dst = {BE32(0x20010db8U), 0, 0, BE32(2U)},
		 .proto = 6,
		 KPORTS}},
	{"l3 gso 3 x 100 tcp4", FRAME(IP4X(0x45, 340, 0, 6), 8, 0, 0, 1, 10, 1, 0, 2, TCP(0x10)),
	 .len = 340, .l3_proto = 0x0800, .segments = 3, .gso_size = 100, WANT(FLOW, 3, 420, 420),
	 .tcp_flags = 0x10,
	 .key = {.ethertype = 0x0800,
		 .src = {BE32(0x08000001U)},
		 .dst = {BE32(0x0a010002U)},
		 .proto = 6,
		 KPORTS}},
	{"l3 cut", FRAME(0x45, 0, 0), .l3_proto = 0x0800, WANT(SHORT, 1, 3, 3),
	 .key = {.ethertype = 0x0800, .marks = FLOW_MARK_SHORT}},

	/* Bytes that lie out of reach (an skb's pages, a frame's later buffers) count all the same. */
	{"headers in reach", FRAME(ETH(0x0800), IP4(8986, 6), TCP(0x10)), .len = 9000, .reach = 54,
	 WANT(FLOW, 1, 9000, 8986), .tcp_flags = 0x10, KEY4(.proto = 6, KPORTS)},
	{"flags out of reach", FRAME(ETH(0x0800), IP4(8986, 6), TCP(0x10)), .len = 9000,
	 .reach = 50, WANT(SHORT, 1, 9000, 8986),
	 KEY4(.proto = 6, KPORTS, .marks = FLOW_MARK_SHORT)},
	{"address out of reach", FRAME(ETH(0x86dd), IP6(8946, 6), TCP(0x10)), .len = 9000,
	 .reach = 50, WANT(SHORT, 1, 9000, 8986),
	 .key = {.ethertype = 0x86dd, .marks = FLOW_MARK_SHORT}},

#include "vectors_tunnel.inc"
};

/* clang-format on */

#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static inline __u32 vector_len(const struct vector *v)
{
	return v->len ? v->len : v->size;
}

static inline struct pkt_meta vector_meta(const struct vector *v, __u16 ifnum, __u32 dir)
{
	return (struct pkt_meta){
		.len = vector_len(v),
		.reach = v->reach ? v->reach : vector_len(v),
		.segments = v->segments,
		.gso_size = v->gso_size,
		.vlan_proto = v->vlan_proto,
		.vlan_tci = v->vlan_tci,
		.l3_proto = v->l3_proto,
		.inner = v->inner,
		.ifnum = ifnum,
		.dir = dir,
	};
}
