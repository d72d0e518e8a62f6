/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpf_sample.h: what bpf_sample.c and bpf_sample_room.c (what has to be sampled), bpf_sample_rate.c (how often),
 * bpf_sampler.c (the shipped programs on flowd's maps) and bpf_sample.bpf.c (feeders) share.
 */
#pragma once

#include <linux/types.h>

#define STREAM_PORT 1000  /* and the class: source port of the stream's packets */
#define STREAM_NUMBER 42  /* where a packet has its number: behind the UDP header */
#define STREAM_CLASSES 4  /* flows of the stream */
#define STREAM_PERIOD 100 /* each that many'th packet is of class 0 */
#define STREAM_BURST 500  /* class 3 comes in bursts of that many packets */
#define STREAM_BURSTS 10  /* one of that many */
#define STREAM_HASH 0x9e3779b1U

/* Whose packet of the stream it is: patterns, as traffic has them. */
static inline __u32 stream_class(__u32 number)
{
	if (number % STREAM_PERIOD == 0)
		return 0;
	if (number / STREAM_BURST % STREAM_BURSTS == 0)
		return 3;
	return 1 + ((number * STREAM_HASH) >> 31);
}

/* Its length. */
static inline __u32 stream_size(__u32 class)
{
	return class == 0 ? 3000 : class == 1 ? 60 : class == 2 ? 1400 : 200;
}
