/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_pages.h: the pages of a database's file, as of the read transaction that a connection has open:
 * many threads can read the same snapshot at once, without SQLite's byte code between. Through SQLite's
 * own file handles (no lock is lost by it), read only.
 *
 * https://www.sqlite.org/fileformat2.html, https://www.sqlite.org/walformat.html. What does not look as
 * it says there is -ENOTSUP, and to be read through SQLite.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_file;

/* What the log held at a moment: the same mark before and after a transaction began is its snapshot. */
struct db_mark {
	bool known;
	bool wal; /* else the file alone, which does not change under the transaction's lock */
	uint32_t frames; /* of the log */
	uint32_t done;	 /* of these, in the file already */
	uint32_t pages;	 /* of the database */
	uint32_t page_bytes;
	uint32_t salt[2];
	uint32_t sum[2]; /* of the last frame */
};

/* Of a connection that has read before. `known` is false where it cannot be said. */
void db_mark_take(struct sqlite3 *db, struct db_mark *ret_mark);

/* The same snapshot. */
bool db_mark_equal(const struct db_mark *a, const struct db_mark *b);

/* What of file and log was there when it was looked at last. All 0: it was not yet. */
struct db_extent {
	struct db_mark mark;
	int64_t file_bytes;
};

/*
 * False: file or log have lost what was in them, or what the log's index says is there: they were cut under who has them
 * open, who goes on behind the hole. Where it cannot be said it is true. Outside of transactions.
 */
bool db_extent_holds(struct sqlite3 *db, struct db_extent *extent);

/* A page that is in the log, and its last frame. */
struct db_frame {
	uint32_t page;
	uint32_t frame;
};

#define DB_PAGE_ROOM 24 /* bytes behind a page that may be read, and mean nothing */

struct db_pages {
	struct sqlite3_file *file, *log;
	uint32_t size; /* of a page; a buffer has DB_PAGE_ROOM more */
	uint32_t used; /* of it, by SQLite */
	uint32_t count;
	struct db_frame *frame; /* by page */
	uint32_t frames;
	uint32_t salt[2]; /* of the log, as it lies there */
};

/*
 * The pages of the transaction that `db` has open, whose snapshot `mark` is, as long as it is open and
 * nobody uses `db` at the same time. 0, -ENOTSUP or -ENOMEM.
 */
int db_pages_open(struct sqlite3 *db, const struct db_mark *mark, struct db_pages *ret_pages);
void db_pages_close(struct db_pages *pages);

/* Page `number` (from 1) into `buf`. From any thread. 0, or -ENOTSUP. */
int db_pages_read(const struct db_pages *pages, uint32_t number, uint8_t *buf);

#define DB_AHEAD_PAGES 16
#define DB_AHEAD_BYTES 65536 /* read at once, at most: SQLite's own largest page */

/* What was read of the file behind a page. For one thread, and one snapshot; all 0: nothing. */
struct db_ahead {
	uint8_t *byte;	       /* to be freed */
	uint32_t first, count; /* pages that are there */
	uint32_t before;       /* the page that was asked for last */
	uint32_t span;	       /* to be read at once: more, where one page follows the other */
};

/* As db_pages_read; pages that are asked for in order are read some at a time. */
int db_pages_read_on(const struct db_pages *pages, struct db_ahead *ahead, uint32_t number,
		     uint8_t *buf);
