/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * retain_clock.h: the time by which rows are old. It is the wall clock's, but one that is ahead of the last
 * by more than an hour, after a step or while nothing ran, is followed at an hour a minute, until it has
 * said so for a day: a clock that is wrong for a moment takes some hours of what is kept, not all of it.
 * One that was set back makes nothing old. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct retain_clock {
	int64_t trusted_ms; /* kept in the database; INT64_MIN: none is known */
	int64_t wall_ms;    /* of the last turn */
	uint64_t mono_ns;   /* likewise */
	uint64_t since_ns;  /* when they came apart */
	int side;	    /* 1: the clock is ahead by more than an hour, -1: behind, 0: neither */
	bool turned;
};

/* What time it is for rows: never later than the wall clock says. */
int64_t retain_clock_turn(struct retain_clock *clock, int64_t wall_ms, uint64_t mono_ns);
