/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fold.c: see fold.h. The table is open-addressed; it has room for twice what may be in it. */
#include "flowd/fold.h"

#include <stdlib.h>
#include <string.h>

#include "flowd/seed.h"
#include "schema/cache.h"

#define ROOM (FOLD_KEYS + FOLD_CATCHALLS)
#define CELLS 8192 /* a power of two */

_Static_assert(CELLS >= 2 * ROOM, "searches end soon");
_Static_assert(ROOM < UINT16_MAX, "a cell's number");

struct fold {
	__u64 seed[FLOW_SEED_WORDS];
	size_t limit;
	size_t keys; /* of count: not catch-alls */
	size_t count;
	uint16_t cell[CELLS]; /* 1 + number in record[]; 0: free */
	struct flow_record record[ROOM];
};

struct fold *fold_new(void)
{
	struct fold *fold = calloc(1, sizeof(*fold));

	if (fold && seed_fill(fold->seed)) {
		free(fold);
		return NULL;
	}
	if (fold)
		fold->limit = FOLD_KEYS;
	return fold;
}

void fold_free(struct fold *fold)
{
	free(fold);
}

void fold_limit(struct fold *fold, size_t keys)
{
	fold->limit = keys < FOLD_KEYS ? keys : FOLD_KEYS;
}

size_t fold_count(const struct fold *fold)
{
	return fold->count;
}

const struct flow_record *fold_at(const struct fold *fold, size_t i)
{
	return &fold->record[i];
}

void fold_clear(struct fold *fold)
{
	if (fold->count)
		memset(fold->cell, 0, sizeof(fold->cell));
	fold->count = fold->keys = 0;
}

/* The cell of the key, or the free one where it would be. */
static uint16_t *cell_of(struct fold *fold, const struct flow_key *key)
{
	uint32_t at = cache_hash(key, fold->seed).set & (CELLS - 1);

	while (fold->cell[at] && !cache_key_equal(&fold->record[fold->cell[at] - 1].key, key))
		at = (at + 1) & (CELLS - 1);
	return &fold->cell[at];
}

/* The record of the key, or NULL: there is none, and no room for one. */
static struct flow_record *record_of(struct fold *fold, const struct flow_key *key, size_t *keys,
				     size_t limit)
{
	uint16_t *cell = cell_of(fold, key);
	struct flow_record *rec;

	if (*cell)
		return &fold->record[*cell - 1];
	if (*keys >= limit || fold->count >= ROOM)
		return NULL;
	rec = &fold->record[fold->count++];
	memset(rec, 0, sizeof(*rec));
	rec->key = *key;
	rec->end_reason = END_RESOURCES;
	rec->start_ms = INT64_MAX;
	rec->end_ms = INT64_MIN;
	*cell = (uint16_t)fold->count;
	++*keys;
	return rec;
}

static void add_half(struct flow_half *to, const struct flow_half *by)
{
	to->packets += by->packets;
	to->bytes += by->bytes;
	to->ip_bytes += by->ip_bytes;
	to->tcp_flags |= by->tcp_flags;
	to->tcp_syn |= by->tcp_syn;
}

/* A handshake is of one connection: it is given up. */
static void add_health(struct half_health *to, const struct half_health *by)
{
	if (by->count.rtt_count) {
		if (!to->count.rtt_count || by->rtt_min_us < to->rtt_min_us)
			to->rtt_min_us = by->rtt_min_us;
		if (by->rtt_max_us > to->rtt_max_us)
			to->rtt_max_us = by->rtt_max_us;
	}
	flow_health_add(&to->count, &by->count);
	to->drop_bytes += by->drop_bytes;
	to->retransmits_kernel += by->retransmits_kernel;
	to->drops += by->drops;
}

static void add(struct flow_record *to, const struct flow_record *by)
{
	to->iface = by->iface;
	if (by->start_ms < to->start_ms)
		to->start_ms = by->start_ms;
	if (by->end_ms > to->end_ms)
		to->end_ms = by->end_ms;
	for (int i = 0; i < 2; i++) {
		add_half(&to->half[i], &by->half[i]);
		if (by->has_health)
			add_health(&to->health[i], &by->health[i]);
	}
	to->has_health |= by->has_health;
}

enum flow_verdict fold_add(struct fold *fold, const struct flow_record *rec)
{
	static const uint8_t mirrored = FLOW_MARK_MIRRORED;
	struct flow_key key = rec->key;
	struct flow_record *to = NULL;
	size_t catchalls = 0;

	if (!(key.marks & FLOW_MARK_CATCHALL)) {
		memset(key.src, 0, sizeof(key.src));
		key.sport = 0;
		key.outer = 0;
		key.marks |= FLOW_MARK_FOLDED;
		to = record_of(fold, &key, &fold->keys, fold->limit);
	}
	if (to) {
		to->rev_tunnel_id = rec->rev_tunnel_id;
		add(to, rec);
		return VERDICT_FOLDED;
	}
	key = (struct flow_key){
		.ifnum = rec->key.ifnum,
		.dir = rec->key.dir,
		.marks = FLOW_MARK_CATCHALL | (rec->key.marks & mirrored),
	};
	/* there are no more of them than FOLD_CATCHALLS */
	to = record_of(fold, &key, &catchalls, 1);
	if (to)
		add(to, rec);
	return VERDICT_CATCHALL;
}
