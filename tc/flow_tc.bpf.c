/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_tc.bpf.c: the TC adapters. Egress, and ingress where XDP cannot be had; always TCX_NEXT,
 * which is TC_ACT_UNSPEC; no packet is written.
 *
 * An skb may stand for many frames (gso_segs) and hold its VLAN tag beside the bytes (vlan_tci).
 * Where its headers are not all in the linear part they are pulled once and looked at again.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>

#define HOOK_CTX struct __sk_buff
#include "../schema/walk.bpf.h"

#define TC_PULL_BYTES 1024 /* of headers, at most; what lies beyond is accounted as cut short */
#define TC_TAG_AT 12
#define TC_TAG_SIZE 4
#define TC_L3 2

/* `how`: the direction, and TC_L3 of a device without a link layer. */
static __always_inline void tc_meta(struct __sk_buff *skb, __u32 how, struct pkt_meta *meta)
{
	meta->dir = how & 1;
	meta->inner = geometry.inner;
	meta->len = skb->len;
	meta->reach = walk_reach(skb);
	meta->segments = skb->gso_segs;
	meta->gso_size = skb->gso_size;
	if (skb->vlan_present) {
		meta->vlan_proto = bpf_ntohs((__be16)skb->vlan_proto);
		meta->vlan_tci = (__u16)skb->vlan_tci;
	}
	if (how & TC_L3)
		meta->l3_proto = bpf_ntohs((__be16)skb->protocol);
	meta->ifnum = (__u16)account_iface(skb->ifindex);
}

/* The first `want` bytes of the frame, a tag that is held beside it behind the addresses. */
static __always_inline long tc_copy(struct __sk_buff *skb, __u32 tagged, __u8 *to, __u32 want)
{
	long err;

	if (!tagged)
		return bpf_skb_load_bytes(skb, 0, to, sample_size(want));
	err = bpf_skb_load_bytes(skb, 0, to + TC_TAG_SIZE, sample_size(want - TC_TAG_SIZE));
	for (__u32 i = 0; i < TC_TAG_AT; i += 4)
		*(__u32 *)(to + i) = *(__u32 *)(to + i + TC_TAG_SIZE);
	*(__be16 *)(to + TC_TAG_AT) = (__be16)skb->vlan_proto;
	*(__be16 *)(to + TC_TAG_AT + 2) = bpf_htons((__u16)skb->vlan_tci);
	return err;
}

/* Hand over the packet, or its beginning. */
__noinline int tc_sample(struct __sk_buff *skb, struct flow_facts *f, __u32 why, __u32 l3)
{
	struct sample_stage *stage = sample_place();
	__u32 want = (__u32)sample_open(f, why), tagged = !l3 && skb->vlan_present;
	__u32 len = skb->len + (tagged ? TC_TAG_SIZE : 0);

	if (!want || !stage)
		return 0;
	stage->head.length = len;
	stage->head.gso_size = skb->gso_size;
	stage->head.ifindex = skb->ifindex;
	want = len < want ? len : want;
	return sample_close(tc_copy(skb, tagged, stage->bytes, want) ? 0 : want);
}

__noinline int tc_walk(struct __sk_buff *skb, __u32 how, struct flow_facts *f)
{
	struct pkt_meta meta = {};

	if (!f)
		return 0;
	tc_meta(skb, how, &meta);
	walk_whole(skb, &meta, f);
	return 0;
}

static __always_inline int tc_account(struct __sk_buff *skb, __u32 how)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct cache_hash hash;
	struct flow_ledger *books;
	struct pkt_meta meta = {};
	struct flow_facts f;
	int pulled = 0;
	__u32 why;

	tc_meta(skb, how, &meta);
	if (!walk_quick(skb, &meta, geometry.seed, &f, &hash)) {
		tc_walk(skb, how, &f);
		hash = ACCOUNT_UNHASHED;
	}
	if (f.verdict == VERDICT_SHORT && f.truncated) {
		__u32 want = skb->len < TC_PULL_BYTES ? skb->len : TC_PULL_BYTES;

		pulled = !bpf_skb_pull_data(skb, want);
		tc_walk(skb, how, &f);
	}
	books = maps_books(cpu, &f.key);
	if (!books)
		return TC_ACT_UNSPEC;
	books->seen.packets += f.packets;
	books->seen.bytes += f.bytes;
	why = account_flow(cpu, &f, hash, books);
	if (why)
		tc_sample(skb, &f, why, how & TC_L3);
	if (pulled) {
		struct flow_cpu *stat = bpf_map_lookup_elem(&cpus, &cpu);

		if (stat)
			stat->pulled++;
	}
	return TC_ACT_UNSPEC;
}

SEC("tc")
int flow_tc_egress(struct __sk_buff *skb)
{
	return tc_account(skb, FLOW_EGRESS);
}

SEC("tc")
int flow_tc_ingress(struct __sk_buff *skb)
{
	return tc_account(skb, FLOW_INGRESS);
}

/* Devices without a link layer (tun, wireguard, ppp): the bytes start at the IP header. */
SEC("tc")
int flow_tc_egress_l3(struct __sk_buff *skb)
{
	return tc_account(skb, FLOW_EGRESS | TC_L3);
}

SEC("tc")
int flow_tc_ingress_l3(struct __sk_buff *skb)
{
	return tc_account(skb, FLOW_INGRESS | TC_L3);
}

char _license[] SEC("license") = "Dual BSD/GPL";
