// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tagger.bpf.c: puts a VLAN tag beside the bytes of what an interface sends, as an 8021q device does.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define TAGGER_VLAN 5

SEC("tc")
int tagger(struct __sk_buff *skb)
{
	if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), TAGGER_VLAN))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
