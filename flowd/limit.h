/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit.h: no more records go to the database than record.rate allows, and no more are in memory than may
 * be. What is over is folded (fold.h), the smallest first, and the ledger says so.
 *
 *   absorb ── flows of a few packets that the map gave up, more than can go ──► fold ─┐
 *   expire ── records that are due ──► batch ── the smallest of too many ──► fold ────┤
 *                                        ▲                                            │
 *                                        └──────── at the end of the export ──────────┘
 *
 * The heaviest so many of all are found as they come: where the batch has twice the records that may go, the
 * smaller half is folded. Large ones that may wait, as they are in slots, wait for the next sweeps instead.
 *
 * What is folded becomes at most an eighth of the rate in rows, by a budget of its own over time, so that neither
 * exports in short succession nor senders to ever other addresses take the room of the records that stay. Beyond
 * the eighth are catch-alls alone: one for each interface and direction that needs it, in each export.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/budget.h"
#include "schema/flow_record.h"

struct expire_delta;
struct expire_record;
struct fold;
struct sweep;

struct limit_conf {
	uint64_t rate;	   /* records a second, 0: any */
	uint64_t burst_ns; /* of a quiet time that are saved up; two sweeps at least */
	uint64_t sweep_ns; /* between two exports */
	uint64_t idle_ns;
	uint64_t active_ns;
	size_t records; /* in memory at once */
};

struct limit_stats {
	uint64_t flows; /* records, or what a slot gained, that were folded */
	uint64_t packets;
	uint64_t bytes;
	uint64_t waited; /* times that a record had to wait for the next sweep */
};

struct limit {
	struct limit_conf conf;
	struct budget budget;
	struct budget keys; /* of it: rows of what is folded */
	struct fold *fold;
	size_t room;  /* records of the export at hand */
	size_t keep;  /* of those, where some are folded: the rest is for what these become */
	size_t hold;  /* and how many the batch has before the smallest are folded */
	size_t large; /* of those in it: more than EXPIRE_SMALL packets */
	size_t fresh; /* small flows that were absorbed since the last export */
	bool changed; /* what the database knows of what was folded: books_moved.h */
	bool ending;  /* all goes: nothing can wait */
	struct limit_stats stats;
};

/* 0 or -ENOMEM; no limit yet but that of memory. */
int limit_open(struct limit *limit);
void limit_set(struct limit *limit, const struct limit_conf *conf, uint64_t now_ns);
void limit_close(struct limit *limit);

/* Before an export. False: no memory, so that nothing can go now. */
bool limit_begin(struct sweep *sweep, bool all, uint64_t now_ns);

/* The record may go into the batch; else it is due again with the next sweep. */
bool limit_may(struct sweep *sweep, const struct expire_record *rec, uint64_t now_ns);

/* Put it there; its key has the interface's number. 0 or -ENOMEM. */
int limit_add(struct sweep *sweep, const struct flow_record *rec);

/* After it: fold what is over, and put what was folded into the batch. */
void limit_end(struct sweep *sweep);

/* What a flow that the map gave up gained is to be folded at once: there are too many such. */
bool limit_early(struct sweep *sweep, const struct flow_key *key, const struct expire_delta *delta);

/* Into the catch-all of the key's interface and direction; `named` in the ledger already. */
void limit_fold_sum(struct sweep *sweep, const struct flow_key *key,
		    const struct flow_early_sum *sum, bool named);

/* Fold what a slot gained. */
void limit_fold(struct sweep *sweep, const struct flow_key *key, const struct expire_delta *delta);
