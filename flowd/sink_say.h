/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_say.h: how it is with the sink, in the log, in `status` and for the service manager.
 *
 *   writing   what is swept is written
 *   slow      a batch takes SINK_SLOW_NS or longer
 *   behind    it fails, and is tried again
 *
 * While it is slow or behind flows wait in the maps, in flowd's table and in the ring, all of which are bounded; the
 * sweep goes on.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "flowd/sink_stats.h"

#define SINK_SLOW_NS 2000000000ULL
#define SINK_SAY_LINES \
	30 /* in the log a minute; a change that would be one more is told later, if it holds */

struct sweep;

enum sink_state {
	SINK_STATE_WRITING,
	SINK_STATE_SLOW,
	SINK_STATE_BEHIND,
};

/* How it is, as of the last look, and what the log says. All 0: it is writing. */
struct sink_said {
	enum sink_state state;
	uint64_t since_ns; /* CLOCK_MONOTONIC; 0: from the start */
	enum sink_state logged;
	uint64_t notes; /* of the sink, that were logged */
	bool log_held;	/* by a reader, and logged */
	uint64_t line_ns[SINK_SAY_LINES];
	unsigned int line; /* the oldest of these */
};

/* At each sweep, and after each try: a line in the log for each change. `path`: of the database. */
void sink_say(struct sink_said *said, const struct sink_stats *stats, const char *path,
	      uint64_t now_ns);

/* Object "sink" of `status`. */
json_t *sink_say_status(const struct sink_said *said, const struct sink_stats *stats,
			const struct sweep *sweep, uint64_t now_ns);
