/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_varint.h: SQLite's numbers of variable length. Pure. https://www.sqlite.org/fileformat2.html, "varint". */
#pragma once

#include <stdint.h>

/* Up to nine bytes; of the last all eight bits count. Returns how many. */
static inline uint32_t db_varint(const uint8_t *at, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < 8; i++) {
		value = value << 7 | (at[i] & 0x7f);
		if (!(at[i] & 0x80)) {
			*ret_value = value;
			return i + 1;
		}
	}
	*ret_value = value << 8 | at[8];
	return 9;
}
