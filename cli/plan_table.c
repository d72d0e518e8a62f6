/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_table.c: see plan_table.h. */
#include "cli/plan_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plan_memory.h"
#include "schema/talker_times.h"

#define CELLS_FIRST 4096
#define ENTRIES_FIRST 2048

/* Each word is mixed by a multiplication, the finalizer of MurmurHash3 at the end. */
static uint64_t hash_key(const struct plan_key *key)
{
	uint64_t word[sizeof(*key) / 8], hash = 0;

	memcpy(word, key, sizeof(word));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		hash = (hash ^ word[i]) * 0x9e3779b97f4a7c15U;
		hash ^= hash >> 32;
	}
	hash *= 0xff51afd7ed558ccdU;
	return hash ^ hash >> 33;
}

static struct plan_cell *find(const struct plan_table *table, const struct plan_key *key,
			      uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	for (size_t i = hash & (table->cells - 1);; i = (i + 1) & (table->cells - 1)) {
		struct plan_cell *cell = &table->cell[i];

		if (!cell->number)
			return cell;
		if (cell->tag == tag &&
		    !memcmp(&table->entry[cell->number - 1].key, key, sizeof(*key)))
			return cell;
	}
}

/* Cells at most half full: what is compared then is the key itself as a rule. */
static int grow_cells(struct plan_table *table)
{
	struct plan_table bigger = *table;

	if (table->used < table->cells / 2)
		return 0;
	bigger.cells = table->cells ? table->cells * 4 : CELLS_FIRST;
	bigger.cell = plan_memory_zeroed(bigger.cells * sizeof(*bigger.cell));
	if (!bigger.cell)
		return -ENOMEM;
	for (size_t n = 0; n < table->used; n++) {
		uint64_t hash = hash_key(&table->entry[n].key);
		size_t i = hash & (bigger.cells - 1);

		while (bigger.cell[i].number)
			i = (i + 1) & (bigger.cells - 1);
		bigger.cell[i] = (struct plan_cell){(uint32_t)(hash >> 32), (uint32_t)n + 1};
	}
	free(table->cell);
	*table = bigger;
	return 0;
}

static int grow_entries(struct plan_table *table)
{
	size_t room = table->room ? table->room * 2 : ENTRIES_FIRST;
	struct plan_entry *entry;
	struct plan_sums *sums;

	if (table->used < table->room)
		return 0;
	if (room >= PLAN_NO_ENTRY)
		return -ENOMEM;
	entry = plan_memory_grow(table->entry, table->used * sizeof(*entry), room * sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	table->entry = entry;
	if (table->with_sums) {
		sums = plan_memory_grow(table->sums, table->used * sizeof(*sums),
					room * sizeof(*sums));
		if (!sums)
			return -ENOMEM;
		table->sums = sums;
	}
	table->room = room;
	return 0;
}

uint64_t plan_table_fetch(const struct plan_table *table, const struct plan_key *key)
{
	uint64_t hash = hash_key(key);

	if (table->cells)
		__builtin_prefetch(&table->cell[hash & (table->cells - 1)]);
	return hash;
}

void plan_table_fetch_entry(const struct plan_table *table, uint64_t hash)
{
	const struct plan_cell *cell;

	if (!table->cells)
		return;
	cell = &table->cell[hash & (table->cells - 1)];
	if (!cell->number || cell->tag != (uint32_t)(hash >> 32))
		return;
	__builtin_prefetch(&table->entry[cell->number - 1], 1);
	if (!table->with_sums)
		return;
	__builtin_prefetch(&table->sums[cell->number - 1], 1);
	__builtin_prefetch((const char *)&table->sums[cell->number - 1] + 64, 1);
}

int plan_table_at(struct plan_table *table, const struct plan_key *key, uint32_t *ret_number)
{
	return plan_table_at_hash(table, key, hash_key(key), ret_number);
}

int plan_table_at_hash(struct plan_table *table, const struct plan_key *key, uint64_t hash,
		       uint32_t *ret_number)
{
	struct plan_cell *cell;
	int err = grow_cells(table);

	if (err)
		return err;
	cell = find(table, key, hash);
	if (cell->number || table->closed) {
		*ret_number = cell->number ? cell->number - 1 : PLAN_NO_ENTRY;
		return 0;
	}
	err = grow_entries(table);
	if (err)
		return err;
	*cell = (struct plan_cell){(uint32_t)(hash >> 32), (uint32_t)table->used + 1};
	table->entry[table->used] = (struct plan_entry){.key = *key};
	if (table->with_sums)
		memset(&table->sums[table->used], 0, sizeof(*table->sums));
	*ret_number = (uint32_t)table->used++;
	return 0;
}

static void add_times(struct plan_sums *to, const struct plan_sums *sums)
{
	const struct talker_times from = {sums->flows, sums->start_ms, sums->end_ms};
	struct talker_times times = {to->flows, to->start_ms, to->end_ms};

	if (!sums->end_ms) /* of a key without a row nothing counts */
		return;
	talker_times_add(&times, !times.end_ms, &from);
	to->start_ms = times.start_ms;
	to->end_ms = times.end_ms;
}

void plan_sums_add(struct plan_sums *to, const struct plan_sums *sums)
{
	add_times(to, sums);
	to->flows += sums->flows;
	to->packets += sums->packets;
	to->bytes += sums->bytes;
	to->ip_bytes += sums->ip_bytes;
	to->retransmits += sums->retransmits;
	to->drops += sums->drops;
	to->rtt_count += sums->rtt_count;
	to->rtt_sum_us += sums->rtt_sum_us;
}

static int move_entry(const struct plan_table *from, size_t n, uint64_t hash, struct plan_table *to,
		      uint32_t *ret_moved)
{
	const struct plan_entry *entry = &from->entry[n];
	int err = plan_table_at_hash(to, &entry->key, hash, ret_moved);

	if (err || *ret_moved == PLAN_NO_ENTRY)
		return err;
	to->entry[*ret_moved].value += entry->value;
	to->entry[*ret_moved].credit += entry->credit;
	if (from->with_sums && to->with_sums)
		plan_sums_add(&to->sums[*ret_moved], &from->sums[n]);
	return 0;
}

int plan_table_move(const struct plan_table *from, struct plan_table *to, uint32_t *ret_moved)
{
	uint64_t hash[PLAN_PENDING];
	int err = 0;

	for (size_t n = 0; !err && n < from->used; n += PLAN_PENDING) {
		size_t count = from->used - n < PLAN_PENDING ? from->used - n : PLAN_PENDING;

		for (size_t i = 0; i < count; i++)
			hash[i] = plan_table_fetch(to, &from->entry[n + i].key);
		for (size_t i = 0; i < count; i++)
			plan_table_fetch_entry(to, hash[i]);
		for (size_t i = 0; !err && i < count; i++)
			err = move_entry(from, n + i, hash[i], to, &ret_moved[n + i]);
	}
	return err;
}

void plan_table_free(struct plan_table *table)
{
	free(table->cell);
	free(table->entry);
	free(table->sums);
	memset(table, 0, sizeof(*table));
}
