/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rollup.c: see rollup.h. A table is an array of entries in the order of their coming, and an index,
 * open-addressed with linear probing, at most half full.
 */
#include "flowd/rollup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/rollup_rank.h"
#include "schema/talker_times.h"

#define ROOM_FIRST 16
#define MARKS_SHIFT 16
#define ETHERNET 14

/* A record's sums, for keys that are not turned. */
struct share {
	struct rollup_sums sums;
	struct rollup_more more;
	bool has_more;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* After wyhash: words in pairs, multiplied to twice their width and folded. */
static uint32_t hash_key(const struct rollup_key *key, uint64_t seed)
{
	uint64_t word[sizeof(*key) / 8], hash;

	memcpy(word, key, sizeof(word));
	hash = mix(word[0] ^ seed, 0x9e3779b97f4a7c15ULL);
	hash = mix(word[1] ^ hash, word[2] ^ 0xa0761d6478bd642fULL);
	hash = mix(word[3] ^ hash, word[4] ^ 0xe7037ed1a0b428dbULL);
	return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t *place_of(const struct rollup_table *table, const struct rollup_key *key,
			  uint32_t hash)
{
	for (uint32_t i = hash & table->mask;; i = (i + 1) & table->mask) {
		const struct rollup_entry *entry;

		if (!table->index[i])
			return &table->index[i];
		entry = &table->entry[table->index[i] - 1];
		if (entry->hash == hash && !memcmp(&entry->key, key, sizeof(*key)))
			return &table->index[i];
	}
}

/* Every entry's place, no two of them being the same. */
static void fill_index(struct rollup_table *table)
{
	memset(table->index, 0, ((size_t)table->mask + 1) * sizeof(*table->index));
	for (uint32_t n = 0; n < table->used; n++) {
		uint32_t i = table->entry[n].hash & table->mask;

		while (table->index[i])
			i = (i + 1) & table->mask;
		table->index[i] = n + 1;
	}
}

static int grow(struct rollup_table *table)
{
	uint32_t room = table->room ? table->room * 2 : ROOM_FIRST;
	struct rollup_entry *entry = reallocarray(table->entry, room, sizeof(*entry));
	uint32_t *index;

	if (!entry)
		return -ENOMEM;
	table->entry = entry;
	index = reallocarray(table->index, room * 2UL, sizeof(*index));
	if (!index)
		return -ENOMEM;
	table->index = index;
	table->room = room;
	table->mask = room * 2 - 1;
	fill_index(table);
	return 0;
}

const struct rollup_more *rollup_more(const struct rollup_table *table,
				      const struct rollup_entry *entry)
{
	static const struct rollup_more none;

	return entry->more ? &table->more[entry->more - 1] : &none;
}

void rollup_values(const struct rollup_sums *sums, const struct rollup_more *more,
		   uint64_t ret_value[ROLLUP_METRICS])
{
	ret_value[ROLLUP_FLOWS] = sums->flows;
	ret_value[ROLLUP_PACKETS] = sums->packets[0] + sums->packets[1];
	ret_value[ROLLUP_BYTES] = sums->bytes[0] + sums->bytes[1];
	ret_value[ROLLUP_RETRANSMITS] = more->retransmits[0] + more->retransmits[1];
	ret_value[ROLLUP_DROPS] = more->drops[0] + more->drops[1];
}

void rollup_sums_add(struct rollup_sums *to, const struct rollup_sums *sums)
{
	const struct talker_times from = {sums->flows, sums->start_ms, sums->end_ms};
	struct talker_times times = {to->flows, to->start_ms, to->end_ms};

	talker_times_add(&times, false, &from);
	to->start_ms = times.start_ms;
	to->end_ms = times.end_ms;
	to->flows += sums->flows;
	for (int i = 0; i < 2; i++) {
		to->packets[i] += sums->packets[i];
		to->bytes[i] += sums->bytes[i];
	}
}

void rollup_more_add(struct rollup_more *to, const struct rollup_more *more)
{
	for (int i = 0; i < 2; i++) {
		to->l2_bytes[i] += more->l2_bytes[i];
		to->retransmits[i] += more->retransmits[i];
		to->drops[i] += more->drops[i];
	}
	to->rtt_count += more->rtt_count;
	to->rtt_sum_us += more->rtt_sum_us;
}

/* --- pruning -------------------------------------------------------------------------------------- */

static void prune_one(struct rollup_table *table, const struct rollup_entry *entry,
		      uint64_t most[ROLLUP_METRICS])
{
	const struct rollup_more *more = rollup_more(table, entry);
	uint64_t value[ROLLUP_METRICS];

	rollup_values(&entry->sums, more, value);
	for (int m = 0; m < ROLLUP_METRICS; m++)
		most[m] = value[m] > most[m] ? value[m] : most[m];
	rollup_sums_add(&table->tail.sums, &entry->sums);
	rollup_more_add(&table->tail.more, more);
	table->tail.keys++;
}

/* What the entries that stay have of `more`, together again. */
static void pack_more(struct rollup_table *table, struct rollup_more *spare)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < table->used; i++) {
		struct rollup_entry *entry = &table->entry[i];

		if (!entry->more)
			continue;
		spare[kept] = table->more[entry->more - 1];
		entry->more = ++kept;
	}
	if (kept) /* else there may be no memory */
		memcpy(table->more, spare, kept * sizeof(*spare));
	table->mores = kept;
}

/* Entries whose bit in `gone` is set leave; the others close up. */
static void drop_entries(struct rollup_table *table, const uint8_t *gone)
{
	uint64_t most[ROLLUP_METRICS] = {0};
	uint32_t kept = 0;

	for (uint32_t i = 0; i < table->used; i++) {
		if (gone[i])
			prune_one(table, &table->entry[i], most);
		else
			table->entry[kept++] = table->entry[i];
	}
	table->used = kept;
	for (int m = 0; m < ROLLUP_METRICS; m++)
		table->tail.missed[m] += most[m];
}

/* The half that counts least goes to the tail. */
static int prune(struct rollup_table *table)
{
	uint32_t *order = malloc(table->used * sizeof(*order));
	uint64_t *spare = malloc(table->used * 2UL * sizeof(*spare));
	struct rollup_more *more = malloc((table->mores + 1UL) * sizeof(*more));
	uint8_t *gone = calloc(table->used, 1);
	int err = order && spare && more && gone ? 0 : -ENOMEM;

	if (!err) {
		rollup_order(table, order, spare);
		for (uint32_t i = table->used / 2; i < table->used; i++)
			gone[order[i]] = 1;
		drop_entries(table, gone);
		pack_more(table, more);
		fill_index(table);
	}
	free(order);
	free(spare);
	free(more);
	free(gone);
	return err;
}

/* --- adding --------------------------------------------------------------------------------------- */

/* A new entry of no sums. */
static int make_entry(struct rollup_table *table, const struct rollup_key *key, uint32_t hash,
		      struct rollup_entry **ret_entry)
{
	struct rollup_entry *entry;
	int err = 0;

	if (table->limit && table->used >= table->limit)
		err = prune(table);
	if (!err && table->used >= table->room)
		err = grow(table);
	if (err)
		return err;
	entry = &table->entry[table->used++];
	*place_of(table, key, hash) = table->used;
	memset(entry, 0, sizeof(*entry));
	entry->key = *key;
	entry->hash = hash;
	entry->sums.start_ms = INT64_MAX;
	entry->sums.end_ms = INT64_MIN;
	*ret_entry = entry;
	return 0;
}

static int add_more(struct rollup_table *table, struct rollup_entry *entry,
		    const struct rollup_more *more)
{
	if (!entry->more && table->mores >= table->more_room) {
		uint32_t room = table->more_room ? table->more_room * 2 : ROOM_FIRST;
		struct rollup_more *larger = reallocarray(table->more, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		table->more = larger;
		table->more_room = room;
	}
	if (!entry->more) {
		memset(&table->more[table->mores], 0, sizeof(*more));
		entry->more = ++table->mores;
	}
	rollup_more_add(&table->more[entry->more - 1], more);
	return 0;
}

/* more: NULL: nothing. */
static int add_sums(struct rollup_table *table, const struct rollup_key *key, uint32_t hash,
		    const struct rollup_sums *sums, const struct rollup_more *more)
{
	uint32_t place = table->index ? *place_of(table, key, hash) : 0;
	struct rollup_entry *entry = place ? &table->entry[place - 1] : NULL;
	int err = entry ? 0 : make_entry(table, key, hash, &entry);

	if (err)
		return err;
	rollup_sums_add(&entry->sums, sums);
	return more ? add_more(table, entry, more) : 0;
}

static void share_of(const struct flow_record *rec, int64_t end_ms, struct share *share)
{
	const struct flow_half *half = rec->half;
	struct rollup_more *more = &share->more;

	share->sums.flows = half[0].packets || half[1].packets; /* drops alone are no flow */
	share->sums.start_ms = rec->start_ms;
	share->sums.end_ms = end_ms;
	for (int i = 0; i < 2; i++) {
		share->sums.packets[i] = half[i].packets;
		share->sums.bytes[i] = half[i].bytes;
		more->l2_bytes[i] = half[i].bytes - half[i].ip_bytes - ETHERNET * half[i].packets;
	}
	share->has_more = (more->l2_bytes[0] | more->l2_bytes[1]) || rec->has_health;
	if (!share->has_more)
		return;
	more->rtt_count = more->rtt_sum_us = 0;
	for (int i = 0; i < 2; i++) {
		const struct half_health *health = &rec->health[i];

		more->retransmits[i] = rec->has_health ? health->count.retransmits : 0;
		more->drops[i] = rec->has_health ? health->drops : 0;
		more->rtt_count += rec->has_health ? health->count.rtt_count : 0;
		more->rtt_sum_us += rec->has_health ? health->count.rtt_sum_us : 0;
	}
}

static void swap(uint64_t pair[2])
{
	uint64_t first = pair[0];

	pair[0] = pair[1];
	pair[1] = first;
}

static void turn(struct share *share)
{
	swap(share->sums.packets);
	swap(share->sums.bytes);
	swap(share->more.l2_bytes);
	swap(share->more.retransmits);
	swap(share->more.drops);
}

void rollup_key_of(enum talker_kind kind, const struct flow_key *key, struct rollup_key *ret_key)
{
	memset(ret_key, 0, sizeof(*ret_key));
	if (kind > TALKER_PAIR) {
		ret_key->what = talker_pack(kind, key);
		return;
	}
	ret_key->what = (uint64_t)key->marks << MARKS_SHIFT | key->ethertype;
	memcpy(ret_key->src, key->src, sizeof(ret_key->src));
	memcpy(ret_key->dst, key->dst, sizeof(ret_key->dst));
}

static int add_kind(struct rollup *rollup, enum talker_kind kind, const struct flow_record *rec,
		    const struct share share[2])
{
	struct talker_part part[2];
	int count = talker_keys(rec, kind, part), err = 0;

	for (int i = 0; !err && i < count; i++) {
		const struct share *s = &share[part[i].turned];
		struct rollup_key key;

		rollup_key_of(kind, &part[i].key, &key);
		err = add_sums(&rollup->table[kind], &key, hash_key(&key, rollup->seed), &s->sums,
			       s->has_more ? &s->more : NULL);
	}
	return err;
}

int rollup_add(struct rollup *rollup, const struct flow_record *rec, int64_t end_ms)
{
	struct share share[2];
	int err = 0;

	share_of(rec, end_ms, &share[0]);
	share[1] = share[0];
	turn(&share[1]);
	for (int kind = 0; !err && kind < TALKER_KINDS; kind++)
		err = add_kind(rollup, kind, rec, share);
	return err;
}

/* What was pruned before stays so, and what its keys may lack adds up. */
static void merge_tail(struct rollup_tail *to, const struct rollup_tail *from)
{
	if (!from->keys)
		return;
	rollup_sums_add(&to->sums, &from->sums);
	rollup_more_add(&to->more, &from->more);
	to->keys += from->keys;
	for (int m = 0; m < ROLLUP_METRICS; m++)
		to->missed[m] += from->missed[m];
}

int rollup_merge(struct rollup *to, const struct rollup *from)
{
	int err = 0;

	for (int kind = 0; kind < TALKER_KINDS; kind++) {
		const struct rollup_table *table = &from->table[kind];

		for (uint32_t i = 0; !err && i < table->used; i++) {
			const struct rollup_entry *entry = &table->entry[i];

			err = add_sums(&to->table[kind], &entry->key, entry->hash, &entry->sums,
				       entry->more ? rollup_more(table, entry) : NULL);
		}
		merge_tail(&to->table[kind].tail, &table->tail);
	}
	return err;
}

const struct rollup_entry *rollup_find(const struct rollup *rollup, enum talker_kind kind,
				       const struct rollup_key *key)
{
	const struct rollup_table *table = &rollup->table[kind];
	uint32_t place = table->index ? *place_of(table, key, hash_key(key, rollup->seed)) : 0;

	return place ? &table->entry[place - 1] : NULL;
}

/* --- memory --------------------------------------------------------------------------------------- */

struct rollup *rollup_new(int64_t minute, uint32_t limit, uint64_t seed)
{
	struct rollup *rollup = calloc(1, sizeof(*rollup));

	if (!rollup)
		return NULL;
	rollup->minute = minute;
	rollup->seed = seed;
	for (int kind = 0; kind < TALKER_KINDS; kind++) {
		rollup->table[kind].limit = limit;
		rollup->table[kind].tail.sums.start_ms = INT64_MAX;
		rollup->table[kind].tail.sums.end_ms = INT64_MIN;
	}
	return rollup;
}

void rollup_free(struct rollup *rollup)
{
	if (!rollup)
		return;
	for (int kind = 0; kind < TALKER_KINDS; kind++) {
		free(rollup->table[kind].entry);
		free(rollup->table[kind].index);
		free(rollup->table[kind].more);
	}
	free(rollup);
}

static void *copy_array(const void *array, size_t used, size_t room, size_t size)
{
	void *copy = reallocarray(NULL, room, size);

	if (copy && used)
		memcpy(copy, array, used * size);
	return copy;
}

static int copy_table(struct rollup_table *to, const struct rollup_table *from)
{
	*to = *from;
	to->entry = NULL;
	to->index = NULL;
	to->more = NULL;
	if (from->room) {
		to->entry = copy_array(from->entry, from->used, from->room, sizeof(*to->entry));
		to->index = copy_array(from->index, from->mask + 1UL, from->mask + 1UL,
				       sizeof(*to->index));
	}
	if (from->more_room)
		to->more = copy_array(from->more, from->mores, from->more_room, sizeof(*to->more));
	return (from->room && (!to->entry || !to->index)) || (from->more_room && !to->more)
		       ? -ENOMEM
		       : 0;
}

struct rollup *rollup_copy(const struct rollup *rollup)
{
	struct rollup *copy = rollup_new(rollup->minute, 0, rollup->seed);
	int err = copy ? 0 : -ENOMEM;

	for (int kind = 0; !err && kind < TALKER_KINDS; kind++)
		err = copy_table(&copy->table[kind], &rollup->table[kind]);
	if (!err)
		return copy;
	rollup_free(copy);
	return NULL;
}
