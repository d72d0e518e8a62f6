/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* budget.h: how many records may go to the database now (a token bucket). Pure: the time is handed in. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_NS_PER_S 1000000000ULL

struct budget {
	uint64_t rate; /* records a second, 0: no limit */
	int64_t most;  /* that a quiet time saves up */
	int64_t left;  /* below 0: more went than might, which later ones pay for; -most at least */
	uint64_t at_ns;
};

/* Begin with what `burst_ns` saves up. */
static inline void budget_start(struct budget *b, uint64_t rate, uint64_t burst_ns, uint64_t now_ns)
{
	unsigned __int128 most = (unsigned __int128)rate * burst_ns / BUDGET_NS_PER_S;

	b->rate = rate;
	b->most = most > INT32_MAX ? INT32_MAX : (int64_t)most + !most;
	b->left = b->most;
	b->at_ns = now_ns;
}

/* What the time since the last call gave; parts of a record are not lost. */
static inline void budget_fill(struct budget *b, uint64_t now_ns)
{
	unsigned __int128 gain;

	if (!b->rate || now_ns <= b->at_ns)
		return;
	gain = (unsigned __int128)(now_ns - b->at_ns) * b->rate / BUDGET_NS_PER_S;
	if (gain >= (unsigned __int128)(b->most - b->left)) {
		b->left = b->most;
		b->at_ns = now_ns;
		return;
	}
	b->left += (int64_t)gain;
	b->at_ns += (uint64_t)(gain * BUDGET_NS_PER_S / b->rate);
}

static inline void budget_take(struct budget *b, uint64_t records)
{
	if (!b->rate)
		return;
	b->left -= (int64_t)records;
	if (b->left < -b->most)
		b->left = -b->most;
}

/* Records that may go now, `most` at most. */
static inline uint64_t budget_room(const struct budget *b, uint64_t most)
{
	if (!b->rate || b->left >= (int64_t)most)
		return most;
	return b->left < 0 ? 0 : (uint64_t)b->left;
}
