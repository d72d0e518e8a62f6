/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_xdp.bpf.c: the XDP adapter. Ingress; always XDP_PASS; no packet is written.
 *
 * A frame of several buffers counts whole (bpf_xdp_get_buff_len); its headers are in the first. Where
 * the NIC takes VLAN tags off before XDP, that a frame has none is marked as unknown.
 */
#include <linux/bpf.h>

#define HOOK_CTX struct xdp_md
#include "../schema/walk.bpf.h"

SEC("xdp")
int flow_xdp(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct pkt_meta meta = {.dir = FLOW_INGRESS, .inner = geometry.inner};
	__u32 iface = account_iface(ctx->ingress_ifindex);
	struct flow_ledger *books;
	struct flow_facts f;

	meta.reach = (__u32)((void *)(long)ctx->data_end - (void *)(long)ctx->data);
	meta.len = geometry.xdp_buff_len ? (__u32)bpf_xdp_get_buff_len(ctx) : meta.reach;
	meta.ifnum = (__u16)iface;
	walk_packet(ctx, &meta, &f);
	if (!f.key.vlan)
		f.key.marks |= iface >> 16;
	books = account_books(cpu, &f.key);
	if (!books)
		return XDP_PASS;
	books->seen.packets += f.packets;
	books->seen.bytes += f.bytes;
	account_flow(cpu, &f, books);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
