/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_key.c: see plan_key.h. */
#include "cli/plan_key.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <string.h>

#include "cli/anonymize.h"

static void pack_address(const struct flow_key *key, const __be32 *addr, uint64_t *to,
			 uint32_t *ret_is)
{
	if (key->ethertype == ETH_P_IPV6) {
		memcpy(to, addr, 16);
		*ret_is = PLAN_ADDRESS_IPV6;
	} else {
		to[0] = ntohl(addr[0]);
		*ret_is = PLAN_ADDRESS_IPV4;
	}
}

void plan_pack(enum talker_kind kind, const struct flow_key *key, struct plan_key *ret_key)
{
	int addresses = talker_addresses(kind, key);

	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->what = talker_pack(kind, key);
	if (addresses > 0)
		pack_address(key, key->src, ret_key->src, &ret_key->src_is);
	if (addresses > 1)
		pack_address(key, key->dst, ret_key->dst, &ret_key->dst_is);
}

static uint16_t unpack_address(const uint64_t *from, uint32_t is, __be32 *addr)
{
	if (is == PLAN_ADDRESS_IPV6)
		memcpy(addr, from, 16);
	else
		addr[0] = htonl((uint32_t)from[0]);
	return is == PLAN_ADDRESS_IPV6 ? ETH_P_IPV6 : is == PLAN_ADDRESS_IPV4 ? ETH_P_IP : 0;
}

static bool is_known(const struct flow_key *key, const __be32 *addr)
{
	static const __be32 none[4];

	return !(key->marks & FLOW_MARK_FOLDED) || memcmp(addr, none, sizeof(none)) != 0;
}

static void anonymize_one(struct anonymize *anon, const struct flow_key *key, __be32 *addr)
{
	if (!is_known(key, addr))
		return;
	if (key->ethertype == ETH_P_IPV6)
		anonymize_ip6(anon, addr);
	else
		anonymize_ip4(anon, addr);
}

void plan_anonymize(struct anonymize *anon, enum talker_kind kind, struct flow_key *key)
{
	int addresses = talker_addresses(kind, key);
	__be32 src[4];

	if (addresses > 0)
		anonymize_one(anon, key, key->src);
	if (addresses < 2)
		return;
	anonymize_one(anon, key, key->dst);
	if (memcmp(key->src, key->dst, sizeof(key->src)) <= 0)
		return;
	memcpy(src, key->src, sizeof(src));
	memcpy(key->src, key->dst, sizeof(key->src));
	memcpy(key->dst, src, sizeof(key->dst));
}

void plan_unpack(enum talker_kind kind, const struct plan_key *from, struct flow_key *ret_key)
{
	uint16_t ethertype;

	memset(ret_key, 0, sizeof(*ret_key));
	ethertype = unpack_address(from->src, from->src_is, ret_key->src);
	unpack_address(from->dst, from->dst_is, ret_key->dst);
	talker_unpack(kind, ethertype, from->what, ret_key);
}
