/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * samples.h: packets that the programs kept, from their ring to the sink's batch; and by what they keep
 * them (sample_rules.h).
 *
 *   open     the ring, from where a predecessor committed; the configuration's filter is compiled
 *   begin    the hooks are there: the configuration's settings, for every interface
 *   fill     what the ring has goes with the batch, and stays in the ring
 *   settle   the batch is in: the ring is released up to there
 *
 * So each sample is stored once, over any end of flowd. A ring that fills while the sink is slow loses
 * samples, which the programs count, and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/ring.h"
#include "flowd/sample_rules.h"
#include "flowd/sample_start.h"

#define SAMPLES_BATCH_MAX 65536	       /* samples of one transaction */
#define SAMPLES_BATCH_BYTES (32 << 20) /* or so, of their frames */

struct flowd;
struct hook_iface;
struct sink_batch;
struct sample_names;
struct sample_ask;

/* Why filters are not asked by the kernel, where they are not. */
extern const char samples_fallback[];

/* What flowd took out of the ring; of the programs' own counts samples_count() is the sum. */
struct samples_stats {
	uint64_t stored; /* in the database */
	uint64_t stored_bytes;
	uint64_t filtered; /* let go, as the filter that flowd asks said */
	uint64_t bad;	   /* records that are none */
};

struct samples {
	struct flowd *flowd;
	struct sample_rules rules;
	struct ring ring;
	struct sample_names *names;
	struct sample_ask *ask;	    /* the request whose filter is being compiled; NULL: none */
	struct sample_start start;  /* the configuration's, until it is made */
	struct samples_stats stats; /* since flowd's start */
	uint64_t stored[FLOW_IFACES], stored_bytes[FLOW_IFACES];
	uint32_t taken[FLOW_IFACES],
		taken_bytes[FLOW_IFACES]; /* with the batch in hand or in flight */
	uint64_t taken_pos;		  /* the ring's, behind them */
	uint64_t finish_pos; /* at flowd's end: what is before is stored yet; 0: no end yet */
};

/*
 * `committed`: the ring's position that the database has of these maps. attach: and with the
 * configuration's settings. 0 or -errno with a text.
 */
int samples_open(struct flowd *flowd, uint64_t committed, bool attach, struct samples **ret_samples,
		 char ret_error[SAMPLE_ERROR_MAX]);
void samples_free(struct samples *samples);

/* The configuration's settings, from now on. 0 or -errno, with a text. */
int samples_begin(struct samples *samples, char ret_error[SAMPLE_ERROR_MAX]);

/*
 * An interface that is counted from now on, with the configuration's settings. 0, or -errno with a text;
 * -EAGAIN: to be asked again.
 */
int samples_add_iface(struct samples *samples, const struct hook_iface *iface,
		      char ret_error[SAMPLE_ERROR_MAX]);

/* Nothing more of the interface of that number is sampled; and the number may be another's. */
void samples_drop_iface(struct samples *samples, uint32_t ifnum);
void samples_forget(struct samples *samples, uint32_t ifnum);

/* Another word on it: as sample_rules_apply(), and said in the log. */
int samples_change(struct samples *samples, const struct sample_change *change,
		   const struct sample_compiled *set, char ret_error[SAMPLE_ERROR_MAX]);

/* So much is in the ring that it should go now rather than with the next sweep. */
bool samples_pressed(const struct samples *samples);

void samples_fill(struct samples *samples, struct sink_batch *batch);
void samples_settle(struct samples *samples);

/* At the end: is there something left to be stored of what was in the ring when this was first asked? */
bool samples_left(struct samples *samples);

/* Why packets that the kernel drops cannot be sampled; NULL: they can. */
const char *samples_no_drops(const struct samples *samples);

/* The sum over the CPUs, but for `random`; all but the last two members include drops. */
struct sample_count samples_count(const struct samples *samples);
