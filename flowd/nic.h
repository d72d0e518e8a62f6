/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * nic.h: a NIC's own packet counter held against the hook's, of one interface and direction.
 *
 *   hook low ── NIC ── hook high        read in this order, so the NIC's count is of a moment between
 *
 * The two counters began at different times, so it is their gains since a first reading that are
 * compared. Where the NIC's gain lies between the hook's before and after, there is no difference;
 * else the difference is as much as cannot be helped. An error of one reading, by packets in flight,
 * is taken back by the next: errors do not add up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/flow.h"

struct nic_reading {
	struct flow_count nic, low, high;
};

struct nic_book {
	struct flow_count nic, seen; /* as read last, `seen` as it was at the moment of `nic` */
	int64_t packets, bytes;	     /* NIC less seen, since the first reading */
	int64_t booked_packets, booked_bytes; /* of it, in ledger rows */
	bool known;			      /* there was a reading */
};

/* A NIC's counter that goes back (reset, driver loaded again) starts anew: the difference stays. */
void nic_read(struct nic_book *book, const struct nic_reading *reading);

/* The difference is to be booked, or is booked. */
bool nic_unbooked(const struct nic_book *book);
void nic_booked(struct nic_book *book);
