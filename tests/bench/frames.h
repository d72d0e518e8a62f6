/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* frames.h: what the datapath benchmark sends, and where its entry program writes the flow. */
#pragma once

#include <stdint.h>

#define FRAME_MAX 128

#define FRAME_ETH(hi, lo) 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, hi, lo
#define FRAME_IPV4(len, proto) \
	0x45, 0, 0, len, 0, 1, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 1, 0, 2
#define FRAME_FD00(host) 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host
#define FRAME_IPV6(len, proto) 0x60, 0, 0, 0, 0, len, proto, 64, FRAME_FD00(1), FRAME_FD00(2)
#define FRAME_TCP 4, 0, 0x14, 0x51, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0
#define FRAME_UDP(len) 4, 0, 0x14, 0x51, 0, len, 0, 0

struct frame {
	const char *name;
	uint32_t len;
	uint32_t addr_off;
	uint32_t port_off;
	uint32_t ack_off;
	uint8_t bytes[FRAME_MAX];
};

static const struct frame frames[] = {
	{"IPv4 TCP", 60, 26, 34, 42, {FRAME_ETH(0x08, 0x00), FRAME_IPV4(40, 6), FRAME_TCP}},
	{"IPv4 UDP", 60, 26, 34, 0, {FRAME_ETH(0x08, 0x00), FRAME_IPV4(46, 17), FRAME_UDP(26)}},
	{"IPv6 TCP", 74, 34, 54, 62, {FRAME_ETH(0x86, 0xdd), FRAME_IPV6(20, 6), FRAME_TCP}},
	{"802.1Q IPv4 TCP",
	 64,
	 30,
	 38,
	 46,
	 {FRAME_ETH(0x81, 0x00), 0, 100, 0x08, 0x00, FRAME_IPV4(40, 6), FRAME_TCP}},
};
#define FRAMES (sizeof(frames) / sizeof(frames[0]))
