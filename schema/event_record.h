/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event_record.h: what flowd makes of the kernel's events and counters, for sinks and flowctl. */
#pragma once

#include <stdint.h>

#include "flow.h"

/*
 * What the kernel said of a flow's packets in an interval: a row of table event. Counts of one flow,
 * reason and place; folded: of flows that found no room, whose key is 0 but for ifnum and dir.
 */
struct event_record {
	int64_t start_ms; /* UTC: of the interval in which it was counted */
	int64_t end_ms;
	struct flow_key key; /* ifnum has no meaning here */
	uint64_t packets;
	uint64_t bytes;
	uint64_t skbs;
	uint32_t iface; /* interface.id; 0: of an interface that is not counted, or none */
	uint8_t what;	/* enum event_what */
	uint8_t folded;
	uint8_t pad[2];
	char reason[48]; /* without SKB_DROP_REASON_; of retransmits the kind; empty: none */
	char place[64];	 /* symbol+offset; empty: none */
	char device[16]; /* name of the interface; empty: none */
};

/*
 * What a counter of the kernel beside the packets' path gained in a minute: a row of table counter.
 * source: link (rtnl stats64), ethtool, qdisc, softnet.
 */
struct counter_record {
	int64_t minute_ms;
	uint64_t value;
	uint32_t iface; /* interface.id; 0: of the host */
	uint32_t pad;
	char source[8];
	char name[48];
};

_Static_assert(sizeof(struct event_record) == 232 && sizeof(struct counter_record) == 80,
	       "go over the control socket as they are");
