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

/* Hand over the packet, or its beginning. Before Linux 5.18 all of it is in one buffer. */
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

SEC("xdp")
int flow_xdp(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct pkt_meta meta = {.dir = FLOW_INGRESS, .inner = geometry.inner};
	__u32 iface = account_iface(ctx->ingress_ifindex);
	struct flow_ledger *books;
	struct flow_facts f;
	__u32 why;

	meta.reach = (__u32)((void *)(long)ctx->data_end - (void *)(long)ctx->data);
	meta.len = geometry.xdp_buff_len ? (__u32)bpf_xdp_get_buff_len(ctx) : meta.reach;
	meta.ifnum = (__u16)iface;
	walk_packet(ctx, &meta, &f);
	if (!f.key.vlan)
		f.key.marks |= iface >> 16;
	books = maps_books(cpu, &f.key);
	if (!books)
		return XDP_PASS;
	books->seen.packets += f.packets;
	books->seen.bytes += f.bytes;
	why = account_flow(cpu, &f, books);
	if (why)
		xdp_sample(ctx, &f, why);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
