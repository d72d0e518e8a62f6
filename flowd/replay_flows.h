/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay_flows.h: the flows of a replay: its cache, its conversations, and their way to the sink. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flowd/expire_ahead.h"
#include "flowd/replay_cache.h"

#define REPLAY_WANTED (4 * REPLAY_AHEAD) /* slots announced and not handed over are fewer */

struct config;
struct outer;
struct replay_sink;

struct replay_flows {
	struct replay_cache cache;
	struct outer *outer;
	struct expire *expire;
	struct replay_sink *sink;
	struct expire_wanted wanted[REPLAY_WANTED]; /* a queue */
	uint32_t wants, fetches, adds;		    /* its ends, and how far it was looked at */
};

/* Closed is what is all 0. 0 or -errno; replay_flows_close() in any case. */
int replay_flows_open(struct replay_flows *flows, const struct config *config,
		      struct replay_sink *sink);
void replay_flows_close(struct replay_flows *flows);

/* What the cache gained goes to its conversations. `many`: more than one sweep would have been. */
void replay_flows_gather(struct replay_flows *flows, bool many);

/* What is due at that time goes to the sink; after a gather. */
void replay_flows_due(struct replay_flows *flows, uint64_t now_ns);

/* All of it goes there. */
void replay_flows_end(struct replay_flows *flows);
