/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_retain.h: what leaves the database, a step at a time, in transactions of their own between those of
 * the batches. A step works for SINK_RETAIN_STEP_US at most, so that a batch that comes meanwhile waits for less than
 * 50 ms; it does one of these, the first that is due:
 *
 *   age      rows older than their limit by retain_clock.h
 *   size     while file and log are over the limit, or the disk has less left than it should (what is free
 *            in the file counts as left): rows of a time to come, then sums, then the oldest of what has been
 *            kept for the largest share of its time (schema/db_retain.h)
 *   vacuum   pages back to the file system, where the file can shrink: while it is over its limit, or a
 *            16th of it is free; not while the disk is nearly full, when others would take them
 *   hourly   interfaces that no row names any more
 *
 * Records that are not in the rollups yet stay, and so do the last hour's minutes and the last day's hours.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flowd/retain_clock.h"
#include "flowd/sink_drop.h"
#include "flowd/sink_log.h"
#include "schema/db_retain.h"

#define SINK_RETAIN_STEP_US 12000

/* What there is to say of it; copied out of the writer thread. */
struct sink_retain_stats {
	uint64_t rows
		[DB_RETAIN_LEVELS]; /* gone since flowd's start; those beside table flow apart */
	uint64_t pages;		    /* given back to the file system */
	uint64_t steps;
	uint64_t failed;
	uint64_t last_us; /* of the last step that did something */
	uint64_t max_us;
	uint64_t checkpoint_us; /* the longest copy of the log to the file, which is a step alone */
	int64_t since_ms[DB_RETAIN_LEVELS]; /* from when on all is there; 0: nothing is gone */
	int64_t used_bytes;
	int64_t free_bytes; /* of the disk */
	int64_t low_bytes;  /* below which it is nearly full; 0: nobody asks */
	int64_t over_bytes; /* still to go for the size's sake */
	bool on;
	bool disk_low;
	bool stuck; /* too much, and nothing that may go */
	int clock; /* 1: followed slowly, as it is far ahead; -1: nothing is old by it, as it is behind */
	struct sink_log log;
	char error[256]; /* of the last step; empty: it went well */
};

struct sink_retain {
	struct sqlite3 *db;
	struct db_retain_limits limits;
	struct retain_clock clock;
	struct sink_drop drop;
	struct sink_retain_stats stats;
	int rc; /* SQLite's result of the last step */
	uint64_t step_us
		[2]; /* that a step works, of rows and of pages; the less the longer commits take */
	int64_t chunk;	      /* rows dropped at once, by how long that takes */
	int64_t vacuum_pages; /* likewise */
	uint64_t hourly_ns;   /* when it is due */
	int frames;	      /* in the log */
	struct sink_log log;
	int64_t page_bytes;
	int64_t sync; /* PRAGMA synchronous, as it is to be for batches */
	bool lax;     /* it is NORMAL meanwhile */
	bool stepping;
	bool stepped; /* since the last checkpoint */
	bool shrunk;  /* likewise */
	bool ready;
	bool no_sums;	/* none are kept: records wait for none */
	bool vacuuming; /* until a 32nd is free */
	/* Tests have clocks and disks of their own. */
	int64_t (*now_ms)(void);
	uint64_t (*mono_ns)(void);
	int (*disk)(const char *path, int64_t limit, int64_t *ret_free, int64_t *ret_low);
};

/* Limits that are all 0: nothing is done. Notes them in the database. */
void sink_retain_init(struct sink_retain *r, struct sqlite3 *db,
		      const struct db_retain_limits *limits);
void sink_retain_free(struct sink_retain *r);

enum sink_retain_more {
	SINK_RETAIN_DONE,   /* until there is more */
	SINK_RETAIN_MORE,   /* when nothing else is to be done */
	SINK_RETAIN_URGENT, /* as much as comes in, or the limits are not kept */
};

/* A step; without a transaction. ret_rows: those that went. */
enum sink_retain_more sink_retain_step(struct sink_retain *r, uint64_t *ret_rows);

/* Commits are waited for from now on as they were before the last step, or a batch must not begin. SQLite's code. */
int sink_retain_strict(struct sink_retain *r);
