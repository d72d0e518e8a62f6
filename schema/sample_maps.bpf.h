/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_maps.bpf.h: the maps of samples that the trace programs have, too, and how flowd is woken; see sample.h. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "sample.h"

#define SAMPLE_WAKES 8 /* while the ring fills, flowd is woken so often */

/* What packets of an interface are sampled by; by its number. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FLOW_IFACES);
	__type(key, __u32);
	__type(value, struct sample_conf);
} sample_conf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* bytes, set before load */
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* cpus */
	__type(key, __u32);
	__type(value, struct sample_count);
} sample_counts SEC(".maps");

/* Wake flowd each time that another `step` bytes, a power of two, have been submitted. */
static __always_inline __u64 maps_wake(void *ring, __u64 size, __u64 step)
{
	if ((bpf_ringbuf_query(ring, BPF_RB_PROD_POS) & (step - 1)) < size + BPF_RINGBUF_HDR_SZ)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/*
 * The same number of bytes, 1 .. SAMPLE_LOOK_MAX, as the verifier of Linux 6.1 wants it: a comparison with 0
 * tells it nothing.
 */
static __always_inline __u32 sample_size(__u32 size)
{
	size--;
	barrier_var(size);
	return (size & (SAMPLE_LOOK_MAX - 1)) + 1;
}
