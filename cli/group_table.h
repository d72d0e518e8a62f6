/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group_table.h: the sums of a group in little memory: a hash table, open-addressed with linear probing,
 * whose cells are a cache line each. Most keys are in the cell itself; those that have more to them (IPv6,
 * tags, names of events), and what few have sums of (health, drops), are apart.
 *
 *   cell   | key : 16 | packets | bytes | ip_bytes | start | end | flows : 40, more : 24 |
 *
 * Cells are in the order of their hashes but for those that made way: so what is written from first to
 * last is nearly sorted, see group_spill.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/group_sums.h"

struct group_place { /* what sums are found by */
	struct flow_key key;
	uint32_t name; /* see struct group_event */
	uint32_t time;
};

_Static_assert(sizeof(struct group_place) == sizeof(struct flow_key) + 8, "is hashed: no holes");

/* In 16 bytes; or, where it does not fit, a hash, and a number of group_table.place. */
struct group_packed {
	uint64_t word[2];
};

#define GROUP_PACKED_USED 1 /* of word[1]: not a free cell */
#define GROUP_PACKED_APART 2

struct group_cell {
	struct group_packed key;
	uint64_t packets, bytes, ip_bytes;
	int64_t start_ms, end_ms;
	uint64_t flows : 40;
	uint64_t more : 24; /* number of group_table.more and 1, 0: nothing */
};

_Static_assert(sizeof(struct group_cell) == 64, "a cache line");

struct group_more {
	struct group_health health;
	struct group_drops *drops; /* NULL: nothing */
};

struct group_table {
	struct group_cell *cell;
	size_t size, used; /* of cells; size is a power of two */
	uint32_t shift;	   /* of a hash to a cell */
	uint32_t skip;	   /* upper bits of it that all keys have in common */
	struct group_place *place;
	size_t places, place_room;
	struct group_more *more;
	size_t mores, more_room;
};

#define GROUP_MORE_MAX ((1U << 24) - 1)

/* False: it does not fit. */
bool group_pack(const struct group_place *place, struct group_packed *ret_packed);

uint64_t group_hash_packed(const struct group_packed *packed);
uint64_t group_hash_place(const struct group_place *place);

/* The cell at which a hash begins to look; and have the CPU fetch it. */
static inline size_t group_table_at(const struct group_table *table, uint64_t hash)
{
	return (hash << table->skip) >> table->shift;
}

static inline void group_table_fetch(const struct group_table *table, uint64_t hash)
{
	if (table->cell)
		__builtin_prefetch(&table->cell[group_table_at(table, hash)], 1);
}

/* Likewise the place that the cell names, where it is the one of the hash. There must be cells. */
void group_table_fetch_place(const struct group_table *table, uint64_t hash);

/*
 * Add. In the first two, of a packed key and of a place that cannot be packed, sums have neither health nor drops. There must be room, see group_table_reserve:
 * whoever adds keys in the order of their hashes reserves it for all of them, or they crowd. 0 or -ENOMEM.
 */
void group_table_add_packed(struct group_table *table, const struct group_packed *packed,
			    uint64_t hash, const struct group_sums *sums);
int group_table_add_apart(struct group_table *table, const struct group_place *place, uint64_t hash,
			  const struct group_sums *sums);
int group_table_add(struct group_table *table, const struct group_place *place,
		    const struct group_sums *sums);

/* Room for `count` more keys; -ENOSPC where the table would be larger than `limit` bytes, or -ENOMEM. */
int group_table_reserve(struct group_table *table, size_t count, size_t limit);

/* The hash, the place and the sums of a cell that is used; what the sums point to stays the table's. */
uint64_t group_table_hash(const struct group_cell *cell);
void group_table_place(const struct group_table *table, const struct group_cell *cell,
		       struct group_place *ret_place);
void group_table_sums(const struct group_table *table, const struct group_cell *cell,
		      struct group_sums *ret_sums);

static inline bool group_cell_used(const struct group_cell *cell)
{
	return cell->key.word[1] & GROUP_PACKED_USED;
}

/*
 * The cells of those hashes whose upper `bits` are `part`: how many, and they into a table that skips these
 * bits and has room. 0 or -ENOMEM.
 */
size_t group_table_count_part(const struct group_table *table, uint32_t part, uint32_t bits);
int group_table_add_part(struct group_table *to, const struct group_table *table, uint32_t part,
			 uint32_t bits);

void group_table_clear(struct group_table *table); /* its memory stays */
void group_table_free(struct group_table *table);
