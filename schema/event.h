/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event.h: what the kernel itself says of packets: drops, retransmits, resets; and of connections
 * when they close. Written by trace/health.bpf.c, read by flowd. The records that flowd makes of it, for
 * sinks and flowctl, are in record.h's style at the end.
 *
 * Events are counted by key in one of two generations, that of the control cell's number; flowd turns
 * the number, and a sweep later, when no program can still be writing to it, drains the one before:
 *
 *   counts    [cpu][generation & 1][cell]: the key's mark and packets, bytes, skbs: all that an event
 *             touches, half a cache line; open-addressed by the mark
 *   keys      [cpu][generation & 1][cell]: the key, written once, before the mark, and read by flowd
 *   folded    [cpu][generation & 1][what][reason]   what found no room in `counts`
 *
 * Each event goes to exactly one of counts and folded, so their sum is exact; of a folded one the flow
 * is unknown. A mark is a hash by secret random numbers; two keys of one mark would be counted as the
 * first of them: a chance below 2^-55 for any two keys, whoever chose them, and 2^-32 for a whole table.
 */
#pragma once

#include <linux/types.h>

#include "flow.h"

#define EVENT_LAYOUT 4	  /* of every struct below that lives in a pinned map */
#define EVENT_REASONS 512 /* cells of folded; the last is for greater numbers */
#define EVENT_CELLS 4096  /* of counts, for a CPU and generation; a power of two */
#define EVENT_PROBES 8	  /* cells that a key may be in */

enum event_what {
	EVENT_DROP = 0,	      /* reason: enum skb_drop_reason of the running kernel */
	EVENT_RETRANSMIT,     /* reason: enum event_retransmit */
	EVENT_RESET_SENT,     /* of TCP connections; flow: as the reset goes */
	EVENT_RESET_RECEIVED, /* flow: as the reset came */
	EVENT_MAX,
};

enum event_retransmit {
	EVENT_RETRANSMIT_OTHER = 0,
	EVENT_RETRANSMIT_SYN,
	EVENT_RETRANSMIT_SYN_ACK,
	EVENT_RETRANSMIT_FAST,	  /* recovery */
	EVENT_RETRANSMIT_TIMEOUT, /* loss: the retransmission timer */
	EVENT_RETRANSMIT_PROBE,	  /* tail loss probe (RFC 8985) */
	EVENT_RETRANSMIT_MAX,
};

/* flow.ifnum is 0: the interface is `ifindex`. */
struct event_key {
	struct flow_key flow;
	__u64 place;   /* address in the kernel that freed the packet; 0: not a drop */
	__u32 ifindex; /* 0: none */
	__u32 reason;
	__u32 generation;
	__u32 what; /* enum event_what */
};

struct event_count {
	__u64 packets; /* on the wire: the segments of a GSO packet */
	__u64 bytes;   /* of frames on the wire */
	__u64 skbs;    /* as netfilter's and qdiscs' counters count */
};

/* Written by the programs of one CPU. */
struct event_cell {
	__u64 mark; /* 0, EVENT_CELL_BUSY, or the key's with EVENT_CELL_MADE */
	struct event_count count;
};

#define EVENT_CELL_BUSY 1ULL /* the key is being written */
#define EVENT_CELL_MADE 2ULL

/* A connection at its end, in a ring of its own. */
struct event_close {
	struct flow_key flow; /* egress, ifnum 0 */
	__u64 time_ns;	      /* CLOCK_MONOTONIC */
	__u64 delivery_rate;  /* bytes a second, the last sample's; 0: none */
	__u64 bytes_acked;
	__u64 bytes_received;
	__u32 ifindex;
	__u32 pid; /* 0: not known truthfully */
	__u32 srtt_us;
	__u32 min_rtt_us; /* 0: none */
	__u32 cwnd;	  /* segments */
	__u32 retransmits;
	__u32 delivered; /* segments */
	__u32 lost;
	char process[16];
};

/* One cell: what the trace programs go by. Written by flowd. */
struct event_control {
	__u32 generation;  /* grows by one with each turn */
	__u32 layout;	   /* EVENT_LAYOUT of the program that made the maps */
	__u64 netns_inode; /* of the namespace whose events are counted */
	__u64 begun_ns[2]; /* CLOCK_MONOTONIC: the turn to generation n, at n & 1 */
	__u32 drained; /* a flowd ended and left nothing: what is counted since is new to the next */
	__u32 pad[7];
	__u64 missed[2][EVENT_MAX]; /* runs that the kernel left out, by the end of generation n */
};

/* A CPU's line, written by its programs; flowd takes `dirty` back before it reads the maps. */
struct event_cpu {
	__u64 dirty;	  /* something was counted */
	__u64 close_lost; /* connections whose end found no room in the ring */
	__u64 keys[2];	  /* cells in use, at generation & 1 */
	__u64 untold;	  /* skbs dropped that nothing told the namespace of: in no count */
	__u64 piece;	  /* address of the skb that is the next piece of one dropped; 0: none */
	__u64 pad[2];
};

_Static_assert(sizeof(struct event_key) == 80, "is hashed by flowd: no holes");
_Static_assert(sizeof(struct event_cell) == 32, "two to a cache line");
_Static_assert(sizeof(struct event_control) == 128, "no line shared with anything else");
_Static_assert(sizeof(struct event_cpu) == 64, "no line shared between CPUs");
