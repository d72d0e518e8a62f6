/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* conv.c: the rules of a conversation: who began it, when it has ended, what its record says. */
#include "flowd/conv.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

void conv_half_reset(struct half *half)
{
	memset(&half->sum, 0, sizeof(half->sum));
	half->first_ns = CONV_NEVER;
}

bool conv_closed(const struct conv *conv)
{
	const struct half *a = &conv->half[SIDE_A], *b = &conv->half[SIDE_B];

	if (a->key.proto != IPPROTO_TCP || !flow_key_is_ip(&a->key))
		return false;
	if ((a->ended | b->ended) & CONV_RST)
		return true;
	return (a->ended & CONV_FIN) && (!b->known || (b->ended & CONV_FIN));
}

/* Types and operations that ask: ICMP echo, timestamp, information, solicitations, ARP request. */
static bool key_asks(const struct flow_key *key)
{
	uint16_t type = ntohs(key->sport);

	if (key->ethertype == ETH_P_ARP || key->ethertype == ETH_P_RARP)
		return type & 1;
	if (key->ethertype == ETH_P_IP && key->proto == IPPROTO_ICMP)
		return type == 8 || type == 13 || type == 15 || type == 17;
	if (key->ethertype == ETH_P_IPV6 && key->proto == IPPROTO_ICMPV6)
		return type == 128 || type == 133 || type == 135;
	return false;
}

/* Who sent the SYN without ACK, else who was seen first, else who asks, else the higher port. */
static enum side conv_initiator(const struct conv *conv)
{
	const struct half *a = &conv->half[SIDE_A], *b = &conv->half[SIDE_B];

	if (conv->initiator >= 0)
		return (enum side)conv->initiator;
	if (!b->known || !b->sum.packets)
		return SIDE_A;
	if (a->sum.tcp_syn != b->sum.tcp_syn)
		return a->sum.tcp_syn ? SIDE_A : SIDE_B;
	if (!a->sum.packets)
		return SIDE_B;
	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? SIDE_A : SIDE_B;
	if (key_asks(&a->key) != key_asks(&b->key))
		return key_asks(&a->key) ? SIDE_A : SIDE_B;
	return ntohs(a->key.sport) >= ntohs(b->key.sport) ? SIDE_A : SIDE_B;
}

/* Bytes may come alone: counters of a live slot are read up to a packet apart. */
static bool half_any(const struct half *half)
{
	return (half->sum.packets | half->sum.bytes | half->sum.ip_bytes) != 0;
}

/* Tags are unknown where one side's are; what the other side saw is kept. */
static void merge_tags(struct flow_key *key, const struct flow_key *other)
{
	uint8_t unknown = (key->marks | other->marks) & FLOW_MARK_VLAN_UNKNOWN;

	if ((key->marks & FLOW_MARK_VLAN_UNKNOWN) && !key->vlan) {
		key->vlan = other->vlan;
		key->cvlan = other->cvlan;
		key->marks |= other->marks & FLOW_MARK_STAG;
	}
	key->marks |= unknown;
}

bool conv_record(const struct conv *conv, uint32_t number, struct expire_record *rec)
{
	enum side first = conv_initiator(conv);
	const struct half *a = &conv->half[first], *b = &conv->half[!first];

	if (!half_any(a) && !half_any(b))
		return false;
	memset(rec, 0, sizeof(*rec));
	rec->key = a->key;
	if (b->known) {
		merge_tags(&rec->key, &b->key);
		rec->rev_tunnel_id = b->key.tunnel_id;
		if (a->key.dir == b->key.dir)
			rec->key.marks |= FLOW_MARK_MIRRORED;
	}
	rec->half[0] = a->sum;
	rec->half[1] = b->sum;
	rec->start_ns = a->first_ns < b->first_ns ? a->first_ns : b->first_ns;
	if (half_any(a))
		rec->end_ns = a->last_ns;
	if (half_any(b) && b->last_ns > rec->end_ns)
		rec->end_ns = b->last_ns;
	rec->ref[0] = number * 2 + first;
	rec->ref[1] = b->known ? number * 2 + !first : EXPIRE_NONE;
	return true;
}

enum end_reason conv_reason(const struct conv *conv, const struct expire_conf *conf,
			    uint64_t now_ns, uint64_t *ret_when)
{
	const struct half *a = &conv->half[SIDE_A], *b = &conv->half[SIDE_B];
	uint64_t start = a->first_ns < b->first_ns ? a->first_ns : b->first_ns;
	uint64_t end = conv->last_ns + conf->idle_ns;
	/* of what is not added before it is asked for, the time is not known */
	uint64_t active = (start == CONV_NEVER ? now_ns : start) + conf->active_ns;
	enum end_reason reason = END_IDLE;

	if (conv->evicted)
		return END_RESOURCES;
	/* the sweep nearest to the linger's end, not the one after it */
	if (conv->closed_ns && conv->closed_ns + conf->linger_ns <= end + conf->sweep_ns / 2) {
		end = conv->closed_ns + conf->linger_ns;
		end -= end < conf->sweep_ns / 2 ? end : conf->sweep_ns / 2;
		reason = END_FLOW;
	}
	/* there may have been no sweep for long: one before the end would have cut it */
	if (now_ns >= end && (start == CONV_NEVER || end < active + conf->sweep_ns))
		return reason;
	if (now_ns >= active)
		return END_ACTIVE;
	*ret_when = end < active ? end : active;
	return END_ACTIVE_NOW;
}

bool conv_goes(const struct conv *conv, enum end_reason reason)
{
	if (reason == END_ACTIVE)
		return false;
	if (reason != END_RESOURCES)
		return true;
	return (!conv->half[SIDE_A].known || conv->half[SIDE_A].slots == EXPIRE_NONE) &&
	       (!conv->half[SIDE_B].known || conv->half[SIDE_B].slots == EXPIRE_NONE);
}
