/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay_send.h: for tests: packets of a few hosts through a replay's cache, and the health that each
 * direction is said to have. Include after cmocka.h.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "flowd/replay_tcp.h"
#include "tcp_feed.h"

#define MS 1000000ULL
#define SEC (1000 * MS)
#define HOSTS 4

static struct replay_cache cache;
static uint64_t start_ns;
/* By who sent and to whom. */
static struct flow_health health[HOSTS][HOSTS];
static bool v6;
static uint8_t way_of_odd; /* the direction of what hosts of odd numbers send, enum flow_dir */

/* A packet at that time after the start. */
struct sent {
	uint64_t ns;
	int from, to;
	uint8_t flags;
	uint8_t segment;
	uint32_t seq, ack, tsval, tsecr, len;
};

static inline void add_health(struct flow_health *to, const struct flow_health *h)
{
	to->count.rtt_count += h->count.rtt_count;
	to->count.rtt_sum_us += h->count.rtt_sum_us;
	to->count.retransmits += h->count.retransmits;
	to->count.out_of_order += h->count.out_of_order;
	to->count.dup_acks += h->count.dup_acks;
	to->rtt_min_us =
		to->rtt_min_us && to->rtt_min_us < h->rtt_min_us ? to->rtt_min_us : h->rtt_min_us;
	to->rtt_max_us = to->rtt_max_us > h->rtt_max_us ? to->rtt_max_us : h->rtt_max_us;
	if (h->handshake_us)
		to->handshake_us = h->handshake_us;
}

static inline void take_gain(void *arg, uint32_t number, const struct flow_slot *slot,
			     enum replay_when when)
{
	const struct flow_health *h = replay_cache_health(&cache, number);

	(void)arg;
	if (h && (when == REPLAY_GAIN || when == REPLAY_LAST))
		add_health(&health[slot->key.src[3] & 0xff][slot->key.dst[3] & 0xff], h);
}

static inline int setup(void **state)
{
	(void)state;
	memset(health, 0, sizeof(health));
	start_ns = 1700000000 * SEC;
	v6 = false;
	way_of_odd = FLOW_INGRESS;
	return replay_cache_open(&cache, 1 << 20, take_gain, NULL);
}

static inline int teardown(void **state)
{
	(void)state;
	replay_cache_close(&cache);
	return 0;
}

/* IPv4 hosts have a word 3 too, which changes nothing of what is asked here. */
static inline void send(struct sent s)
{
	struct flow_facts *f = replay_cache_next(&cache);

	*f = (struct flow_facts){
		.key = {.ethertype = v6 ? 0x86dd : 0x0800, .ifnum = 1},
		.packets = 1,
		.tcp_flags = s.flags,
		.seq = s.seq,
		.ack = s.ack,
		.tsval = s.tsval,
		.tsecr = s.tsecr,
		.payload = s.len,
		.window = 500,
		.segment = s.segment,
	};
	f->key.src[0] = f->key.dst[0] = v6 ? 0x0a0a0a0a : 0;
	f->key.src[3] = (uint32_t)s.from;
	f->key.dst[3] = (uint32_t)s.to;
	if (s.segment & PARSE_SEGMENT_TCP) {
		f->key.proto = 6;
		f->key.dir = s.from & 1 ? way_of_odd : FLOW_INGRESS;
		f->key.sport = (uint16_t)(100 + s.from);
		f->key.dport = (uint16_t)(100 + s.to);
	} else {
		f->key.proto = v6 ? 58 : 1;
		f->key.sport = s.segment & PARSE_SEGMENT_ECHO ? 8 : 0;
	}
	replay_cache_add(&cache, cache_hash(&f->key, cache.seed), start_ns + s.ns);
}

/* TCP; a segment with timestamps; an echo request and a reply. */
static inline void tcp(uint64_t ns, int from, int to, uint8_t flags, uint32_t seq, uint32_t ack)
{
	send((struct sent){.ns = ns,
			   .from = from,
			   .to = to,
			   .flags = flags,
			   .seq = seq,
			   .ack = ack,
			   .segment = PARSE_SEGMENT_TCP});
}

static inline void data(uint64_t ns, int from, int to, uint32_t seq, uint32_t ack, uint32_t len)
{
	send((struct sent){.ns = ns,
			   .from = from,
			   .to = to,
			   .flags = ACK,
			   .seq = seq,
			   .ack = ack,
			   .len = len,
			   .segment = PARSE_SEGMENT_TCP});
}

static inline void stamped(uint64_t ns, int from, int to, uint32_t len, uint32_t tsval,
			   uint32_t tsecr)
{
	static uint32_t next[HOSTS][HOSTS];

	send((struct sent){.ns = ns,
			   .from = from,
			   .to = to,
			   .flags = ACK,
			   .seq = next[from][to],
			   .ack = next[to][from],
			   .tsval = tsval,
			   .tsecr = tsecr,
			   .len = len,
			   .segment = PARSE_SEGMENT_TCP | PARSE_SEGMENT_STAMPED});
	next[from][to] += len;
}

static inline void echo(uint64_t ns, int from, int to, uint8_t segment, uint32_t token)
{
	send((struct sent){.ns = ns, .from = from, .to = to, .seq = token, .segment = segment});
}

static inline void ping(uint64_t ns, int from, int to, uint32_t token)
{
	echo(ns, from, to, PARSE_SEGMENT_ECHO, token);
}

static inline void pong(uint64_t ns, int from, int to, uint32_t token)
{
	echo(ns, from, to, PARSE_SEGMENT_REPLY, token);
}

/* A packet of somebody else. */
static inline void other_flow(uint64_t ns, uint16_t sport, uint16_t dport)
{
	struct flow_facts *f = replay_cache_next(&cache);

	*f = (struct flow_facts){
		.key = {.ifnum = 2, .proto = 17, .sport = sport, .dport = dport},
		.packets = 1,
	};
	replay_cache_add(&cache, cache_hash(&f->key, cache.seed), start_ns + ns);
}

/* The direction still has its slot. */
static inline bool is_held(int from, int to)
{
	for (uint32_t i = 0; i < cache.sets * FLOW_WAYS; i++) {
		const struct flow_key *key = &cache.set[i / FLOW_WAYS].slot[i % FLOW_WAYS].key;

		if (cache.set[i / FLOW_WAYS].tag[i % FLOW_WAYS] && key->ifnum == 1 &&
		    key->src[3] == (uint32_t)from && key->dst[3] == (uint32_t)to)
			return true;
	}
	return false;
}

/* What all slots gained. */
static inline void take_all(void)
{
	replay_cache_sweep(&cache);
	for (uint32_t i = 0; i < cache.sets * FLOW_WAYS; i++)
		replay_cache_pull(&cache, i);
}

static inline void expect(int from, int to, uint32_t count, uint64_t sum)
{
	take_all();
	assert_int_equal(health[from][to].count.rtt_count, count);
	assert_int_equal(health[from][to].count.rtt_sum_us, sum);
}
