/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rollup_store.h: buckets in and out of the tables talker_minute and talker_hour and their tails. All
 * that these return is 0 or SQLite's result code.
 */
#pragma once

#include "flowd/rollup_rows.h"

enum rollup_level {
	ROLLUP_MINUTE,
	ROLLUP_HOUR,
	ROLLUP_LEVELS,
};

enum rollup_statement {
	ROLLUP_WRITE,	    /* all that talker_rows gives */
	ROLLUP_WRITE_PLAIN, /* of which nothing has more than packets and bytes */
	ROLLUP_ADD,	    /* a row, or to it */
	ROLLUP_TAIL,	    /* likewise of the tail's table */
	ROLLUP_HAS_TAIL,
	ROLLUP_KEYS, /* of a bucket and kind */
	ROLLUP_DROP,
	ROLLUP_DROP_TAIL,
	ROLLUP_STATEMENTS,
};

struct rollup_store {
	struct sqlite3 *db;
	struct sqlite3_stmt *stmt[ROLLUP_LEVELS][ROLLUP_STATEMENTS];
	struct rollup_rows rows; /* of the bucket that is written */
};

/* Once, before the first use; the struct stays where it is. */
int rollup_store_open(struct rollup_store *store, struct sqlite3 *db);
void rollup_store_close(struct rollup_store *store);

/* A bucket of which there is no row yet: the `keys` that count for most, and the tail. */
int rollup_store_write(struct rollup_store *store, enum rollup_level level,
		       const struct rollup *rollup, uint32_t keys);

/*
 * What came after its bucket was written, into its rows. A key that has none gets one where nothing is
 * left of the bucket and there are fewer than `keys`; else it goes to the tail.
 */
int rollup_store_merge(struct rollup_store *store, enum rollup_level level,
		       const struct rollup *rollup, uint32_t keys);

/* Rows of that minute and later go. */
int rollup_store_drop(struct rollup_store *store, enum rollup_level level, int64_t minute);
