/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bpf_sample_frame.h: the frame that bpf_sample.c or bpf_sample_room.c is about to send. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "bpf_sampler.h"

#define FRAME_MAX 60000

/* A frame in the making. */
struct frame {
	uint8_t data[FRAME_MAX];
	uint32_t len;
};

static struct frame frame;

static inline void put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static inline void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value);
}

/* Ethernet and IPv4 around a header of `proto`; what is behind it differs byte by byte. */
static inline void make_ip(uint32_t len, uint8_t proto)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1,  2, 0, 0, 0,  0, 2, 8, 0,  0x45, 0, 0,
				       0, 0, 1, 0, 0, 64, 0, 0, 0, 10, 0, 0, 1, 10, 0,	  0, 2};

	for (uint32_t i = 0; i < len; i++)
		frame.data[i] = (uint8_t)(i * 7 + (i >> 8));
	memcpy(frame.data, head, sizeof(head));
	put16(frame.data + 16, len - 14);
	frame.data[23] = proto;
	frame.len = len;
}

static inline void make_udp(uint32_t len, uint32_t flow)
{
	make_ip(len, 17);
	put32(frame.data + 30, 0x0a010000 + flow);
	put16(frame.data + 34, 5000);
	put16(frame.data + 36, 53);
	put16(frame.data + 38, len - 34);
}

/* From a port, with a payload of 10 bytes. */
static inline void make_tcp(uint32_t port, uint32_t seq, uint8_t flags, uint32_t window)
{
	make_ip(64, 6);
	put16(frame.data + 34, port);
	put16(frame.data + 36, 80);
	put32(frame.data + 38, seq);
	put32(frame.data + 42, 1);
	put16(frame.data + 46, 0x5000 | flags);
	put16(frame.data + 48, window);
}

static inline int give(struct rig *rig, enum rig_program program)
{
	const struct rig_frame f = {.data = frame.data, .len = frame.len};

	return rig_give(rig, program, &f);
}
