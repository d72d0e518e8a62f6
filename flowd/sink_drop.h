/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_drop.h: the oldest rows out of the tables of a level, some at a time, in the caller's transaction.
 * All that these return is 0 or SQLite's result code.
 *
 * meta.flow_since_ms, minute_since_ms and hour_since_ms say from when on all rows are there, and are written
 * with the rows that go. What goes of the ledger is added to table ledger_past, so that the books go on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/db_retain.h"

#define SINK_DROP_TABLES 12

struct sqlite3_stmt;

struct sink_drop {
	struct sqlite3 *db;
	struct sqlite3_stmt *oldest[SINK_DROP_TABLES];
	struct sqlite3_stmt *newest[SINK_DROP_TABLES];
	struct sqlite3_stmt *nth[SINK_DROP_TABLES];  /* ?1: below this key, ?2: how many before */
	struct sqlite3_stmt *last[SINK_DROP_TABLES]; /* likewise from the end: from this key on */
	struct sqlite3_stmt *drop[SINK_DROP_TABLES]; /* ?1 to ?2 */
	struct sqlite3_stmt *past;		     /* of the ledger, ?1 to ?2 */
	struct sqlite3_stmt *since;
};

int sink_drop_prepare(struct sink_drop *d, struct sqlite3 *db);
void sink_drop_free(struct sink_drop *d);

/* Time of the oldest and newest row of a level, but for the newest of the books; INT64_MAX and INT64_MIN: none. */
int sink_drop_oldest(struct sink_drop *d, enum db_retain_level level, int64_t *ret_ms);
int sink_drop_newest(struct sink_drop *d, enum db_retain_level level, int64_t *ret_ms);

/*
 * Drop rows of the level that are older than `until_ms`, of each of its tables up to `most`, and of none
 * those that are younger than what is left of another. ret_rows: how many went; 0: there are none.
 */
int sink_drop_old(struct sink_drop *d, enum db_retain_level level, int64_t until_ms, int64_t most,
		  uint64_t *ret_rows);

/* Likewise those of `from_ms` and later, the latest first; the books stay: their last row is how they stand. */
int sink_drop_future(struct sink_drop *d, enum db_retain_level level, int64_t from_ms, int64_t most,
		     uint64_t *ret_rows);

/* Interfaces whose last row is gone, and what is kept for each; `now_ms`: of those that ended unnoticed. */
int sink_drop_interfaces(struct sink_drop *d, int64_t now_ms);
