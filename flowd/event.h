/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event.h: what the kernel said of packets and connections, from the trace programs' maps to the
 * conversations and to rows of table event.
 *
 *   read     each sweep: what counts gained goes to the conversations (expire_say), so do ended sockets
 *   turn     new events go to the next generation; the one before is retired
 *   fill     a sweep later: the retired generation's rows go with the batch, and its number
 *   settle   the batch is in: the retired generation's cells are cleared
 *
 * Rows are exact over any end of flowd: cells are cleared only after the transaction with the rows
 * and the generation's number; whoever finds a retired generation compares it with the number. What
 * conversations are told is kept in memory alone: a kill loses it, and repeats nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/event_rows.h"
#include "schema/event.h"
#include "schema/fields.h"

struct flowd;
struct event;
struct event_memory;
struct places;
struct reasons;
struct sink_batch;

struct event_stats {
	uint64_t told[EVENT_MAX]; /* packets, of generations that are drained */
	uint64_t folded;	  /* of them */
	uint64_t rows;
	uint64_t turns;
	uint64_t closes;       /* ended connections */
	uint64_t closes_alone; /* that no conversation was found for */
	uint64_t unclaimed;    /* packets of drops and retransmits likewise */
};

/*
 * On flowd->trace, which is open. `committed`: the last generation that the database has of these
 * maps, 0: none. 0 or -errno.
 */
int event_open(struct flowd *flowd, uint32_t committed, struct event **ret_event);
void event_free(struct event *event);

void event_read(struct event *event);
void event_fill(struct event *event, struct sink_batch *batch);
void event_settle(struct event *event);
void event_turn(struct event *event);

/* The wall clock was set: what was counted before is to be a generation of its own, if that can be. */
void event_cut(struct event *event);

/* After the programs are gone: retire what there is. False: all is drained. */
bool event_finish(struct event *event);

/* Every row that is not committed yet. */
typedef bool event_show(void *arg, const struct event_record *rec);
void event_live(struct event *event, event_show *show, void *arg);

/* The interface's number as in flow keys and its row in the database; 0: it is not counted. */
uint32_t event_ifnum(const struct event *event, uint32_t ifindex);

const struct event_stats *event_stats(const struct event *event);

/* What is counted of `what` and not drained yet: packets; *ret_folded: of them without a flow. */
uint64_t event_pending(struct event *event, uint32_t what, uint64_t *ret_folded);
