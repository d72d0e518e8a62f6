/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_table.c: see group_table.h. */
#include "cli/group_table.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "schema/talker_times.h"

#define SIZE_FIRST 4096
#define MIX_A 0x9e3779b97f4a7c15U
#define MIX_B 0xff51afd7ed558ccdU

/* EtherTypes that fit, by their number in a packed key. */
static const uint16_t packed_type[] = {0, ETH_P_IP, ETH_P_IPV6, ETH_P_ARP};

#define PACKED_TYPES (sizeof(packed_type) / sizeof(packed_type[0]))
#define PACKED_TYPE_SHIFT 2
#define PACKED_VLAN_SHIFT 4

static bool fits(const struct group_place *place)
{
	const struct flow_key *key = &place->key;
	uint32_t rest = key->src[1] | key->src[2] | key->src[3] | key->dst[1] | key->dst[2] |
			key->dst[3] | key->tunnel_id | key->outer | place->name | place->time;

	return !(rest | key->cvlan | key->ifnum | key->dir | key->tunnel_kind) && key->vlan <= 1;
}

bool group_pack(const struct group_place *place, struct group_packed *ret_packed)
{
	const struct flow_key *key = &place->key;
	uint64_t type;

	if (!fits(place))
		return false;
	for (type = 0; type < PACKED_TYPES && key->ethertype != packed_type[type]; type++)
		;
	if (type == PACKED_TYPES)
		return false;
	ret_packed->word[0] = (uint64_t)key->src[0] << 32 | key->dst[0];
	ret_packed->word[1] = (uint64_t)key->sport << 48 | (uint64_t)key->dport << 32 |
			      (uint64_t)key->proto << 24 | (uint64_t)key->marks << 16 |
			      (uint64_t)key->vlan << PACKED_VLAN_SHIFT | type << PACKED_TYPE_SHIFT |
			      GROUP_PACKED_USED;
	return true;
}

static void unpack(const struct group_packed *packed, struct group_place *ret_place)
{
	struct flow_key *key = &ret_place->key;
	uint64_t word = packed->word[1];

	memset(ret_place, 0, sizeof(*ret_place));
	key->src[0] = (__be32)(packed->word[0] >> 32);
	key->dst[0] = (__be32)packed->word[0];
	key->sport = (__be16)(word >> 48);
	key->dport = (__be16)(word >> 32);
	key->proto = (uint8_t)(word >> 24);
	key->marks = (uint8_t)(word >> 16);
	key->vlan = word >> PACKED_VLAN_SHIFT & 1;
	key->ethertype = packed_type[word >> PACKED_TYPE_SHIFT & (PACKED_TYPES - 1)];
}

/* The finalizer of MurmurHash3: the upper bits say which cell. */
static uint64_t finish(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= MIX_B;
	return hash ^ hash >> 29;
}

uint64_t group_hash_packed(const struct group_packed *packed)
{
	uint64_t a = packed->word[0] * MIX_A, b = (packed->word[1] ^ a >> 32) * MIX_B;

	return finish(a ^ b) * MIX_A;
}

/* Eight words, each mixed by a multiplication. */
uint64_t group_hash_place(const struct group_place *place)
{
	uint64_t word[sizeof(*place) / 8], hash = 0;

	memcpy(word, place, sizeof(word));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		hash = (hash ^ word[i]) * MIX_A;
		hash ^= hash >> 32;
	}
	return finish(hash) * MIX_A;
}

uint64_t group_table_hash(const struct group_cell *cell)
{
	return cell->key.word[1] & GROUP_PACKED_APART ? cell->key.word[0]
						      : group_hash_packed(&cell->key);
}

static size_t place_number(const struct group_cell *cell)
{
	return (size_t)(cell->key.word[1] >> 2);
}

void group_table_place(const struct group_table *table, const struct group_cell *cell,
		       struct group_place *ret_place)
{
	if (cell->key.word[1] & GROUP_PACKED_APART)
		*ret_place = table->place[place_number(cell)];
	else
		unpack(&cell->key, ret_place);
}

void group_table_sums(const struct group_table *table, const struct group_cell *cell,
		      struct group_sums *ret_sums)
{
	struct group_more *more = cell->more ? &table->more[cell->more - 1] : NULL;

	*ret_sums = (struct group_sums){
		.flows = cell->flows,
		.packets = cell->packets,
		.bytes = cell->bytes,
		.ip_bytes = cell->ip_bytes,
		.start_ms = cell->start_ms,
		.end_ms = cell->end_ms,
		.health = more ? &more->health : NULL,
		.drops = more ? more->drops : NULL,
	};
}

/* --- room ----------------------------------------------------------------------------------------- */

/* All 0. Large pages: each look into one that is not cached would else cost a walk for its page. */
static struct group_cell *make_cells(size_t size)
{
	size_t bytes = size * sizeof(struct group_cell);
	void *cell = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (cell == MAP_FAILED)
		return NULL;
	madvise(cell, bytes, MADV_HUGEPAGE);
	return cell;
}

static void free_cells(struct group_table *table)
{
	if (table->cell)
		munmap(table->cell, table->size * sizeof(*table->cell));
}

static uint32_t shift_of(size_t size)
{
	return 64 - (uint32_t)__builtin_ctzll(size);
}

static size_t bytes_of(const struct group_table *table, size_t size)
{
	return size * sizeof(*table->cell) + table->place_room * sizeof(*table->place) +
	       table->more_room * (sizeof(*table->more) + sizeof(struct group_drops) / 4);
}

static struct group_cell *free_cell(const struct group_table *table, uint64_t hash)
{
	size_t i = group_table_at(table, hash);

	while (group_cell_used(&table->cell[i]))
		i = (i + 1) & (table->size - 1);
	return &table->cell[i];
}

static int resize(struct group_table *table, size_t size)
{
	struct group_table bigger = *table;

	bigger.size = size;
	bigger.shift = shift_of(size);
	bigger.cell = make_cells(size);
	if (!bigger.cell)
		return -ENOMEM;
	for (size_t i = 0; i < table->size; i++) {
		const struct group_cell *cell = &table->cell[i];

		if (group_cell_used(cell))
			*free_cell(&bigger, group_table_hash(cell)) = *cell;
	}
	free_cells(table);
	*table = bigger;
	return 0;
}

int group_table_reserve(struct group_table *table, size_t count, size_t limit)
{
	size_t size = table->size ? table->size : SIZE_FIRST;

	while (table->used + count > size / 4 * 3)
		size *= 2;
	if (table->used && (bytes_of(table, size) > limit || table->mores + count > GROUP_MORE_MAX))
		return -ENOSPC;
	return size == table->size ? 0 : resize(table, size);
}

void group_table_clear(struct group_table *table)
{
	for (size_t i = 0; i < table->mores; i++)
		free(table->more[i].drops);
	free(table->more);
	free(table->place);
	table->more = NULL;
	table->place = NULL;
	table->mores = table->more_room = table->places = table->place_room = 0;
	table->used = 0;
	if (table->cell)
		memset(table->cell, 0, table->size * sizeof(*table->cell));
}

void group_table_free(struct group_table *table)
{
	for (size_t i = 0; i < table->mores; i++)
		free(table->more[i].drops);
	free(table->more);
	free(table->place);
	free_cells(table);
	memset(table, 0, sizeof(*table));
}

/* --- add ------------------------------------------------------------------------------------------ */

static void add_sums(struct group_cell *cell, const struct group_sums *sums)
{
	const struct talker_times from = {sums->flows, sums->start_ms, sums->end_ms};
	struct talker_times times = {cell->flows, cell->start_ms, cell->end_ms};

	talker_times_add(&times, !times.end_ms, &from);
	cell->start_ms = times.start_ms;
	cell->end_ms = times.end_ms;
	cell->flows += sums->flows;
	cell->packets += sums->packets;
	cell->bytes += sums->bytes;
	cell->ip_bytes += sums->ip_bytes;
}

void group_table_add_packed(struct group_table *table, const struct group_packed *packed,
			    uint64_t hash, const struct group_sums *sums)
{
	size_t i = group_table_at(table, hash);
	struct group_cell *cell;

	for (;; i = (i + 1) & (table->size - 1)) {
		cell = &table->cell[i];
		if (cell->key.word[1] == packed->word[1] && cell->key.word[0] == packed->word[0])
			break;
		if (!group_cell_used(cell)) {
			cell->key = *packed;
			table->used++;
			break;
		}
	}
	add_sums(cell, sums);
}

/* One more in an array that doubles. */
static int grow(void **array, size_t used, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *grown;

	if (used < *room)
		return 0;
	grown = reallocarray(*array, more, size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*room = more;
	return 0;
}

void group_table_fetch_place(const struct group_table *table, uint64_t hash)
{
	const struct group_cell *cell = &table->cell[group_table_at(table, hash)];

	if (cell->key.word[0] == hash && (cell->key.word[1] & GROUP_PACKED_APART))
		__builtin_prefetch(&table->place[place_number(cell)]);
}

/* The cell of a key that is kept apart. */
static int find_apart(struct group_table *table, const struct group_place *place, uint64_t hash,
		      struct group_cell **ret_cell)
{
	struct group_cell *cell;
	int err;

	for (size_t i = group_table_at(table, hash);; i = (i + 1) & (table->size - 1)) {
		cell = &table->cell[i];
		if (!group_cell_used(cell))
			break;
		if (cell->key.word[0] != hash || !(cell->key.word[1] & GROUP_PACKED_APART) ||
		    memcmp(&table->place[place_number(cell)], place, sizeof(*place)))
			continue;
		*ret_cell = cell;
		return 0;
	}
	err = grow((void **)&table->place, table->places, &table->place_room, sizeof(*place));
	if (err)
		return err;
	table->place[table->places] = *place;
	cell->key.word[0] = hash;
	cell->key.word[1] = table->places++ << 2 | GROUP_PACKED_APART | GROUP_PACKED_USED;
	table->used++;
	*ret_cell = cell;
	return 0;
}

static int find(struct group_table *table, const struct group_place *place,
		struct group_cell **ret_cell)
{
	struct group_packed packed;
	struct group_cell *cell;

	if (!group_pack(place, &packed))
		return find_apart(table, place, group_hash_place(place), ret_cell);
	for (size_t i = group_table_at(table, group_hash_packed(&packed));;
	     i = (i + 1) & (table->size - 1)) {
		cell = &table->cell[i];
		if (!memcmp(&cell->key, &packed, sizeof(packed)))
			break;
		if (!group_cell_used(cell)) {
			cell->key = packed;
			table->used++;
			break;
		}
	}
	*ret_cell = cell;
	return 0;
}

static int add_more(struct group_table *table, struct group_cell *cell,
		    const struct group_sums *sums)
{
	struct group_sums to;
	int err;

	if (!cell->more) {
		err = grow((void **)&table->more, table->mores, &table->more_room,
			   sizeof(*table->more));
		if (err)
			return err;
		memset(&table->more[table->mores], 0, sizeof(*table->more));
		cell->more = ++table->mores & GROUP_MORE_MAX;
	}
	to = (struct group_sums){.health = &table->more[cell->more - 1].health,
				 .drops = table->more[cell->more - 1].drops};
	err = group_sums_add_more(&to, sums);
	table->more[cell->more - 1].drops = to.drops;
	return err;
}

int group_table_add_apart(struct group_table *table, const struct group_place *place, uint64_t hash,
			  const struct group_sums *sums)
{
	struct group_cell *cell;
	int err = find_apart(table, place, hash, &cell);

	if (!err)
		add_sums(cell, sums);
	return err;
}

int group_table_add(struct group_table *table, const struct group_place *place,
		    const struct group_sums *sums)
{
	struct group_cell *cell;
	int err = find(table, place, &cell);

	if (err)
		return err;
	add_sums(cell, sums);
	return sums->health || sums->drops ? add_more(table, cell, sums) : 0;
}

/* --- parts ---------------------------------------------------------------------------------------- */

/*
 * The next cell of the part from *i on, which counts on behind the table's end: past the part's own cells
 * there may be some that made way, up to the first that is free. NULL: no more.
 */
static const struct group_cell *next_of_part(const struct group_table *table, uint32_t part,
					     uint32_t bits, size_t *i)
{
	size_t end = ((size_t)part + 1) * (table->size >> bits);

	for (; *i < end + table->size; (*i)++) {
		const struct group_cell *cell = &table->cell[*i & (table->size - 1)];

		if (!group_cell_used(cell)) {
			if (*i >= end)
				return NULL;
		} else if (group_table_hash(cell) >> (64 - bits) == part) {
			(*i)++;
			return cell;
		}
	}
	return NULL;
}

size_t group_table_count_part(const struct group_table *table, uint32_t part, uint32_t bits)
{
	size_t i = part * (table->size >> bits), count = 0;

	while (table->size && next_of_part(table, part, bits, &i))
		count++;
	return count;
}

int group_table_add_part(struct group_table *to, const struct group_table *table, uint32_t part,
			 uint32_t bits)
{
	size_t i = part * (table->size >> bits);
	const struct group_cell *cell;
	int err = 0;

	while (!err && table->size && (cell = next_of_part(table, part, bits, &i))) {
		struct group_place place;
		struct group_sums sums;

		group_table_sums(table, cell, &sums);
		if (!(cell->key.word[1] & GROUP_PACKED_APART) && !cell->more) {
			group_table_add_packed(to, &cell->key, group_table_hash(cell), &sums);
			continue;
		}
		group_table_place(table, cell, &place);
		err = group_table_add(to, &place, &sums);
	}
	return err;
}
