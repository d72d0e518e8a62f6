/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_memory.c: see plan_memory.h. */
#include "cli/plan_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE (2UL << 20)

/* A hint, which may be ignored. */
static void *huge(size_t size)
{
	size_t rounded = (size + HUGE - 1) & ~(HUGE - 1);
	void *memory = rounded < size ? NULL : aligned_alloc(HUGE, rounded);

	if (memory)
		(void)madvise(memory, rounded, MADV_HUGEPAGE);
	return memory;
}

void *plan_memory_grow(void *old, size_t used, size_t size)
{
	void *memory;

	if (size < HUGE)
		return realloc(old, size);
	memory = huge(size);
	if (!memory)
		return NULL;
	if (used)
		memcpy(memory, old, used);
	free(old);
	return memory;
}

void *plan_memory_zeroed(size_t size)
{
	void *memory;

	if (size < HUGE)
		return calloc(1, size);
	memory = huge(size);
	return memory ? memset(memory, 0, size) : NULL;
}
