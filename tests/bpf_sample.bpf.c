// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_sample.bpf.c: packets for the shipped programs that test-run itself does not make: a stream, each
 * packet of which says its number; and one with a VLAN tag beside the bytes. Each feeder ends in a tail
 * call to the program under test.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../schema/flow.h"
#include "bpf_sample.h"

__u32 stream_next;    /* number of the next packet */
__u32 stream_restart; /* the settings change before each that many'th packet; 0: never */

/* TC: what to make of one skb, and which program is to get it. */
__u16 tag_proto; /* host order; 0: no tag */
__u16 tag_tci;
__u32 tc_program;

/* The map of the programs under test. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_control);
} control SEC(".maps");

/* Two, since the kernel ties a map of programs to the type of the first that uses it. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} xdp_tested SEC(".maps"), tc_tested SEC(".maps");

/* The settings' generation, where the stream has it changed. */
static __always_inline void stream_change(__u32 number)
{
	__u32 zero = 0;
	struct flow_control *ctl = bpf_map_lookup_elem(&control, &zero);

	if (ctl && stream_restart && number % stream_restart == 0)
		ctl->sampling++;
}

static __always_inline int stream_write(void *data, void *end, __u32 number)
{
	if (data + STREAM_NUMBER + 4 > end)
		return -1;
	*(__be16 *)(data + 34) = bpf_htons((__u16)(STREAM_PORT + stream_class(number)));
	*(__u16 *)(data + STREAM_NUMBER) = (__u16)number;
	*(__u16 *)(data + STREAM_NUMBER + 2) = (__u16)(number >> 16);
	return 0;
}

SEC("xdp")
int feed_xdp(struct xdp_md *ctx)
{
	long have = (long)ctx->data_end - (long)ctx->data;
	__u32 number = stream_next++, len = stream_size(stream_class(number));

	barrier_var(have); /* else it is subtracted in 32 bits, which pointers may not be */
	if ((long)len != have && bpf_xdp_adjust_tail(ctx, (int)len - (int)have))
		return XDP_ABORTED;
	if (stream_write((void *)(long)ctx->data, (void *)(long)ctx->data_end, number))
		return XDP_ABORTED;
	stream_change(number);
	bpf_tail_call(ctx, &xdp_tested, 0);
	return XDP_ABORTED;
}

SEC("tc")
int feed_tc(struct __sk_buff *skb)
{
	__u32 number = stream_next++, len = stream_size(stream_class(number));

	if (skb->len != len && bpf_skb_change_tail(skb, len, 0))
		return TC_ACT_SHOT;
	if (stream_write((void *)(long)skb->data, (void *)(long)skb->data_end, number))
		return TC_ACT_SHOT;
	stream_change(number);
	bpf_tail_call(skb, &tc_tested, tc_program);
	return TC_ACT_SHOT;
}

SEC("tc")
int tag_tc(struct __sk_buff *skb)
{
	if (tag_proto && bpf_skb_vlan_push(skb, bpf_htons(tag_proto), tag_tci))
		return TC_ACT_SHOT;
	if (skb->vlan_present != !!tag_proto)
		return TC_ACT_SHOT;
	bpf_tail_call(skb, &tc_tested, tc_program);
	return TC_ACT_SHOT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
