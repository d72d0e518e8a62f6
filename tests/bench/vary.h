/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* vary.h: how a benchmark tells its entry program which flows to make. */
#pragma once

#include <linux/types.h>

struct bench_vary {
	__u64 random; /* state, never 0; one CPU runs the benchmark */
	__u32 flows;
	__u32 addr_off; /* of the last four bytes of the source address */
	__u32 port_off; /* of the source port */
	__u32 ack_off; /* of what TCP acknowledges: each packet acknowledges something new; 0: not so */
	__u32 seq_off; /* of TCP's sequence number, where each flow's is to advance; else 0 */
	__u32 payload; /* by so much a packet */
	__u32 again;   /* of 65,536 packets, those that repeat the sequence number before */
	__u32 stamp_off; /* of TSval and TSecr: both move each VARY_STAMP_PACKETS; 0: there are none */
	__u32 stream; /* whose sequence numbers: each program under test sees its own without gaps */
	__u32 packets;
	__u32 first; /* flows are numbered from here */
	__u32 drawn; /* lines of vary_drawn, a power of two: flows are taken from there; 0: uniformly random */
	__u32 next; /* of them */
	__u32 pad;
};

/* Flows drawn beforehand, by whatever law. */
struct vary_line {
	__u32 flow[16];
};

#define VARY_DRAWN 262144 /* lines: 4,194,304 packets, then the same again */

#define VARY_STREAMS 16
#define VARY_SEQUENCES 1024	 /* flows of a stream that have sequence numbers */
#define VARY_STAMP_PACKETS 16384 /* a millisecond's, at 16 million a second */
