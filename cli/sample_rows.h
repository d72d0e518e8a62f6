/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_rows.h: the sampled packets of a query's window, interfaces, direction and tunnel, in the order of
 * time, one at a time; of one flow; and, where they are followed, those that are committed later.
 *
 * Followed samples come in passes, each of what was committed since the one before. A sample may be
 * committed after a later one, by SAMPLE_ROWS_LATE_NS at most: ids of that span are remembered, so that
 * nothing comes twice and nothing is left out.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/db_sample.h"
#include "schema/flow_record.h"

struct query;

#define SAMPLE_ROWS_LATE_NS 10000000000LL

/* In the order of their size. */
struct sample_rows_seen {
	int64_t *id;
	size_t first, end, room;
};

struct sample_rows {
	struct query *query;
	bool follow;
	int64_t flow;			   /* flow.id, 0: of any */
	const volatile sig_atomic_t *stop; /* not 0: that was the last one; may be NULL */
	uint32_t why; /* of enum sample_why, any of these; 0: whatever it was kept for */
	struct flow_record record;
	struct flow_key key[2]; /* of that flow's directions */
	int64_t since_ns, until_ns;
	int64_t last_ns; /* the greatest id of a followed one */
	int64_t *old;	 /* ids that there were when the clock was set back; NULL: it was not */
	size_t old_count;
	struct sample_rows_seen seen, before;
	bool reloaded; /* interfaces, in this pass */
	struct db_samples rows;
};

/*
 * `query` must stay; where samples are followed, its snapshot is given up. flow: flow.id, or 0. 0, or
 * -errno with query->error: -ENOENT there is no such flow, -ENODATA one that has lost its detail, or the
 * database is older than samples. Close also after a failure.
 */
int sample_rows_open(struct query *query, int64_t flow, bool follow,
		     struct sample_rows *ret_samples);
void sample_rows_close(struct sample_rows *samples);

/* The most bytes that there are of one, as of now. 0 or -errno with query->error. */
int sample_rows_captured(struct sample_rows *samples, uint32_t *ret_captured);

/* 1: *ret_sample is the next, until the next call; 0: the end of this pass; -errno with query->error. */
int sample_rows_next(struct sample_rows *samples, struct sample_record *ret_sample);

/* The next pass. now_ns: UTC. */
int sample_rows_again(struct sample_rows *samples, int64_t now_ns);

/*
 * The clock was set back to `now_ns`: what is committed from here on will be new, though there may be
 * samples that have later times.
 */
int sample_rows_set_back(struct sample_rows *samples, int64_t now_ns);

/* Where the sample was taken: the interface's name now, else then; "" for none. */
const char *sample_rows_iface(const struct sample_rows *samples,
			      const struct sample_record *sample);
