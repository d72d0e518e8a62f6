/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* memory.h: memory for big tables that are looked into at random places, and for those that come and go. */
#pragma once

#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#define MEMORY_HUGE (2UL << 20)
#define MEMORY_OWN (1 << 20) /* bytes from which on a block has a mapping of its own */

/*
 * As malloc(); where it is that big, in huge pages as far as the kernel has some (madvise(2),
 * MADV_HUGEPAGE): a look into such a table costs a walk through the page tables less.
 */
static inline void *memory_big(size_t bytes)
{
	size_t whole = (bytes + MEMORY_HUGE - 1) & ~(MEMORY_HUGE - 1);
	void *memory;

	if (bytes < MEMORY_HUGE / 2)
		return malloc(bytes);
	memory = aligned_alloc(MEMORY_HUGE, whole);
	if (memory)
		madvise(memory, whole, MADV_HUGEPAGE);
	return memory;
}

/*
 * What a burst took goes back when it is freed: blocks of MEMORY_OWN and more never come from the heap, as
 * they would once glibc had freed one that big (mallopt(3), "dynamic mmap threshold").
 */
static inline void memory_give_back(void)
{
	mallopt(M_MMAP_THRESHOLD, MEMORY_OWN);
	mallopt(M_TRIM_THRESHOLD, MEMORY_OWN);
}
