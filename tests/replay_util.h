/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay_util.h: for tests of replays: a capture in memory, of any byte order and precision. */
#pragma once

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define MS 1000000ULL
#define S (1000 * MS)
#define START (1700000040 * S) /* begins a minute */

/* A capture in the making. */
struct capture {
	uint8_t data[1 << 20];
	size_t size;
	int nano, big;
};

static struct capture cap;
static inline void put32(uint32_t value)
{
	value = cap.big ? __builtin_bswap32(value) : value;
	memcpy(cap.data + cap.size, &value, 4);
	cap.size += 4;
}

static inline void capture_begin(int dlt, int nano, int big)
{
	cap = (struct capture){.nano = nano, .big = big};
	put32(nano ? 0xa1b23c4d : 0xa1b2c3d4);
	put32(big ? 2 << 16 | 4 : 4 << 16 | 2);
	put32(0);
	put32(0);
	put32(65535);
	put32((uint32_t)dlt);
}

static inline void capture_add(uint64_t ns, const uint8_t *data, uint32_t caplen, uint32_t len)
{
	put32((uint32_t)(ns / S));
	put32((uint32_t)(cap.nano ? ns % S : ns % S / 1000));
	put32(caplen);
	put32(len);
	memcpy(cap.data + cap.size, data, caplen);
	cap.size += caplen;
}

/* Ethernet, IPv4, TCP (flags) or UDP (0) between 10.0.0.`from` and `to`; the port is 1000 + host. */
static inline uint8_t *frame(uint8_t from, uint8_t to, uint8_t flags)
{
	static uint8_t data[100];
	uint8_t *ip = data + 14, *l4 = ip + 20;
	uint16_t sport = htons(1000 + from), dport = htons(1000 + to);

	memset(data, 0, sizeof(data));
	data[12] = 8;
	ip[0] = 0x45;
	ip[3] = 86;
	ip[9] = flags ? 6 : 17;
	ip[12] = ip[16] = 10;
	ip[15] = from;
	ip[19] = to;
	memcpy(l4, &sport, 2);
	memcpy(l4 + 2, &dport, 2);
	l4[12] = flags ? 0x50 : 0;
	l4[13] = flags;
	return data;
}

static inline void add(uint64_t ns, uint8_t from, uint8_t to, uint8_t flags)
{
	capture_add(ns, frame(from, to, flags), 100, 100);
}
