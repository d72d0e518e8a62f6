/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_shape.c: headers that differ in addresses, ports and TCP flags alone are not built anew for each
 * record. Pure. See filter_header.h.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "cli/filter_header.h"
#include "schema/fields.h"

#define MARKS_LOST (FLOW_MARK_FRAGMENT | FLOW_MARKS_NAMED)

bool filter_header_shape(const struct flow_key *key, struct filter_shape *ret_shape)
{
	*ret_shape = (struct filter_shape){
		.ethertype = key->ethertype,
		.vlan = key->vlan,
		.cvlan = key->cvlan,
		.proto = key->proto,
		.marks = key->marks,
		.tunnel_kind = key->tunnel_kind,
		.tunnel_id = key->tunnel_id,
	};
	return flow_key_is_ip(key) && !(key->marks & MARKS_LOST);
}

static void change_transport(const struct flow_key *key, uint8_t tcp_flags, uint8_t *at)
{
	switch (key->proto) {
	case IPPROTO_TCP:
		at[13] = tcp_flags;
		/* fall through */
	case IPPROTO_UDP:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		memcpy(at, &key->sport, 2);
		memcpy(at + 2, &key->dport, 2);
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		at[0] = (uint8_t)ntohs(key->sport);
		at[1] = (uint8_t)ntohs(key->dport);
	}
}

void filter_header_change(const struct flow_key *key, uint8_t tcp_flags,
			  struct filter_header *header)
{
	uint8_t *net = header->byte + header->net_off;

	if (!header->net_off || header->closed)
		return;
	if (key->ethertype == ETH_P_IP) {
		memcpy(net + 12, key->src, 4);
		memcpy(net + 16, key->dst, 4);
	} else {
		memcpy(net + 8, key->src, 16);
		memcpy(net + 24, key->dst, 16);
	}
	if (header->transport_off)
		change_transport(key, tcp_flags, header->byte + header->transport_off);
}
