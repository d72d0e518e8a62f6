/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock.c: see clock.h.
 *
 * The offset between the clocks is read between two looks at the monotonic one; the narrower that
 * window, the better the reading, so the narrowest of a few tries is taken. An error of a window
 * (well under a microsecond, a scheduling pause apart) is far below the records' millisecond.
 */
#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CLOCK_TRIES 5
#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL

static int64_t namespace_ns;

static int64_t read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now); /* cannot fail for these clocks */
	return now.tv_sec * NS_PER_S + now.tv_nsec - (clock == CLOCK_MONOTONIC ? namespace_ns : 0);
}

/* A line a clock: NAME SECONDS NANOSECONDS. No such file: a kernel without time namespaces. */
int64_t clock_namespace_ns(const char *path)
{
	FILE *file = fopen(path, "re");
	long long seconds, ns;
	int64_t found = 0;
	char name[32];

	while (file && fscanf(file, "%31s %lld %lld", name, &seconds, &ns) == 3) {
		if (!strcmp(name, "monotonic") || !strcmp(name, "1"))
			found = seconds * NS_PER_S + ns;
	}
	if (file)
		fclose(file);
	return found;
}

void clock_begin(void)
{
	namespace_ns = clock_namespace_ns("/proc/self/timens_offsets");
}

/* Towards the past, so that times before 1970 and negative steps come out right too. */
static int64_t floor_ms(int64_t ns)
{
	return ns / NS_PER_MS - (ns % NS_PER_MS < 0);
}

struct mono clock_mono(void)
{
	return (struct mono){.ns = (uint64_t)read_ns(CLOCK_MONOTONIC)};
}

struct wall clock_wall(void)
{
	return (struct wall){.ms = floor_ms(read_ns(CLOCK_REALTIME))};
}

struct clock_offset clock_measure(void)
{
	struct clock_offset best = {0};
	int64_t narrowest = INT64_MAX;

	for (int i = 0; i < CLOCK_TRIES; i++) {
		int64_t before = read_ns(CLOCK_MONOTONIC);
		int64_t wall = read_ns(CLOCK_REALTIME);
		int64_t window = read_ns(CLOCK_MONOTONIC) - before;

		if (window < narrowest) {
			narrowest = window;
			best.ns = wall - (before + window / 2);
		}
	}
	return best;
}

int64_t clock_step_ms(struct clock_offset before, struct clock_offset after)
{
	return (after.ns - before.ns) / NS_PER_MS;
}

struct wall clock_to_wall(struct clock_offset offset, struct mono mono)
{
	return (struct wall){.ms = floor_ms((int64_t)mono.ns + offset.ns)};
}

void clock_stepped(struct clock_steps *steps, struct clock_offset was, struct mono until)
{
	if (steps->count == CLOCK_STEPS)
		memmove(steps->step, steps->step + 1, --steps->count * sizeof(steps->step[0]));
	steps->step[steps->count].until = until;
	steps->step[steps->count++].was = was;
}

struct clock_offset clock_then(const struct clock_steps *steps, struct clock_offset now,
			       struct mono then)
{
	for (uint32_t i = 0; i < steps->count; i++) {
		if (then.ns <= steps->step[i].until.ns)
			return steps->step[i].was;
	}
	return now;
}
