/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * retention.h: what the database keeps, table by table, how large and how old that is, and what of it flowd
 * would drop next by the limits that it noted there. Reads the database alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/db_retain.h"

#define RETENTION_TABLES 16

struct sqlite3;

struct retention_row {
	const char *table;
	const struct db_retain_table *kept; /* NULL: not by these limits */
	uint64_t rows;
	uint64_t bytes;
	bool has_bytes; /* SQLite here can tell them */
	bool has_rows;
	int64_t oldest_ms; /* where there are rows */
	int64_t goes_before_ms;
	uint64_t goes_rows;
	uint64_t goes_bytes;
	const char *why; /* "age", "size"; NULL: nothing goes */
};

struct retention {
	struct db_retain_limits limits;
	bool limits_known; /* a flowd has noted them */
	struct db_retain_room room;
	int64_t used_bytes;
	int64_t disk_free, disk_low;	    /* disk_low 0: not known, or no limit */
	int64_t since_ms[DB_RETAIN_LEVELS]; /* 0: nothing is gone */
	int64_t rolled_ms;
	int64_t share
		[DB_RETAIN_LEVELS]; /* of DB_RETAIN_WHOLE: what the size leaves of each limit */
	int64_t wanted_bytes; /* that all limits would take by what is there; 0: that cannot be told */
	struct retention_row row[RETENTION_TABLES];
	size_t rows;
};

/* dry_run: and what would go at now_ms. 0 or -errno with the text of what is wrong. */
int retention_read(struct sqlite3 *db, const char *path, bool dry_run, int64_t now_ms,
		   struct retention *ret_retention, char *error, size_t size);
