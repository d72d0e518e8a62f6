/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_stats.h: what there is to say of a sink and its writer; copied out of the writer thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flowd/sink_retain.h"

#define SINK_ERROR_MAX 256
#define SINK_NOTE_MAX 1024

struct sink_stats {
	uint64_t commits;
	uint64_t rows;	  /* of flows */
	uint64_t samples; /* of samples */
	uint64_t failed;  /* tries; a batch is tried again until it is in */
	uint64_t last_us; /* of the last commit */
	uint64_t max_us;
	bool in_flight;
	uint64_t submitted_ns; /* CLOCK_MONOTONIC, the batch in flight; 0: none is */
	uint64_t failing_ns;   /* likewise, the first of the tries in a row that failed; 0: none */
	uint64_t tries;	       /* of these */
	uint64_t outage_tries; /* likewise, of the last time that it failed */
	char error[SINK_ERROR_MAX]; /* of the last try; empty: it went well */
	uint64_t notes;		    /* of the sink; the last one's text */
	char note[SINK_NOTE_MAX];
	struct sink_retain_stats retain;
};
