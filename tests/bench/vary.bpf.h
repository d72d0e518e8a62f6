/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vary.bpf.h: what a benchmark's entry program does before it tail-calls the program under test.
 *
 * A test-run repeats one frame, so the entry gives the frame another flow each time: source address
 * and port are written from a random number, uniform over vary.flows, or from a list. The target is called through
 * slot 0 of `target`; the same entry before an empty program shows what the entry itself costs.
 *
 * The includer defines HOOK_CTX, as for walk.bpf.h.
 */
#pragma once

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

#include "vary.h"

struct bench_vary vary = {};
__u32 vary_sequence[VARY_STREAMS * VARY_SEQUENCES] = {};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* VARY_DRAWN, set before load, where it is used */
	__type(key, __u32);
	__type(value, struct vary_line);
} vary_drawn SEC(".maps");

#define VARY_OFF_MAX 63

/* Marsaglia, "Xorshift RNGs", 2003: full period 2^64 - 1. */
static __always_inline __u32 vary_random(void)
{
	__u64 x = vary.random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	vary.random = x;
	return (__u32)(((x >> 32) * vary.flows) >> 32);
}

static __always_inline __u32 vary_next(void)
{
	__u32 flow = vary_random(), at, line;
	const struct vary_line *drawn;

	if (!vary.drawn)
		return vary.first + flow;
	at = vary.next++;
	line = (at / 16) & (vary.drawn - 1);
	drawn = bpf_map_lookup_elem(&vary_drawn, &line);
	return drawn ? drawn->flow[at & 15] : 0;
}

/* The next segment of the flow, or now and then the one before. */
static __always_inline void vary_segment(HOOK_CTX *ctx, __u32 flow)
{
	__u8 *data = (__u8 *)(long)ctx->data, *end = (__u8 *)(long)ctx->data_end;
	__u8 *seq = data + (vary.seq_off & VARY_OFF_MAX);
	__u8 *stamp = data + (vary.stamp_off & VARY_OFF_MAX);
	__u32 number = (vary.stream & (VARY_STREAMS - 1)) * VARY_SEQUENCES;
	__u32 *next = &vary_sequence[number + (flow & (VARY_SEQUENCES - 1))];

	if (seq + 4 > end || stamp + 8 > end)
		return;
	if ((vary.random & 0xffff) >= vary.again)
		*next += vary.payload;
	*(__be32 *)seq = bpf_htonl(*next);
	if (vary.stamp_off) {
		__u32 ms = vary.packets++ / VARY_STAMP_PACKETS;

		*(__be32 *)stamp = bpf_htonl(ms);
		*(__be32 *)(stamp + 4) = bpf_htonl(ms);
	}
}

static __always_inline void vary_frame(HOOK_CTX *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data, *end = (__u8 *)(long)ctx->data_end;
	__u8 *addr = data + (vary.addr_off & VARY_OFF_MAX);
	__u8 *port = data + (vary.port_off & VARY_OFF_MAX);
	__u32 flow = vary_next();

	if (addr + 4 > end || port + 4 > end)
		return;
	*(__be32 *)addr = bpf_htonl(0x0a000000 + (flow >> 4));
	/* both ports at once: a program that reads them so would wait for one that is written by itself, as no
	 * packet off the wire makes it wait */
	*(__be32 *)port =
		(*(__be32 *)port & bpf_htonl(0xffff)) | bpf_htonl((1024 + (flow & 15)) << 16);
	if (vary.ack_off) {
		__u8 *ack = data + (vary.ack_off & VARY_OFF_MAX);

		if (ack + 4 > end)
			return;
		*(__be32 *)ack = (__be32)vary.random;
	}
	if (vary.seq_off)
		vary_segment(ctx, flow);
}
