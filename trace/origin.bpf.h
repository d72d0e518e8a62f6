/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * origin.bpf.h: whose a dropped packet is: its interface, its direction, and whether its network
 * namespace is the one whose events are counted.
 */
#pragma once

#include "count.bpf.h"
#include "kernel.bpf.h"

#include <bpf/bpf_core_read.h>

/*
 * Whether an argument is one. Until 6.13 kernels take every argument of a tracepoint for a pointer that
 * is there, and leave out a test for NULL (kernel/bpf/btf.c, raw_tp_null_args says so since); of a copy
 * of its lower half they know nothing. No object lies at a multiple of 4 GB but by a rare chance.
 */
static __always_inline bool is_there(const void *argument)
{
	__u32 low;

	asm volatile("%0 = %1" : "=w"(low) : "w"((__u32)(unsigned long)argument));
	return low && argument;
}

struct origin {
	__u32 ifindex;
	__u32 link; /* bytes of the link's header */
	bool ingress;
	bool untold; /* it came by `ifindex`, of a namespace that nothing tells */
};

static __always_inline bool net_is_ours(const struct net *net, const struct event_control *control)
{
	return net->ns.inum == (__u32)control->netns_inode;
}

/* Without a device: on its way up where one is remembered, else on its way down. False: not ours. */
static __always_inline bool origin_lost(const struct sk_buff *skb,
					const struct event_control *control, struct origin *ret)
{
	const struct dst_entry *dst = (void *)(skb->_skb_refdst & ~1UL);
	const struct net_device *dev = dst ? BPF_CORE_READ(dst, dev) : NULL;
	const struct sock *sk = skb->sk;
	__u32 family;

	ret->ingress = skb->skb_iif != 0;
	ret->ifindex = skb->skb_iif;
	ret->link = 0;
	if (dev) {
		if (!ret->ingress)
			ret->ifindex = BPF_CORE_READ(dev, ifindex);
		ret->link = BPF_CORE_READ(dev, hard_header_len);
		return BPF_CORE_READ(dev, nd_net.net, ns.inum) == (__u32)control->netns_inode;
	}
	if (!sk)
		return false;
	family = sk->__sk_common.skc_family;
	return (family == AF_INET || family == AF_INET6 || family == AF_PACKET) &&
	       net_is_ours(sk->__sk_common.skc_net.net, control);
}

/*
 * Whose packet it is. `rx`: the socket that would have got it (since Linux 6.11); skb->dev is then in
 * use for other ends: a tree of segments out of order, or a datagram's length and flags (net/ipv4/udp.c,
 * udp_set_dev_scratch), which are no kernel address.
 */
static __always_inline bool origin_find(const struct sk_buff *skb, const struct sock *rx,
					const struct event_control *control, struct origin *ret)
{
	const struct net_device *dev;
	__u32 iif;

	ret->untold = false;
	if (is_there(rx) && skb->skb_iif) {
		ret->ifindex = skb->skb_iif;
		ret->ingress = true;
		ret->link = 14; /* where the frame's beginning is not known otherwise */
		return net_is_ours(rx->__sk_common.skc_net.net, control);
	}
	dev = skb->dev;
	if (!dev)
		return origin_lost(skb, control, ret);
	if (!has_rx_sock && (long)dev > 0) {
		ret->ifindex = skb->skb_iif;
		ret->ingress = ret->untold = true;
		ret->link = 14;
		return ret->ifindex;
	}
	if (!net_is_ours(dev->nd_net.net, control))
		return false;
	iif = skb->skb_iif;
	ret->ifindex = dev->ifindex;
	ret->link = dev->hard_header_len;
	ret->ingress = iif ? iif == ret->ifindex : !skb->sk;
	return true;
}
