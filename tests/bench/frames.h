/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* frames.h: what the datapath benchmark sends, and where its entry program writes the flow. */
#pragma once

#include <stdint.h>

#define FRAME_MAX 1514 /* of these a table has the beginning, and the rest is 0 */

#define FRAME_ETH(hi, lo) 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, hi, lo
#define FRAME_IPV4(len, proto) \
	0x45, 0, 0, len, 0, 1, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 1, 0, 2
#define FRAME_FD00(host) 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host
#define FRAME_IPV6(len, proto) 0x60, 0, 0, 0, 0, len, proto, 64, FRAME_FD00(1), FRAME_FD00(2)
#define FRAME_TCP 4, 0, 0x14, 0x51, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0
#define FRAME_UDP(len) 4, 0, 0x14, 0x51, 0, len, 0, 0

/* To a port of its own, so that each kind of traffic makes flows of its own; six bytes of data. */
#define FRAME_TCP_TO(port, words) \
	4, 0, 0x14, port, 0, 0, 0, 1, 0, 0, 0, 1, (words) << 4, 0x10, 1, 0, 0, 0, 0, 0
#define FRAME_STAMPS 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1

struct frame {
	const char *name;
	uint32_t len;
	uint32_t addr_off;
	uint32_t port_off;
	uint32_t ack_off;
	uint32_t seq_off;
	uint32_t stamp_off;
	uint32_t payload;
	uint32_t again; /* see vary.h */
	uint8_t bytes[FRAME_MAX];
};

#define FRAME_IPV4_TCP .len = 60, .addr_off = 26, .port_off = 34
#define FRAME_ONE_PERCENT 655

static const struct frame frames[] = {
	{"IPv4 TCP", FRAME_IPV4_TCP, .ack_off = 42,
	 .bytes = {FRAME_ETH(0x08, 0x00), FRAME_IPV4(40, 6), FRAME_TCP}},
	{"IPv4 UDP", 60, 26, 34,
	 .bytes = {FRAME_ETH(0x08, 0x00), FRAME_IPV4(46, 17), FRAME_UDP(26)}},
	{"IPv6 TCP", 74, 34, 54, .ack_off = 62,
	 .bytes = {FRAME_ETH(0x86, 0xdd), FRAME_IPV6(20, 6), FRAME_TCP}},
	{"802.1Q IPv4 TCP", 64, 30, 38, .ack_off = 46,
	 .bytes = {FRAME_ETH(0x81, 0x00), 0, 100, 0x08, 0x00, FRAME_IPV4(40, 6), FRAME_TCP}},
};
#define FRAMES (sizeof(frames) / sizeof(frames[0]))

/* Of any length: what it has behind its headers is made longer. */
static const struct frame data_frame = {
	"TCP with data",
	.len = 60,
	.addr_off = 26,
	.port_off = 34,
	.seq_off = 38,
	.payload = 6,
	.bytes = {FRAME_ETH(0x08, 0x00), FRAME_IPV4(46, 6), FRAME_TCP_TO(6, 5)}};

static inline struct frame frame_of_length(uint32_t len)
{
	struct frame frame = data_frame;
	uint32_t ip = len - 14;

	frame.len = len;
	frame.payload = ip - 40;
	frame.bytes[16] = (uint8_t)(ip >> 8);
	frame.bytes[17] = (uint8_t)ip;
	frame.bytes[36] = (uint8_t)(64 + len / 16); /* flows of its own */
	return frame;
}

/* As long as the beginning of a packet that is kept where nothing else is said: SAMPLE_SNAPLEN. */
static const struct frame sample_frame = {
	"128 bytes of TCP",
	.len = 128,
	.addr_off = 26,
	.port_off = 34,
	.seq_off = 38,
	.payload = 74,
	.bytes = {FRAME_ETH(0x08, 0x00), FRAME_IPV4(114, 6), FRAME_TCP_TO(5, 5)}};

/* What the analysis of TCP meets. */
enum { TCP_ACKS, TCP_IN_ORDER, TCP_STAMPS, TCP_AGAIN, TCP_FRAMES };

static const struct frame tcp_frames[TCP_FRAMES] = {
	{"pure ACKs", FRAME_IPV4_TCP, .ack_off = 42,
	 .bytes = {FRAME_ETH(0x08, 0x00), FRAME_IPV4(40, 6), FRAME_TCP_TO(1, 5)}},
	{"data in order", FRAME_IPV4_TCP, .seq_off = 38, .payload = 6,
	 .bytes = {FRAME_ETH(0x08, 0x00), FRAME_IPV4(46, 6), FRAME_TCP_TO(2, 5)}},
	{"with timestamps", .len = 72, .addr_off = 26, .port_off = 34, .seq_off = 38,
	 .stamp_off = 58, .payload = 6,
	 .bytes = {FRAME_ETH(0x08, 0x00), FRAME_IPV4(58, 6), FRAME_TCP_TO(3, 8), FRAME_STAMPS}},
	{"1 % sent again", FRAME_IPV4_TCP, .seq_off = 38, .payload = 6, .again = FRAME_ONE_PERCENT,
	 .bytes = {FRAME_ETH(0x08, 0x00), FRAME_IPV4(46, 6), FRAME_TCP_TO(4, 5)}},
};
