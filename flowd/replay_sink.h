/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay_sink.h: a replay's way into the database: records and ledger rows in batches, each a
 * transaction, and the capture's row in table interface. Logs what goes wrong, once.
 */
#pragma once

#include <stdint.h>

#include "flowd/sink.h"

struct config;
struct sqlite3;

struct replay_sink {
	const char *path; /* of the database */
	bool is_new;	  /* which was made for this capture */
	struct sink *sink;
	struct sqlite3 *db; /* the sink's */
	struct sink_batch batch;
	uint32_t iface;		     /* interface.id */
	struct sink_books books[2];  /* of the whole replay, by direction; the caller counts */
	struct sink_books booked[2]; /* of it, in ledger rows */
	int64_t minute_ms;	     /* of the next rows */
	uint64_t written;	     /* transactions */
	uint64_t records;
	int err; /* told already; from then on nothing is written */
};

/* `name`: of the interface. First packet's time. 0 or -errno; then nothing is open. */
int replay_sink_open(struct replay_sink *rs, const struct config *config, const char *name,
		     int64_t now_ms);

/* rec->iface is filled in. */
void replay_sink_record(struct replay_sink *rs, struct flow_record *rec);

/* The clock has come so far: in another minute, the last one gets its rows. When that will be. */
int64_t replay_sink_turn(struct replay_sink *rs, int64_t now_ms);

/* Write what is left, with the times of the first and the last packet. 0 or the first error. */
int replay_sink_close(struct replay_sink *rs, int64_t first_ms, int64_t last_ms);
