/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock.h: the two times, and the only place where one becomes the other.
 *
 * Slots and timeouts run on CLOCK_MONOTONIC (struct mono, ns); records are UTC (struct wall, ms).
 * The offset between them is measured once a sweep, so that all records of a sweep agree. Where the wall clock was
 * set, what ended before is told by what it was then, however late that is.
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

/* Steps of the wall clock, the latest last: what it was off until then. */
#define CLOCK_STEPS 8
struct clock_steps {
	struct {
		struct mono until;
		struct clock_offset was;
	} step[CLOCK_STEPS];
	uint32_t count;
};

/*
 * Before all else: how far CLOCK_MONOTONIC is off in the time namespace that we are in, which the hooks, whose times
 * are the kernel's, know nothing of (time_namespaces(7)). clock_mono() is the kernel's from then on.
 */
void clock_begin(void);

/* The same of what such a file says. */
int64_t clock_namespace_ns(const char *path);

struct mono clock_mono(void);
struct wall clock_wall(void);

/* wall - mono now, the best of a few tries. */
struct clock_offset clock_measure(void);

/* How far the wall clock stepped between two measurements, in ms; slewing gives 0. */
int64_t clock_step_ms(struct clock_offset before, struct clock_offset after);

/* It was `was` until then, and is another since. Of more than CLOCK_STEPS the first is forgotten. */
void clock_stepped(struct clock_steps *steps, struct clock_offset was, struct mono until);

/* What it was then; after all steps it is `now`. */
struct clock_offset clock_then(const struct clock_steps *steps, struct clock_offset now,
			       struct mono then);

struct wall clock_to_wall(struct clock_offset offset, struct mono mono);
