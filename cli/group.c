/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group.c: the table, open-addressed with linear probing. What a record is added under is in
 * group_kinds.c.
 */
#include "cli/group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/group_add.h"

#define SIZE_FIRST 4096

const struct group_metric group_metrics[] = {
	{"bytes", offsetof(struct group_sums, bytes)},
	{"packets", offsetof(struct group_sums, packets)},
	{"flows", offsetof(struct group_sums, flows)},
	{"ip_bytes", offsetof(struct group_sums, ip_bytes)},
	{NULL, 0},
};

/* Seven words, each mixed by a multiplication (the finalizer of MurmurHash3 at the end). */
static uint64_t hash_key(const struct flow_key *key)
{
	uint64_t word[sizeof(*key) / 8], hash = 0;

	memcpy(word, key, sizeof(word));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		hash = (hash ^ word[i]) * 0x9e3779b97f4a7c15U;
		hash ^= hash >> 32;
	}
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdU;
	hash ^= hash >> 33;
	return hash ? hash : 1;
}

static struct group_entry *find(const struct group *group, const struct flow_key *key,
				uint64_t hash)
{
	for (size_t i = hash & (group->size - 1);; i = (i + 1) & (group->size - 1)) {
		struct group_entry *entry = &group->entry[i];

		if (!entry->hash ||
		    (entry->hash == hash && !memcmp(&entry->key, key, sizeof(*key))))
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

		if (entry->hash)
			*find(&bigger, &entry->key, entry->hash) = *entry;
	}
	free(group->entry);
	group->entry = bigger.entry;
	group->size = bigger.size;
	return 0;
}

static void add_sums(struct group_sums *to, const struct group_sums *sums)
{
	if (!to->flows || sums->start_ms < to->start_ms)
		to->start_ms = sums->start_ms;
	if (!to->flows || sums->end_ms > to->end_ms)
		to->end_ms = sums->end_ms;
	to->flows += sums->flows;
	to->packets += sums->packets;
	to->bytes += sums->bytes;
	to->ip_bytes += sums->ip_bytes;
}

int group_add(struct group *group, const struct flow_key *key, const struct group_sums *sums)
{
	uint64_t hash = hash_key(key);
	struct group_entry *entry;
	int err = grow(group);

	if (err)
		return err;
	entry = find(group, key, hash);
	if (!entry->hash) {
		entry->key = *key;
		entry->hash = hash;
		group->used++;
	}
	add_sums(&entry->sums, sums);
	return 0;
}

void group_add_total(struct group *group, const struct group_sums *sums)
{
	add_sums(&group->total, sums);
}

uint64_t group_value(const struct group_sums *sums, const struct group_metric *metric)
{
	uint64_t value;

	memcpy(&value, (const char *)sums + metric->offset, sizeof(value));
	return value;
}

static int compare_entries(const void *a, const void *b, void *arg)
{
	const struct group_entry *left = a, *right = b;
	uint64_t x = group_value(&left->sums, arg), y = group_value(&right->sums, arg);

	if (x != y)
		return x < y ? 1 : -1;
	return memcmp(&left->key, &right->key, sizeof(left->key));
}

size_t group_sort(struct group *group, const struct group_metric *metric)
{
	size_t count = 0;

	for (size_t i = 0; i < group->size; i++) {
		if (group->entry[i].hash)
			group->entry[count++] = group->entry[i];
	}
	if (count)
		qsort_r(group->entry, count, sizeof(*group->entry), compare_entries,
			(void *)metric);
	return count;
}

void group_free(struct group *group)
{
	free(group->entry);
	memset(group, 0, sizeof(*group));
}
