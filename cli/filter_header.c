/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_header.c: from flow key back to headers. Pure. It is the inverse of schema/parse.h: each
 * builder puts exactly what the parser's function for that layer took out.
 */
#include "cli/filter_header.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "cli/filter_put.h"
#include "schema/fields.h"
#include "schema/parse.h"

#define LLC_SIZE_MAX 1500 /* IEEE 802.3: larger ones are EtherTypes */

/* IEEE 802.1Q: the id is kept, priority and drop eligibility are not. */
static void build_tag(struct filter_header *h, uint16_t tpid, uint16_t vlan, uint16_t known)
{
	put16(h, h->len, tpid, 0xffff);
	put16(h, h->len + 2, vlan & known, known);
	h->len += 4;
}

/*
 * A link without EtherTypes (a capture of BSD's loopback), where the parser knows what is IP, and so
 * what is not; or a frame of fewer than 14 bytes, which may not even have the addresses.
 */
static void build_no_type(struct filter_header *h)
{
	if (h->lossy) {
		h->len = 0;
		return;
	}
	h->never = (struct filter_never){
		h->len, 2, 0xffff, {0x0800, 0x86dd, 0x0806, 0x8035, 0x8847, 0x8864}};
	h->len += 2;
	h->lossy = true;
}

static void build_link(const struct flow_key *key, struct filter_header *h)
{
	uint16_t id = key->marks & FLOW_MARK_VLAN_UNKNOWN ? 0 : 0x0fff;

	h->len = 12;
	if (filter_label_ethernet(key, h))
		return;
	if (key->vlan)
		build_tag(h, key->marks & FLOW_MARK_STAG ? ETH_P_8021AD : ETH_P_8021Q, key->vlan,
			  id);
	if (key->cvlan)
		build_tag(h, ETH_P_8021Q, key->cvlan, id);
	if (!key->ethertype) {
		build_no_type(h);
		return;
	}
	if (key->ethertype == FLOW_ETH_LLC) {
		h->size_off = h->len;
		put16(h, h->len, 0, 0xf800); /* at most LLC_SIZE_MAX */
	} else if (filter_label_build(key, h)) {
		return;
	} else {
		put16(h, h->len, key->ethertype, 0xffff);
	}
	h->len += 2;
	h->net_off = h->len;
}

/* RFC 9293; a header cut short kept its ports only. */
static uint32_t build_tcp(const struct flow_key *key, uint8_t tcp_flags, struct filter_header *h)
{
	if ((key->marks & FLOW_MARK_SHORT) && !tcp_flags)
		return 4;
	put8(h, h->transport_off + 13, tcp_flags, 0xff);
	return 20;
}

static void build_ports(const struct flow_key *key, uint8_t tcp_flags, struct filter_header *h)
{
	uint32_t size = 4;

	if ((key->marks & FLOW_MARK_SHORT) && !key->sport && !key->dport)
		return;
	put(h, h->transport_off, &key->sport, 2);
	put(h, h->transport_off + 2, &key->dport, 2);
	if (key->proto == IPPROTO_TCP)
		size = build_tcp(key, tcp_flags, h);
	h->len = h->transport_off + size;
}

/* RFC 792, RFC 4443 section 2.1. */
static void build_icmp(const struct flow_key *key, struct filter_header *h)
{
	if ((key->marks & FLOW_MARK_SHORT) && !key->sport && !key->dport)
		return;
	put8(h, h->transport_off, (uint8_t)ntohs(key->sport), 0xff);
	put8(h, h->transport_off + 1, (uint8_t)ntohs(key->dport), 0xff);
	h->len = h->transport_off + 2;
}

/* RFC 4303 section 2, RFC 4302 section 2: the SPI, unless the key names another tunnel around it. */
static void build_spi(const struct flow_key *key, struct filter_header *h, bool esp)
{
	uint32_t spi = htonl(key->tunnel_id), off = h->transport_off + (esp ? 0 : 4);

	if (key->marks & FLOW_MARK_SHORT)
		return;
	if (key->tunnel_kind != (esp ? FLOW_TUNNEL_ESP : FLOW_TUNNEL_AH))
		return;
	put(h, off, &spi, 4);
	h->len = off + 4;
}

static void build_transport(const struct flow_key *key, uint8_t tcp_flags, struct filter_header *h)
{
	h->transport_off = h->len;
	if (key->marks & (FLOW_MARK_FRAGMENT | FLOW_MARK_DEEP))
		return;
	switch (key->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		return build_ports(key, tcp_flags, h);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return build_icmp(key, h);
	case IPPROTO_ESP:
		return build_spi(key, h, true);
	case IPPROTO_AH:
		return build_spi(key, h, false);
	}
}

/* Nothing of the transport header is known, which may be since the one before it was cut short. */
static bool is_cut_before_ports(const struct flow_key *key)
{
	return (key->marks & FLOW_MARK_SHORT) && !key->sport && !key->dport;
}

/*
 * RFC 791. The header is written without options; that it has none is not known (the low half of
 * the first byte), but where the ports are is. A first fragment is not told from a whole packet.
 */
static void build_ipv4(const struct flow_key *key, struct filter_header *h)
{
	uint32_t off = h->net_off;

	put8(h, off, 0x45, 0xf0);
	if (key->marks & FLOW_MARK_FRAGMENT) {
		h->offset_off = off + 6;
		h->offset_mask = 0x1fff;
	} else if (!is_cut_before_ports(key)) {
		put16(h, off + 6, 0, 0x1fff);
	}
	put8(h, off + 9, key->proto, 0xff);
	put(h, off + 12, key->src, 4);
	put(h, off + 16, key->dst, 4);
	h->len = off + 20;
}

/*
 * RFC 8200. Of extension headers only that of a fragment after the first is put back; where one of
 * them was cut short or is too deep, which is the first is not known.
 */
static void build_ipv6(const struct flow_key *key, struct filter_header *h)
{
	uint32_t off = h->net_off;
	bool fragment = key->marks & FLOW_MARK_FRAGMENT;

	put8(h, off, 0x60, 0xf0);
	if (fragment)
		put8(h, off + 6, PARSE_FRAGMENT, 0xff);
	else if (!h->lossy || !parse_is_extension(key->proto))
		put8(h, off + 6, key->proto, 0xff);
	put(h, off + 8, key->src, 16);
	put(h, off + 24, key->dst, 16);
	h->len = off + 40;
	if (!fragment)
		return;
	put8(h, off + 40, key->proto, 0xff);
	put8(h, off + 41, 0, 0xff); /* reserved; for libpcap, which takes it for a length */
	h->offset_off = off + 42;
	h->offset_mask = 0xfff8;
	h->len = off + 48;
}

/*
 * RFC 826: IPv4 addresses are kept where the header said that they are such. An ARP packet without
 * any is taken for one of other addresses, which are lost; RARP (RFC 903) asks without any.
 */
static void build_arp(const struct flow_key *key, struct filter_header *h)
{
	uint32_t off = h->net_off;

	h->len = off + 28;
	put(h, off + 6, &key->sport, 2);
	if (!key->src[0] && !key->dst[0] && key->ethertype == ETH_P_ARP) {
		h->lossy = true;
		return;
	}
	put16(h, off + 2, ETH_P_IP, 0xffff);
	put16(h, off + 4, 6 << 8 | 4, 0xffff);
	put(h, off + 14, key->src, 4);
	put(h, off + 24, key->dst, 4);
}

static bool has_addresses(const struct flow_key *key)
{
	for (int i = 0; i < 4; i++) {
		if (key->src[i] || key->dst[i])
			return true;
	}
	return key->sport != 0;
}

static void build_net(const struct flow_key *key, uint8_t tcp_flags, struct filter_header *h)
{
	if ((key->marks & FLOW_MARK_SHORT) && !has_addresses(key))
		return;
	if (h->closed)
		return;
	switch (key->ethertype) {
	case ETH_P_IP:
		build_ipv4(key, h);
		return build_transport(key, tcp_flags, h);
	case ETH_P_IPV6:
		build_ipv6(key, h);
		return build_transport(key, tcp_flags, h);
	case ETH_P_ARP:
	case ETH_P_RARP:
		return build_arp(key, h);
	case FLOW_ETH_LLC:
		put(h, h->net_off, &key->sport, 2);
		h->len = h->net_off + 2;
	}
}

/* Where the layer keeps what folding gave up: the address of a side, and its port. */
struct side {
	uint16_t addr[2], size; /* of source and destination, from net_off */
};

static const struct side ipv4_side = {{12, 16}, 4}, ipv6_side = {{8, 24}, 16},
			 arp_side = {{14, 24}, 4};

static void forget(struct filter_header *h, uint32_t off, uint32_t size)
{
	memset(h->known + off, 0, size);
}

/* Port 0 of the key is the ICMP type, the ARP operation and the LLC addresses as well. */
static void forget_port(struct filter_header *h, bool dst)
{
	if (h->ethertype == ETH_P_ARP || h->ethertype == ETH_P_RARP)
		forget(h, h->net_off + 6, 2);
	else if (h->ethertype == FLOW_ETH_LLC)
		forget(h, h->net_off, 2);
	else if (h->transport_off && (h->proto == IPPROTO_ICMP || h->proto == IPPROTO_ICMPV6))
		forget(h, h->transport_off, 1);
	else if (h->transport_off && h->proto != IPPROTO_ESP && h->proto != IPPROTO_AH)
		forget(h, h->transport_off + (dst ? 2 : 0), 2);
}

static void forget_side(struct filter_header *h, bool dst)
{
	const struct side *side = NULL;

	if (h->ethertype == ETH_P_IP)
		side = &ipv4_side;
	else if (h->ethertype == ETH_P_IPV6)
		side = &ipv6_side;
	else if (h->ethertype == ETH_P_ARP || h->ethertype == ETH_P_RARP)
		side = &arp_side;
	if (side)
		forget(h, h->net_off + side->addr[dst], side->size);
	forget_port(h, dst);
}

/* No bit that is not known may be set: the interpreter relies on it. */
static void clear_unknown(struct filter_header *h)
{
	for (uint32_t i = 0; i < FILTER_HEADER_BYTES; i++)
		h->byte[i] &= h->known[i];
}

void filter_header_build(const struct flow_key *key, uint8_t tcp_flags, bool src_lost,
			 bool dst_lost, struct filter_header *ret_header)
{
	struct filter_header *h = ret_header;

	memset(h, 0, sizeof(*h));
	h->ethertype = key->ethertype;
	h->proto = key->proto;
	h->lossy = key->marks & FLOW_MARKS_NAMED;
	if (key->marks & FLOW_MARK_CATCHALL)
		return;
	build_link(key, h);
	build_net(key, tcp_flags, h);
	if (src_lost)
		forget_side(h, false);
	if (dst_lost)
		forget_side(h, true);
	if (h->net_off && h->ethertype == ETH_P_IP)
		h->byte[h->net_off] &= 0xf0;
	if (src_lost || dst_lost)
		clear_unknown(h);
}
