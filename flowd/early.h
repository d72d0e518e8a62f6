/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * early.h: records of the evicted ring that go back before their transaction, so that a flood finds room
 * while the disk works. Whose the packets are is then in flowd's memory alone; how many they are, of each
 * interface and direction, is in a pinned map, and a successor of a flowd that was killed puts that sum into
 * the catch-all: detail can be lost by a kill, packets and bytes cannot.
 *
 *   read, not given back     own[0] own[1]          a successor reads these records again
 *   given back               cell: with   after     a successor adds these sums, as its database says
 *                                  │      └ of the batch that comes next
 *                                  └ of the batch in flight, whose number is there
 *
 * The cell has two versions: one is made, then it is the valid one at once. Pure, but for the cell's memory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/flow.h"

struct ring;

struct early {
	struct flow_early *cell;       /* outlives flowd; NULL: nothing is given back early */
	struct flow_early_sum *own[2]; /* [FLOW_EARLY_SUMS] */
	uint64_t number;	       /* of the batch in flight; 0: none */
	bool any[2];		       /* in own[] */
	bool given[2];		       /* in the cell: with, after */
	bool left;		       /* early_left has something that was not taken yet */
};

/*
 * Take over what a predecessor left: what it had in flight counts as committed where its number is last_sweep or
 * less. Returns in ret_pos up to where the ring's records are in these sums. 0 or -ENOMEM.
 */
int early_open(struct flow_early *cell, uint64_t last_sweep, struct early *ret_early,
	       uint64_t *ret_pos);
void early_close(struct early *early);

/* Nothing is known of these maps any more: another database keeps their books. */
void early_forget(struct flow_early *cell);

/* The sums that a predecessor left, [FLOW_EARLY_SUMS]; they go with the next batch. Clears `left`. */
const struct flow_early_sum *early_left(struct early *early);

/* A record was read: it has more than the slot's marks say. */
void early_count(struct early *early, const struct flow_evicted *record,
		 const struct flow_mark *mark);

/* All that was read goes back to the ring. False: nothing does early. */
bool early_give(struct early *early, struct ring *ring);

/* A batch has all that was read; it is committed. */
void early_export(struct early *early, uint64_t number);
void early_settle(struct early *early);
