// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loss.bpf.c: loses TCP data behind the sender's stack, at its interface's egress: each LOSS_EVERYth packet
 * with data over IPv4 or IPv6. A GSO packet is lost whole, so with GSO off this is one segment. Map
 * `loss_count`: [0] packets with data, [1] those lost of them.
 *
 *   loss    on the wire, to the stack: TCP takes it for sent, and has to find out (TC_ACT_STOLEN)
 *   refuse  a drop of this host's, with its reason: the stack is told, and sends the same segment again
 *           as if for the first time (TC_ACT_SHOT), which its kernel does not count as retransmitted
 *
 *   tc filter add dev IFACE egress bpf direct-action object-file loss.bpf.o program loss
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define LOSS_EVERY 100

enum { LOSS_SEEN, LOSS_LOST, LOSS_COUNTS };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LOSS_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} loss_count SEC(".maps");

static __u64 *count_of(__u32 which)
{
	return bpf_map_lookup_elem(&loss_count, &which);
}

/* Where TCP begins; 0: it is not TCP, or is a fragment. */
static __u32 find_tcp(struct __sk_buff *skb)
{
	struct iphdr four;
	struct ipv6hdr six;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, ETH_HLEN, &four, sizeof(four)) ||
		    four.protocol != IPPROTO_TCP || four.frag_off & bpf_htons(0x3fff))
			return 0;
		return ETH_HLEN + four.ihl * 4;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &six, sizeof(six)) || six.nexthdr != IPPROTO_TCP)
		return 0;
	return ETH_HLEN + sizeof(six);
}

static int is_lost(struct __sk_buff *skb)
{
	__u64 *seen = count_of(LOSS_SEEN), *lost = count_of(LOSS_LOST);
	__u32 at = find_tcp(skb);
	struct tcphdr tcp;

	if (!at || !seen || !lost || bpf_skb_load_bytes(skb, at, &tcp, sizeof(tcp)))
		return 0;
	if (skb->len <= at + tcp.doff * 4)
		return 0;
	if (__sync_fetch_and_add(seen, 1) % LOSS_EVERY != LOSS_EVERY - 1)
		return 0;
	__sync_fetch_and_add(lost, 1);
	return 1;
}

SEC("tc")
int loss(struct __sk_buff *skb)
{
	return is_lost(skb) ? TC_ACT_STOLEN : TC_ACT_OK;
}

SEC("tc")
int refuse(struct __sk_buff *skb)
{
	return is_lost(skb) ? TC_ACT_SHOT : TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
