/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench_xdp.bpf.c: the entry of an XDP benchmark and the programs to compare with: an empty one,
 * one that only parses, wireledger's parser and ledger over BPF_MAP_TYPE_LRU_PERCPU_HASH, and
 * wireledger without its analysis of TCP, and without the choice of packets to be sampled.
 */
#include <linux/bpf.h>

#define HOOK_CTX struct xdp_md
#include "schema/walk.bpf.h"
#include "vary.bpf.h"

/* What the slot has, without what the kernel's map keeps itself. */
struct lru_value {
	__u64 packets;
	__u64 bytes;
	__u64 ip_bytes;
	__u64 first_ns;
	__u64 last_ns;
	__u8 tcp_flags;
	__u8 tcp_syn;
	__u8 pad[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 1); /* set before load */
	__type(key, struct flow_key);
	__type(value, struct lru_value);
} lru SEC(".maps");

static __always_inline int lru_flow(const struct flow_facts *f, __u64 now)
{
	struct lru_value *value = bpf_map_lookup_elem(&lru, &f->key), fresh = {};

	if (value) {
		value->packets += f->packets;
		value->bytes += f->bytes;
		value->ip_bytes += f->ip_bytes;
		value->last_ns = now;
		value->tcp_flags |= f->tcp_flags;
		value->tcp_syn |= f->tcp_syn;
		return 1;
	}
	fresh.packets = f->packets;
	fresh.bytes = f->bytes;
	fresh.ip_bytes = f->ip_bytes;
	fresh.first_ns = fresh.last_ns = now;
	fresh.tcp_flags = f->tcp_flags;
	fresh.tcp_syn = f->tcp_syn;
	return !bpf_map_update_elem(&lru, &f->key, &fresh, BPF_ANY);
}

SEC("xdp")
int bench_lru(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id(), verdict;
	struct flow_cpu *stat = bpf_map_lookup_elem(&cpus, &cpu);
	struct pkt_meta meta = {.dir = FLOW_INGRESS};
	struct flow_ledger *books;
	struct flow_facts f;

	meta.reach = (__u32)((void *)(long)ctx->data_end - (void *)(long)ctx->data);
	meta.len = geometry.xdp_buff_len ? (__u32)bpf_xdp_get_buff_len(ctx) : meta.reach;
	meta.ifnum = account_iface(ctx->ingress_ifindex);
	walk_packet(ctx, &meta, &f);
	books = maps_books(cpu, &f.key);
	if (!books || !stat)
		return XDP_PASS;
	books->seen.packets += f.packets;
	books->seen.bytes += f.bytes;
	verdict = lru_flow(&f, account_now(stat)) ? f.verdict : VERDICT_CATCHALL;
	barrier_var(verdict); /* the verifier is to see the same register bounded and used */
	if (verdict < VERDICT_MAX) {
		books->verdict[verdict].packets += f.packets;
		books->verdict[verdict].bytes += f.bytes;
	}
	return XDP_PASS;
}

/* flow_xdp, but what a segment says is not looked at. */
SEC("xdp")
int bench_account(struct xdp_md *ctx)
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
	books = maps_books(cpu, &f.key);
	if (!books)
		return XDP_PASS;
	books->seen.packets += f.packets;
	books->seen.bytes += f.bytes;
	f.segment = 0;
	account_flow(cpu, &f, books);
	return XDP_PASS;
}

/* flow_xdp, but no packet is sampled, and none asked for it. */
SEC("xdp")
int bench_unsampled(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id(), zero = 0;
	struct pkt_meta meta = {.dir = FLOW_INGRESS, .inner = geometry.inner};
	__u32 iface = account_iface(ctx->ingress_ifindex);
	const struct flow_control *ctl = bpf_map_lookup_elem(&control, &zero);
	struct flow_cpu *stat = bpf_map_lookup_elem(&cpus, &cpu);
	struct flow_ledger *books;
	struct flow_facts f;

	meta.reach = (__u32)((void *)(long)ctx->data_end - (void *)(long)ctx->data);
	meta.len = geometry.xdp_buff_len ? (__u32)bpf_xdp_get_buff_len(ctx) : meta.reach;
	meta.ifnum = (__u16)iface;
	walk_packet(ctx, &meta, &f);
	if (!f.key.vlan)
		f.key.marks |= iface >> 16;
	books = maps_books(cpu, &f.key);
	if (!books || !ctl || !stat)
		return XDP_PASS;
	books->seen.packets += f.packets;
	books->seen.bytes += f.bytes;
	account_count(cpu, &f, books, ctl, stat);
	return XDP_PASS;
}

SEC("xdp")
int bench_parse(struct xdp_md *ctx)
{
	struct pkt_meta meta = {.dir = FLOW_INGRESS};
	struct flow_facts f;

	meta.reach = (__u32)((void *)(long)ctx->data_end - (void *)(long)ctx->data);
	meta.len = geometry.xdp_buff_len ? (__u32)bpf_xdp_get_buff_len(ctx) : meta.reach;
	walk_packet(ctx, &meta, &f);
	return f.bytes == f.ip_bytes ? XDP_DROP : XDP_PASS; /* the counts are wanted */
}

SEC("xdp")
int bench_empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("xdp")
int bench_entry(struct xdp_md *ctx)
{
	vary_frame(ctx);
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED; /* no target: the benchmark stops on it */
}

char _license[] SEC("license") = "Dual BSD/GPL";
