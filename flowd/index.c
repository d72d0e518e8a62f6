/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* index.c: the hash table of expire.c. */
#include "flowd/index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "flowd/memory.h"

#define INDEX_START 4096

static uint32_t probe(const struct index *index, uint32_t hash, uint32_t at)
{
	for (; index->entry[at].value != INDEX_FREE; at = (at + 1) & index->mask) {
		if (index->entry[at].hash == hash)
			return at;
	}
	return INDEX_FREE;
}

uint32_t index_first(const struct index *index, uint32_t hash)
{
	return index->entry ? probe(index, hash, hash & index->mask) : INDEX_FREE;
}

uint32_t index_next(const struct index *index, uint32_t hash, uint32_t at)
{
	return probe(index, hash, (at + 1) & index->mask);
}

static void place(struct index *index, uint32_t hash, uint32_t value)
{
	uint32_t at = hash & index->mask;

	while (index->entry[at].value != INDEX_FREE)
		at = (at + 1) & index->mask;
	index->entry[at] = (struct index_entry){.hash = hash, .value = value};
}

static int grow(struct index *index)
{
	uint32_t size = index->entry ? (index->mask + 1) * 2 : INDEX_START;
	struct index bigger = {.mask = size - 1, .used = index->used};

	bigger.entry = memory_big(size * sizeof(*bigger.entry));
	if (!bigger.entry)
		return -ENOMEM;
	for (uint32_t i = 0; i < size; i++)
		bigger.entry[i].value = INDEX_FREE;
	for (uint32_t i = 0; index->entry && i <= index->mask; i++) {
		if (index->entry[i].value != INDEX_FREE)
			place(&bigger, index->entry[i].hash, index->entry[i].value);
	}
	free(index->entry);
	*index = bigger;
	return 0;
}

int index_open(struct index *index)
{
	return grow(index);
}

int index_insert(struct index *index, uint32_t hash, uint32_t value, bool last)
{
	if (!index->entry || index->used >= (index->mask + 1) / 4 * 3) {
		int err = grow(index);

		if (err && !(last && index->entry && index->used < index->mask))
			return err;
	}
	place(index, hash, value);
	index->used++;
	return 0;
}

static uint32_t locate(const struct index *index, uint32_t hash, uint32_t value)
{
	uint32_t at = index_first(index, hash);

	while (at != INDEX_FREE && index->entry[at].value != value)
		at = index_next(index, hash, at);
	assert(at != INDEX_FREE);
	return at;
}

void index_remove(struct index *index, uint32_t hash, uint32_t value)
{
	uint32_t hole = locate(index, hash, value), at = hole;

	for (;;) {
		uint32_t home;

		at = (at + 1) & index->mask;
		if (index->entry[at].value == INDEX_FREE)
			break;
		home = index->entry[at].hash & index->mask;
		if (((at - home) & index->mask) >= ((at - hole) & index->mask)) {
			index->entry[hole] = index->entry[at];
			hole = at;
		}
	}
	index->entry[hole].value = INDEX_FREE;
	index->used--;
}

void index_renumber(struct index *index, uint32_t hash, uint32_t value, uint32_t new_value)
{
	index->entry[locate(index, hash, value)].value = new_value;
}

void index_free(struct index *index)
{
	free(index->entry);
	*index = (struct index){0};
}
