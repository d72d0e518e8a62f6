/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_filter.bpf.h: a filter of map sample_filters over the packet at hand, in the kernel.
 *
 * Steps are made by bpf_loop (Linux 5.17), for which flowd probes: where geometry.loop is 0 the
 * verifier never comes to the call, and every packet passes, for flowd to ask the filter itself.
 * All state is in maps of the CPU, since the programs' stack has no room. So is the packet:
 * who calls must be the only one to use sample_stage on its CPU, as XDP and TC programs are.
 */
#pragma once

#include "maps.bpf.h"
#include "sample_filter.h"

#define SAMPLE_FILTER_TURN 8 /* steps to a call by bpf_loop, which costs as much as two */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample_filter_state);
} sample_filter_states SEC(".maps");

static long sample_filter_turn(__u32 number, const struct sample_filter_run *run)
{
	struct sample_filter_regs r = run->state->regs;

	(void)number;
	for (int i = 0; i < SAMPLE_FILTER_TURN; i++) {
		if (sample_filter_step(run, &r))
			return 1;
	}
	run->state->regs = r;
	return 0;
}

/*
 * Run filter `number` over the first `buflen` bytes of sample_stage, of a packet of `wirelen`.
 * 0: the packet does not match, or there is no such filter.
 */
__noinline __u32 sample_filter_run(__u32 number, __u32 wirelen, __u32 buflen)
{
	struct sample_filter_run run;
	struct sample_stage *stage;
	__u32 key = 0;

	if (!geometry.loop)
		return 1;
	stage = bpf_map_lookup_elem(&sample_stage, &key);
	run.state = bpf_map_lookup_elem(&sample_filter_states, &key);
	key = number;
	run.filter = bpf_map_lookup_elem(&sample_filters, &key);
	if (!stage || !run.state || !run.filter)
		return 0;
	run.bytes = stage->bytes;
	sample_filter_begin(run.state, wirelen, buflen);
	bpf_loop(SAMPLE_FILTER_MAX / SAMPLE_FILTER_TURN, sample_filter_turn, &run, 0);
	return run.state->result;
}
