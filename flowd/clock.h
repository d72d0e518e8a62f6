/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock.h: the two times, and the only place where one becomes the other.
 *
 * Slots and timeouts run on CLOCK_MONOTONIC (struct mono, ns); records are UTC (struct wall, ms).
 * The offset between them is measured once a sweep, so that all records of a sweep agree.
 */
#pragma once

#include <stdint.h>

struct mono {
	uint64_t ns;
};

struct wall {
	int64_t ms;
};

struct clock_offset {
	int64_t ns; /* wall - mono */
};

struct mono clock_mono(void);
struct wall clock_wall(void);

/* wall - mono now, the best of a few tries. */
struct clock_offset clock_measure(void);

/* How far the wall clock stepped between two measurements, in ms; slewing gives 0. */
int64_t clock_step_ms(struct clock_offset before, struct clock_offset after);

struct wall clock_to_wall(struct clock_offset offset, struct mono mono);
