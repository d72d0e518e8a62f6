// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bench_trace.bpf.c: an empty program for each tracepoint of trace/health.bpf.c, by its name there; see events.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "Dual BSD/GPL";

#define EMPTY(name, tracepoint)    \
	SEC("tp_btf/" tracepoint)  \
	int name(const __u64 *ctx) \
	{                          \
		(void)ctx;         \
		return 0;          \
	}

EMPTY(drop, "kfree_skb")
EMPTY(retransmit, "tcp_retransmit_skb")
EMPTY(reset_out, "tcp_send_reset")
EMPTY(reset_in, "tcp_receive_reset")
EMPTY(state, "inet_sock_set_state")
