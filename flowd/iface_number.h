/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * iface_number.h: the numbers of interfaces in keys and books, of which there are 255, and whose they are:
 * an incarnation of an interface, which is a row of table interface.
 *
 *   free ──take──► used ──leave──► left ──tend──► given ──settle──► free
 *
 * left    nothing counts under it any more; what its keys still have is recorded at once
 * given   all of that is committed, no interface has it in the maps any more, and the row that says so
 *         (ifnum = -number) is on its way; then the number's ledger begins at 0 again. Killed before that row
 *         is in, the next flowd leaves it again; after that it finds a number that nobody has, and does the same.
 *
 * So a device that gets the index of one that is gone, or another name, is another row.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flowd/sink_batch.h"
#include "schema/flow.h"

struct flowd;
struct iface;

enum iface_number_state { NUMBER_FREE = 0, NUMBER_USED, NUMBER_LEFT, NUMBER_GIVEN };

struct iface_numbers {
	struct iface_number {
		enum iface_number_state state;
		bool dirty;	     /* the row differs from the database's, or from the batch's */
		bool sent;	     /* a batch in flight says that it is given back */
		uint64_t left_sweep; /* sweeps when it was left */
		uint64_t sample_pos; /* of the ring of samples soon after */
		struct sink_iface row;
	} number[FLOW_IFACES];
	uint32_t next_id; /* of a new row */
};

/* When the rows are known, before any number is taken: of numbers that nobody has the ledgers begin at 0. */
void iface_numbers_begin(struct flowd *flowd);

/*
 * Once all interfaces have their numbers, before the first sweep: those of a predecessor that nothing
 * counts under any more are left.
 */
void iface_numbers_open(struct flowd *flowd);

/*
 * A number and a row for the interface, whose hooks come after: it counts under that number from now on.
 * 0 or -ENOSPC.
 */
int iface_number_take(struct flowd *flowd, struct iface *iface);

/* It was taken a moment ago, and the interface cannot be counted after all. */
void iface_number_undo(struct flowd *flowd, uint32_t ifnum);

/* How it is counted has changed. */
void iface_number_note(struct flowd *flowd, const struct iface *iface);

/* Its hooks are gone, or count under another number. */
void iface_number_leave(struct flowd *flowd, uint32_t ifnum);

bool iface_numbers_any_free(const struct flowd *flowd);

/* After each sweep: give back what can be. */
void iface_numbers_tend(struct flowd *flowd);

/* Rows for the batch; and it is in. */
void iface_numbers_fill(struct flowd *flowd, struct sink_batch *batch);
void iface_numbers_settle(struct flowd *flowd);
