/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group_sums.h: what is summed of records and events, and what it is sorted by. Most records have
 * nothing to say of health and drops: that part is allocated where there is something.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/event.h"
#include "schema/fields.h"

struct group_item;

/* Of TCP, by what was on the wire (records) and by the kernel's own word (events). */
struct group_health {
	uint64_t retransmits;
	uint64_t retransmitted_bytes;
	uint64_t out_of_order;
	uint64_t dup_acks;
	uint64_t zero_windows;
	uint64_t resets;
	uint64_t keep_alives;
	uint64_t syn_repeats;
	uint64_t rtt_sum_us, rtt_count;
	uint64_t rtt_min_us, rtt_max_us; /* where rtt_count is not 0 */
	uint64_t handshake_sum_us, handshakes;
	uint64_t kernel[EVENT_RETRANSMIT_MAX]; /* segments that the kernel sent again, by kind */
	uint64_t resets_sent, resets_received; /* by the kernel */
};

#define GROUP_TALLY 8

struct group_named_count {
	uint64_t packets;
	uint32_t name; /* 0: free */
};

/* Which names were there; beyond GROUP_TALLY of them, that there were more. */
struct group_tally {
	struct group_named_count of[GROUP_TALLY];
	bool more;
};

struct group_drops {
	uint64_t packets;
	uint64_t bytes;
	uint64_t skbs;
	uint64_t folded; /* packets whose flow found no room */
	struct group_tally reason, place, iface;
};

struct group_sums {
	uint64_t flows;
	uint64_t packets;
	uint64_t bytes;
	uint64_t ip_bytes;
	int64_t start_ms; /* of the records that were summed, first and last; else of the events */
	int64_t end_ms;
	struct group_health *health; /* NULL: nothing */
	struct group_drops *drops;   /* NULL: nothing */
};

/* Sums with room for what they point to, which is set where they do. */
struct group_part {
	struct group_sums sums;
	struct group_health health;
	struct group_drops drops;
};

/* An event, and what its texts are called by who adds it: numbers from 1, 0: nothing. */
struct group_event {
	const struct event_record *event;
	uint32_t reason, place, iface;
	uint32_t name; /* what it counts under beside its key */
	uint32_t time; /* likewise: any number, the earlier the smaller */
};

struct group_metric {
	const char *name;
	uint64_t (*value)(const struct group_sums *sums);
};

/* End with a NULL name; the first is the default. Of `top`, `retransmits` and `drops`. */
extern const struct group_metric group_metrics[];
extern const struct group_metric group_health_metrics[];
extern const struct group_metric group_drops_metrics[];

/* Of an item, the halves in `match` alone. */
void group_sums_of(const struct group_item *item, unsigned match, struct group_part *ret_part);

/* Add to *to, whose parts are its own. 0 or -ENOMEM. */
int group_sums_add(struct group_sums *to, const struct group_sums *sums);
void group_sums_free(struct group_sums *sums);

/* The parts alone that sums point to: their health and drops, allocated where they were not. */
int group_sums_add_more(struct group_sums *to, const struct group_sums *sums);

uint64_t group_value(const struct group_sums *sums, const struct group_metric *metric);

/* All that the kernel sent again. */
uint64_t group_kernel(const struct group_health *health);

/* retransmits in packets, in parts of `whole`; at most that. */
uint64_t group_ratio(const struct group_sums *sums, uint64_t whole);
