/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bench_tc.bpf.c: the entry of a TC benchmark and an empty program to compare with. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define HOOK_CTX struct __sk_buff
#include "vary.bpf.h"

SEC("tc")
int bench_empty(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_OK;
}

SEC("tc")
int bench_entry(struct __sk_buff *skb)
{
	vary_frame(skb);
	bpf_tail_call(skb, &target, 0);
	return TC_ACT_SHOT; /* no target: the benchmark stops on it */
}

char _license[] SEC("license") = "Dual BSD/GPL";
