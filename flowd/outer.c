/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * outer.c: see outer.h. One open-addressed table by number; a pair's number follows from its hash,
 * and where two pairs have the same the second takes the next.
 */
#include "flowd/outer.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/seed.h"
#include "schema/cache.h"
#include "schema/fields.h"
#include "schema/tunnel.h"

#define ROOM_FIRST 256

struct entry {
	uint32_t number; /* 0: free */
	uint32_t pad;
	struct flow_key pair;
};

struct outer {
	int map_fd;
	struct entry *entry;
	uint32_t room; /* a power of two, at least twice as many as used */
	uint32_t used;
	uint64_t full;
	__u64 seed[FLOW_SEED_WORDS];
};

struct outer *outer_new(int map_fd)
{
	struct outer *outer = calloc(1, sizeof(*outer));

	if (!outer)
		return NULL;
	outer->map_fd = map_fd;
	if (seed_fill(outer->seed)) {
		free(outer);
		return NULL;
	}
	return outer;
}

void outer_free(struct outer *outer)
{
	if (!outer)
		return;
	free(outer->entry);
	free(outer);
}

uint64_t outer_full(const struct outer *outer)
{
	return outer->full;
}

/* The number's entry, or the free one where it belongs. */
static struct entry *look(struct entry *entry, uint32_t room, uint32_t number)
{
	uint32_t at = number & (room - 1);

	while (entry[at].number && entry[at].number != number)
		at = (at + 1) & (room - 1);
	return &entry[at];
}

static bool grow(struct outer *outer)
{
	uint32_t room = outer->room ? outer->room * 2 : ROOM_FIRST;
	struct entry *entry = calloc(room, sizeof(*entry));

	if (!entry)
		return false;
	for (uint32_t i = 0; i < outer->room; i++) {
		if (outer->entry[i].number)
			*look(entry, room, outer->entry[i].number) = outer->entry[i];
	}
	free(outer->entry);
	outer->entry = entry;
	outer->room = room;
	return true;
}

static const struct entry *find(const struct outer *outer, uint32_t number)
{
	const struct entry *entry;

	if (!outer->room)
		return NULL;
	entry = look(outer->entry, outer->room, number);
	return entry->number ? entry : NULL;
}

/* All of it: the map has what is in use. */
static void forget(struct outer *outer)
{
	free(outer->entry);
	outer->entry = NULL;
	outer->room = outer->used = 0;
}

/* False: no room. */
static bool keep(struct outer *outer, uint32_t number, const struct flow_key *pair)
{
	struct entry *entry;

	if (outer->used == OUTER_MAX && outer->map_fd >= 0)
		forget(outer);
	if (outer->used == OUTER_MAX || (outer->used * 2 >= outer->room && !grow(outer)))
		return false;
	entry = look(outer->entry, outer->room, number);
	entry->number = number;
	entry->pair = *pair;
	outer->used++;
	return true;
}

uint32_t outer_number(struct outer *outer, const struct flow_wrap *wrap)
{
	struct flow_key pair;
	uint32_t way = parse_outer_pair(wrap, &pair);
	uint32_t number = cache_hash(&pair, outer->seed).set & FLOW_OUTER_NUMBERS;

	for (;; number = (number + 1) & FLOW_OUTER_NUMBERS) {
		const struct entry *known;

		if (!number)
			continue;
		known = find(outer, number);
		if (known && !cache_key_equal(&known->pair, &pair))
			continue;
		if (known || keep(outer, number, &pair))
			return number << 2 | way;
		outer->full++;
		return 0;
	}
}

bool outer_find(struct outer *outer, uint32_t key_outer, struct flow_key *ret_pair)
{
	uint32_t number = key_outer >> 2;
	const struct entry *known = number ? find(outer, number) : NULL;

	if (known) {
		*ret_pair = known->pair;
		return true;
	}
	if (!number || outer->map_fd < 0 || bpf_map_lookup_elem(outer->map_fd, &number, ret_pair))
		return false;
	/* without room it is looked up again next time */
	(void)keep(outer, number, ret_pair);
	return true;
}

void outer_see(struct outer *outer, uint32_t key_outer)
{
	uint32_t number = key_outer >> 2;
	struct flow_key pair;
	struct entry *known;

	if (!number || outer->map_fd < 0 || bpf_map_lookup_elem(outer->map_fd, &number, &pair))
		return;
	known = outer->room ? look(outer->entry, outer->room, number) : NULL;
	if (known && known->number)
		known->pair = pair; /* numbers are given again */
	else
		(void)keep(outer, number, &pair);
}

void outer_resolve(struct outer *outer, const struct flow_key *key, struct flow_record *rec)
{
	bool backward = (key->outer & 3) == FLOW_OUTER_BACKWARD;
	struct flow_key pair;

	memset(rec->outer_src, 0, sizeof(rec->outer_src));
	memset(rec->outer_dst, 0, sizeof(rec->outer_dst));
	rec->outer_ethertype = 0;
	if (!key->outer || !outer_find(outer, key->outer, &pair))
		return;
	memcpy(backward ? rec->outer_dst : rec->outer_src, pair.src, sizeof(pair.src));
	memcpy(backward ? rec->outer_src : rec->outer_dst, pair.dst, sizeof(pair.dst));
	rec->outer_ethertype = pair.ethertype;
}
