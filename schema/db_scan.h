/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_scan.h: the records of table flow by ranges of ids, from many threads at once, in one snapshot: that
 * of the transaction which a connection has open. Oldest first. What db_flows.h reads by SQLite is read
 * here from the pages themselves, and is the same; what is not as it should be is left to db_flows.h to say.
 */
#pragma once

#include "db_record.h"
#include "flow_record.h"

enum db_scan_beside {
	DB_SCAN_TUNNEL,
	DB_SCAN_TCP,
	DB_SCAN_RTT,
	DB_SCAN_BESIDES,
};

struct db_scan {
	struct db_pages pages;
	struct db_tree_range window;
	uint32_t flow; /* root pages; 0: not wanted */
	uint32_t beside[DB_SCAN_BESIDES];
};

/* What is read of the window (as of db_flows_open). */
struct db_scan_options {
	int64_t since_ms, until_ms;
	bool health; /* what went wrong in TCP, and round trips */
};

/*
 * -ENOTSUP: not of this file (an older one, a snapshot that is not known): db_flows.h reads it. The
 * connection must have its transaction open and rest until the scan is closed. Close also after a failure.
 */
int db_scan_open(struct sqlite3 *db, const struct db_mark *mark,
		 const struct db_scan_options *options, struct db_scan *ret_scan);
void db_scan_close(struct db_scan *scan);

/* The window in at most `room` ranges of about as many rows. Returns how many, or -errno. */
int db_scan_split(const struct db_scan *scan, struct db_tree_range *ret_range, int room);

/* A thread's place in it. */
struct db_scan_reader {
	const struct db_scan *scan;
	struct db_tree flow;
	struct db_tree beside[DB_SCAN_BESIDES];
	struct db_tree_row next[DB_SCAN_BESIDES]; /* id INT64_MAX: no more */
	int64_t last;
	struct flow_record rec; /* the socket is left out */
};

void db_scan_reader_open(const struct db_scan *scan, struct db_scan_reader *ret_reader);
void db_scan_reader_close(struct db_scan_reader *reader);

/* Begin a range. 0, -ENOTSUP or -ENOMEM. */
int db_scan_seek(struct db_scan_reader *reader, const struct db_tree_range *range);

/* 1: reader->rec is the range's next record; 0: there is none; -ENOTSUP or -ENOMEM. */
int db_scan_next(struct db_scan_reader *reader);
