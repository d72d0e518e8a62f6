/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xdp_frame.bpf.h: what XDP knows of a frame beside its bytes, and a sample of them. Before Linux 5.18 all of it is in
 * one buffer.
 */
#pragma once

#include <linux/bpf.h>

#define HOOK_CTX struct xdp_md
#include "../schema/walk.bpf.h"

static __always_inline void xdp_meta(struct xdp_md *ctx, struct pkt_meta *meta)
{
	__u32 iface = account_iface(ctx->ingress_ifindex);

	meta->dir = FLOW_INGRESS;
	meta->inner = geometry.inner;
	meta->ifnum = (__u16)iface;
	meta->untagged = iface >> 16;
	meta->reach = walk_reach(ctx);
	meta->len = geometry.xdp_buff_len ? (__u32)bpf_xdp_get_buff_len(ctx) : meta->reach;
}

__noinline int xdp_walk(struct xdp_md *ctx, struct flow_facts *f)
{
	struct pkt_meta meta = {};

	if (!f)
		return 0;
	xdp_meta(ctx, &meta);
	walk_whole(ctx, &meta, f);
	return 0;
}

static __always_inline void xdp_packet(struct xdp_md *ctx, struct flow_facts *f)
{
	struct pkt_meta meta = {};

	xdp_meta(ctx, &meta);
	if (!walk_quick(ctx, &meta, f))
		xdp_walk(ctx, f);
}

/* Hand over the packet, or its beginning. */
__noinline int xdp_sample(struct xdp_md *ctx, struct flow_facts *f, __u32 why)
{
	struct sample_stage *stage = sample_place();
	__u32 want = (__u32)sample_open(f, why);
	__u64 len = (__u64)ctx->data_end - (__u64)ctx->data;
	long err;

	if (!want || !stage)
		return 0;
	if (geometry.xdp_buff_len)
		len = bpf_xdp_get_buff_len(ctx);
	stage->head.length = (__u32)len;
	stage->head.ifindex = ctx->ingress_ifindex;
	want = sample_size(len < want ? (__u32)len : want);
	err = geometry.xdp_load_bytes
		      ? bpf_xdp_load_bytes(ctx, 0, stage->bytes, want)
		      : bpf_probe_read_kernel(stage->bytes, want, (void *)(long)ctx->data);
	return sample_close(err ? 0 : want);
}
