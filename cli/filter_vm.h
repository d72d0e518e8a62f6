/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_vm.h: run a classic BPF program over headers of which some bits are unknown.
 *
 * A value is a set of numbers: its known bits, an upper bound, and bits known not to be all 0. A
 * jump that the set does not decide is taken both ways; only where the two end differently does
 * the packet's fate depend on what a flow record does not keep.
 */
#pragma once

#include <stdint.h>

struct bpf_insn;
struct filter_header;

enum filter_outcome {
	FILTER_REJECT = 0,
	FILTER_ACCEPT = 1,
	FILTER_UNKNOWN = 2,
};

#define FILTER_FROM_LENGTH 0xffffffffU /* not a byte: the length of the packet */
#define FILTER_FROM_WORK 0xfffffffeU   /* the program is too long to follow */

/* Instructions that are followed. */
static inline uint32_t filter_vm_budget(uint32_t count)
{
	return count * 16 + 1024;
}

/* As filter_vm_run where that asks for known bits alone; else FILTER_UNKNOWN, of which it may know more. */
enum filter_outcome filter_vm_quick(const struct bpf_insn *insns, uint32_t count,
				    const struct filter_header *header);

/*
 * The outcome of `count` instructions that libpcap compiled. FILTER_UNKNOWN: *ret_from is the offset
 * of the unknown byte that decides, or one of the above.
 */
enum filter_outcome filter_vm_run(const struct bpf_insn *insns, uint32_t count,
				  const struct filter_header *header, uint32_t *ret_from);
