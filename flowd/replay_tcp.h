/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay_tcp.h: health.bpf.h's work on the host: sequence analysis and round trips of a slot of a
 * replay's cache. A capture's clock is exact, so each packet has its own time.
 */
#pragma once

#include "flowd/replay_cache.h"
#include "schema/tcp.h"

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

/* Before a packet with f->segment is counted in the slot of that number. */
void replay_tcp(struct replay_cache *cache, uint32_t number, const struct flow_facts *f,
		uint64_t ns);
