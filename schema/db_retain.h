/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_retain.h: how long what is kept: which tables go with which limit, how their keys tell the time, and
 * from where on rows go. flowd drops them, flowctl says what would go.
 *
 * Beside its age, all is limited by the size of the file. Where that is short, sums go first (db_retain_sums):
 * minutes, which only say of a record's time what hours do not, until a day's are left; then hours, until thirty
 * days' are. Then all is kept for the same share of the time that it was to be kept (DB_RETAIN_WHOLE: all of that
 * time), so that the first to go is what has been kept for the largest share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;

enum db_retain_level {
	DB_RETAIN_RECORDS,
	DB_RETAIN_MINUTES,
	DB_RETAIN_HOURS,
	DB_RETAIN_LEVELS,
};

#define DB_RETAIN_WHOLE 1000000
#define DB_RETAIN_EVER_MS (10LL * 365 * 86400000) /* stands for "never" where shares are compared */

struct db_retain_limits {
	int64_t age_ms[DB_RETAIN_LEVELS]; /* 0: any age is kept */
	int64_t size_bytes;		  /* of file and log; 0: any */
	int64_t free_bytes;		  /* that are to be left on the disk; 0: any */
};

/* What a key says of its row's time. */
enum db_retain_unit {
	DB_RETAIN_END,	  /* end_ms << 20 | n */
	DB_RETAIN_BUCKET, /* minute << 28 | ... */
	DB_RETAIN_TAIL,	  /* minute << 4 | ... */
	DB_RETAIN_MINUTE, /* ms, of a whole minute */
};

struct db_retain_table {
	const char *name; /* NULL ends the list */
	const char *key;
	enum db_retain_level level;
	enum db_retain_unit unit;
	bool beside; /* rows are those of table flow, which go with it */
	bool rowid;  /* has one, so that its rows are in leaves alone */
};

/* Those of a level in the order in which they go; the first of it leads. */
extern const struct db_retain_table db_retain_tables[];

/* Sums that go for the size's sake before records do, in that order, and for how long they are kept then. */
struct db_retain_sum {
	enum db_retain_level level;
	int64_t least_ms;
};

#define DB_RETAIN_SUMS 2
extern const struct db_retain_sum db_retain_sums[DB_RETAIN_SUMS];

/* Names in the configuration and in meta. */
extern const char *const db_retain_names[DB_RETAIN_LEVELS]; /* "retain.flow" */
extern const char *const db_retain_meta[DB_RETAIN_LEVELS];  /* "retain_flow_ms" */
extern const char *const db_retain_since[DB_RETAIN_LEVELS]; /* "flow_since_ms" */

/* The lowest key of a row of that time or later, and back; saturated. */
int64_t db_retain_key(enum db_retain_unit unit, int64_t ms);
int64_t db_retain_time(enum db_retain_unit unit, int64_t key);

/* Of what level `at` is a whole number; records: any time. */
int64_t db_retain_floor(enum db_retain_level level, int64_t ms);

/* From when on rows stay, at `now_ms`, where they are kept for that share of their time. */
int64_t db_retain_cutoff(const struct db_retain_limits *limits, enum db_retain_level level,
			 int64_t share, int64_t now_ms);

/* The share of its time for which the level's oldest row has been kept; 0: it is of a time to come. */
int64_t db_retain_share(const struct db_retain_limits *limits, enum db_retain_level level,
			int64_t oldest_ms, int64_t now_ms);

/* Limits in force as flowd notes them in meta. Those that it did not note are 0. 0 or -errno. */
int db_retain_note(struct sqlite3 *db, const struct db_retain_limits *limits);
int db_retain_read(struct sqlite3 *db, struct db_retain_limits *ret_limits);

/*
 * Rows that are not in the rollups yet do not go, whatever the limits say: the time from which on there are
 * such; 0 where no rollup was made, INT64_MAX where none is kept.
 */
int db_retain_rolled(struct sqlite3 *db, int64_t *ret_ms);

/* What room the database takes: pages of the file, and bytes of file and log. 0 or SQLite's result code. */
struct db_retain_room {
	int64_t page_bytes;
	int64_t pages;
	int64_t pages_free;
	int64_t wal_bytes;
	bool shrinks; /* auto_vacuum = INCREMENTAL */
};

int db_retain_room(struct sqlite3 *db, struct db_retain_room *ret_room);

/* Bytes of data and log that the limit of the size is held against. */
int64_t db_retain_used(const struct db_retain_room *room, const struct db_retain_limits *limits);

/* Bytes of the file system's that a file there may still take, and of which it is nearly full. 0 or -errno. */
int db_retain_disk(const char *path, int64_t limit, int64_t *ret_free, int64_t *ret_low);
