/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_rollup.h: the sums of table flow in talker_minute and talker_hour, kept by the SQLite sink in its
 * own transactions. All that these return is 0 or SQLite's result code.
 *
 * At each level there is a frontier, meta.rollup_minute_ms and meta.rollup_hour_ms. What ended before
 * it has its rows: exactly the records of table flow. What ends later has none yet, and is summed in
 * memory, where a bucket is no more than what table flow has of it: it can be made again from there.
 *
 *        late: into rows            open: in memory                not in memory
 *   ─────────────────────────┤──────────┬──────────┬──────────┤────────────────────────► end of a record
 *                        frontier                           horizon
 *
 * A minute is written when no record of it comes in the ordinary way, and goes into its hour then; so
 * does what comes later. Nothing that is in memory before a transaction is changed by one that fails.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flowd/rollup_list.h"
#include "flowd/rollup_store.h"
#include "flowd/sink.h"

struct db_rows;

struct sink_rollup {
	struct sink_rollup_config config;
	struct rollup_store store;
	struct sqlite3_stmt *put_meta;
	struct sqlite3_stmt *first; /* flow from an id on */
	bool loaded;
	bool settled;		     /* what loading changed is committed */
	int64_t newest_ms;	     /* end of any record, where it is the clock */
	int64_t from[ROLLUP_LEVELS]; /* frontiers, in minutes */
	int64_t stays;	 /* a minutes' frontier that is ahead of the clock, and is not moved back */
	int64_t horizon; /* in minutes; INT64_MAX: all is in memory */
	int64_t unread, unread_end; /* minutes that are written, and not in the open hours yet */
	struct rollup_list open[ROLLUP_LEVELS];
	/* of the transaction that is under way: */
	int64_t next[ROLLUP_LEVELS];
	int64_t next_horizon;
	int64_t due;				/* minutes before it are written */
	struct rollup_list done[ROLLUP_LEVELS]; /* that are written: copies, and what they got */
	struct rollup_list late[ROLLUP_LEVELS];
};

/* The batch's records as they are in table flow, and their ends there, in the order of the rows. */
struct sink_rollup_batch {
	const struct db_rows *rows;
	const int64_t *end_ms;
};

int sink_rollup_prepare(struct sink_rollup *s, struct sqlite3 *db);
void sink_rollup_free(struct sink_rollup *s);

/* At the begin of a transaction: what is not in memory, or some of it, is read from table flow. */
int sink_rollup_begin(struct sink_rollup *s);

/* The batch's records are in table flow: into rows what is due of them and of memory. */
int sink_rollup_write(struct sink_rollup *s, const struct sink_rollup_batch *batch);

/* The transaction is in. */
void sink_rollup_committed(struct sink_rollup *s, const struct sink_rollup_batch *batch);

/* It was rolled back. */
void sink_rollup_forget(struct sink_rollup *s);

/* All hours that have begun into rows, in a transaction of the caller's; then as above, without a batch. */
int sink_rollup_flush(struct sink_rollup *s);
