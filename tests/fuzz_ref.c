// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* fuzz_ref.c: the second parser of fuzz_ref.h: link, labels, IP, transport, counts. */
#include <stddef.h>
#include <string.h>

#include "fuzz_ref.h"

#define TAGS 4
#define LABELS 8
#define MACS 4
#define EXTENSIONS 6
#define LAST 0x3fff /* offset where a header is looked for */

/* Network byte order, whatever the host's is. */
static __be16 be16(unsigned int value)
{
	uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
	__be16 ret;

	memcpy(&ret, bytes, sizeof(ret));
	return ret;
}

void ref_cut_short(struct ref *r)
{
	r->verdict = VERDICT_SHORT;
	r->key.marks |= FLOW_MARK_SHORT;
}

void ref_too_deep(struct ref *r)
{
	r->verdict = VERDICT_DEEP;
	r->key.marks |= FLOW_MARK_DEEP;
}

static void narrow(struct ref *r, uint64_t end)
{
	if (end < r->end)
		r->end = end;
}

/* Labels and IPsec: of several the outermost is kept, and none inside of a tunnel. */
static bool label(struct ref *r, enum flow_tunnel kind, uint32_t id)
{
	if (r->key.tunnel_kind)
		return false;
	r->key.tunnel_kind = (uint8_t)kind;
	r->key.tunnel_id = id;
	return true;
}

/* RFC 9293 section 3.1. */
static void ref_tcp(struct ref *r, uint64_t at)
{
	unsigned int words;

	if (!ref_inside(r, at, 20))
		return ref_cut_short(r);
	r->tcp_flags = r->byte[at + 13];
	r->tcp_syn = (r->tcp_flags & 2) && !(r->tcp_flags & 16);
	words = r->byte[at + 12] / 16;
	if (words < 5 || at + words * 4 > r->end)
		return ref_cut_short(r);
	r->headers = at + words * 4;
}

/* RFC 768. A GSO packet's length field may be of one segment. */
static void ref_udp(struct ref *r, uint64_t at)
{
	unsigned int length;

	if (!ref_inside(r, at, 8))
		return ref_cut_short(r);
	r->headers = at + 8;
	length = ref_two(r, at + 4);
	if (length >= 8 && !r->segmented)
		narrow(r, at + length);
	ref_tunnel_udp(r, at + 8, ref_two(r, at + 2));
}

static void ref_ports(struct ref *r, uint64_t at, unsigned int proto)
{
	if (!ref_inside(r, at, 4))
		return ref_cut_short(r);
	r->key.sport = be16(ref_two(r, at));
	r->key.dport = be16(ref_two(r, at + 2));
	if (proto == 6)
		return ref_tcp(r, at);
	if (proto == 17)
		return ref_udp(r, at);
	/* UDP-Lite RFC 3828; DCCP RFC 4340, with short sequence numbers; SCTP RFC 9260. */
	if (!ref_inside(r, at, proto == 136 ? 8 : 12))
		return ref_cut_short(r);
	r->headers = at + (proto == 136 ? 8 : 12);
}

static void ref_icmp(struct ref *r, uint64_t at)
{
	if (!ref_inside(r, at, 2))
		return ref_cut_short(r);
	r->key.sport = be16(r->byte[at]);
	r->key.dport = be16(r->byte[at + 1]);
	r->headers = at + 8;
}

/*
 * RFC 4303 section 2: the SPI is first; RFC 4302 section 2: the SPI is at 4. How much segments
 * would repeat (an IV, encrypted headers) is not in the bytes.
 */
static void ref_ipsec(struct ref *r, uint64_t at, enum flow_tunnel kind)
{
	if (!ref_inside(r, at, 8))
		return ref_cut_short(r);
	label(r, kind, ref_four(r, kind == FLOW_TUNNEL_ESP ? at : at + 4));
	r->unmeasured = true;
}

static void ref_transport(struct ref *r, uint64_t at, unsigned int proto)
{
	r->key.proto = (uint8_t)proto;
	r->headers = at;
	if (at > LAST)
		return ref_cut_short(r);
	switch (proto) {
	case 1:
	case 58:
		return ref_icmp(r, at);
	case 4:
	case 41:
	case 47:
		return ref_tunnel_ip(r, at, proto);
	case 6:
	case 17:
	case 33:
	case 132:
	case 136:
		return ref_ports(r, at, proto);
	case 50:
		return ref_ipsec(r, at, FLOW_TUNNEL_ESP);
	case 51:
		return ref_ipsec(r, at, FLOW_TUNNEL_AH);
	}
}

/* Of several fragmented headers the outermost is noted. */
static void note_fragment(struct ref *r, bool more, bool later, uint32_t id)
{
	if (r->frag || (!more && !later))
		return;
	r->frag = later ? 2 : 1;
	r->frag_id = id;
}

/* RFC 791 section 3.1; a total length of 0: more than 64 kB, the kernel's own. */
static void ref_ipv4(struct ref *r, uint64_t at)
{
	unsigned int ihl, total, fragment;

	if (!ref_inside(r, at, 20) || r->byte[at] / 16 != 4)
		return ref_cut_short(r);
	memcpy(&r->key.src[0], r->byte + at + 12, 4);
	memcpy(&r->key.dst[0], r->byte + at + 16, 4);
	r->key.proto = r->byte[at + 9];
	ihl = r->byte[at] % 16 * 4U;
	total = ref_two(r, at + 2);
	if (total) {
		r->ip_end = at + total;
		narrow(r, r->ip_end);
	}
	if (ihl < 20 || (total && total < ihl) || at + ihl > r->end)
		return ref_cut_short(r);
	r->headers = at + ihl;
	fragment = ref_two(r, at + 6) % 16384;
	note_fragment(r, fragment / 8192, fragment % 8192, ref_two(r, at + 4));
	if (fragment % 8192) {
		r->key.marks |= FLOW_MARK_FRAGMENT;
		return;
	}
	ref_transport(r, at + ihl, r->key.proto);
}

/* https://www.iana.org/assignments/ipv6-parameters: extension headers that have a next header. */
static bool extends(unsigned int proto)
{
	static const uint8_t list[] = {0, 43, 44, 51, 60, 135, 139, 140};

	return memchr(list, (int)proto, sizeof(list)) != NULL;
}

/* The length of the extension header at `at`: RFC 8200 section 4, RFC 4302 section 2.2. */
static uint64_t extension_size(const struct ref *r, uint64_t at, unsigned int kind)
{
	if (kind == 44)
		return 8;
	if (kind == 51)
		return 4ULL * r->byte[at + 1] + 8;
	return 8ULL * r->byte[at + 1] + 8;
}

static void ref_ipv6_chain(struct ref *r, uint64_t at, unsigned int kind)
{
	unsigned int walked = 0;

	while (extends(kind)) {
		unsigned int next;

		r->key.proto = (uint8_t)kind;
		if (at > LAST)
			return ref_cut_short(r);
		if (walked++ == EXTENSIONS)
			return ref_too_deep(r);
		if (!ref_inside(r, at, 8) || at + extension_size(r, at, kind) > r->end)
			return ref_cut_short(r);
		next = r->byte[at];
		if (kind == 51)
			label(r, FLOW_TUNNEL_AH, ref_four(r, at + 4));
		if (kind == 44) {
			unsigned int offset = ref_two(r, at + 2);

			note_fragment(r, offset % 2, offset / 8, ref_four(r, at + 4));
			if (offset / 8) {
				r->key.marks |= FLOW_MARK_FRAGMENT;
				r->key.proto = (uint8_t)next;
				r->headers = at + 8;
				return;
			}
		}
		at += extension_size(r, at, kind);
		kind = next;
	}
	ref_transport(r, at, kind);
}

/*
 * RFC 8200 section 3; a payload length of 0 with hop-by-hop options: RFC 2675. The kernel's own
 * packets over 64 kB have one too, with the jumbo option alone in it until they are segmented, or
 * no options at all.
 */
static void ref_ipv6(struct ref *r, uint64_t at)
{
	unsigned int payload, next;

	if (!ref_inside(r, at, 40) || r->byte[at] / 16 != 6)
		return ref_cut_short(r);
	memcpy(r->key.src, r->byte + at + 8, 16);
	memcpy(r->key.dst, r->byte + at + 24, 16);
	payload = ref_two(r, at + 4);
	next = r->byte[at + 6];
	if (payload || (next != 0 && !r->segmented)) {
		r->ip_end = at + 40 + payload;
		narrow(r, r->ip_end);
	} else if (r->segmented && next == 0 && ref_inside(r, at + 40, 8) &&
		   r->byte[at + 41] == 0 && r->byte[at + 42] == 0xc2) {
		r->dropped += 8;
	}
	r->headers = at + 40;
	ref_ipv6_chain(r, at + 40, next);
}

/* RFC 826 for IPv4 over 6-byte hardware addresses; of others the operation alone. */
static void ref_arp(struct ref *r, uint64_t at)
{
	if (!ref_inside(r, at, 28))
		return ref_cut_short(r);
	r->key.sport = be16(ref_two(r, at + 6));
	if (ref_two(r, at + 2) != 0x0800 || r->byte[at + 4] != 6 || r->byte[at + 5] != 4)
		return;
	memcpy(&r->key.src[0], r->byte + at + 14, 4);
	memcpy(&r->key.dst[0], r->byte + at + 24, 4);
}

/* RFC 3032 section 2.1; what is below the stack is told by its first four bits: RFC 4928. */
static void ref_mpls(struct ref *r, uint64_t at)
{
	bool bottom = false, mine = false;

	for (uint32_t entries = 1; !bottom; entries++) {
		if (entries > LABELS)
			return ref_too_deep(r);
		if (!ref_inside(r, at, 4))
			return ref_cut_short(r);
		if (entries == 1)
			mine = label(r, FLOW_TUNNEL_MPLS, ref_three(r, at) / 16);
		if (mine)
			r->key.tunnel_id = r->key.tunnel_id % (1U << 20) + (entries << 20);
		bottom = r->byte[at + 2] & 1;
		at += 4;
		r->headers = at;
	}
	if (!ref_inside(r, at, 1))
		return ref_cut_short(r);
	if (r->byte[at] / 16 == 4)
		ref_net(r, at, 0x0800);
	if (r->byte[at] / 16 == 6)
		ref_net(r, at, 0x86dd);
}

/* RFC 2516 section 4; the protocol: RFC 1661 section 2, in one byte: section 6.5. */
static void ref_pppoe(struct ref *r, uint64_t at)
{
	unsigned int protocol, size;

	if (!ref_inside(r, at, 8))
		return ref_cut_short(r);
	if (r->byte[at] != 0x11 || r->byte[at + 1] != 0)
		return;
	label(r, FLOW_TUNNEL_PPPOE, ref_two(r, at + 2));
	narrow(r, at + 6 + ref_two(r, at + 4));
	size = r->byte[at + 6] % 2 ? 7 : 8;
	r->headers = at + 6;
	if (!ref_inside(r, at, size))
		return ref_cut_short(r);
	protocol = size == 7 ? r->byte[at + 6] : ref_two(r, at + 6);
	r->headers = at + size;
	if (protocol == 0x21)
		ref_net(r, at + size, 0x0800);
	if (protocol == 0x57)
		ref_net(r, at + size, 0x86dd);
	if (protocol == 0x0281)
		ref_net(r, at + size, 0x8847);
	if (protocol == 0x0283)
		ref_net(r, at + size, 0x8848);
}

/* IEEE 802.1ah section 9.7: 4 bytes, the lower 3 an I-SID; FabricPath: 2 bytes, the upper 10 bits an FTag. */
static void ref_mac_in_mac(struct ref *r, uint64_t at, bool pbb)
{
	unsigned int size = pbb ? 4 : 2;

	if (r->macs++ == MACS)
		return ref_too_deep(r);
	if (!ref_inside(r, at, size))
		return ref_cut_short(r);
	if (pbb)
		label(r, FLOW_TUNNEL_PBB, ref_three(r, at + 1));
	else
		label(r, FLOW_TUNNEL_FABRICPATH, ref_two(r, at) / 64);
	r->tags = 0;
	r->headers = at + size;
	ref_ethernet(r, at + size);
}

void ref_net(struct ref *r, uint64_t at, unsigned int ethertype)
{
	r->key.ethertype = (uint16_t)ethertype;
	r->headers = at;
	r->ip_start = at;
	r->ip_end = UINT64_MAX;
	r->dropped_ip = r->dropped;
	r->ip = ethertype == 0x0800 || ethertype == 0x86dd;
	if (ethertype == 0x0800)
		ref_ipv4(r, at);
	if (ethertype == 0x86dd)
		ref_ipv6(r, at);
	if (ethertype == 0x0806 || ethertype == 0x8035)
		ref_arp(r, at);
	if (ethertype == 0x8847 || ethertype == 0x8848)
		ref_mpls(r, at);
	if (ethertype == 0x8864)
		ref_pppoe(r, at);
	if (ethertype == 0x88e7 || ethertype == 0x8903)
		ref_mac_in_mac(r, at, ethertype == 0x88e7);
}

/* IEEE 802.2; SNAP of OUI 0: RFC 1042. */
static void ref_llc(struct ref *r, uint64_t at)
{
	static const uint8_t snap[] = {0xaa, 0xaa, 3}, oui[] = {0, 0, 0};

	r->key.ethertype = FLOW_ETH_LLC;
	r->headers = at;
	if (!ref_inside(r, at, 3))
		return ref_cut_short(r);
	r->key.sport = be16(ref_two(r, at));
	if (memcmp(r->byte + at, snap, 3))
		return;
	if (!ref_inside(r, at, 8))
		return ref_cut_short(r);
	if (memcmp(r->byte + at + 3, oui, 3) || ref_two(r, at + 6) < 0x0600)
		return;
	r->key.sport = 0;
	ref_net(r, at + 8, ref_two(r, at + 6));
}

/* IEEE 802.1Q; the first of all is the one that may be an S-tag. */
static void add_tag(struct ref *r, unsigned int tpid, unsigned int tci)
{
	uint16_t id = (uint16_t)(FLOW_VLAN_TAGGED + tci % 4096);

	r->tags++;
	if (!r->key.vlan) {
		r->key.vlan = id;
		if (tpid == 0x88a8)
			r->key.marks |= FLOW_MARK_STAG;
	} else if (!r->key.cvlan) {
		r->key.cvlan = id;
	}
}

static bool is_tpid(unsigned int ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/* What the type or length field of a link layer says. */
static void ref_type(struct ref *r, uint64_t at, unsigned int type)
{
	if (type <= 1500)
		return ref_llc(r, at);
	if (!is_tpid(type))
		return ref_net(r, at, type);
	r->key.ethertype = (uint16_t)type;
	r->headers = at;
	if (r->tags == TAGS)
		return ref_too_deep(r);
	if (!ref_inside(r, at, 4))
		return ref_cut_short(r);
	add_tag(r, type, ref_two(r, at));
	ref_type(r, at + 4, ref_two(r, at + 2));
}

void ref_ethernet(struct ref *r, uint64_t at)
{
	r->headers = at;
	r->ip = false;
	if (!ref_inside(r, at, 14))
		return ref_cut_short(r);
	ref_type(r, at + 14, ref_two(r, at + 12));
}

void ref_parse(struct ref *r, const uint8_t *frame, const struct pkt_meta *meta)
{
	memset(r, 0, sizeof(*r));
	r->byte = frame;
	r->reach = meta->reach;
	r->len = meta->len;
	r->segmented = meta->gso_size || meta->segments > 1 || meta->len > 65535;
	r->follow = meta->inner;
	r->end = UINT64_MAX;
	r->key.ifnum = meta->ifnum;
	r->key.dir = (uint8_t)meta->dir;
	if (meta->vlan_proto)
		add_tag(r, meta->vlan_proto, meta->vlan_tci);
	if (meta->l3_proto)
		ref_type(r, 0, meta->l3_proto);
	else
		ref_ethernet(r, 0);
}

/* On the wire each segment is a frame with all headers and a tag of its own. */
struct ref_counts ref_count(const struct ref *r, const struct pkt_meta *meta)
{
	uint64_t payload = r->len > r->headers ? r->len - r->headers : 0;
	uint64_t wire_ip = r->len > r->ip_start ? r->len - r->ip_start : 0, dropped;
	struct ref_counts c = {.packets = meta->segments};

	if (!c.packets && meta->gso_size)
		c.packets = (payload + meta->gso_size - 1) / meta->gso_size;
	if (!c.packets)
		c.packets = 1;
	dropped = c.packets > 1 ? c.packets : 0;
	c.bytes = r->len + (c.packets - 1) * r->headers + (meta->vlan_proto ? c.packets * 4 : 0) -
		  dropped * r->dropped;
	if (!r->ip)
		return c;
	if (c.packets == 1 && r->ip_end - r->ip_start < wire_ip)
		wire_ip = r->ip_end - r->ip_start;
	wire_ip += (c.packets - 1) * (r->headers - r->ip_start);
	wire_ip -= dropped * (r->dropped - r->dropped_ip);
	c.ip_bytes = wire_ip;
	return c;
}
