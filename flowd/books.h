/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * books.h: does what was found equal what was seen, and the ledger rows that say so.
 *
 * The hooks go on counting while the slots are read, so what was found has to lie between the
 * hooks' own counts before and after the pass; where traffic rests the three are equal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flowd/nic.h"
#include "schema/control.h"
#include "schema/flow.h"

struct expire_record;
struct sweep;

/* Interface numbers of this generation of maps: whose they are, and their books. */
struct sweep_iface {
	uint32_t id;  /* interface.id, 0: unused number */
	bool opening; /* counted before this database knew it: see books_open */
	struct sweep_books {
		struct flow_count obs;	    /* found in slots and ring, since the maps were made */
		struct flow_count recorded; /* of it, handed to the sink */
		struct flow_count booked;   /* of it, in ledger rows as seen */
		struct flow_count verdict[VERDICT_MAX]; /* in ledger rows */
		struct {
			struct flow_count recorded, booked, verdict[VERDICT_MAX];
		} settled;		    /* the same three as of the last commit */
		struct flow_count moved[2]; /* by flowd, to folded and catch-all: books_moved.h */
		struct {
			struct flow_count recorded, moved[2];
		} folding;		     /* in hand, to be added to these with the next batch */
		struct flow_count low, high; /* the hooks' own count before and after the pass */
		int64_t unaccounted_packets, unaccounted_bytes;
		struct nic_book nic; /* the NIC's own count beside the hooks' */
	} books[2];
};

bool books_same(struct flow_count a, struct flow_count b);

static inline void books_count(struct flow_count *to, uint64_t packets, uint64_t bytes)
{
	to->packets += packets;
	to->bytes += bytes;
}

/* interface.id of each number. */
void books_ids(const struct sweep *sweep, uint32_t ret_ids[FLOW_IFACES]);

/* Read the hooks' counters before the pass; after it read them again and strike the balance. */
void books_read(struct sweep *sweep, bool after);

/*
 * After the balance: what is missing may be in a slot whose packet took longer than two epochs, or that was being
 * written to in each pass, where a processor stood still. Then the next pass is over all slots, and each eighth while it is
 * not found.
 */
void books_weigh(struct sweep *sweep, bool all);

/*
 * Book a record as recorded. The reverse half belongs to the other direction's books, but for a
 * mirror port's.
 */
void books_record(struct sweep *sweep, const struct expire_record *rec);

/* Packets came in during the pass, on an interface whose books are to be opened. */
bool books_moving(const struct sweep *sweep);

/*
 * After the first pass over maps that another database kept the books of: what was counted before
 * and is not in the maps any more is that one's. True where there was any such interface.
 */
bool books_open(struct sweep *sweep);

/*
 * Add the ledger row of an interface and direction to the batch; none where nothing changed.
 * recorded_before: what was recorded when the batch was begun. 0 or -ENOMEM.
 */
int books_export(struct sweep *sweep, uint32_t ifnum, uint32_t dir,
		 struct flow_count recorded_before);

/* Packets and bytes of a verdict as of now: of the hooks' sum, and of what flowd folded. */
struct flow_count books_verdict(const struct sweep_books *books, const struct flow_ledger *sum,
				int v);

/* The batch with the rows is committed. */
void books_settle(struct sweep *sweep);

/* What the database does not have yet of an interface and direction. */
void books_live(const struct sweep *sweep, uint32_t ifnum, uint32_t dir,
		struct control_books *ret_books);
