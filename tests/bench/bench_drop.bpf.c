// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bench_drop.bpf.c: what an empty program costs on the tracepoint of dropped packets; see drops.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/kfree_skb")
int empty(__u64 *ctx)
{
	(void)ctx;
	return 0;
}
