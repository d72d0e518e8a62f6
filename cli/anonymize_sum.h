/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* anonymize_sum.h: Internet checksums (RFC 1071) of a frame that was changed and cut. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SUMS_MAX 24 /* of 5 IP headers and what is behind them, and GRE in between */

enum sum_pseudo {
	SUM_ALONE = 0,
	SUM_IPV4, /* with a pseudo header, RFC 9293 section 3.1 */
	SUM_IPV6, /* RFC 8200 section 8.1 */
};

/* Offsets are from the beginning of the frame. */
struct sum {
	uint32_t at;   /* of the checksum */
	uint32_t from; /* of what it covers */
	uint32_t end;  /* likewise; larger than any frame where it is not known */
	uint32_t l3;   /* of the IP header, for the pseudo header */
	uint8_t pseudo;
	uint8_t proto;
};

struct sums {
	struct sum sum[SUMS_MAX];
	uint32_t count;
};

/* Of an IPv4 header of `size` bytes as it is. */
bool sum_is_right(const uint8_t *header, uint32_t size);

/* Outer ones first. */
void sums_add(struct sums *sums, const struct sum *sum);

/* Write them, where `kept` bytes are left. */
void sums_write(const struct sums *sums, uint8_t *bytes, uint32_t kept);
