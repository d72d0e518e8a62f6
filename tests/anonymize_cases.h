/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * anonymize_cases.h: frames in which every address, of whatever kind and in whatever place, has the bytes
 * a7 b3 in it, and all that is payload, or somebody's own, is 5a 5a: so that a look at what became of
 * them shows what was left. Seeds of fuzz_anonymize, too.
 *
 * `kept` is counted from the standards: 14 Ethernet, 20 IPv4, 40 IPv6, 20 TCP, 8 UDP and so on.
 */
#pragma once

#include "cli/anonymize_frame.h"
#include "vectors.h"

struct anonymize_case {
	const char *name;
	const __u8 *frame;
	__u32 size;
	__u32 kept;
	__u32 link; /* 0: Ethernet */
};

/* clang-format off: a table, and the macros that keep it one */
#define SIZE(...) sizeof((const __u8[]){__VA_ARGS__})
#define MARK 0xa7, 0xb3
#define P4 0x5a, 0x5a, 0x5a, 0x5a
#define P8 P4, P4
#define P24 P8, P8, P8
#define MAC(last) 0x02, MARK, 0, 0, last
#define ME(type) MAC(2), MAC(1), B16(type)
#define M4(last) MARK, 1, last
#define M6(last) 0x20, 0x01, 0x0d, 0xb8, MARK, 0, 0, 0x5a, 0, 0, 0, 0, 0, 0, last
/* Headers and what is in them. */
#define IN4(proto, ...) IP4X(0x45, 20 + SIZE(__VA_ARGS__), 0x4000, proto), M4(1), M4(2), __VA_ARGS__
#define LONG4(proto, options, ...)                                                               \
	IP4X(0x40 | (20 + SIZE(options)) / 4, 20 + SIZE(options) + SIZE(__VA_ARGS__), 0, proto), \
		M4(1), M4(2), options, __VA_ARGS__
#define IN6(next, ...) 0x60, 0, 0, 0, B16(SIZE(__VA_ARGS__)), next, 64, M6(1), M6(2), __VA_ARGS__
#define INUDP(port, ...) 0x9c, 0x40, B16(port), B16(8 + SIZE(__VA_ARGS__)), 0x12, 0x34, __VA_ARGS__
#define ALL(...) __VA_ARGS__
#define CASE(text, end, ...)                                                 \
	{                                                                    \
		text, (const __u8[]){__VA_ARGS__}, SIZE(__VA_ARGS__), end, 0 \
	}
#define RAW(text, end, ...)                                                              \
	{                                                                                \
		text, (const __u8[]){__VA_ARGS__}, SIZE(__VA_ARGS__), end, ANONYMIZE_RAW \
	}
#define ICMPX(type, code, ...) type, code, 0x12, 0x34, __VA_ARGS__
#define ND_MAC(type) type, 1, MAC(9)
#define ND_PREFIX 3, 4, 64, 0xc0, B32(86400), B32(14400), Z4, 0x20, 0x01, 0x0d, 0xb8, MARK, 0, 1, Z8
#define ND_ROUTE 24, 2, 48, 0, B32(600), 0x20, 0x01, 0x0d, 0xb8, MARK, 0, 0
#define ND_SERVERS 25, 5, 0, 0, B32(600), M6(5), M6(6)
#define ADDRESSES MARK, 2, 17, MARK, 2, 18
#define ESP8 B32(0x12345678U), B32(7)
#define SYN4 IN4(6, TCP(0x02))
#define SYN6 IN6(6, TCP(0x02))
#define PAID4 IN4(6, TCP(0x18), P8)

static const struct anonymize_case anonymize_cases[] = {
	CASE("tcp4, payload", 54, ME(0x0800), PAID4),
	CASE("tcp4, padded", 54, ME(0x0800), SYN4, 0x5a, 0x5a, P4),
	CASE("tcp6, payload", 74, ME(0x86dd), IN6(6, TCP(0x18), P8)),
	CASE("udp4, payload", 42, ME(0x0800), IN4(17, INUDP(53, P24))),
	CASE("udp6, payload", 62, ME(0x86dd), IN6(17, INUDP(53, P24))),
	CASE("udp6, nothing in it", 62, ME(0x86dd), IN6(17, PORTS, 0, 8, 0x12, 0x34)),
	CASE("udp-lite", 42, ME(0x0800), IN4(136, PORTS, 0, 8, 0x12, 0x34, P8)),
	CASE("sctp init with addresses", 46, ME(0x0800),
	     IN4(132, PORTS, Z4, 0x12, 0x34, 0x12, 0x34, 1, 0, 0, 36, Z16, 0, 5, 0, 8, M4(7), 0, 5,
		 0, 8, M4(8))),
	CASE("dccp", 46, ME(0x0800), IN4(33, PORTS, 4, 0, 0x12, 0x34, Z4, P8)),
	CASE("tcp options: MPTCP ADD_ADDR, fast open", 74, ME(0x0800),
	     IN4(6, TCPX(10, 0x10), 2, 4, 5, 0xb4, 30, 8, 0x30, 1, M4(9), 34, 6, P4, 1, 1, P8)),
	CASE("tcp options without an end", 66, ME(0x0800),
	     IN4(6, TCPX(8, 0x10), 1, 1, 30, 40, P8, P8)),
	CASE("tcp header cut", 50, ME(0x0800), IP4X(0x45, 60, 0, 6), M4(1), M4(2), PORTS, Z4, Z4,
	     0x80, 0x10, 0, 0),
	CASE("ipv4 options", 82, ME(0x0800),
	     LONG4(17,
		   ALL(7, 11, 12, M4(3), M4(4), 68, 12, 13, 1, M4(5), Z4, 134, 6, P4, 148, 4, 0, 0,
		       131, 7, 4, M4(6)),
		   INUDP(53, P8))),
	CASE("ipv4 options without an end", 50, ME(0x0800),
	     LONG4(17, ALL(7, 39, 4, MARK, 1, 2, 3), INUDP(53, P8))),
	CASE("ipv4 options cut", 38, ME(0x0800), IP4X(0x4f, 68, 0, 17), M4(1), M4(2), 137, 39, 0x5a,
	     0x5a),
	CASE("ipv4 later fragment", 34, ME(0x0800), IP4X(0x45, 36, 0x2010, 17), M4(1), M4(2), P8,
	     P8),
	CASE("ipv4 first fragment", 42, ME(0x0800), IP4X(0x45, 36, 0x2000, 17), M4(1), M4(2),
	     INUDP(53, P8)),
	CASE("ipv4 header length 4", 14, ME(0x0800), IP4X(0x44, 40, 0, 17), M4(1), M4(2), P8, P8),
	CASE("ipv4 cut", 14, ME(0x0800), IP4X(0x45, 40, 0, 17), M4(1)),
	CASE("ethernet cut", 0, MAC(2), MAC(1)),

	CASE("arp", 42, ME(0x0806), 0, 1, 8, 0, 6, 4, 0, 2, MAC(1), M4(1), MAC(2), M4(2), P8, P8),
	CASE("rarp", 42, ME(0x8035), 0, 1, 8, 0, 6, 4, 0, 3, MAC(1), M4(1), MAC(2), M4(2), P8, P8),
	CASE("arp of other addresses", 42, ME(0x0806), 0, 6, 8, 0, 8, 4, 0, 1, MAC(1), M4(1), M4(2),
	     MAC(2), P8),
	CASE("arp cut", 14, ME(0x0806), 0, 1, 8, 0, 6, 4, 0, 2, MAC(1), M4(1), MAC(2)),

	CASE("icmp echo", 42, ME(0x0800), IN4(1, ICMPX(8, 0, 0, 7, 0, 1, P8))),
	CASE("icmp unreachable, quoting udp", 70, ME(0x0800),
	     IN4(1, ICMPX(3, 3, Z4, IN4(17, INUDP(53, P24))))),
	CASE("icmp unreachable, quoting 8 bytes of tcp", 70, ME(0x0800),
	     IN4(1, ICMPX(3, 4, 0, 0, 5, 0xdc, IP4X(0x45, 1500, 0, 6), M4(2), M4(1), PORTS,
			  B32(1000)))),
	CASE("icmp exceeded with extensions", 70, ME(0x0800),
	     IN4(1, ICMPX(11, 0, 0, 32, 0, 0, IN4(17, INUDP(53, Z4)), Z16, 0x20, 0, 0, 0, 0, 12, 2,
			  0x0a, 0, 1, 0, 0, M4(7)))),
	CASE("icmp redirect", 70, ME(0x0800), IN4(1, ICMPX(5, 1, M4(7), IN4(17, INUDP(53, P8))))),
	CASE("icmp quoting icmp quoting icmp quoting", 98, ME(0x0800),
	     IN4(1,
		 ICMPX(3, 3, Z4,
		       IN4(1, ICMPX(3, 3, Z4, IN4(1, ICMPX(3, 3, Z4, IN4(17, INUDP(53, P8))))))))),
	CASE("icmp quoting something else", 42, ME(0x0800), IN4(1, ICMPX(3, 3, Z4, P8, P8, P8))),
	CASE("icmp quoting ip with a record route", 94, ME(0x0800),
	     IN4(1, ICMPX(3, 3, Z4,
			  LONG4(17, ALL(7, 23, 24, M4(1), M4(2), M4(3), M4(4), M4(5), 1),
				INUDP(53, P8))))),
	CASE("icmp alternate host", 38, ME(0x0800), IN4(1, ICMPX(6, 0, M4(7), Z4))),
	CASE("icmp router advertisement", 42, ME(0x0800),
	     IN4(1, ICMPX(9, 0, 1, 2, 0, 60, M4(7), Z4))),
	CASE("icmp mask reply", 42, ME(0x0800), IN4(1, ICMPX(18, 0, 0, 7, 0, 1, M4(7)))),
	CASE("igmp 2", 42, ME(0x0800), IN4(2, ICMPX(0x16, 0, M4(7), P8))),
	CASE("igmp 3 report", 42, ME(0x0800),
	     IN4(2, ICMPX(0x22, 0, 0, 0, 0, 1, 4, 0, 0, 1, M4(7), M4(8)))),
	CASE("igmp, dvmrp", 38, ME(0x0800), IN4(2, ICMPX(0x13, 1, M4(7), M4(8)))),
	CASE("ospf", 34, ME(0x0800), IN4(89, 2, 1, 0, 44, M4(7), Z8, P8)),
	CASE("vrrp", 34, ME(0x0800), IN4(112, 0x31, 7, 100, 1, 0, 100, 0x12, 0x34, M4(7))),
	CASE("esp", 42, ME(0x0800), IN4(50, ESP8, P24)),
	CASE("ah in ipv4", 46, ME(0x0800), IN4(51, 6, 4, 0, 0, ESP8, P8, P4, TCP(0x02))),

	CASE("neighbour solicitation", 86, ME(0x86dd),
	     IN6(58, ICMPX(135, 0, Z4, M6(7), ND_MAC(1)))),
	CASE("neighbour advertisement", 86, ME(0x86dd),
	     IN6(58, ICMPX(136, 0, 0xe0, 0, 0, 0, M6(7), ND_MAC(2)))),
	CASE("router solicitation", 70, ME(0x86dd), IN6(58, ICMPX(133, 0, Z4, ND_MAC(1)))),
	CASE("router advertisement", 182, ME(0x86dd),
	     IN6(58, ICMPX(134, 0, 64, 0, 7, 8, Z8, ND_PREFIX, 5, 1, 0, 0, B32(1500), ND_MAC(1),
			   ND_ROUTE, ND_SERVERS, 14, 1, 1, 2, 3, 4, 5, 6, 31, 2, 0, 0, P8, P4))),
	CASE("redirect of ipv6", 102, ME(0x86dd),
	     IN6(58, ICMPX(137, 0, Z4, M6(7), M6(8), ND_MAC(2), 4, 7, 0, 0, Z4, SYN6))),
	CASE("neighbour option of length 0", 78, ME(0x86dd),
	     IN6(58, ICMPX(135, 0, Z4, M6(7), 1, 0, MAC(3)))),
	CASE("neighbour solicitation cut", 62, ME(0x86dd),
	     IN6(58, ICMPX(135, 0, Z4, MARK, 1, 2, 3, 4))),
	CASE("too big, quoting tcp6", 122, ME(0x86dd),
	     IN6(58, ICMPX(2, 0, 0, 0, 5, 0, IN6(6, TCP(0x18), P8)))),
	CASE("mld report behind an option", 86, ME(0x86dd),
	     IN6(0, 58, 0, 5, 2, 0, 0, 1, 0, ICMPX(131, 0, Z4, M6(7)))),
	CASE("mld 2 report", 62, ME(0x86dd),
	     IN6(58, ICMPX(143, 0, 0, 0, 0, 1, 4, 0, 0, 1, M6(7), M6(8)))),
	CASE("icmp6 of another type", 58, ME(0x86dd), IN6(58, ICMPX(144, 0, Z4, M6(7)))),

	CASE("routing of type 0", 114, ME(0x86dd),
	     IN6(43, 6, 4, 0, 1, Z4, M6(7), M6(8), TCP(0x02))),
	CASE("routing of type 2", 98, ME(0x86dd), IN6(43, 6, 2, 2, 0, P4, M6(7), TCP(0x02))),
	CASE("routing by segments, with a TLV", 122, ME(0x86dd),
	     IN6(43, 6, 5, 4, 0, 1, 0, 0, 0, M6(7), M6(8), 5, 6, P4, MARK, TCP(0x02))),
	CASE("routing of RPL", 90, ME(0x86dd),
	     IN6(43, 6, 1, 3, 1, 0x5a, 0x5a, 0, 0, M4(7), M4(8), TCP(0x02), P8, P8)),
	CASE("home address", 98, ME(0x86dd),
	     IN6(60, 6, 2, 1, 2, 0x5a, 0x5a, 201, 16, M6(7), TCP(0x02))),
	CASE("options that nobody knows", 82, ME(0x86dd), IN6(0, 6, 0, 0x3e, 4, P4, TCP(0x02))),
	CASE("options without an end", 82, ME(0x86dd), IN6(0, 6, 0, 0x3e, 40, P4, TCP(0x02))),
	CASE("mobility", 70, ME(0x86dd), IN6(135, 59, 1, 5, 0, P4, P8)),
	CASE("hip", 94, ME(0x86dd), IN6(139, 59, 4, 1, 0x21, Z4, M6(7), M6(8))),
	CASE("later fragment of ipv6", 62, ME(0x86dd), IN6(44, FRAG6(17, 0x101), P8)),
	CASE("ah in ipv6", 86, ME(0x86dd), IN6(51, 17, 4, 0, 0, ESP8, Z8, Z4, UDP(8), P8, P8)),

	CASE("two tags", 62, ME(0x88a8), TAG(7, 0x8100), TAG(8, 0x0800), PAID4),
	CASE("mpls", 62, ME(0x8847), LABEL(16, 0), LABEL(17, 1), PAID4),
	CASE("mpls, a frame inside", 19, ME(0x8847), LABEL(16, 1), Z4, ME(0x0800), PAID4),
	CASE("mpls, a frame to a 4x MAC address inside", 19, ME(0x8847), LABEL(16, 1), 0x45, MARK,
	     0, 0x28, 2, MAC(1), B16(0x0800), PAID4),
	CASE("mpls, a frame to a 6x MAC address inside", 19, ME(0x8847), LABEL(16, 1), 0x62, MARK,
	     0, 0, 2, MAC(1), B16(0x86dd), IN6(6, TCP(0x18), P8)),
	CASE("pppoe", 62, ME(0x8864), PPPOE(7, 50), 0, 0x21, PAID4),
	CASE("pppoe of one byte", 22, ME(0x8864), PPPOE(7, 1), 0xc1, 0x5a, P8),
	CASE("pppoe, ipcp", 22, ME(0x8864), PPPOE(7, 12), 0x80, 0x21, 1, 1, 0, 10, 3, 6, M4(7)),
	CASE("pppoe discovery", 14, ME(0x8863), 0x11, 9, 0, 0, 0, 8, 1, 1, 0, 4, P4),
	CASE("frame in a frame", 72, ME(0x88e7), 0, 0, 0, 5, ME(0x0800), PAID4),
	CASE("lldp", 14, ME(0x88cc), 2, 7, 4, MAC(1), 4, 7, 3, MAC(1), P4),
	CASE("spanning tree", 17, ME(38), LLC(0x42, 0x42, 3), Z4, 0x80, 0, MAC(1), Z4, 0x80, 0,
	     MAC(2), P8),
	CASE("cdp", 22, ME(30), LLC(0xaa, 0xaa, 3), 0, 0, 0x0c, 0x20, 0, 2, 0xb4, 0, 2, 0, 8, M4(7),
	     P8),
	CASE("snap", 62, ME(56), SNAP(0, 0x0800), PAID4),
	CASE("something else", 14, ME(0x88f7), P8, P8),

	CASE("vxlan", 104, ME(0x0800), IN4(17, INUDP(4789, VXLAN(77), ME(0x0800), PAID4))),
	CASE("vxlan, a neighbour inside", 136, ME(0x0800),
	     IN4(17,
		 INUDP(4789, VXLAN(77), ME(0x86dd), IN6(58, ICMPX(135, 0, Z4, M6(7), ND_MAC(1)))))),
	CASE("vxlan, arp inside", 92, ME(0x0800),
	     IN4(17, INUDP(4789, VXLAN(77), ME(0x0806), 0, 1, 8, 0, 6, 4, 0, 2, MAC(1), M4(1),
			   MAC(2), M4(2), P8))),
	CASE("vxlan with a group", 64, ME(0x0800),
	     IN4(17, INUDP(4789, 0xd8, 0x5a, 0x5a, 0x5a, 0, 0, 77, 0x5a, ME(0x5a5b), P8))),
	CASE("no vxlan", 50, ME(0x0800), IN4(17, INUDP(4789, Z8, ME(0x0800), PAID4))),
	CASE("geneve with options", 130, ME(0x86dd),
	     IN6(17,
		 INUDP(6081, GENEVE(5, 0x0800, 77), 1, 2, 3, 2, M4(7), P4, 1, 3, 4, 1, P4, PAID4))),
	CASE("gtp-u with extensions", 106, ME(0x0800),
	     IN4(17, INUDP(2152, 0x34, 255, 0, 64, B32(77), 0, 0, 0, 0x85, 2, 0x5a, 0x5a, 0x5a,
			   0x5a, MARK, 0x40, 1, 0x5a, 0x5a, 0, PAID4))),
	CASE("gre with key", 82, ME(0x0800), IN4(47, GRE(0x20, 0x0800), B32(77), PAID4)),
	CASE("gre with a sum", 60, ME(0x0800),
	     IN4(47, GRE(0xa0, 0x6558), 0x12, 0x34, 0, 0, B32(7), ME(0x0806), P4, P8)),
	CASE("gre with a sum of all", 82, ME(0x0800),
	     IN4(47, GRE(0x80, 0x0800), 0x12, 0x34, 0, 0, SYN4)),
	CASE("nhrp", 38, ME(0x0800), IN4(47, GRE(0, 0x2001), M4(7), M4(8), P8)),
	CASE("erspan", 104, ME(0x0800),
	     IN4(47, GRE(0x10, 0x88be), Z4, 0x10, 0, 0, 5, Z4, ME(0x0800), PAID4)),
	CASE("ip in ip in ip", 114, ME(0x0800), IN4(4, IN4(41, IN6(6, TCP(0x18), P8)))),
	CASE("five tunnels", 115, ME(0x0800), IN4(4, IN4(4, IN4(4, IN4(4, IN4(4, PAID4)))))),
	CASE("ip in a later fragment", 34, ME(0x0800), IP4X(0x45, 68, 0x2010, 4), M4(1), M4(2),
	     PAID4),

	RAW("ipv4 alone", 40, PAID4),
	RAW("ipv6 alone", 60, IN6(6, TCP(0x18), P8)),
	RAW("neither", 0, P8, P8, P24),
	{"another link", (const __u8[]){PAID4}, SIZE(PAID4), 0, 113},
};
/* clang-format on */

#define ANONYMIZE_CASES (sizeof(anonymize_cases) / sizeof(anonymize_cases[0]))
