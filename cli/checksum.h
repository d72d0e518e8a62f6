/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* checksum.h: the Internet checksum (RFC 1071): sums of 16-bit words, added up and then folded. Pure. */
#pragma once

#include <stdint.h>

/* Not folded. An odd length is one of the last bytes of what is covered. */
static inline uint64_t checksum_add(uint64_t total, const uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i + 1 < size; i += 2)
		total += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return size & 1 ? total + ((uint32_t)bytes[size - 1] << 8) : total;
}

/* As it stands in the header; 0 over all that a right one is in. */
static inline uint16_t checksum_fold(uint64_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}
