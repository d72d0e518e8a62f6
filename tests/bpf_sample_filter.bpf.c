// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf_sample_filter.bpf.c: every filter over bytes that user space wrote. */
#include "bpf_sample_filter.h"

#include "../schema/sample_filter.bpf.h"

/* A type without a name: bpftool writes it into the skeleton whole. */
struct {
	__u32 size; /* of `bytes` */
	__u32 wirelen;
	__u32 buflen;
	__u32 result[RIG_NUMBERS];
	__u8 bytes[SAMPLE_LOOK_MAX];
} job;

SEC("tc")
int run_all(struct __sk_buff *skb)
{
	__u32 zero = 0, size = job.size;
	struct sample_stage *stage = bpf_map_lookup_elem(&sample_stage, &zero);

	(void)skb;
	if (!stage || size > SAMPLE_LOOK_MAX)
		return 1;
	/* what was there before is not to be taken for the packet's */
	__builtin_memset(stage->bytes + SAMPLE_LOOK_MAX, 0xff, SAMPLE_FILTER_SLACK);
	if (size && bpf_probe_read_kernel(stage->bytes, size, job.bytes))
		return 1;
	for (__u32 i = 0; i < RIG_NUMBERS; i++)
		job.result[i] = sample_filter_run(i, job.wirelen, job.buflen);
	return 0;
}

/* For its time: over what run_all staged last. */
SEC("tc")
int run_first(struct __sk_buff *skb)
{
	(void)skb;
	return (int)sample_filter_run(0, job.wirelen, job.buflen);
}

/* The same without a filter. */
SEC("tc")
int run_none(struct __sk_buff *skb)
{
	(void)skb;
	return (int)job.wirelen;
}

char _license[] SEC("license") = "Dual BSD/GPL";
