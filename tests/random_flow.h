/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * random_flow.h: flow records of every kind that the parser and flowd make, for property tests.
 * The sequence is the same in each run; WIRELEDGER_SEED=N takes another.
 */
#pragma once

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/fields.h"

static inline uint64_t random_u64(void)
{
	static uint64_t state;

	if (!state) {
		const char *seed = getenv("WIRELEDGER_SEED");

		state = 0x9e3779b97f4a7c15ULL ^ (seed ? strtoull(seed, NULL, 0) << 1 : 0);
	}
	state ^= state << 13; /* Marsaglia's xorshift64 */
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static inline uint64_t random_below(uint64_t limit)
{
	return random_u64() % limit;
}

static inline void random_ip(struct flow_key *key)
{
	static const uint8_t protos[] = {1, 6, 17, 33, 47, 50, 58, 132, 136, 0, 255};
	unsigned int words = random_below(2) ? 4 : 1;

	key->ethertype = words == 4 ? ETH_P_IPV6 : ETH_P_IP;
	for (unsigned int i = 0; i < words; i++) {
		key->src[i] = (__be32)random_u64();
		key->dst[i] = (__be32)random_u64();
	}
	key->proto = protos[random_below(sizeof(protos))];
	key->marks |= (uint8_t)(random_below(8) ? 0 : 1U << random_below(3));
	if (key->proto == 1 || key->proto == 58) {
		key->sport = htons((uint16_t)random_below(256));
		key->dport = htons((uint16_t)random_below(256));
	} else {
		key->sport = (__be16)random_u64();
		key->dport = (__be16)random_u64();
	}
	if (key->marks & FLOW_MARK_FRAGMENT)
		key->sport = key->dport = 0;
	if (!random_below(8)) {
		key->marks |= FLOW_MARK_FOLDED;
		memset(key->src, 0, sizeof(key->src));
		key->sport = 0;
	}
}

static inline void random_key(struct flow_key *key)
{
	memset(key, 0, sizeof(*key));
	key->dir = (uint8_t)random_below(2);
	if (!random_below(16)) {
		key->marks = FLOW_MARK_CATCHALL;
		return;
	}
	if (!random_below(4))
		key->vlan = (uint16_t)(FLOW_VLAN_TAGGED | random_below(4096));
	if (key->vlan && random_below(2))
		key->cvlan = (uint16_t)(FLOW_VLAN_TAGGED | random_below(4096));
	if (key->vlan && random_below(2))
		key->marks |= FLOW_MARK_STAG;
	switch (random_below(8)) {
	case 0:
		key->ethertype = random_below(2) ? ETH_P_ARP : ETH_P_RARP;
		key->sport = htons((uint16_t)random_below(12));
		key->src[0] = (__be32)random_u64();
		key->dst[0] = (__be32)random_u64();
		break;
	case 1:
		key->ethertype = FLOW_ETH_LLC;
		key->sport = (__be16)random_u64();
		break;
	case 2:
		key->ethertype = (uint16_t)(0x8900 + random_below(0x100));
		break;
	default:
		random_ip(key);
	}
}

static inline void random_half(struct flow_half *half, bool tcp)
{
	unsigned int shift = (unsigned int)random_below(64);

	half->packets = random_u64() >> shift;
	half->bytes = random_u64() >> shift;
	half->ip_bytes = random_u64() >> shift;
	half->tcp_flags = tcp ? (uint8_t)random_u64() : 0;
	half->tcp_syn = tcp ? random_below(2) : 0;
}

/* Padding and what a row does not hold (ifnum, tunnel) are 0, so that memcmp compares. */
static inline void random_record(struct flow_record *rec)
{
	bool tcp;

	memset(rec, 0, sizeof(*rec));
	random_key(&rec->key);
	if (!random_below(16))
		rec->key.marks |= FLOW_MARK_MIRRORED;
	tcp = flow_key_is_ip(&rec->key) && rec->key.proto == 6;
	random_half(&rec->half[0], tcp);
	if (random_below(2))
		random_half(&rec->half[1], tcp);
	rec->end_ms = (int64_t)random_below(1ULL << 43);
	rec->start_ms = rec->end_ms - (int64_t)random_below(100000) + 10;
	rec->iface = (uint32_t)random_u64();
	rec->end_reason = (uint8_t)random_below(6);
}

/* A count as flows have them: mostly none, now and then any. */
static inline uint64_t random_count(void)
{
	return random_below(3) ? 0 : random_u64() >> random_below(64);
}

static inline void random_half_health(struct half_health *health)
{
	struct flow_health_count *count = &health->count;
	uint32_t *const counts[] = {
		&count->retransmits,	     &count->out_of_order, &count->dup_acks,
		&count->zero_windows,	     &count->resets,	   &count->keep_alives,
		&count->syn_repeats,	     &health->drops,	   &health->handshake_us,
		&health->retransmits_kernel,
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		*counts[i] = (uint32_t)random_count();
	count->retransmitted_bytes = random_count();
	health->drop_bytes = random_count();
	if (random_below(2))
		return;
	count->rtt_count = (uint32_t)random_count();
	count->rtt_sum_us = random_count();
	health->rtt_min_us = (uint32_t)random_count();
	health->rtt_max_us = (uint32_t)random_count();
}

/* A name as the kernel has them: any bytes, up to a NUL. */
static inline void random_text(char *text, size_t size)
{
	size_t len = random_below(size);

	for (size_t i = 0; i < len; i++)
		text[i] = (char)(1 + random_below(255));
}

static inline void random_socket(struct flow_socket *socket)
{
	socket->has = 1;
	socket->side = (uint8_t)random_below(2);
	socket->delivery_rate = random_count();
	socket->bytes_acked = random_count();
	socket->bytes_received = random_count();
	socket->pid = (uint32_t)random_count();
	socket->srtt_us = (uint32_t)random_count();
	socket->min_rtt_us = (uint32_t)random_count();
	socket->cwnd = (uint32_t)random_count();
	socket->retransmits = (uint32_t)random_count();
	socket->delivered = (uint32_t)random_count();
	socket->lost = (uint32_t)random_count();
	random_text(socket->process, sizeof(socket->process));
}

/* What a record has beside its packets; of most nothing. */
static inline void random_health(struct flow_record *rec)
{
	static const struct half_health none[2];

	if (!random_below(3))
		random_half_health(&rec->health[0]);
	if (!random_below(3))
		random_half_health(&rec->health[1]);
	rec->has_health = memcmp(rec->health, none, sizeof(none)) != 0;
	if (!random_below(4))
		random_socket(&rec->socket);
}

/* What is around its packets: nothing, or any tunnel. */
static inline void random_tunnel(struct flow_record *rec)
{
	rec->key.tunnel_kind = (uint8_t)(random_below(3) ? 0 : random_below(FLOW_TUNNEL_MAX));
	if (!rec->key.tunnel_kind)
		return;
	rec->key.tunnel_id = (uint32_t)random_u64();
	rec->rev_tunnel_id = (uint32_t)random_u64();
	switch (random_below(3)) {
	case 0:
		return;
	case 1:
		rec->outer_ethertype = ETH_P_IPV6;
		rec->outer_src[3] = (__be32)random_u64();
		rec->outer_dst[3] = (__be32)random_u64();
		break;
	default:
		rec->outer_ethertype = ETH_P_IP;
	}
	rec->outer_src[0] = (__be32)random_u64();
	rec->outer_dst[0] = (__be32)random_u64();
}
