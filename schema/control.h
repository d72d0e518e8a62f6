/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control.h: what flowd and flowctl say to each other over the control socket, a Unix stream
 * socket at /run/wireledger/INSTANCE.sock. One request a connection: a line of text.
 *
 *   "live\n"    struct control_head, head.books times struct control_books, head.records times
 *               struct flow_record, head.events times struct event_record, head.counters times
 *               struct counter_record (native layout)
 *   "status\n"  one JSON object, then end of file
 *   "sample\n"  what packets are sampled by: a JSON object a line for each interface (iface, rate, first,
 *               triggers, snaplen, filter, samples, bytes, ...), and one without `iface` for all of them,
 *               dropped packets included, of which alone it has an object `drops`
 *   "sample set KEY=VALUE ...\n"  change that: rate, first, triggers, snaplen, filter, each value
 *               percent-encoded (schema/sample_text.h), of each iface=NAME that is there, or of all; the
 *               same answer; or drops=yes|no, of all. A wrong value: "error TEXT\n"; not now: "failed TEXT\n"; nothing was
 *               changed then. The answer takes as long as libpcap to compile the filter.
 *   "detach\n"  flowd writes every flow, removes hooks and pins and ends: "ok\n" or "error TEXT\n"
 *
 *   "debug WORD [PATH or PID]\n"  with debug = yes, for root: try what flowd is not to be able to do (control_debug.c):
 *               "allowed\n", "refused TEXT\n" or "error TEXT\n"
 *
 * Who may not ask that gets "error TEXT\n", and where there are too many clients, or answers that nobody reads,
 * "failed TEXT\n". An unknown request is answered with "error TEXT\n". flowd closes the connection after the answer.
 */
#pragma once

#include <stdint.h>

#include "flow.h"

#define CONTROL_MAGIC 0x574c4354U /* "WLCT" */
#define CONTROL_VERSION 3
#define CONTROL_RUN_DIR "/run/wireledger"
#define CONTROL_REQUEST_MAX 16384 /* a filter of 4 KB, each byte as %XX, and the rest */

/* What "debug" may be followed by. */
#define CONTROL_DEBUG_WORDS                                                                       \
	"try-open PATH, try-write PATH, try-chmod PATH, try-connect PATH, try-signal PID, exec, " \
	"packet-socket, ptrace, mount or fork"

/*
 * The live answer holds all that was counted and that the database, as of commit `sweep`, does not
 * have. So a reader whose snapshot's meta.last_sweep equals `sweep` adds the two and counts nothing
 * twice; any other reader takes a new snapshot or asks again.
 */
struct control_head {
	uint32_t magic;
	uint32_t version;
	uint32_t record_size;
	uint32_t records;
	uint32_t books_size;
	uint32_t books;
	uint32_t event_size;
	uint32_t events;
	uint32_t counter_size;
	uint32_t counters;
	uint64_t sweep;
	uint64_t now_ms;
};

/* What the ledger, as of commit `sweep`, does not have of an interface and direction. */
struct control_books {
	uint32_t iface; /* interface.id */
	uint32_t dir;
	struct flow_count seen;			/* since then */
	struct flow_count verdict[VERDICT_MAX]; /* of it */
	struct flow_count held;			/* now: all that is in no record of the database */
	int64_t unaccounted_packets;		/* now */
	int64_t unaccounted_bytes;
};
