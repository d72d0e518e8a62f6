/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* seed.h: a random seed for cache_hash(). */
#pragma once

#include <errno.h>
#include <sys/random.h>

#include "schema/flow.h"

/* Odd words, see cache.h. 0 or -EIO. */
static inline int seed_fill(__u64 seed[FLOW_SEED_WORDS])
{
	const ssize_t size = FLOW_SEED_WORDS * sizeof(*seed);

	if (getrandom(seed, (size_t)size, 0) != size)
		return -EIO;
	for (int i = 0; i < FLOW_SEED_WORDS; i++)
		seed[i] |= 1;
	return 0;
}
