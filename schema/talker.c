/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* talker.c: see talker.h. */
#include "schema/talker.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#define MARKS_LOST (FLOW_MARK_FOLDED | FLOW_MARK_CATCHALL)

#define MARKS_SHIFT 16 /* of hosts and pairs */
#define PROTO_SHIFT 16 /* this and the next three of services and protocols */
#define PORT_SHIFT 24
#define SERVICE_MARKS_SHIFT 25
#define ETHERTYPE_SHIFT 33
#define CVLAN_SHIFT 16
#define VLAN_MARKS_SHIFT 32

const char *const talker_kind_name[TALKER_KINDS] = {
	[TALKER_HOST] = "host",	  [TALKER_PAIR] = "pair",   [TALKER_SERVICE] = "service",
	[TALKER_PROTO] = "proto", [TALKER_IFACE] = "iface", [TALKER_VLAN] = "vlan",
};

bool talker_has_addresses(const struct flow_key *key)
{
	static const __be32 none[4];

	return flow_key_is_ip(key) && !((key->marks & FLOW_MARK_SHORT) && !key->proto &&
					!memcmp(key->src, none, 16) && !memcmp(key->dst, none, 16));
}

bool talker_has_ports(const struct flow_key *key)
{
	if (!flow_key_is_ip(key) || (key->marks & (FLOW_MARK_FRAGMENT | FLOW_MARK_DEEP)))
		return false;
	if ((key->marks & FLOW_MARK_SHORT) && !key->sport && !key->dport)
		return false;
	return key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP ||
	       key->proto == IPPROTO_DCCP || key->proto == IPPROTO_SCTP ||
	       key->proto == IPPROTO_UDPLITE;
}

void talker_stand_in(const struct flow_key *key, struct flow_key *ret_key)
{
	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->ethertype = key->ethertype;
	ret_key->marks = key->marks & MARKS_LOST;
	if (flow_key_is_ip(key) && !ret_key->marks)
		ret_key->marks = FLOW_MARK_SHORT;
}

void talker_end(const struct flow_key *key, int end, struct flow_key *ret_key)
{
	if (!talker_has_addresses(key) || (!end && (key->marks & FLOW_MARK_FOLDED)))
		return talker_stand_in(key, ret_key);
	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->ethertype = key->ethertype;
	memcpy(ret_key->src, end ? key->dst : key->src, sizeof(ret_key->src));
}

void talker_proto(const struct flow_key *key, struct flow_key *ret_key)
{
	if (!talker_has_addresses(key))
		return talker_stand_in(key, ret_key);
	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->ethertype = ETH_P_IP; /* of either family */
	ret_key->proto = key->proto;
}

static int host_keys(const struct flow_key *key, struct talker_part part[2])
{
	talker_end(key, 0, &part[0].key);
	talker_end(key, 1, &part[1].key);
	part[0].turned = false;
	part[1].turned = true;
	return memcmp(&part[0].key, &part[1].key, sizeof(part[0].key)) ? 2 : 1;
}

static void pair_key(const struct flow_key *key, struct talker_part *part)
{
	struct flow_key src, dst;

	talker_end(key, 0, &src);
	talker_end(key, 1, &dst);
	part->turned = memcmp(src.src, dst.src, sizeof(src.src)) > 0;
	part->key = part->turned ? dst : src;
	memcpy(part->key.dst, part->turned ? src.src : dst.src, sizeof(part->key.dst));
	part->key.marks = src.marks | dst.marks;
}

/* The source of this direction is the server. */
static bool is_turned(const struct flow_record *rec)
{
	const struct flow_half *half = rec->half;

	if (!half[0].tcp_syn != !half[1].tcp_syn)
		return half[1].tcp_syn;
	return ntohs(rec->key.sport) < ntohs(rec->key.dport);
}

/* Of a folded flow the source's port is lost: the service is known where the other is the server's. */
static bool is_lost(const struct flow_record *rec)
{
	return (rec->key.marks & FLOW_MARK_FOLDED) && !rec->half[0].tcp_syn &&
	       ntohs(rec->key.dport) >= TALKER_PORT_CLIENT;
}

static void service_key(const struct flow_record *rec, struct talker_part *part)
{
	const struct flow_key *key = &rec->key;

	part->turned = false;
	talker_proto(key, &part->key);
	if (!talker_has_addresses(key))
		return;
	part->key.marks = key->marks & FLOW_MARK_FRAGMENT;
	if (!talker_has_ports(key))
		return;
	if (is_lost(rec))
		return talker_stand_in(key, &part->key);
	part->turned = !(key->marks & FLOW_MARK_FOLDED) && is_turned(rec);
	part->key.sport = part->turned ? key->sport : key->dport;
	part->key.vlan = 1;
}

static void vlan_key(const struct flow_key *key, struct flow_key *ret_key)
{
	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->vlan = key->vlan;
	ret_key->cvlan = key->cvlan;
	ret_key->marks = key->marks & FLOW_MARK_CATCHALL;
	if (!ret_key->vlan && !ret_key->marks)
		ret_key->marks = key->marks & FLOW_MARK_VLAN_UNKNOWN;
}

int talker_keys(const struct flow_record *rec, enum talker_kind kind, struct talker_part part[2])
{
	part->turned = false;
	switch (kind) {
	case TALKER_HOST:
		return host_keys(&rec->key, part);
	case TALKER_PAIR:
		pair_key(&rec->key, part);
		break;
	case TALKER_SERVICE:
		service_key(rec, part);
		break;
	case TALKER_PROTO:
		talker_proto(&rec->key, &part->key);
		break;
	case TALKER_IFACE:
		memset(&part->key, 0, sizeof(part->key));
		part->key.outer = rec->iface;
		break;
	default:
		vlan_key(&rec->key, &part->key);
	}
	return 1;
}

static uint64_t pack_ends(const struct flow_key *key)
{
	if (flow_key_is_ip(key) && !key->marks)
		return 0;
	return (uint64_t)key->marks << MARKS_SHIFT | key->ethertype;
}

static uint64_t pack_service(const struct flow_key *key)
{
	return (uint64_t)(key->ethertype ^ ETH_P_IP) << ETHERTYPE_SHIFT |
	       (uint64_t)key->marks << SERVICE_MARKS_SHIFT | (uint64_t)key->vlan << PORT_SHIFT |
	       (uint64_t)key->proto << PROTO_SHIFT | ntohs(key->sport);
}

uint64_t talker_pack(enum talker_kind kind, const struct flow_key *key)
{
	switch (kind) {
	case TALKER_HOST:
	case TALKER_PAIR:
		return pack_ends(key);
	case TALKER_SERVICE:
	case TALKER_PROTO:
		return pack_service(key);
	case TALKER_IFACE:
		return key->outer;
	default:
		return (uint64_t)key->marks << VLAN_MARKS_SHIFT |
		       (uint64_t)key->cvlan << CVLAN_SHIFT | key->vlan;
	}
}

int talker_addresses(enum talker_kind kind, const struct flow_key *key)
{
	static const __be32 none[4];

	if (kind > TALKER_PAIR || !flow_key_is_ip(key))
		return 0;
	/* with marks they are there where one is known */
	if (key->marks && !memcmp(key->src, none, 16) && !memcmp(key->dst, none, 16))
		return 0;
	return kind == TALKER_PAIR ? 2 : 1;
}

void talker_unpack(enum talker_kind kind, uint16_t ethertype, uint64_t what, struct flow_key *key)
{
	switch (kind) {
	case TALKER_HOST:
	case TALKER_PAIR:
		key->ethertype = what ? (uint16_t)what : ethertype;
		key->marks = (uint8_t)(what >> MARKS_SHIFT);
		break;
	case TALKER_SERVICE:
	case TALKER_PROTO:
		key->ethertype = (uint16_t)(what >> ETHERTYPE_SHIFT) ^ ETH_P_IP;
		key->marks = (uint8_t)(what >> SERVICE_MARKS_SHIFT);
		key->vlan = what >> PORT_SHIFT & 1;
		key->proto = (uint8_t)(what >> PROTO_SHIFT);
		key->sport = htons((uint16_t)what);
		break;
	case TALKER_IFACE:
		key->outer = (uint32_t)what;
		break;
	default:
		key->vlan = (uint16_t)what;
		key->cvlan = (uint16_t)(what >> CVLAN_SHIFT);
		key->marks = (uint8_t)(what >> VLAN_MARKS_SHIFT);
	}
}
