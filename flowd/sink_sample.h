/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_sample.h: a batch's samples into the database, and old ones out of it, in the sink's transaction.
 * All that these return is 0 or SQLite's result code.
 *
 * What the rows take, by db_sample_bytes, is kept in meta.sample_bytes, written with them. Rows older than
 * age_ns are dropped, and the oldest while all take more than size_bytes: in a batch no more than STEP
 * and as many as it brings, or as it needs to drop as many bytes as it brings. So a transaction stays
 * short, what is over the limits never grows, and it shrinks with every batch.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "flowd/sink_batch.h"
#include "schema/db_word.h"

struct sqlite3_stmt;

/* Where rows are dropped from; future: those of a time that comes in a day or more. */
enum sink_sample_end {
	SINK_SAMPLE_OLDEST,
	SINK_SAMPLE_FUTURE,
	SINK_SAMPLE_ENDS,
};

struct sink_sample {
	struct sqlite3_stmt *insert;
	struct sqlite3_stmt *rows[SINK_SAMPLE_ENDS]; /* from there on */
	struct sqlite3_stmt *drop[SINK_SAMPLE_ENDS];
	struct sqlite3_stmt *get_bytes;
	struct sqlite3_stmt *set_bytes;
	int64_t age_ns;	    /* 0: any age is kept */
	int64_t size_bytes; /* 0: any number is kept */
	int64_t taken_from; /* ids from here on are taken, */
	int64_t free_from;  /* up to this one */
	uint32_t *order;    /* of the batch's samples by time */
	size_t order_room;
};

int sink_sample_prepare(struct sink_sample *s, struct sqlite3 *db);
void sink_sample_free(struct sink_sample *s);

/* `words` are the sink's. */
int sink_sample_write(struct sink_sample *s, struct db_words *words,
		      const struct sink_batch *batch);

/* The transaction was rolled back. */
void sink_sample_forget(struct sink_sample *s);
