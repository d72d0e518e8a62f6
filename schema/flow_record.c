/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flow_record.c: keys and records turned round and split into their directions. Pure. */
#include "schema/flow_record.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

/* Marks of keys whose ports may be unknown, and 0 for that: no ICMP type to exchange. */
#define MARKS_PORTLESS (FLOW_MARK_FRAGMENT | FLOW_MARKS_NAMED)

bool flow_key_is_ip(const struct flow_key *key)
{
	return key->ethertype == ETH_P_IP || key->ethertype == ETH_P_IPV6;
}

static bool is_arp(const struct flow_key *key)
{
	return key->ethertype == ETH_P_ARP || key->ethertype == ETH_P_RARP;
}

static bool is_icmp(const struct flow_key *key)
{
	return flow_key_is_ip(key) && (key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6);
}

/* What answers what, or asks for it: request and reply exchanged, everything else itself. */
struct turn {
	uint16_t request;
	uint16_t reply;
};

static __be16 turn_about(const struct turn *turn, size_t count, __be16 value)
{
	for (size_t i = 0; i < count; i++) {
		if (ntohs(value) == turn[i].request)
			return htons(turn[i].reply);
		if (ntohs(value) == turn[i].reply)
			return htons(turn[i].request);
	}
	return value;
}

/* RFC 792: echo, timestamp; RFC 950: address mask. */
static const struct turn icmp_turn[] = {{8, 0}, {13, 14}, {17, 18}};
/* RFC 4443: echo; RFC 4861: router and neighbour solicitation. */
static const struct turn icmpv6_turn[] = {{128, 129}, {133, 134}, {135, 136}};
/* RFC 826, RFC 903 (reverse), RFC 2390 (inverse). */
static const struct turn arp_turn[] = {{1, 2}, {3, 4}, {8, 9}};

#define TURN(table, value) turn_about(table, sizeof(table) / sizeof((table)[0]), value)

/* DSAP and SSAP exchanged; their lowest bits are flags (group, response) and stay. */
static __be16 llc_reverse(__be16 sport)
{
	uint16_t sap = ntohs(sport);

	return htons((uint16_t)((sap & 0xfe) << 8 | (sap & 0xfe00) >> 8 | (sap & 0x0101)));
}

static void reverse_ports(const struct flow_key *key, struct flow_key *rev)
{
	if (is_icmp(key)) {
		if (key->marks & MARKS_PORTLESS)
			return;
		rev->sport = key->proto == IPPROTO_ICMP ? TURN(icmp_turn, key->sport)
							: TURN(icmpv6_turn, key->sport);
	} else if (is_arp(key)) {
		rev->sport = TURN(arp_turn, key->sport);
	} else if (key->ethertype == FLOW_ETH_LLC) {
		rev->sport = llc_reverse(key->sport);
	} else {
		rev->sport = key->dport;
		rev->dport = key->sport;
	}
}

void flow_key_reverse(const struct flow_key *key, struct flow_key *ret_key)
{
	struct flow_key rev = *key;

	memcpy(rev.src, key->dst, sizeof(rev.src));
	memcpy(rev.dst, key->src, sizeof(rev.dst));
	reverse_ports(key, &rev);
	rev.dir = key->dir == FLOW_INGRESS ? FLOW_EGRESS : FLOW_INGRESS;
	rev.outer = flow_outer_turned(key->outer);
	*ret_key = rev;
}

bool flow_key_in_tunnel(const struct flow_key *key)
{
	return key->tunnel_kind >= FLOW_TUNNEL_VXLAN && key->tunnel_kind <= FLOW_TUNNEL_GTPU;
}

void flow_key_common(const struct flow_key *key, struct flow_key *ret_key)
{
	*ret_key = *key;
	ret_key->vlan = ret_key->cvlan = 0;
	ret_key->marks &= (uint8_t) ~(FLOW_MARK_STAG | FLOW_MARK_VLAN_UNKNOWN);
	switch (key->tunnel_kind) {
	case FLOW_TUNNEL_MPLS:
	case FLOW_TUNNEL_GTPU:
	case FLOW_TUNNEL_ESP:
	case FLOW_TUNNEL_AH:
	case FLOW_TUNNEL_FABRICPATH:
		ret_key->tunnel_id = 0;
	}
}

bool flow_key_same_tags(const struct flow_key *a, const struct flow_key *b)
{
	if ((a->marks | b->marks) & FLOW_MARK_VLAN_UNKNOWN)
		return true;
	return a->vlan == b->vlan && a->cvlan == b->cvlan &&
	       !((a->marks ^ b->marks) & FLOW_MARK_STAG);
}

void flow_record_key(const struct flow_record *rec, int which, struct flow_key *ret_key)
{
	if (!which) {
		*ret_key = rec->key;
		return;
	}
	flow_key_reverse(&rec->key, ret_key);
	ret_key->tunnel_id = rec->rev_tunnel_id;
	if (rec->key.marks & FLOW_MARK_MIRRORED)
		ret_key->dir = rec->key.dir;
}

/* The socket is of both directions: its packets went one way, what it received the other. */
static void split_health(const struct flow_record *rec, int which, struct flow_record *half)
{
	static const struct half_health nothing;

	memset(half->health, 0, sizeof(half->health));
	if (rec->has_health) {
		half->health[0] = rec->health[which];
		half->has_health = memcmp(&half->health[0], &nothing, sizeof(nothing)) != 0;
	}
	if (rec->socket.has)
		half->socket.side = rec->socket.side ^ (uint8_t)which;
}

void flow_record_split(const struct flow_record *rec, int which, struct flow_record *ret_rec)
{
	struct flow_record half = *rec;

	memset(half.half, 0, sizeof(half.half));
	flow_record_key(rec, which, &half.key);
	half.rev_tunnel_id = 0;
	if (which) {
		memcpy(half.outer_src, rec->outer_dst, sizeof(half.outer_src));
		memcpy(half.outer_dst, rec->outer_src, sizeof(half.outer_dst));
	}
	half.half[0] = rec->half[which ? 1 : 0];
	split_health(rec, which ? 1 : 0, &half);
	*ret_rec = half;
}

void flow_health_add(struct flow_health_count *to, const struct flow_health_count *by)
{
	to->retransmitted_bytes += by->retransmitted_bytes;
	to->rtt_sum_us += by->rtt_sum_us;
	to->rtt_count += by->rtt_count;
	to->retransmits += by->retransmits;
	to->out_of_order += by->out_of_order;
	to->dup_acks += by->dup_acks;
	to->zero_windows += by->zero_windows;
	to->resets += by->resets;
	to->keep_alives += by->keep_alives;
	to->syn_repeats += by->syn_repeats;
}

void flow_health_subtract(struct flow_health_count *to, const struct flow_health_count *by)
{
	to->retransmitted_bytes -= by->retransmitted_bytes;
	to->rtt_sum_us -= by->rtt_sum_us;
	to->rtt_count -= by->rtt_count;
	to->retransmits -= by->retransmits;
	to->out_of_order -= by->out_of_order;
	to->dup_acks -= by->dup_acks;
	to->zero_windows -= by->zero_windows;
	to->resets -= by->resets;
	to->keep_alives -= by->keep_alives;
	to->syn_repeats -= by->syn_repeats;
}
