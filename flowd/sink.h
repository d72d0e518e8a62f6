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
#include "sink_retain.h"
#include "sink_stats.h"

struct sink;

struct sink_ops {
	const char *name;
	/*
	 * Write the whole batch or nothing. 0 or -errno with a text that names the file; the same
	 * batch comes again after an error.
	 */
	int (*write)(struct sink *sink, const struct sink_batch *batch, char *error, size_t size);
	/*
	 * Between batches: a step of what can wait, which takes less than 50 ms. ret_rows: of what is stored,
	 * how many went. NULL: there never is any.
	 */
	enum sink_retain_more (*tidy)(struct sink *sink, uint64_t *ret_rows,
				      struct sink_retain_stats *ret_stats);
	void (*free)(struct sink *sink);
};

extern const struct sink_ops sink_sqlite;

struct sink {
	const struct sink_ops *ops;
	uint64_t notes; /* that there were, and the last one: what it did that is to be told */
	char note[SINK_NOTE_MAX];
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

/* All else: how long it is kept, see flowd/sink_retain.h. Before the writer is started. */
void sink_sqlite_keep(struct sink *sink, const struct db_retain_limits *limits);
/* Sums of the flows by minute and hour, see sink_rollup.h; none where nobody asks for them. */
#define SINK_ROLLUP_LATE_MS 5000 /* after the idle timeout: what a sweep and a commit may take */

struct sink_rollup_config {
	uint32_t keys;		 /* of a bucket and kind that have rows; 0: no sums are kept */
	int64_t late_ms;	 /* after the end of a bucket that it is waited for records */
	int64_t (*now_ms)(void); /* UTC; NULL: none but the newest record's end, as of a capture */
	int64_t read;		 /* records of table flow that a transaction reads; 0: the usual */
};

void sink_sqlite_rollup(struct sink *sink, const struct sink_rollup_config *config);

/*
 * Where the file is lost while it is written to, removed or corrupt, a new one takes its place and goes on
 * with the books (sink_heir.h). When all interfaces are known. 0 or -errno.
 */
int sink_sqlite_heir(struct sink *sink, bool full_sync);

/* NULL: there is none now. While no writer runs. */
struct sqlite3 *sink_sqlite_db(const struct sink *sink);

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

struct sink *sink_writer_sink(const struct sink_writer *writer);

/* Frees the writer and its sink. NULL is fine. */
void sink_writer_free(struct sink_writer *writer);
