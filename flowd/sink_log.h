/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_log.h: the length of SQLite's log (FILE-wal). What was committed goes from it to the file by checkpoints, and once all
 * of it has, the log begins anew, unless a reader still reads in it: as long as one does, the log grows with each
 * commit, and a checkpoint has to look at all of it for nothing. So it is tried the more seldom the longer it takes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SINK_LOG_FRAMES 4096	   /* from when on it is copied: 16 MB */
#define SINK_LOG_LONG (32LL << 20) /* bytes of one that a reader holds, which are told of */

/* Of a log that is as long as it should be all is 0 but frames, bytes and max_bytes. */
struct sink_log {
	int frames; /* as of the last commit */
	int copied; /* of these, when it was tried last; 0: since it began anew it was not */
	int64_t bytes, max_bytes;
	uint64_t held_ns; /* since when it did not begin anew, though it was to */
	uint64_t next_ns; /* when a checkpoint is to be tried again */
};

/* After a commit, with the frames that the log has then, of pages of that size. */
void sink_log_committed(struct sink_log *log, int frames, int64_t page_bytes, uint64_t now_ns);

/* Is a checkpoint worth a try? */
bool sink_log_due(const struct sink_log *log, uint64_t now_ns);

/* One was tried, and took so long. */
void sink_log_copied(struct sink_log *log, uint64_t begun_ns, uint64_t now_ns);
