/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sweep.h: from slots and the evicted ring to conversations, and from records back to marks.
 *
 *   visit    slots used since the last pass: what they gained goes to expire_add
 *   absorb   ring records: a slot's last gains; read before a slot's new life is looked at
 *   export   conversations that are due: records into the batch, pending marks on their slots
 *   settle   the batch is committed: pending marks become committed, the ring is released
 *
 * The obs[] books are the sum of what visit and absorb found, and are held against the hooks' own counters,
 * read before and after the pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/books.h"
#include "flowd/clock.h"
#include "flowd/counters.h"
#include "flowd/early.h"
#include "flowd/expire.h"
#include "flowd/limit.h"
#include "flowd/maps.h"
#include "flowd/ring.h"
#include "flowd/side.h"
#include "flowd/sink.h"

#define SWEEP_BATCH_MAX 262144 /* records of one transaction */

struct sweep_stats {
	uint64_t sweeps;
	uint64_t visited;	  /* slots, in the last pass */
	uint64_t last_us, max_us; /* of a pass, export included */
	uint64_t absorbed;	  /* ring records */
	uint64_t given;		  /* times that they were given back before they were committed */
	uint64_t stale;		  /* ring records of a life that had been read already: a bug */
	uint64_t torn;		  /* slots whose key changed too fast to be read: next time */
	uint64_t folded;  /* deltas folded by flowd: its table is full, or there is no memory */
	uint64_t starved; /* exports without memory for all that was due */
};

struct sweep {
	struct maps *maps;
	struct ring ring;
	struct early early;
	struct expire *expire;
	struct outer *outer;
	struct side *side;		       /* [sets * FLOW_WAYS] */
	struct flow_health_count *health_read; /* [sets * FLOW_WAYS], beside side[] */
	struct sweep_iface iface[FLOW_IFACES];
	uint32_t lefts; /* in left[]: nothing counts under them, and their flows end */
	bool left[FLOW_IFACES];
	struct counters counters;
	struct limit limit;
	bool any_folded; /* some side is SIDE_FOLDED */
	char *moved;	 /* text of batch.moved_values */
	struct sweep_stats stats;
	struct sink_batch batch;
	/* NULL, or the ring's records are of another layout: what they would be in this one */
	void (*translate)(void *arg, const void *record, size_t size, struct flow_evicted *ret);
	void (*fill)(void *arg, struct sink_batch *batch); /* what else goes with it; or NULL */
	void *translate_arg, *fill_arg;
	bool whole;	   /* all of it in one batch */
	uint32_t *pending; /* [2 * sets * FLOW_WAYS]: marked again where an interface is left */
	size_t pendings;
	bool in_flight;
	bool starved;	  /* there was no memory for all that was due: it waits */
	bool lost;	  /* marks say that more was committed than the database has */
	bool struck;	  /* the books were balanced after the last gains */
	uint64_t number;  /* of the batch in hand or in flight; last_sweep once it is in */
	uint32_t since;	  /* epoch before which slots need not be visited, */
	bool look_all;	  /* but all are where packets are */
	uint64_t missing; /* more than after the last pass over all */
	struct clock_offset offset; /* now; before it was: */
	struct clock_steps steps;
};

/* From a predecessor's marks, its last sweep and ring position (0, 0: none); of unclaimed maps by sweep_take(). 0 or -errno. */
int sweep_open(struct maps *maps, const struct expire_conf *conf, uint64_t last_sweep,
	       uint64_t ring_pos, struct sweep *ret_sweep);
int sweep_take(struct sweep *sweep, uint64_t last_sweep, uint64_t ring_pos);
void sweep_close(struct sweep *sweep);

/*
 * Read the evicted ring, at any time; cheap where it is empty. Records stay in it until they are committed; where it
 * is half full they go back at once (early.h). Where there is no room the hooks fold.
 */
void sweep_absorb(struct sweep *sweep);

/* So much is in the ring that it should be exported now rather than with the next sweep. */
bool sweep_pressed(const struct sweep *sweep);

/* The marks of a slot, by its number. */
struct flow_mark *sweep_mark(const struct sweep *sweep, uint32_t index);
struct flow_health_mark *sweep_health_mark(const struct sweep *sweep, uint32_t index);

/* One pass over the slots; `all`: also those that seem unused since the last. */
void sweep_visit(struct sweep *sweep, bool all);

/*
 * Fill the batch with what is due (all: with everything) and with the ledger rows. True: there is
 * something to write. Not while a batch is in flight. Without memory all stays as it was (starved).
 */
bool sweep_export(struct sweep *sweep, bool all);

/* A new epoch, after every sweep: each slot's next packet sees whether it was exported; idle slots go first. */
void sweep_turn(struct sweep *sweep);

/* The batch is committed. */
void sweep_settle(struct sweep *sweep);

/* Every record that is not committed yet, that of the batch in flight first. */
typedef bool sweep_show(void *arg, const struct flow_record *rec);
void sweep_live(struct sweep *sweep, sweep_show *show, void *arg);

struct clock_offset sweep_offset(const struct sweep *sweep, uint64_t mono_ns); /* at that time */
