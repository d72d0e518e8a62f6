/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * counters.h: what each counter of the samples gained, and what of it is in the database.
 *
 *   total    since flowd's start        booked   of it, in batches        settled   committed
 *
 * A counter that goes back starts anew: never a negative gain, nor one that nobody counted. The
 * values that batches end at go into the database with them (meta.counters), so that a successor on
 * the same maps counts what was gained meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/counter_sample.h"
#include "schema/fields.h"

#define COUNTER_RECENT 6 /* buckets of 10 seconds: the last minute */

struct sink_batch;

struct counter {
	uint64_t last; /* value */
	uint64_t total, booked, settled;
	uint64_t recent[COUNTER_RECENT];
	int64_t recent_at; /* bucket of the last gain: ms / 10000 */
	uint64_t round;	   /* of its source, seen last */
	uint32_t hash;
	uint16_t ifnum;
	uint16_t source;
	char name[COUNTER_NAME_MAX];
};

struct counters {
	struct counter *counter;
	size_t count, capacity;
	size_t hint; /* where the next one of a sample is likely to be */
	/* what a predecessor knew of this number: COUNTERS_LOADED | 1 << source of those that it named */
	uint8_t loaded[FLOW_IFACES];
	uint32_t primed; /* 1 << source: was sampled before */
	uint64_t round[COUNTER_SOURCES];
	bool dirty; /* values have changed since they were saved */
	char *text; /* as in meta.counters, of the batch in hand */
	size_t text_room;
	uint64_t generation;
	struct { /* of the thread that samples */
		uint64_t samples, failed, lost, cpu_us, last_us;
	} stats;
};

/*
 * Before the first sample: values of a predecessor on maps of this generation (a text of
 * meta.counters; any other, or NULL, is none).
 */
void counters_load(struct counters *counters, uint64_t generation, const char *text);

/* Enter what a sample gained. */
void counters_take(struct counters *counters, const struct counter_sample *sample, int64_t now_ms);

/*
 * Add gains that are in no batch yet, and the values they end at; ids[ifnum] is interface.id. What
 * finds no memory stays for the next batch.
 */
void counters_export(struct counters *counters, const uint32_t ids[FLOW_IFACES],
		     struct sink_batch *batch, int64_t now_ms);

/* The batch is committed. */
void counters_settle(struct counters *counters);

/*
 * The interface of that number is gone, and the number will be another's. False: it has gains that are
 * not committed; nothing was forgotten then.
 */
bool counters_forget(struct counters *counters, uint32_t ifnum);

/* Gains that the database does not have: false of `show` ends it. */
typedef bool counters_show(void *arg, const struct counter_record *record);
void counters_live(const struct counters *counters, const uint32_t ids[FLOW_IFACES], int64_t now_ms,
		   counters_show *show, void *arg);

/* Gain of the last minute. */
uint64_t counter_recent(const struct counter *counter, int64_t now_ms);

void counters_free(struct counters *counters);
