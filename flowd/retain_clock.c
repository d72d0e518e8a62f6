/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* retain_clock.c: see retain_clock.h. */
#include "flowd/retain_clock.h"

#define NS_PER_MS 1000000
#define APART_MS 3600000
#define BELIEVED_NS 86400000000000ULL /* so long a clock has to say the same */
#define SPEED 60		      /* at which one that is ahead is followed */

/* Wall clock and monotonic one did not go on together. */
static bool stepped(const struct retain_clock *clock, int64_t wall_ms, int64_t elapsed_ms)
{
	int64_t step = wall_ms - clock->wall_ms - elapsed_ms;

	return step > APART_MS || step < -APART_MS;
}

static int side_of(int64_t gap_ms)
{
	if (gap_ms > APART_MS)
		return 1;
	return gap_ms < -APART_MS ? -1 : 0;
}

int64_t retain_clock_turn(struct retain_clock *clock, int64_t wall_ms, uint64_t mono_ns)
{
	int64_t elapsed_ms = clock->turned ? (int64_t)((mono_ns - clock->mono_ns) / NS_PER_MS) : 0;
	int64_t gap_ms;
	int side;

	if (clock->trusted_ms == INT64_MIN)
		clock->trusted_ms = wall_ms;
	gap_ms = wall_ms - clock->trusted_ms;
	side = side_of(gap_ms);
	if (!clock->turned || side != clock->side || stepped(clock, wall_ms, elapsed_ms))
		clock->since_ns = mono_ns;
	clock->side = side;
	if (side && mono_ns - clock->since_ns >= BELIEVED_NS)
		clock->side = 0;
	if (!clock->side)
		clock->trusted_ms = wall_ms;
	else if (side > 0)
		clock->trusted_ms += elapsed_ms * SPEED < gap_ms ? elapsed_ms * SPEED : gap_ms;
	clock->wall_ms = wall_ms;
	clock->mono_ns = mono_ns;
	clock->turned = true;
	return clock->trusted_ms < wall_ms ? clock->trusted_ms : wall_ms;
}
