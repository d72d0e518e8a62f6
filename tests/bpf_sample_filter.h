/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpf_sample_filter.h: what bpf_sample_filter.c (expressions, frames, comparison), bpf_sample_filter_rig.c (the
 * program loaded and run) and bpf_sample_filter.bpf.c (that program) share. libpcap and libbpf cannot
 * be included in one file: both define struct bpf_insn.
 */
#pragma once

#include "../schema/sample.h"

#define RIG_FILTERS (SAMPLE_FILTERS + 1) /* as many as the map has */
#define RIG_NUMBERS (RIG_FILTERS + 1)	 /* and one that it has not */

struct rig;

/* NULL, or why nothing can be run here. */
const char *rig_impossible(void);
/* The program with geometry.loop as said. 0 or -errno. */
int rig_open(int loop, struct rig **ret_rig);
void rig_close(struct rig *rig);
/* Instructions of the program as the kernel has it, and those that the verifier walked. */
unsigned int rig_size(const struct rig *rig);
unsigned int rig_verified(const struct rig *rig);
/* Put a program under a number below RIG_FILTERS. */
void rig_load(struct rig *rig, __u32 number, const struct sample_filter *filter);
/* All of them over the bytes, SAMPLE_LOOK_MAX at most; `buflen` may say more. 0 or -errno. */
int rig_run(struct rig *rig, const __u8 *bytes, __u32 size, __u32 wirelen, __u32 buflen,
	    __u32 ret_results[RIG_NUMBERS]);
/* Nanoseconds of a run of filter 0 over what rig_run() had last, the least of some; or -errno. */
double rig_time(struct rig *rig);
