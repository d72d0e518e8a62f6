/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xdp_frame.bpf.h: what XDP knows of a frame beside its bytes, and a sample of them. Before Linux 5.18 all of it is in
 * one buffer.
 */
#pragma once

#include <linux/bpf.h>

#define HOOK_CTX struct xdp_md
#include "../schema/walk.bpf.h"

#define XDP_WHOLE_MIN 60 /* of Ethernet, without FCS: less may have its padding elsewhere */
#define XDP_WHOLE_MAX 1024

static __always_inline void xdp_meta(struct xdp_md *ctx, struct pkt_meta *meta)
{
	__u32 iface = account_iface(ctx->ingress_ifindex);

	meta->dir = FLOW_INGRESS;
	meta->inner = geometry.inner;
	meta->ifnum = (__u16)iface;
	meta->untagged = iface >> 16;
	meta->len = meta->reach = walk_reach(ctx);
}

/* Of all buffers. A call, as dear as a fifth of all that is done for a small packet. */
static __always_inline void xdp_measure(struct xdp_md *ctx, struct pkt_meta *meta)
{
	if (geometry.xdp_buff_len)
		meta->len = (__u32)bpf_xdp_get_buff_len(ctx);
}

/*
 * So many bytes, with an IP packet that ends in them, are a whole frame: drivers fill the first of several buffers
 * (1,518 bytes or more), veth and generic XDP copy into pages; with headers split off, what follows is IP's.
 */
static __always_inline int xdp_is_whole(const struct pkt_meta *meta)
{
	return meta->reach - XDP_WHOLE_MIN < XDP_WHOLE_MAX - XDP_WHOLE_MIN;
}

__noinline int xdp_walk(struct xdp_md *ctx, struct flow_facts *f)
{
	struct pkt_meta meta = {};

	if (!f)
		return 0;
	xdp_meta(ctx, &meta);
	xdp_measure(ctx, &meta);
	walk_whole(ctx, &meta, f);
	return 0;
}

/* Returns the hash of the key by that seed, or ACCOUNT_UNHASHED. NULL: nobody asks for one. */
static __always_inline struct cache_hash xdp_packet(struct xdp_md *ctx, const volatile __u64 *seed,
						    struct flow_facts *f)
{
	struct cache_hash hash = ACCOUNT_UNHASHED;
	struct pkt_meta meta = {};

	xdp_meta(ctx, &meta);
	if (!xdp_is_whole(&meta))
		xdp_measure(ctx, &meta);
	if (walk_quick(ctx, &meta, seed, f, &hash) && f->end <= meta.len)
		return hash;
	xdp_walk(ctx, f);
	return ACCOUNT_UNHASHED;
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
