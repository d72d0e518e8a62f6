/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_check.h: whether a program of classic BPF may go into map sample_filters. Pure. */
#pragma once

#include <stddef.h>

#include "schema/sample.h"

/*
 * What libpcap's bpf_validate() asks of a program: jumps stay inside it, memory is used within its
 * words, nothing is divided by a constant 0, its last instruction returns. Beyond that, no more than
 * SAMPLE_FILTER_MAX instructions, each known to bpf_filter(), and no shift by a constant over 31, of
 * which compilers make what they like. 0, or -EINVAL and a text in `error`, of `size` bytes.
 */
int sample_filter_check(const struct sample_insn *insn, size_t count, char *error, size_t size);

/*
 * Bytes of a packet that a checked program looks at, at most: with these alone it gives what it gives with all
 * of them. 1 to SAMPLE_LOOK_MAX; the latter where it has an offset that is neither a constant nor the
 * length of an IPv4 header.
 */
__u32 sample_filter_reach(const struct sample_insn *insn, size_t count);
