/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * zipf.h: flow records as a busy host has them: addresses by Zipf's law, most conversations both ways, a
 * mean of 10 packets, a few services that all use. The same records in every run.
 */
#pragma once

#include <arpa/inet.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/flow_record.h"

#define ZIPF_HOSTS 100000
#define ZIPF_EXPONENT 1.1
#define ZIPF_IDLE_MS 15000

struct zipf {
	double sum[ZIPF_HOSTS]; /* of the hosts' shares up to each */
	uint64_t state;
};

static inline struct zipf *zipf_new(void)
{
	struct zipf *z = malloc(sizeof(*z));
	double sum = 0;

	for (int i = 0; z && i < ZIPF_HOSTS; i++)
		z->sum[i] = sum += pow(i + 1, -ZIPF_EXPONENT);
	if (z)
		z->state = 0x9e3779b97f4a7c15ULL;
	return z;
}

static inline uint64_t zipf_random(struct zipf *z)
{
	z->state ^= z->state << 13; /* Marsaglia's xorshift64 */
	z->state ^= z->state >> 7;
	z->state ^= z->state << 17;
	return z->state;
}

static inline double zipf_part(struct zipf *z)
{
	return (double)(zipf_random(z) >> 11) * 0x1p-53;
}

static inline uint32_t zipf_host(struct zipf *z)
{
	double at = zipf_part(z) * z->sum[ZIPF_HOSTS - 1];
	uint32_t low = 0, high = ZIPF_HOSTS - 1;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (z->sum[mid] < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static inline void zipf_address(uint32_t host, __be32 addr[4], int v6)
{
	uint32_t spread = host * 2654435761U; /* neighbours in rank are none in address */

	memset(addr, 0, 16);
	addr[0] = htonl(v6 ? 0x20010db8 : spread);
	if (v6)
		addr[3] = htonl(spread);
}

static inline void zipf_half(struct zipf *z, uint32_t size, struct flow_half *half)
{
	half->packets = 1 + (uint64_t)(-10 * log(1 - zipf_part(z)));
	half->ip_bytes = half->packets * (40 + zipf_random(z) % size);
	half->bytes = half->ip_bytes + 14 * half->packets;
}

/* It ended up to the idle timeout before now_ms. */
static inline void zipf_record(struct zipf *z, int64_t now_ms, struct flow_record *rec)
{
	static const uint16_t ports[] = {443, 443, 443, 53, 53, 80, 22, 123, 3306, 8080};
	uint32_t src = zipf_host(z), dst = zipf_host(z);
	uint64_t x = zipf_random(z);
	int v6 = dst % 8 == 0, service = x % 16 < 10;
	uint16_t port = service ? ports[x % 16] : (uint16_t)(1024 + (x >> 8) % 2000);

	memset(rec, 0, sizeof(*rec));
	rec->end_ms = now_ms - (int64_t)((x >> 20) % ZIPF_IDLE_MS);
	rec->start_ms = rec->end_ms - (int64_t)((x >> 36) % 10000);
	rec->iface = 1;
	rec->end_reason = 1;
	rec->key.ethertype = v6 ? 0x86dd : 0x0800;
	zipf_address(src, rec->key.src, v6);
	zipf_address(dst, rec->key.dst, v6);
	rec->key.sport = htons((uint16_t)(32768 + (x >> 48) % 28000));
	rec->key.dport = htons(port);
	rec->key.proto = port == 53 || port == 123 ? 17 : 6;
	rec->half[0].tcp_syn = rec->key.proto == 6;
	zipf_half(z, 200, &rec->half[0]);
	if (x >> 62)
		zipf_half(z, 1400, &rec->half[1]);
	if (rec->key.proto == 6)
		rec->half[0].tcp_flags = rec->half[1].tcp_flags = 0x1b;
}
