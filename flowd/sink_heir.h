/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_heir.h: what a new database has to know to go on in the place of one that was lost: whose maps it is
 * about, the interfaces by their numbers, and how the books stood after the last commit. Held in memory,
 * so that nothing is read from a file that may be broken.
 *
 * In the new one table ledger_past has what the lost one's ledger said in all, so that the first minute begins
 * with what was held; records before it are not there (meta.flow_since_ms).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/sink_batch.h"

struct sqlite3;
struct sqlite3_value;

#define SINK_HEIR_COLUMNS 10 /* of table interface */
#define SINK_HEIR_META 6
#define SINK_HEIR_SUMS \
	14 /* of ledger_past: seen, recorded, the verdicts, and what the NIC had more */

struct sink_heir_book {
	uint32_t iface;
	uint32_t dir;
	int64_t minute_ms; /* of its last row */
	struct flow_count held;
	int64_t unaccounted_packets, unaccounted_bytes;
	int64_t sum[SINK_HEIR_SUMS];
	struct flow_count seen, recorded; /* since the maps were made */
	bool has_nic;
	struct flow_count nic_now, nic_seen;
};

struct sink_heir {
	bool known;
	struct sqlite3_value *(*iface)[SINK_HEIR_COLUMNS];
	size_t ifaces, ifaces_room;
	struct sink_iface *later; /* rows that are newer than these, but of no number given back */
	size_t laters, laters_room;
	struct sink_heir_book *book;
	size_t books, books_room;
	struct sqlite3_value *meta[SINK_HEIR_META];
	int64_t event_generation; /* of a later batch; 0: as in meta */
	char *counters;		  /* likewise, NULL */
	char *moved;		  /* likewise */
};

/* From a database that is whole. 0 or -errno; free also then. */
int sink_heir_load(struct sink_heir *h, struct sqlite3 *db);
void sink_heir_free(struct sink_heir *h);

/* The batch is committed. 0 or -ENOMEM: it knows no more. */
int sink_heir_add(struct sink_heir *h, const struct sink_batch *batch);

/* Into a new database, in a transaction. now_ms: from when on it has records. 0 or SQLite's result code. */
int sink_heir_plant(const struct sink_heir *h, struct sqlite3 *db, int64_t now_ms);

/*
 * The maps that the database is about are gone, as after a power cut: what they held will never be recorded, and
 * its ledger says unaccounted of it from the last minute on. Nothing changes when it is done again. 0 or
 * SQLite's result code.
 */
int sink_heir_none(struct sqlite3 *db, struct flow_count *ret_lost);

/* Of the maps that the database is about; 0: none. */
int64_t sink_heir_generation(const struct sink_heir *h);
