/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* community.c: see community.h. Types of ICMP: RFC 792, 950, 1256, 4443, 4861, 4620, 6275. */
#include "cli/community.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <string.h>

#define PREFIX "1:"
#define PREFIX_SIZE (sizeof(PREFIX) - 1)
#define BASE64_SIZE BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE)
#define DIGEST_MAX 48 /* of what is hashed: 41 bytes with IPv6 */

_Static_assert(PREFIX_SIZE + BASE64_SIZE + 1 == COMMUNITY_ID_SIZE, "as community.h says");

/* Types of which each is the other's answer. */
static const uint8_t icmp_pairs[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}, {10, 9}};
static const uint8_t icmp6_pairs[][2] = {{128, 129}, {133, 134}, {135, 136},
					 {130, 131}, {139, 140}, {144, 145}};

#define PAIRS(table) (sizeof(table) / sizeof((table)[0]))

/* The type that answers this one, or that it answers; -1: none does. */
static int counterpart(const uint8_t (*pairs)[2], size_t count, unsigned int type)
{
	for (size_t i = 0; i < count; i++) {
		if (pairs[i][0] == type)
			return pairs[i][1];
		if (pairs[i][1] == type)
			return pairs[i][0];
	}
	return -1;
}

struct end {
	const void *address;
	uint16_t port; /* network order */
};

/* How the first of two ends compares with the second: their order in the hash. */
static int compare_ends(const struct end *a, const struct end *b, size_t size)
{
	int order = memcmp(a->address, b->address, size);

	return order ? order : memcmp(&a->port, &b->port, sizeof(a->port));
}

static size_t put(uint8_t *to, size_t at, const void *from, size_t size)
{
	memcpy(to + at, from, size);
	return at + size;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* Ports of ICMP: the type and its answer's; where there is none, its code, and no end goes first. */
static bool is_one_way(const struct flow_key *key, uint16_t *ret_other)
{
	unsigned int type = ntohs(key->sport);
	int other;

	if (key->proto == IPPROTO_ICMP)
		other = counterpart(icmp_pairs, PAIRS(icmp_pairs), type);
	else if (key->proto == IPPROTO_ICMPV6)
		other = counterpart(icmp6_pairs, PAIRS(icmp6_pairs), type);
	else
		return false;
	*ret_other = other < 0 ? key->dport : htons((uint16_t)other);
	return other < 0;
}

static size_t put_flow(const struct flow_key *key, uint8_t bytes[DIGEST_MAX])
{
	size_t size = key->ethertype == ETH_P_IP ? 4 : 16, at = 2; /* behind a seed of 0 */
	struct end src = {key->src, key->sport}, dst = {key->dst, key->dport};
	bool one_way = is_one_way(key, &dst.port), ports = has_ports(key->proto);
	const struct end *first = &src, *second = &dst;

	if (!ports)
		src.port = dst.port = 0;
	if (!one_way && compare_ends(&src, &dst, size) > 0) {
		first = &dst;
		second = &src;
	}
	at = put(bytes, at, first->address, size);
	at = put(bytes, at, second->address, size);
	bytes[at++] = key->proto;
	bytes[at++] = 0;
	if (!ports)
		return at;
	at = put(bytes, at, &first->port, sizeof(first->port));
	return put(bytes, at, &second->port, sizeof(second->port));
}

bool community_id(const struct flow_key *key, char ret_id[COMMUNITY_ID_SIZE])
{
	uint8_t bytes[DIGEST_MAX] = {0}, digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha1;

	if ((key->ethertype != ETH_P_IP && key->ethertype != ETH_P_IPV6) ||
	    (key->marks & (FLOW_MARK_FOLDED | FLOW_MARK_CATCHALL)))
		return false;
	sha1_init(&sha1);
	sha1_update(&sha1, put_flow(key, bytes), bytes);
	sha1_digest(&sha1, sizeof(digest), digest);
	memcpy(ret_id, PREFIX, PREFIX_SIZE);
	base64_encode_raw(ret_id + PREFIX_SIZE, sizeof(digest), digest);
	ret_id[COMMUNITY_ID_SIZE - 1] = '\0';
	return true;
}

bool community_id_match(const char *wanted, const struct flow_key *key)
{
	char id[COMMUNITY_ID_SIZE];

	return !wanted || (community_id(key, id) && !strcmp(id, wanted));
}

bool community_id_is(const char *text)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return strlen(text) == COMMUNITY_ID_SIZE - 1 && !strncmp(text, PREFIX, PREFIX_SIZE) &&
	       strspn(text + PREFIX_SIZE, letters) == BASE64_SIZE - 1 &&
	       text[COMMUNITY_ID_SIZE - 2] == '=';
}
