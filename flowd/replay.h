/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay.h: `flowd -r FILE`: the flows of a capture into the database, by the capture's clock.
 *
 *   libpcap ─► replay_link ─► parse.h ─► outer, fragments ─► replay_cache ─┐
 *   ledger.db ◄── sink_sqlite ◄── batch ◄── expire ◄── sweep by capture time ┘
 *
 * The clock is the latest time seen so far; a packet's own time counts for its flow.
 */
#pragma once

#include <stdint.h>

struct config;

struct replay_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t flows; /* records */
	uint64_t short_packets;
	uint64_t deep_packets;
	uint64_t folded_packets; /* the table of conversations was full */
	uint64_t first_ns;	 /* earliest and latest packet, UTC */
	uint64_t last_ns;
};

/*
 * Replay config->read into config->db. 0, also after SIGINT or SIGTERM, which end the reading; or
 * -errno, explained in the log. What was read before a capture's damage is in the database; where
 * nothing could be read, none is made.
 */
int replay(const struct config *config, struct replay_stats *ret_stats);
