/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_back.h: spans of minutes that the ledger has of two times, as the wall clock was set back: meta.clock_back,
 * "FROM TO FROM TO ...", in ms. Spans that touch are one; of more than there is room for the first two are.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DB_BACK_SPANS 16

struct sqlite3;

struct db_back {
	struct {
		int64_t from_ms, to_ms; /* first and last minute */
	} span[DB_BACK_SPANS + 1];
	uint32_t spans; /* by time */
};

/* None where nothing is noted. 0 or -errno. */
int db_back_read(struct sqlite3 *db, struct db_back *ret_back);
int db_back_write(struct sqlite3 *db, const struct db_back *back);

/* False: it was in one of them. */
bool db_back_add(struct db_back *back, int64_t from_ms, int64_t to_ms);

/* Is the minute in one of them? */
bool db_back_has(const struct db_back *back, int64_t minute_ms);
