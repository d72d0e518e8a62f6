/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink.h: where flow records go. A sink takes one batch at a time in its own thread; while it works
 * flowd exports nothing more, so what waits, waits in the flow map.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/fields.h"
#include "schema/flow.h"

#define SINK_ERROR_MAX 256

/* What happened on one interface and direction since the last batch, and how it stands now. */
struct sink_books {
	uint32_t iface; /* interface.id */
	uint32_t dir;
	int64_t minute_ms;			/* of the ledger row that the increments go to */
	struct flow_count seen;			/* increments */
	struct flow_count recorded;		/* increments: of this batch's records */
	struct flow_count verdict[VERDICT_MAX]; /* increments */
	struct flow_count held;			/* as of now */
	int64_t unaccounted_packets;		/* as of now */
	int64_t unaccounted_bytes;
	bool has_nic;	       /* the NIC's own counters are known, and the next three set */
	struct flow_count nic; /* increments while `seen` was; may be negative, see nic.h */
	struct flow_count nic_now, nic_seen; /* NIC's and hook's counter, as of one moment */
};

/* One sweep's harvest; written in one transaction with its number. */
struct sink_batch {
	uint64_t sweep;	   /* meta.last_sweep */
	uint64_t ring_pos; /* meta.ring_pos */
	struct flow_record *record;
	size_t records;
	size_t record_capacity;
	struct sink_books *book;
	size_t books;
	size_t book_capacity;
	struct event_record *event; /* rows for table event */
	size_t events;
	size_t event_capacity;
	uint64_t event_generation; /* meta.event_generation: drained with this batch; 0: none was */
	struct counter_record *counter; /* gains, to be added to rows of table counter */
	size_t counters;
	size_t counter_capacity;
	const char *counter_values; /* meta.counters, NULL: as it is; the giver's memory */
};

struct sink_stats {
	uint64_t commits;
	uint64_t rows;
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

/* Batch memory. */
int sink_batch_add_record(struct sink_batch *batch, const struct flow_record *rec);
int sink_batch_add_book(struct sink_batch *batch, const struct sink_books *book);
int sink_batch_add_event(struct sink_batch *batch, const struct event_record *event);
int sink_batch_add_counter(struct sink_batch *batch, const struct counter_record *counter);
void sink_batch_reset(struct sink_batch *batch);
void sink_batch_free(struct sink_batch *batch);
