/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* anonymize_sum.c: see anonymize_sum.h. */
#include "cli/anonymize_sum.h"

#include <assert.h>
#include <netinet/in.h>

#include "cli/checksum.h"

bool sum_is_right(const uint8_t *header, uint32_t size)
{
	return !checksum_fold(checksum_add(0, header, size));
}

/* May be 0 on the wire: "none". */
static bool is_optional(const struct sum *sum)
{
	return sum->proto == IPPROTO_UDP && sum->pseudo != SUM_ALONE;
}

static uint16_t compute(const struct sum *sum, const uint8_t *bytes)
{
	uint32_t size = sum->end - sum->from;
	uint64_t total = checksum_add(0, bytes + sum->from, size);
	uint16_t value;

	if (sum->pseudo == SUM_IPV4)
		total = checksum_add(total, bytes + sum->l3 + 12, 8);
	else if (sum->pseudo == SUM_IPV6)
		total = checksum_add(total, bytes + sum->l3 + 8, 32);
	if (sum->pseudo != SUM_ALONE)
		total += sum->proto + (uint64_t)size;
	value = checksum_fold(total);
	return is_optional(sum) && !value ? 0xffff : value;
}

/* What says that there is none. */
static uint16_t no_sum(const struct sum *sum)
{
	bool must = sum->proto == IPPROTO_UDPLITE ||
		    (sum->proto == IPPROTO_UDP && sum->pseudo == SUM_IPV6);

	return must ? 0xffff : 0;
}

static void put(uint8_t *bytes, uint32_t at, uint32_t kept, uint16_t value)
{
	if (at < kept)
		bytes[at] = (uint8_t)(value >> 8);
	if (at + 1 < kept)
		bytes[at + 1] = (uint8_t)value;
}

static void write_sum(const struct sum *sum, uint8_t *bytes, uint32_t kept)
{
	bool was_none =
		sum->at + 2 <= kept && is_optional(sum) && !bytes[sum->at] && !bytes[sum->at + 1];

	if (was_none)
		return;
	put(bytes, sum->at, kept, 0);
	if (sum->at + 2 <= kept && sum->end >= sum->at + 2 && sum->end <= kept)
		put(bytes, sum->at, kept, compute(sum, bytes));
	else
		put(bytes, sum->at, kept, no_sum(sum));
}

void sums_add(struct sums *sums, const struct sum *sum)
{
	assert(sums->count < SUMS_MAX);
	sums->sum[sums->count++] = *sum;
}

/* The outer ones cover the inner ones. */
void sums_write(const struct sums *sums, uint8_t *bytes, uint32_t kept)
{
	for (uint32_t i = sums->count; i-- > 0;)
		write_sum(&sums->sum[i], bytes, kept);
}
