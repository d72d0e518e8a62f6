/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay_link.c: one row a link type. See replay_link.h. */
#include "flowd/replay_link.h"

#include <pcap/dlt.h>
#include <stdbool.h>
#include <stddef.h>

#define SLL_OUTGOING 4 /* packet type: sent by the host that captured */

const char replay_link_names[] = "Ethernet, raw IP, Linux SLL and SLL2, NULL, LOOP";

/* IP without anything in front: the first nibble alone tells which. */
static enum replay_found read_raw(const uint8_t *data, struct pkt_meta *meta)
{
	if (!meta->reach)
		return REPLAY_FOUND_SHORT;
	if (data[0] >> 4 != 4 && data[0] >> 4 != 6)
		return REPLAY_FOUND_SHORT;
	meta->l3_proto = data[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6;
	return REPLAY_FOUND_PACKET;
}

static enum replay_found read_ipv4(const uint8_t *data, struct pkt_meta *meta)
{
	(void)data;
	meta->l3_proto = ETH_P_IP;
	return REPLAY_FOUND_PACKET;
}

static enum replay_found read_ipv6(const uint8_t *data, struct pkt_meta *meta)
{
	(void)data;
	meta->l3_proto = ETH_P_IPV6;
	return REPLAY_FOUND_PACKET;
}

/* Devices (linux/if_arp.h) whose frames do not begin with what the protocol field names. */
static bool arphrd_is_foreign(uint16_t arphrd)
{
	return arphrd == 770 ||			   /* ARPHRD_FRAD: Frame Relay */
	       (arphrd >= 801 && arphrd <= 803) || /* 802.11, plain, Prism, Radiotap */
	       arphrd == 824 ||			   /* ARPHRD_NETLINK */
	       arphrd == 826;			   /* ARPHRD_VSOCKMON */
}

/*
 * The protocol field is an EtherType, or a TPID (parse.h walks the tag), or ETH_P_802_3 or
 * ETH_P_802_2, behind which is 802.2; other numbers that small are Linux' own, as CAN's.
 */
static enum replay_found sll_packet(uint16_t arphrd, uint16_t type, uint16_t proto,
				    struct pkt_meta *meta)
{
	meta->dir = type == SLL_OUTGOING ? FLOW_EGRESS : FLOW_INGRESS;
	if (arphrd_is_foreign(arphrd))
		return REPLAY_FOUND_OTHER;
	if (proto <= PARSE_LENGTH_MAX && proto != ETH_P_802_3 && proto != ETH_P_802_2)
		return REPLAY_FOUND_OTHER;
	meta->l3_proto = proto;
	return REPLAY_FOUND_PACKET;
}

/* type | ARPHRD | length of address | address (8) | protocol */
static enum replay_found read_sll(const uint8_t *data, struct pkt_meta *meta)
{
	return sll_packet(parse_be16(data + 2), parse_be16(data), parse_be16(data + 14), meta);
}

/* protocol | 0 | ifindex (4) | ARPHRD | type (1) | length of address (1) | address (8) */
static enum replay_found read_sll2(const uint8_t *data, struct pkt_meta *meta)
{
	return sll_packet(parse_be16(data + 8), data[10], parse_be16(data), meta);
}

/* AF_INET is 2 everywhere; AF_INET6 is Linux', NetBSD's and OpenBSD's, FreeBSD's, Darwin's. */
static bool family_packet(uint32_t family, struct pkt_meta *meta)
{
	if (family == 2)
		meta->l3_proto = ETH_P_IP;
	else if (family == 10 || family == 24 || family == 28 || family == 30)
		meta->l3_proto = ETH_P_IPV6;
	return meta->l3_proto != 0;
}

static uint32_t read_be32(const uint8_t *data)
{
	return parse_be24(data) << 8 | data[3];
}

static enum replay_found read_loop(const uint8_t *data, struct pkt_meta *meta)
{
	return family_packet(read_be32(data), meta) ? REPLAY_FOUND_PACKET : REPLAY_FOUND_OTHER;
}

/* In the byte order of the machine that captured, which need not be that of the file. */
static enum replay_found read_null(const uint8_t *data, struct pkt_meta *meta)
{
	uint32_t family = read_be32(data);

	return family_packet(family, meta) || family_packet(__builtin_bswap32(family), meta)
		       ? REPLAY_FOUND_PACKET
		       : REPLAY_FOUND_OTHER;
}

/* DLT_RAW has three numbers, by the system that captured; libpcap does not make one of them. */
static const struct replay_link links[] = {
	{DLT_EN10MB, 0, NULL},
	{DLT_RAW, 0, read_raw},
	{12, 0, read_raw},
	{14, 0, read_raw},
	{101, 0, read_raw},
	{DLT_IPV4, 0, read_ipv4},
	{DLT_IPV6, 0, read_ipv6},
	{DLT_LINUX_SLL, 16, read_sll},
	{DLT_LINUX_SLL2, 20, read_sll2},
	{DLT_NULL, 4, read_null},
	{DLT_LOOP, 4, read_loop},
};

const struct replay_link *replay_link_find(int dlt)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (links[i].dlt == dlt)
			return &links[i];
	}
	return NULL;
}

/* A frame of which no more is known than that it was there. */
static void count_alone(enum replay_found found, const struct pkt_meta *meta, struct flow_facts *f)
{
	parse_begin(meta, f);
	f->stage = PARSE_DONE;
	if (found == REPLAY_FOUND_SHORT)
		parse_short(f);
	parse_count(meta, f);
}

static void parse_behind(const struct replay_link *link, const uint8_t *data, struct pkt_meta *meta,
			 struct flow_facts *f, struct flow_wrap *wrap)
{
	enum replay_found found =
		meta->reach < link->header ? REPLAY_FOUND_SHORT : link->read(data, meta);

	if (found != REPLAY_FOUND_PACKET) {
		count_alone(found, meta, f);
		return;
	}
	meta->len -= link->header;
	meta->reach -= link->header;
	parse_packet(data + link->header, meta, f, wrap);
	f->bytes += link->header;
}

void replay_link_walk(const struct replay_link *link, const uint8_t *data, struct pkt_meta *meta,
		      struct flow_facts *f, struct flow_wrap *wrap)
{
	if (link->read)
		parse_behind(link, data, meta, f, wrap);
	else
		parse_packet(data, meta, f, wrap);
}
