/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay_tcp.h: health.bpf.h's work on the host: sequence analysis and round trips of a slot of a
 * replay's cache. A capture's clock is exact, so each packet has its own time.
 */
#pragma once

#include "flowd/replay_cache.h"
#include "schema/rtt.h"

/* The slot has another key now. */
static inline void replay_tcp_begin(struct flow_slot *slot, struct flow_health *health)
{
	if (slot->tcp_state & TCP_HEALTH)
		*health = (struct flow_health){.rtt_min_us = 0};
	slot->tcp_state = slot->tcp_dups = 0;
	slot->tcp_tsval = slot->tcp_tsecr = 0;
}

/* What the slot gained was handed over: what its connection's state is stays. */
static inline void replay_tcp_given(const struct flow_slot *slot, struct flow_health *health)
{
	if (slot->tcp_state & TCP_HEALTH)
		*health = (struct flow_health){
			.initial_ns = health->initial_ns,
		};
}

/* The same after the slot moved. */
static inline void replay_tcp_move(const struct flow_slot *slot, struct flow_health *to,
				   const struct flow_health *from)
{
	if (!(slot->tcp_state & TCP_HEALTH))
		return;
	*to = *from;
	replay_tcp_given(slot, to);
}

/* What is not plain; and what timestamps and echoes want, enum rtt_wants. */
void replay_tcp_look(struct replay_cache *cache, uint32_t number, const struct flow_facts *f,
		     uint64_t ns);
void replay_tcp_stamp(struct replay_cache *cache, uint32_t number, const struct flow_facts *f,
		      uint32_t wants, uint64_t ns);

/* Before a packet with f->segment is counted in the slot of that number. */
static inline void replay_tcp(struct replay_cache *cache, uint32_t number,
			      const struct flow_facts *f, uint64_t ns)
{
	struct flow_slot *slot = &cache->set[number / FLOW_WAYS].slot[number % FLOW_WAYS];
	uint32_t wants;

	if ((f->segment & PARSE_SEGMENT_TCP) && !tcp_plain(slot, f, ns))
		replay_tcp_look(cache, number, f, ns);
	wants = rtt_wants(slot, f);
	if (wants)
		replay_tcp_stamp(cache, number, f, wants, ns);
}
