/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * anonymize_layers.h: a frame as it was, walked header by header, and held against what was made of it:
 *
 *   each address of each header is what anonymize_ip4(), anonymize_ip6() and anonymize_mac() make of it,
 *   in all packets around and inside, and in those that ICMP quotes
 *   behind the last header that was walked there is what that kind of header has, and else zeros
 *
 * Says what does not hold by a text, NULL where all does.
 */
#pragma once

#include <linux/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "cli/anonymize.h"
#include "schema/tunnel.h"

struct layers {
	struct anonymize *anon;
	const uint8_t *was;
	const uint8_t *made;
	uint32_t captured; /* of `was` */
	uint32_t kept;	   /* of `made` */
};

typedef void anonymize_fn(struct anonymize *anon, void *addr);

static inline bool layers_is(const struct layers *l, anonymize_fn *fn, uint32_t at, uint32_t size)
{
	uint8_t addr[16];

	if (at + size > l->captured || at + size > l->kept)
		return true;
	memcpy(addr, l->was + at, size);
	fn(l->anon, addr);
	return !memcmp(addr, l->made + at, size);
}

/* Of a header that was walked over. */
static inline const char *layers_header(const struct layers *l, uint8_t stage, uint16_t ethertype,
					uint32_t at)
{
	if (stage == PARSE_LINK &&
	    !(layers_is(l, anonymize_mac, at, 6) && layers_is(l, anonymize_mac, at + 6, 6)))
		return "another MAC address";
	if (stage != PARSE_NET)
		return NULL;
	if (ethertype == ETH_P_IP &&
	    !(layers_is(l, anonymize_ip4, at + 12, 4) && layers_is(l, anonymize_ip4, at + 16, 4)))
		return "another IPv4 address";
	if (ethertype == ETH_P_IPV6 &&
	    !(layers_is(l, anonymize_ip6, at + 8, 16) && layers_is(l, anonymize_ip6, at + 24, 16)))
		return "another IPv6 address";
	return NULL;
}

static inline bool layers_quotes(uint8_t proto, uint8_t type)
{
	if (proto == PARSE_ICMPV6)
		return type >= 1 && type <= 4;
	return proto == IPPROTO_ICMP &&
	       (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
}

/*
 * Where IP was found behind MPLS there is what a frame has behind its MAC addresses: flowd takes it for IP,
 * and it may have been cut off.
 */
static inline bool layers_wire(const struct layers *l, uint8_t stage, uint16_t ethertype,
			       uint32_t off)
{
	const uint8_t *type = l->was + off + 12;

	if (stage != PARSE_LABEL || (ethertype != ETH_P_MPLS_UC && ethertype != ETH_P_MPLS_MC) ||
	    off + 14 > l->captured || l->kept != off + 1)
		return false;
	return (type[0] == 0x08 && (type[1] == 0 || type[1] == 6)) || type[0] == 0x81 ||
	       type[0] == 0x86 || type[0] == 0x88;
}

static inline bool layers_is_wire(const struct layers *l, uint16_t l3, uint32_t length)
{
	struct pkt_meta meta = {.len = length, .reach = l->captured, .l3_proto = l3, .inner = 1};
	struct flow_wrap wrap = {.id = 0};
	struct flow_facts f;

	parse_begin(&meta, &f);
	for (int i = 0; i < PARSE_STEPS && f.stage != PARSE_DONE; i++) {
		struct pkt pkt = parse_at(l->was, l->captured, f.off);
		uint16_t ethertype = f.key.ethertype;
		uint8_t stage = f.stage;

		parse_step(&pkt, &f, &wrap);
		if (f.stage == PARSE_NET && layers_wire(l, stage, ethertype, f.off))
			return true;
	}
	return false;
}

/* How many bytes of a header that begins at `at` may stay, where the walk ended in it at `off`. */
static inline uint32_t layers_room(uint8_t stage, uint8_t proto, uint16_t ethertype, uint32_t at,
				   uint32_t off)
{
	if (stage == PARSE_TRANSPORT && proto == IPPROTO_TCP)
		return off > at ? off : at + 20;
	if (stage == PARSE_TRANSPORT &&
	    (proto == IPPROTO_SCTP || proto == IPPROTO_DCCP || proto == IPPROTO_AH))
		return at + 12;
	if (stage == PARSE_TRANSPORT &&
	    (proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE || proto == IPPROTO_ESP ||
	     proto == IPPROTO_ICMP || proto == IPPROTO_IGMP))
		return at + 8;
	if (stage == PARSE_TRANSPORT && proto == PARSE_ICMPV6)
		return UINT32_MAX; /* neighbour discovery goes on as far as it is understood */
	if (stage == PARSE_NET && (ethertype == ETH_P_ARP || ethertype == ETH_P_RARP))
		return at + 28;
	if (stage == PARSE_INNER)
		return off + 1; /* the version of the packet in one tunnel too many */
	if (stage == PARSE_LABEL && ethertype == ETH_P_PPP_SES && off == at)
		return at + 6;
	if (stage == PARSE_LINK || stage == PARSE_TAGGED)
		return off + 8; /* LLC */
	return stage == PARSE_TUNNEL && proto == IPPROTO_GRE ? off + 4 : off;
}

static inline const char *layers_rest(const struct layers *l, uint32_t room)
{
	for (uint32_t i = room; i < l->kept; i++) {
		if (l->made[i])
			return "something is left behind the headers";
	}
	return NULL;
}

/* The same of what is quoted, from there on. */
static inline struct layers layers_from(const struct layers *l, uint32_t at, uint32_t end)
{
	uint32_t captured = (end < l->captured ? end : l->captured) - at;

	return (struct layers){l->anon, l->was + at, l->made + at, captured, l->kept - at};
}

/* Where `l3` is 0 it begins with Ethernet. `quotes`: packets that may be quoted in it. */
static inline const char *check_layers(const struct layers *l, uint16_t l3, uint32_t length,
				       int quotes)
{
	struct pkt_meta meta = {.len = length, .reach = l->captured, .l3_proto = l3, .inner = 1};
	uint32_t at = 0, room = 0;
	uint8_t stage = PARSE_DONE, next = 0;
	struct flow_wrap wrap = {.id = 0};
	struct flow_facts f;
	uint16_t ethertype = 0;
	const char *wrong;

	parse_begin(&meta, &f);
	for (int i = 0; i < PARSE_STEPS && f.stage != PARSE_DONE; i++) {
		struct pkt pkt = parse_at(l->was, l->captured, f.off);

		at = f.off;
		stage = f.stage;
		next = f.next;
		ethertype = f.key.ethertype;
		parse_step(&pkt, &f, &wrap);
		wrong = f.off > at ? layers_header(l, stage, ethertype, at) : NULL;
		if (wrong)
			return wrong;
	}
	room = layers_room(stage, next, ethertype, at, f.off);
	if (stage == PARSE_TRANSPORT && at + 8 < l->kept && layers_quotes(next, l->was[at])) {
		struct layers quoted = layers_from(l, at + 8, f.end);

		return quotes ? check_layers(&quoted, ethertype, quoted.captured, quotes - 1)
			      : "something is quoted too deep";
	}
	return layers_rest(l, room);
}
