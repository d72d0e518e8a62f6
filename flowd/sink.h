/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink.h: where flow records go. A sink takes one batch at a time in its own thread; while it works
 * flowd exports nothing more, so what waits, waits in the flow map.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sink_batch.h"

#define SINK_ERROR_MAX 256

struct sink_stats {
	uint64_t commits;
	uint64_t rows;	  /* of flows */
	uint64_t samples; /* of samples */
	uint64_t failed;  /* tries; a batch is tried again until it is in */
	uint64_t last_us; /* of the last commit */
	uint64_t max_us;
	bool in_flight;
	char error[SINK_ERROR_MAX]; /* of the last try; empty: it went well */
};

struct sink;

struct sink_ops {
	const char *name;
	/*
	 * Write the whole batch or nothing. 0 or -errno with a text that names the file; the same
	 * batch comes again after an error.
	 */
	int (*write)(struct sink *sink, const struct sink_batch *batch, char *error, size_t size);
	void (*free)(struct sink *sink);
};

extern const struct sink_ops sink_sqlite;

struct sink {
	const struct sink_ops *ops;
	/* the rest is sink_sqlite.c's */
};

struct sqlite3;

/* Takes over a database opened by db_open_writer (and its lock). NULL: no memory. */
struct sink *sink_sqlite_new(struct sqlite3 *db, int lock_fd);

/*
 * Samples that are kept: those of the last age_ns, and as many as take up to `bytes` of the file (0: no
 * limit). What is over goes with the batches that follow, oldest first, some thousand rows at a time
 * (flowd/sink_sample.h). Before the writer is started.
 */
void sink_sqlite_retain(struct sink *sink, int64_t age_ns, int64_t bytes);

/*
 * The writer thread around a sink. sink_writer_fd() is an eventfd that becomes readable when a
 * batch is in, or when a try failed.
 */
struct sink_writer;

int sink_writer_start(struct sink *sink, struct sink_writer **ret_writer);
int sink_writer_fd(const struct sink_writer *writer);

/* Hand over `batch`, which stays the caller's memory and untouched until it is in. -EBUSY: one is in flight. */
int sink_writer_submit(struct sink_writer *writer, const struct sink_batch *batch);

/*
 * The batch that was submitted is in: 1 (once), 0 none or still in flight. A batch whose write
 * fails stays in flight; the writer tries it again every second, or at once when poked.
 */
int sink_writer_collect(struct sink_writer *writer);

void sink_writer_stats(struct sink_writer *writer, struct sink_stats *ret_stats);

/* Wait up to timeout_ms for the batch in flight, then end the thread. True: nothing was left. */
bool sink_writer_stop(struct sink_writer *writer, int timeout_ms);

/* Frees the writer and its sink. NULL is fine. */
void sink_writer_free(struct sink_writer *writer);
