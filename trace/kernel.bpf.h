/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kernel.bpf.h: the few fields of the kernel's structs that the trace programs read. Offsets are those
 * of the running kernel (CO-RE); only names and types must be as there.
 */
#pragma once

#include <linux/types.h>
#include <stdbool.h>

#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
#define IPPROTO_TCP 6
#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	possible_net_t nd_net;
	int ifindex;
	unsigned short hard_header_len;
};

struct dst_entry {
	struct net_device *dev;
};

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	struct dst_entry *sk_dst_cache;
	int sk_rx_dst_ifindex;
	__u16 sk_protocol;
};

struct request_sock {
	struct sock_common __req_common;
};

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	__u8 icsk_ca_state : 5;
	__u8 icsk_pending;
};

struct minmax_sample {
	__u32 t;
	__u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u16 tcp_header_len;
	__u64 bytes_received;
	__u64 bytes_acked;
	__u64 bytes_retrans;
	__u32 total_retrans;
	__u32 srtt_us;
	struct minmax rtt_min;
	__u32 snd_cwnd;
	__u32 delivered;
	__u32 lost;
	__u32 mss_cache;
	__u32 rate_delivered;
	__u32 rate_interval_us;
};

struct tcp_skb_cb {
	__u16 tcp_gso_segs;
};

typedef struct {
	int counter;
} atomic_t;

struct skb_shared_info {
	unsigned short gso_size;
	unsigned short gso_segs;
	struct sk_buff *frag_list;
	atomic_t dataref;
};

struct sk_buff {
	struct sk_buff *next;
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
	unsigned long _skb_refdst;
	unsigned int len;
	unsigned int data_len;
	int skb_iif;
	__be16 vlan_proto;
	__u16 vlan_tci;
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
	__u16 mac_header;
	unsigned int tail;
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
};

struct sk_buff___tag { /* before Linux 6.2 */
	__u8 vlan_present : 1;
};

struct task_struct {
	unsigned int flags;
};

#pragma clang attribute pop

enum skb_drop_reason { /* values of the running kernel by CO-RE */
		       SKB_NOT_DROPPED_YET,
		       SKB_CONSUMED,
};
