/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample.h: packets that are kept whole, or their beginning: why, by what settings, and how they are
 * handed over. Written by sample.bpf.h and trace/, read by flowd/samples.c. For BPF and the host.
 *
 *   conf      [ifnum]           what packets of an interface are sampled by; flowd's. [0]: drops, which
 *                               have `triggers` SAMPLE_DROP where they are sampled, and `snaplen`; all of
 *                               them are, on any interface, and no filter is asked
 *   filters   [number]          compiled filters that conf names; flowd's
 *   samples   ring              struct sample_head and the bytes; a full ring loses samples, counted
 *   counts    [cpu]             what became of packets that were chosen
 *
 * A packet is chosen when any of the reasons holds; then the filter is asked; then it goes to the
 * ring. Each reason is its own: of the packets of a flow, those with SAMPLE_RATE are an unbiased
 * sample of 1 in `rate`, whatever else was switched on. Drops take no more than half of the ring, so that
 * a storm of them leaves room for the others.
 */
#pragma once

#include <linux/types.h>

#include "flow.h"

#define SAMPLE_SNAPLEN 128 /* the default */
#define SAMPLE_SNAPLEN_MIN 64
#define SAMPLE_SNAPLEN_MAX 9216	  /* 9,000 of payload, and labels */
#define SAMPLE_LOOK_MAX 16384	  /* bytes of a packet that a filter can look at */
#define SAMPLE_RATE_MAX 16777216U /* 1 in 2^24 */
#define SAMPLE_FILTERS 8	  /* that are in use at a time, over all interfaces, and one more */
#define SAMPLE_FILTER_MAX 4096	  /* instructions, as BPF_MAXINSNS */

/* Why; bits. */
enum sample_why {
	SAMPLE_RATE = 1,       /* 1 in `rate` */
	SAMPLE_FIRST = 2,      /* among the first packets of its flow's slot */
	SAMPLE_RESET = 4,      /* RST */
	SAMPLE_RETRANSMIT = 8, /* retransmitted or out of order */
	SAMPLE_ZERO_WINDOW = 16,
	SAMPLE_MALFORMED = 32, /* VERDICT_SHORT or VERDICT_DEEP */
	SAMPLE_DROP = 64,      /* the kernel dropped it: reason and place are set */
};

/* In sample_head.why alone, of a drop: the bytes begin with the IP header, whatever the interface has. A tag is then in the key alone. */
#define SAMPLE_BARE 0x80000000U

#define SAMPLE_TRIGGERS (SAMPLE_RESET | SAMPLE_RETRANSMIT | SAMPLE_ZERO_WINDOW | SAMPLE_MALFORMED)

/* All 0: the interface is not sampled. */
struct sample_conf {
	__u32 rate;	/* 1 in that many; 0: none for that reason */
	__u32 first;	/* packets of each slot's life */
	__u32 triggers; /* of SAMPLE_TRIGGERS, those that are on */
	__u32 snaplen;	/* bytes kept of a packet at most */
	__u32 filter;	/* number in filters + 1; 0: none */
	__u32 pad[3];
};

/* As struct bpf_insn of classic BPF (pcap/bpf.h). */
struct sample_insn {
	__u16 code;
	__u8 jt;
	__u8 jf;
	__u32 k;
};

struct sample_filter {
	__u32 count;
	__u32 reach; /* bytes of a packet that it looks at, at most; 0: not known */
	struct sample_insn insn[SAMPLE_FILTER_MAX];
};

/* One record of the ring; `captured` bytes follow it: of the frame as on the wire, its VLAN tag in place. */
struct sample_head {
	__u64 time_ns;	     /* CLOCK_MONOTONIC, of the full clock */
	struct flow_key key; /* ifnum 0: dropped on the interface `ifindex` */
	__u32 length; /* of the frame; of a GSO packet with all its payload and one set of headers */
	__u32 captured;
	__u32 packets;	/* frames on the wire that it stands for */
	__u32 rate;	/* in force */
	__u32 why;	/* enum sample_why */
	__u32 gso_size; /* payload of each of the packets but the last; 0: not GSO */
	__u32 ifindex;
	__u32 reason; /* enum skb_drop_reason */
	__u64 place;  /* address in the kernel */
};

/* Written by the programs of one CPU; of drops by the trace programs, which may run in the midst of the others. */
struct sample_count {
	__u64 chosen;	  /* packets for which a reason held */
	__u64 passed;	  /* those of them that the filter let pass, or all where there is none */
	__u64 lost;	  /* those of these that found no room in the ring */
	__u64 random;	  /* state of the CPU's generator; 0: not begun */
	__u64 drops;	  /* that were to be sampled; in none of the above */
	__u64 drops_lost; /* those of them that found no room, or could not be read */
	__u64 pad[2];
};

_Static_assert(sizeof(struct sample_conf) == 32, "two to a cache line");
_Static_assert(sizeof(struct sample_insn) == 8, "as struct bpf_insn");
_Static_assert(sizeof(struct sample_head) == 104, "no holes");
_Static_assert(sizeof(struct sample_count) == 64, "no line shared between CPUs");
