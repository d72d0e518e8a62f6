/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * index.h: an open-addressed hash table from 32-bit hashes to 32-bit numbers, for expire.c. The
 * caller compares keys. Linear probing; removal moves later entries back, so there are no
 * tombstones.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEX_FREE UINT32_MAX

struct index_entry {
	uint32_t hash;
	uint32_t value; /* INDEX_FREE: none */
};

struct index {
	struct index_entry *entry;
	uint32_t mask;
	uint32_t used;
};

/* Entry numbers to look at for `hash`, in turn: index_first, then index_next; INDEX_FREE ends. */
uint32_t index_first(const struct index *index, uint32_t hash);
uint32_t index_next(const struct index *index, uint32_t hash, uint32_t at);

/* The first of them will be needed. */
static inline void index_fetch(const struct index *index, uint32_t hash)
{
	if (index->entry)
		__builtin_prefetch(&index->entry[hash & index->mask], 1);
}

/* The first memory of an empty one. 0 or -ENOMEM. */
int index_open(struct index *index);

/* 0 or -ENOMEM. Entries may be moved. `last`: without memory into what is left, a quarter as a rule. */
int index_insert(struct index *index, uint32_t hash, uint32_t value, bool last);

/* Remove, or renumber, the entry with that hash and value, which must be there. */
void index_remove(struct index *index, uint32_t hash, uint32_t value);
void index_renumber(struct index *index, uint32_t hash, uint32_t value, uint32_t new_value);

void index_free(struct index *index);
