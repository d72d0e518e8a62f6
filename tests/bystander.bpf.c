// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bystander.bpf.c: somebody else's programs for XDP and TC, which flowd must name and leave alone. Each counts what
 * it sees.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} passed SEC(".maps");

static __always_inline void count(void)
{
	const __u32 first = 0;
	__u64 *packets = bpf_map_lookup_elem(&passed, &first);

	if (packets)
		__sync_fetch_and_add(packets, 1);
}

SEC("xdp")
int bystander(struct xdp_md *ctx)
{
	(void)ctx;
	count();
	return XDP_PASS;
}

SEC("tc")
int bystander_tc(struct __sk_buff *skb)
{
	(void)skb;
	count();
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
