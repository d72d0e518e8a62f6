/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wlgen.h: what wlgen tells its BPF program, what the program counts, and where both say that a flow goes.
 */
#pragma once

#include <linux/types.h>

#define WLGEN_HEADER_MAX 96

enum wlgen_order {
	WLGEN_ROUND = 0, /* flow 0, 1, 2, ... and again */
	WLGEN_RANDOM,	 /* uniformly */
	WLGEN_FLOOD, /* every (flood + 1)th packet of `steady` flows in turn, between them new flows */
};

struct wlgen_config {
	__u64 header[WLGEN_HEADER_MAX /
		     8]; /* of every frame, before what varies is written over it */
	__u64 seed;
	__u32 header_words;
	__u32 ifindex; /* redirect to it; 0: pass the frame up */
	__u32 order;   /* enum wlgen_order */
	__u32 first;   /* number of the first flow */
	__u32 flows;
	__u32 steady;
	__u32 flood;
	__u32 size;   /* of the frame */
	__u32 spread; /* frames of flow n are n % spread bytes shorter */
	__u32 l3_off;
	__u32 l4_off;
	__u32 ip_sum; /* checksum of the IPv4 header without what varies */
	__u32 v6;
	__u32 proto;
	__u32 dst; /* the last 4 bytes of the address */
	__u32 dport;
	__u32 scatter; /* flows from `steady` on go each to an address and port of its own */
};

struct wlgen_state {
	__u64 packets;
	__u64 bytes;
	__u64 failed; /* frames that could not be written: never, unless wlgen is wrong */
	__u64 rng;
};

/* The last 4 bytes of the address << 32 | port, as numbers. The mixing is splitmix64's (Steele et al. 2014). */
static inline __u64 wlgen_to(const volatile struct wlgen_config *config, __u32 flow)
{
	__u64 x = (config->first + flow + 1ULL) * 0x9e3779b97f4a7c15ULL;

	if (!config->scatter || flow < config->steady)
		return (__u64)config->dst << 32 | config->dport;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	x ^= x >> 31;
	return x & 0xffffffff0000ffffULL;
}
