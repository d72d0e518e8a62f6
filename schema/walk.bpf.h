/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * walk.bpf.h: the walk of parse.h's stages in a BPF program.
 *
 * A stage is a call of a global function: the verifier walks it once and forgets which path it
 * took, so that its work is the sum of the stages' (the product of them passed its limit of
 * 1,000,000 instructions). Each takes its position anew from f->off, with one bounds check. A call
 * costs 5 to 7 ns where returns are guarded against speculation, so a plain packet makes none.
 *
 * A hook defines HOOK_CTX, its context's type, before it includes this file.
 */
#pragma once

#include "account.bpf.h"
#include "quick.h"

static __always_inline struct pkt walk_at(HOOK_CTX *ctx, __u32 off)
{
	struct pkt pkt = {
		.pos = (const __u8 *)(long)ctx->data + (off & PARSE_OFF_MAX),
		.end = (const __u8 *)(long)ctx->data_end,
	};

	return pkt;
}

__noinline int walk_step(HOOK_CTX *ctx, struct flow_facts *f)
{
	__u32 zero = 0;
	struct flow_wrap *wrap = bpf_map_lookup_elem(&wraps, &zero);

	if (f && wrap) {
		struct pkt pkt = walk_at(ctx, f->off);

		parse_step(&pkt, f, wrap);
	}
	return 0;
}

__noinline int walk_end(struct flow_facts *f)
{
	__u32 zero = 0;
	struct flow_wrap *wrap = bpf_map_lookup_elem(&wraps, &zero);

	if (f && wrap)
		parse_end(f, wrap);
	return 0;
}

/* Bytes in reach, made at once: the verifier refuses that pointers be spilled as the 32 bits they are loaded as. */
static __always_inline __u32 walk_reach(HOOK_CTX *ctx)
{
	const volatile __u32 *data = &ctx->data, *end = &ctx->data_end;
	__u64 reach = (__u64)((void *)(long)*end - (void *)(long)*data);

	barrier_var(reach);
	return (__u32)reach;
}

/*
 * What nearly every packet is, without a call. False: it is for walk_whole, and `f` is blank: Linux before 6.3 hands
 * no stack to a global function that was not all written.
 */
static __always_inline int walk_quick(HOOK_CTX *ctx, const struct pkt_meta *meta,
				      const volatile __u64 *seed, struct flow_facts *f,
				      struct cache_hash *ret_hash)
{
	struct pkt pkt = walk_at(ctx, 0);

	if (quick_packet(&pkt, meta, seed, f, ret_hash))
		return 1;
	__builtin_memset(f, 0, sizeof(*f));
	return 0;
}

/* Whatever the packet is; for a global function of the hook. Ethernet, IP and transport go without a further call. */
static __always_inline void walk_whole(HOOK_CTX *ctx, const struct pkt_meta *meta,
				       struct flow_facts *f)
{
	struct pkt pkt = walk_at(ctx, 0);

	parse_begin(meta, f);
	if (f->stage == PARSE_LINK)
		parse_plain(&pkt, f);
	if (f->stage == PARSE_NET) {
		pkt = walk_at(ctx, f->off);
		parse_net(&pkt, f);
	}
	if (f->stage == PARSE_TRANSPORT) {
		pkt = walk_at(ctx, f->off);
		parse_transport(&pkt, f);
	}
	for (int i = 0; i < PARSE_STEPS && f->stage != PARSE_DONE; i++)
		walk_step(ctx, f);
	if (f->stage != PARSE_DONE || (f->into & PARSE_INTO_SAVED))
		walk_end(f);
	parse_count(meta, f);
}
