/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_xdp.bpf.c: the XDP adapter. Ingress; always XDP_PASS; no packet is written.
 *
 * A frame of several buffers counts whole (bpf_xdp_get_buff_len); its headers are in the first. Where
 * the NIC takes VLAN tags off before XDP, that a frame has none is marked as unknown.
 */
#include "xdp_frame.bpf.h"

SEC("xdp")
int flow_xdp(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct flow_ledger *books;
	struct cache_hash hash;
	struct flow_facts f;
	__u32 why;

	hash = xdp_packet(ctx, geometry.seed, &f);
	books = maps_books(cpu, &f.key);
	if (!books)
		return XDP_PASS;
	books->seen.packets += f.packets;
	books->seen.bytes += f.bytes;
	why = account_flow(cpu, &f, hash, books);
	if (why)
		xdp_sample(ctx, &f, why);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
