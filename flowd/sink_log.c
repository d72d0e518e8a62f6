/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_log.c: see sink_log.h. */
#include "flowd/sink_log.h"

#define FRAME_HEAD 24 /* bytes before each page: https://www.sqlite.org/fileformat2.html#the_wal */
#define PAUSE_LEAST_NS 1000000000ULL
#define PAUSE_TIMES 20 /* what a try took */

void sink_log_committed(struct sink_log *log, int frames, int64_t page_bytes, uint64_t now_ns)
{
	if (frames <= log->copied || frames < log->frames) {
		log->copied = 0;
		log->held_ns = log->next_ns = 0;
	} else if (log->copied && !log->held_ns) {
		log->held_ns = now_ns;
	}
	log->frames = frames;
	log->bytes = frames * (page_bytes + FRAME_HEAD);
	if (log->bytes > log->max_bytes)
		log->max_bytes = log->bytes;
}

bool sink_log_due(const struct sink_log *log, uint64_t now_ns)
{
	return !log->held_ns || now_ns >= log->next_ns;
}

void sink_log_copied(struct sink_log *log, uint64_t begun_ns, uint64_t now_ns)
{
	uint64_t pause_ns = (now_ns - begun_ns) * PAUSE_TIMES;

	log->copied = log->frames;
	log->next_ns = now_ns + (pause_ns > PAUSE_LEAST_NS ? pause_ns : PAUSE_LEAST_NS);
}
