/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* packet_comment.h: what is known of a sampled packet beside its bytes, as one line. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct segment;
struct sample_record;

#define PACKET_COMMENT_SIZE 512

/*
 * "flow 1882490471088128000: tcp 10.0.0.1:40000 > 10.0.0.2:443; sampled 1/1000, retransmitted or out of
 * order; segment 2 of 44". flow: flow.id, 0: not asked for. number: of the packet in *segment, from 0.
 */
void packet_comment(const struct sample_record *sample, const struct segment *segment,
		    uint32_t number, int64_t flow, char *buf, size_t size);
