/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * label.h: the stage of parse.h for what is between the link and the network layer: MPLS, PPPoE, and
 * Ethernet in Ethernet. It is always walked; the outermost label stays in the key.
 */
#pragma once

#include "packet.h"

#define PARSE_LABELS 8 /* MPLS entries walked */
#define PARSE_MACS 4   /* Ethernet headers in Ethernet walked of a frame */

static __always_inline void parse_label_net(struct flow_facts *f, __u16 ethertype)
{
	f->key.ethertype = ethertype;
	f->stage = PARSE_NET;
}

/* Behind the bottom of the stack nothing says what follows but its first nibble (RFC 4928). */
static __always_inline void parse_mpls_payload(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *pos = pkt_pull(pkt, 1);

	if (!pos || parse_beyond(f, 1))
		return parse_short(f);
	if (*pos >> 4 == 4)
		parse_label_net(f, ETH_P_IP);
	else if (*pos >> 4 == 6)
		parse_label_net(f, ETH_P_IPV6);
}

/* RFC 3032 section 2.1. */
static __always_inline void parse_mpls(struct pkt *pkt, struct flow_facts *f)
{
	__u32 kept = f->key.tunnel_kind, top = 0;

	for (__u32 i = 0; i < PARSE_LABELS; i++) {
		const __u8 *entry = pkt_pull(pkt, 4);

		if (!entry || parse_beyond(f, 4))
			return parse_short(f);
		if (!i)
			top = parse_be24(entry) >> 4;
		if (!kept) {
			f->key.tunnel_kind = FLOW_TUNNEL_MPLS;
			f->key.tunnel_id = top | (i + 1) << FLOW_MPLS_SHIFT;
		}
		f->off += 4;
		if (entry[2] & 1)
			return parse_mpls_payload(pkt, f);
	}
	parse_deep(f);
}

/* What PPP calls it (RFC 1661 section 2): the protocol may be compressed to one byte. */
static __always_inline void parse_ppp(const __u8 *ppp, struct flow_facts *f)
{
	__u16 proto = ppp[0] & 1 ? ppp[0] : parse_be16(ppp);
	__u32 len = ppp[0] & 1 ? 1 : 2;

	if (parse_beyond(f, len))
		return parse_short(f);
	f->off += len;
	if (proto == 0x0021)
		parse_label_net(f, ETH_P_IP);
	else if (proto == 0x0057)
		parse_label_net(f, ETH_P_IPV6);
	else if (proto == 0x0281)
		parse_label_net(f, ETH_P_MPLS_UC);
	else if (proto == 0x0283)
		parse_label_net(f, ETH_P_MPLS_MC);
}

/* RFC 2516 section 4. */
static __always_inline void parse_pppoe(struct pkt *pkt, struct flow_facts *f)
{
	const __u8 *head = pkt_pull(pkt, 8);

	if (!head || parse_beyond(f, 8))
		return parse_short(f);
	if (head[0] != 0x11 || head[1])
		return;
	if (!f->key.tunnel_kind) {
		f->key.tunnel_kind = FLOW_TUNNEL_PPPOE;
		f->key.tunnel_id = parse_be16(head + 2);
	}
	f->off += 6;
	parse_narrow(f, parse_be16(head + 4));
	parse_ppp(head + 6, f);
}

/* A frame behind a tag: IEEE 802.1ah section 9.7 (flags and a 24-bit I-SID); FabricPath (FTag, TTL). */
static __always_inline void parse_mac_in_mac(struct pkt *pkt, struct flow_facts *f)
{
	int pbb = f->key.ethertype == PARSE_PBB;
	__u32 len = pbb ? 4 : 2;
	const __u8 *tag = pkt_pull(pkt, 2), *rest = tag;

	if (f->nested >= PARSE_MACS * PARSE_NESTED_MAC)
		return parse_deep(f);
	f->nested += PARSE_NESTED_MAC;
	if (pbb)
		rest = pkt_pull(pkt, 2);
	if (!tag || !rest || parse_beyond(f, len))
		return parse_short(f);
	if (!f->key.tunnel_kind) {
		f->key.tunnel_kind = pbb ? FLOW_TUNNEL_PBB : FLOW_TUNNEL_FABRICPATH;
		f->key.tunnel_id =
			pbb ? (__u32)tag[1] << 16 | parse_be16(rest) : parse_be16(tag) >> 6;
	}
	f->off += len;
	f->stage = PARSE_LINK;
}

static __always_inline void parse_label(struct pkt *pkt, struct flow_facts *f)
{
	f->stage = PARSE_DONE;
	if (f->key.ethertype == PARSE_PBB || f->key.ethertype == PARSE_FABRICPATH)
		parse_mac_in_mac(pkt, f);
	else if (f->key.ethertype == ETH_P_PPP_SES)
		parse_pppoe(pkt, f);
	else
		parse_mpls(pkt, f);
}
