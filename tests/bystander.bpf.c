// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bystander.bpf.c: somebody else's XDP program, which flowd must name and leave alone.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int bystander(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
