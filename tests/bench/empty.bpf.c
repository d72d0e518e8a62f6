/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * empty.bpf.c: programs that do nothing, to be attached in the place of flowd's (live.sh); and one that takes frames
 * to nobody, to MAC ...:99, off the stack, so that they end there and are no drop that the kernel would tell of.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define NOBODY_AT 5 /* the address's last byte */
#define NOBODY 0x99

SEC("xdp.frags")
int empty_xdp(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("tc")
int empty_tc(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_UNSPEC;
}

SEC("tc/swallow")
int swallow_tc(struct __sk_buff *skb)
{
	const __u8 *frame = (const __u8 *)(long)skb->data;

	if (frame + NOBODY_AT >= (const __u8 *)(long)skb->data_end || frame[NOBODY_AT] != NOBODY)
		return TC_ACT_UNSPEC;
	return TC_ACT_STOLEN;
}

char _license[] SEC("license") = "Dual BSD/GPL";
