// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_corpus.bpf.c: puts frames before the shipped programs that test-run itself cannot: many in
 * one call (XDP), and with a VLAN tag beside the bytes (TC). Each ends in a tail call to the program
 * under test, which sees nothing of it.
 *
 * A test-run of XDP costs about 16 ms whatever it repeats, since the kernel enters the program in a
 * dispatcher for it. Packet and length stay between repetitions as the last one left them: each
 * makes the packet the next frame of the batch, under an interface number of its own.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf_corpus.h"

/* Types without names: bpftool writes them into the skeleton whole. 256: a mask, for the verifier. */
struct {
	__u32 len;
	int err; /* 0: given to the program under test */
	__u8 data[CORPUS_FRAME_MAX];
} frames[256];

_Static_assert(CORPUS_BATCH <= sizeof(frames) / sizeof(frames[0]), "a place for each frame");

__u32 next_frame; /* XDP: the number of the frame whose turn it is */
__u32 one_iface;  /* XDP: 1: all frames are of interface number 1 */

/* TC: what to make of the skb. */
struct {
	__u32 len;
	int err;	  /* as in frames */
	__u16 vlan_proto; /* host order; 0: no tag in metadata */
	__u16 vlan_tci;
	__u32 egress; /* 0 or 1: which of tc_tested */
} job;

/* The map of the XDP object under test. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FLOW_IFACE_CELLS);
	__type(key, __u32);
	__type(value, struct flow_iface);
} ifaces SEC(".maps");

/* Two, since the kernel ties a map of programs to the type of the first that uses it. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} xdp_tested SEC(".maps"), tc_tested SEC(".maps");

static __always_inline int make_frame(struct xdp_md *ctx, __u32 i)
{
	long have = (long)ctx->data_end - (long)ctx->data;
	__u32 len = frames[i].len;

	barrier_var(have); /* else it is subtracted in 32 bits, which pointers may not be */
	if (len < CORPUS_FRAME_MIN || len > CORPUS_FRAME_MAX)
		return -EINVAL;
	if (bpf_xdp_adjust_tail(ctx, (int)len - (int)have))
		return -EMSGSIZE;
	return (int)bpf_xdp_store_bytes(ctx, 0, frames[i].data, len);
}

SEC("xdp")
int feed_xdp(struct xdp_md *ctx)
{
	__u32 i = next_frame & 255, cell = ctx->ingress_ifindex & (FLOW_IFACE_CELLS - 1);
	struct flow_iface *iface = bpf_map_lookup_elem(&ifaces, &cell);

	next_frame++;
	frames[i].err = iface ? make_frame(ctx, i) : -ENODEV;
	if (!iface || frames[i].err)
		return XDP_ABORTED;
	iface->ifindex = ctx->ingress_ifindex;
	iface->ifnum = one_iface ? 1 : (__u16)(i + 1);
	bpf_tail_call(ctx, &xdp_tested, 0);
	frames[i].err = -ENOENT;
	return XDP_ABORTED;
}

static __always_inline int make_skb(struct __sk_buff *skb)
{
	int err = 0;

	if (skb->len != job.len)
		err = (int)bpf_skb_change_tail(skb, job.len, 0);
	if (!err && job.vlan_proto)
		err = (int)bpf_skb_vlan_push(skb, bpf_htons(job.vlan_proto), job.vlan_tci);
	if (!err && (skb->len != job.len || skb->vlan_present != !!job.vlan_proto))
		err = -EPROTO; /* the kernel moved a tag between bytes and metadata by itself */
	return err;
}

/* Test-run parses the frame before any program does, so short ones come padded and are cut here. */
SEC("tc")
int feed_tc(struct __sk_buff *skb)
{
	job.err = make_skb(skb);
	if (job.err)
		return TC_ACT_SHOT;
	bpf_tail_call(skb, &tc_tested, job.egress);
	job.err = -ENOENT;
	return TC_ACT_SHOT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
