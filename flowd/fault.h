/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fault.h: places where flowd can be made to die, for tests of what a kill loses: nothing.
 *
 * Only `make FAULTS=1` compiles them in. There
 *
 *   WIRELEDGER_KILL=NAME[:N]   flowd kills itself (SIGKILL) when it passes that point the N-th time
 *   WIRELEDGER_KILL=list       prints the names of all points, and ends
 *
 * A name is PART-NUMBER-WHAT: the part of flowd's work, the point's number in its order, and what was done
 * last. Each point is put into a section of the binary where it stands, so the list is what there is.
 */
#pragma once

#ifdef WIRELEDGER_FAULTS

struct fault_point {
	const char *name;
};

/* Do what the environment asks for. A point that there is not: says so and exits 2. Before any other thread. */
void fault_begin(void);

/* This point is passed. Any thread. */
void fault_pass(const struct fault_point *point);

#define FAULT_POINT(text)                                                                \
	do {                                                                             \
		static const struct fault_point fault_here                               \
			__attribute__((section("fault_points"), used)) = {.name = text}; \
		fault_pass(&fault_here);                                                 \
	} while (0)

#else

static inline void fault_begin(void)
{
}

#define FAULT_POINT(text) \
	do {              \
	} while (0)

#endif
