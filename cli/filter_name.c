/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter_name.c: what the bytes of a header are called in errors. Pure. */
#include "cli/filter_header.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

struct part {
	uint16_t first, last; /* bytes of the layer */
	const char *name;
};

/* clang-format off */
static const struct part ipv4_parts[] = {
	{0, 0, "IPv4 header length"},  {1, 1, "IPv4 type of service"},
	{2, 3, "IPv4 total length"},   {4, 5, "IPv4 identification"},
	{6, 7, "IPv4 fragment flags and offset"}, {8, 8, "IPv4 time to live"},
	{10, 11, "IPv4 checksum"},     {12, 15, "IPv4 source address"},
	{16, 19, "IPv4 destination address"}, {0, 0, NULL},
};

static const struct part ipv6_parts[] = {
	{0, 3, "IPv6 traffic class and flow label"}, {4, 5, "IPv6 payload length"},
	{7, 7, "IPv6 hop limit"}, {8, 23, "IPv6 source address"},
	{24, 39, "IPv6 destination address"}, {40, 47, "IPv6 fragment header"}, {0, 0, NULL},
};

static const struct part arp_parts[] = {
	{0, 1, "ARP hardware type"}, {2, 3, "ARP protocol type"},
	{4, 5, "ARP address lengths"}, {6, 7, "ARP operation"},
	{8, 13, "ARP sender hardware address"}, {14, 17, "ARP sender address"},
	{18, 23, "ARP target hardware address"}, {24, 27, "ARP target address"}, {0, 0, NULL},
};

static const struct part tcp_parts[] = {
	{0, 3, "TCP ports"}, {4, 7, "TCP sequence number"},
	{8, 11, "TCP acknowledgment number"}, {12, 12, "TCP header length"},
	{14, 15, "TCP window"}, {16, 17, "TCP checksum"},
	{18, 19, "TCP urgent pointer"}, {20, 59, "TCP options or payload"}, {0, 0, NULL},
};

static const struct part udp_parts[] = {
	{0, 3, "UDP ports"}, {4, 5, "UDP length"}, {6, 7, "UDP checksum"}, {0, 0, NULL},
};

static const struct part icmp_parts[] = {
	{0, 1, "ICMP type and code"}, {2, 3, "ICMP checksum"}, {4, 7, "rest of the ICMP header"},
	{0, 0, NULL},
};

static const struct part esp_parts[] = {
	{0, 3, "ESP SPI"}, {4, 7, "ESP sequence number"}, {0, 0, NULL},
};

static const struct part ah_parts[] = {
	{0, 0, "AH next header"}, {1, 1, "AH length"}, {4, 7, "AH SPI"},
	{8, 11, "AH sequence number"}, {0, 0, NULL},
};

static const struct part mpls_parts[] = {
	{0, 2, "MPLS label and traffic class"}, {3, 3, "MPLS time to live"}, {0, 0, NULL},
};

static const struct part pppoe_parts[] = {
	{0, 1, "PPPoE version, type and code"}, {2, 3, "PPPoE session"}, {4, 5, "PPPoE length"},
	{6, 7, "PPP protocol"}, {0, 0, NULL},
};
/* clang-format on */

static const struct part none[] = {{0, 0, NULL}};

static const char *part_name(const struct part *parts, uint32_t off, const char *otherwise)
{
	for (; parts->name; parts++) {
		if (off >= parts->first && off <= parts->last)
			return parts->name;
	}
	return otherwise;
}

static const char *link_name(const struct filter_header *h, uint32_t off)
{
	uint32_t end = h->label ? h->label_off : h->net_off;

	if (off < 6)
		return "Ethernet destination address";
	if (off < 12)
		return "Ethernet source address";
	if (off + 2 < end)
		return "VLAN priority";
	if (off < end)
		return h->size_off ? "802.3 length" : "EtherType";
	if (h->label == FLOW_TUNNEL_PPPOE)
		return part_name(pppoe_parts, off - h->label_off, "payload");
	if (h->label == FLOW_TUNNEL_MPLS)
		return part_name(mpls_parts, (off - h->label_off) % 4, "payload");
	return h->label == FLOW_TUNNEL_PBB ? "backbone service tag" : "FabricPath tag";
}

static const struct part *transport_parts(const struct filter_header *h)
{
	switch (h->proto) {
	case IPPROTO_TCP:
		return tcp_parts;
	case IPPROTO_UDP:
		return udp_parts;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return icmp_parts;
	case IPPROTO_ESP:
		return esp_parts;
	case IPPROTO_AH:
		return ah_parts;
	}
	return none;
}

static const struct part *net_parts(const struct filter_header *h)
{
	switch (h->ethertype) {
	case ETH_P_IP:
		return ipv4_parts;
	case ETH_P_IPV6:
		return ipv6_parts;
	case ETH_P_ARP:
	case ETH_P_RARP:
		return arp_parts;
	case ETH_P_MPLS_UC:
	case ETH_P_MPLS_MC:
		return h->label ? none : mpls_parts;
	case ETH_P_PPP_SES:
		return h->label ? none : pppoe_parts;
	}
	return none;
}

const char *filter_header_name(const struct filter_header *header, uint32_t off)
{
	if (off < 12 || off < header->net_off)
		return link_name(header, off);
	if (header->closed)
		return "payload";
	if (!header->transport_off || off < header->transport_off)
		return part_name(net_parts(header), off - header->net_off, "payload");
	if (header->offset_mask)
		return "payload";
	return part_name(transport_parts(header), off - header->transport_off, "payload");
}
