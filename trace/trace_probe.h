/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* trace_probe.h: what the running kernel hands to the trace programs, from its BTF. */
#pragma once

#include <stdbool.h>

struct btf;

struct trace_kernel {
	bool guarded;	  /* a raw tracepoint's program does not run in the midst of itself */
	bool has_drop;	  /* kfree_skb can be traced */
	bool has_reason;  /* and says why */
	bool has_rx_sock; /* and for whom it was */
	bool has_untold; /* udp_fail_queue_rcv_skb comes after kfree_skb, which does not tell the socket */
	bool has_send_err; /* tcp_retransmit_skb says whether it was sent */
};

/* How many arguments the tracepoint hands over, or -ENOENT. */
int trace_arguments(const struct btf *btf, const char *tracepoint);

struct trace_kernel trace_probe(const struct btf *btf);
