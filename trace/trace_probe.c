/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* trace_probe.c: see trace_probe.h. */
#include "trace/trace_probe.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>

int trace_arguments(const struct btf *btf, const char *tracepoint)
{
	const struct btf_type *type;
	char name[64];
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -ENOENT;
	type = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type); /* the pointer */
	type = type ? btf__type_by_id(btf, type->type) : NULL;
	return type && btf_is_func_proto(type) ? btf_vlen(type) - 1 : -ENOENT; /* a context first */
}

struct trace_kernel trace_probe(const struct btf *btf)
{
	int drop = trace_arguments(btf, "kfree_skb");

	return (struct trace_kernel){
		/* came with the guard of raw tracepoints, and is not static since */
		.guarded = btf__find_by_name_kind(btf, "bpf_prog_inc_misses_counter",
						  BTF_KIND_FUNC) > 0,
		.has_drop = drop >= 0,
		.has_reason = drop >= 3,
		.has_rx_sock = drop >= 4,
		.has_untold = drop < 4 && trace_arguments(btf, "udp_fail_queue_rcv_skb") == 2,
		.has_send_err = trace_arguments(btf, "tcp_retransmit_skb") >= 3,
	};
}
