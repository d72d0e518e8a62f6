/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group.c: the table, open-addressed with linear probing. What a record is added under is in
 * group_kinds.c.
 */
#include "cli/group.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/group_add.h"
#include "cli/query.h"

#define SIZE_FIRST 4096

/* What an entry is found by. */
struct place {
	struct flow_key key;
	uint32_t name;
	uint32_t time;
};

_Static_assert(sizeof(struct place) == sizeof(struct flow_key) + 8, "is hashed: no holes");

/* Eight words, each mixed by a multiplication (the finalizer of MurmurHash3 at the end). */
static uint64_t hash_place(const struct place *place)
{
	uint64_t word[sizeof(*place) / 8], hash = 0;

	memcpy(word, place, sizeof(word));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		hash = (hash ^ word[i]) * 0x9e3779b97f4a7c15U;
		hash ^= hash >> 32;
	}
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdU;
	hash ^= hash >> 33;
	return hash ? hash : 1;
}

static bool is_at(const struct group_entry *entry, const struct place *place)
{
	return entry->name == place->name && entry->time == place->time &&
	       !memcmp(&entry->key, &place->key, sizeof(place->key));
}

static struct group_entry *find(const struct group *group, const struct place *place, uint64_t hash)
{
	for (size_t i = hash & (group->size - 1);; i = (i + 1) & (group->size - 1)) {
		struct group_entry *entry = &group->entry[i];

		if (!entry->hash || (entry->hash == hash && is_at(entry, place)))
			return entry;
	}
}

/* Room for one more, at most three quarters full. */
static int grow(struct group *group)
{
	struct group bigger = {.size = group->size ? group->size * 2 : SIZE_FIRST};

	if (group->used + 1 <= group->size / 4 * 3)
		return 0;
	bigger.entry = calloc(bigger.size, sizeof(*bigger.entry));
	if (!bigger.entry)
		return -ENOMEM;
	for (size_t i = 0; i < group->size; i++) {
		const struct group_entry *entry = &group->entry[i];
		struct place place = {entry->key, entry->name, entry->time};

		if (entry->hash)
			*find(&bigger, &place, entry->hash) = *entry;
	}
	free(group->entry);
	group->entry = bigger.entry;
	group->size = bigger.size;
	return 0;
}

int group_add(struct group *group, const struct flow_key *key, const struct group_item *item,
	      unsigned match)
{
	struct place place = {.key = *key};
	struct group_entry *entry;
	struct group_part part;
	uint64_t hash;
	int err = grow(group);

	if (err)
		return err;
	if (item->event) {
		place.name = item->event->name;
		place.time = item->event->time;
	}
	hash = hash_place(&place);
	entry = find(group, &place, hash);
	if (!entry->hash) {
		entry->key = *key;
		entry->name = place.name;
		entry->time = place.time;
		entry->hash = hash;
		group->used++;
	}
	if (match == item->match)
		return group_sums_add(&entry->sums, item->sums);
	group_sums_of(item, match, &part);
	return group_sums_add(&entry->sums, &part.sums);
}

int group_record(struct group *group, const struct group_kind *kind, const struct flow_record *rec,
		 unsigned match)
{
	struct group_part part;
	struct group_item item = {.rec = rec, .match = match, .sums = &part.sums};
	int err;

	group_sums_of(&item, match, &part);
	err = group_sums_add(&group->total, &part.sums);
	return err ? err : kind->add(group, &item);
}

int group_event(struct group *group, const struct group_kind *kind, const struct group_event *event)
{
	struct flow_record rec = {.key = event->event->key, .iface = event->event->iface};
	struct group_part part;
	struct group_item item = {
		.rec = &rec, .match = QUERY_MATCH_FORWARD, .event = event, .sums = &part.sums};
	int err;

	if (event->event->folded)
		rec.key.marks |= FLOW_MARK_CATCHALL;
	group_sums_of(&item, item.match, &part);
	err = group_sums_add(&group->total, &part.sums);
	return err ? err : kind->add(group, &item);
}

static int compare_entries(const void *a, const void *b, void *arg)
{
	const struct group_entry *left = a, *right = b;
	int order;
	uint64_t x = group_value(&left->sums, arg), y = group_value(&right->sums, arg);

	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	if (x != y)
		return x < y ? 1 : -1;
	order = memcmp(&left->key, &right->key, sizeof(left->key));
	return order ? order : left->name < right->name ? -1 : left->name > right->name;
}

size_t group_sort(struct group *group, const struct group_metric *metric)
{
	size_t count = 0;

	for (size_t i = 0; i < group->size; i++) {
		struct group_entry entry = group->entry[i];

		memset(&group->entry[i], 0, sizeof(entry));
		if (entry.hash)
			group->entry[count++] = entry;
	}
	if (count)
		qsort_r(group->entry, count, sizeof(*group->entry), compare_entries,
			(void *)metric);
	return count;
}

void group_free(struct group *group)
{
	for (size_t i = 0; i < group->size; i++)
		group_sums_free(&group->entry[i].sums);
	group_sums_free(&group->total);
	free(group->entry);
	memset(group, 0, sizeof(*group));
}
