/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expire.c: the table of conversations: what goes in. See expire_table.h, and expire_due.c. */
#include "flowd/expire.h"

#include <stdlib.h>
#include <string.h>

#include "flowd/expire_table.h"
#include "flowd/seed.h"
#include "schema/cache.h"

static bool list_push(struct list *list, uint32_t value)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 256;
		uint32_t *item = realloc(list->item, room * sizeof(*item));

		if (!item)
			return false;
		list->item = item;
		list->room = room;
	}
	list->item[list->count++] = value;
	return true;
}

struct expire_delta expire_delta_of(const struct flow_slot *slot)
{
	return (struct expire_delta){
		.packets = slot->packets,
		.bytes = slot->bytes,
		.ip_bytes = slot->ip_bytes,
		.first_ns = slot->first_ns,
		.last_ns = slot->last_ns,
		.tcp_flags = slot->tcp_flags,
		.tcp_syn = slot->tcp_syn,
	};
}

static bool conv_grow(struct expire *x)
{
	uint32_t room = x->room ? x->room * 2 : 1024;
	struct conv *conv = realloc(x->conv, room * sizeof(*conv));
	uint64_t *due, *soon;

	if (!conv)
		return false;
	x->conv = conv;
	due = realloc(x->due, room * sizeof(*due));
	if (!due)
		return false;
	x->due = due;
	soon = realloc(x->soon, room / DUE_BLOCK * sizeof(*soon));
	if (!soon)
		return false;
	x->soon = soon;
	for (uint32_t i = x->room / DUE_BLOCK; i < room / DUE_BLOCK; i++)
		soon[i] = CONV_NEVER;
	x->room = room;
	return true;
}

struct expire *expire_new(const struct expire_conf *conf)
{
	struct expire *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->conf = *conf;
	x->free = EXPIRE_NONE;
	if (seed_fill(x->seed) || !conv_grow(x) || index_open(&x->index)) {
		expire_free(x);
		return NULL;
	}
	return x;
}

void expire_free(struct expire *x)
{
	if (!x)
		return;
	index_free(&x->index);
	free(x->conv);
	free(x->due);
	free(x->soon);
	free(x->fresh.item);
	free(x->ripe.item);
	free(x->health);
	free(x);
}

size_t expire_count(const struct expire *x)
{
	return x->live;
}

size_t expire_evicted(const struct expire *x)
{
	return x->evicted;
}

size_t expire_bytes(const struct expire *x)
{
	return x->room * (sizeof(struct conv) + sizeof(uint64_t)) +
	       x->health_room * sizeof(struct health_cell) +
	       (x->index.entry ? (x->index.mask + 1) * sizeof(struct index_entry) : 0);
}

struct half *expire_half(const struct expire *x, uint32_t ref)
{
	return &x->conv[ref / 2].half[ref & 1];
}

uint32_t *expire_slots(struct expire *x, uint32_t ref)
{
	return &expire_half(x, ref)->slots;
}

static void want(const struct expire *x, const struct flow_key *key, struct expire_wanted *ret)
{
	const __u64 *seed = x->seed;
	struct flow_key common;

	flow_key_reverse(key, &ret->reverse);
	flow_key_common(&ret->reverse, &ret->common);
	flow_key_common(key, &common);
	ret->hash = cache_hash(&common, seed).set + cache_hash(&ret->common, seed).set;
}

uint32_t expire_find_plain(const struct expire *x, const struct flow_key *key)
{
	struct expire_wanted wanted;
	struct flow_key common, its;

	want(x, key, &wanted);
	flow_key_common(key, &common);
	for (uint32_t at = index_first(&x->index, wanted.hash); at != INDEX_FREE;
	     at = index_next(&x->index, wanted.hash, at)) {
		uint32_t ref = x->index.entry[at].value;

		flow_key_common(&expire_half(x, ref)->key, &its);
		if (cache_key_equal(&its, &common))
			return ref;
	}
	return EXPIRE_NONE;
}

/* A half without its other direction, which has what is wanted. */
static bool is_mate(struct expire *x, uint32_t ref, const struct expire_wanted *wanted)
{
	const struct half *half = expire_half(x, ref);
	struct flow_key other;

	if (expire_half(x, ref ^ 1)->known || !flow_key_same_tags(&half->key, &wanted->reverse))
		return false;
	flow_key_common(&half->key, &other);
	return cache_key_equal(&other, &wanted->common);
}

/* The half of that key among those with that hash, or EXPIRE_NONE; a mate of it, or EXPIRE_NONE. */
static uint32_t find_in_chain(struct expire *x, const struct flow_key *key, uint32_t hash,
			      const struct expire_wanted *wanted, uint32_t *ret_mate,
			      uint32_t *ret_length)
{
	*ret_mate = EXPIRE_NONE;
	*ret_length = 0;
	for (uint32_t at = index_first(&x->index, hash); at != INDEX_FREE;
	     at = index_next(&x->index, hash, at)) {
		uint32_t ref = x->index.entry[at].value;

		if (cache_key_equal(&expire_half(x, ref)->key, key))
			return ref;
		if (*ret_mate == EXPIRE_NONE && is_mate(x, ref, wanted))
			*ret_mate = ref;
		++*ret_length;
	}
	return EXPIRE_NONE;
}

/* The half of that key; else EXPIRE_NONE, a mate or EXPIRE_NONE, and the hash by which it may enter. */
static uint32_t find(struct expire *x, const struct flow_key *key,
		     const struct expire_wanted *wanted, uint32_t *ret_mate, uint32_t *ret_hash)
{
	uint32_t length, none, unused, whole;
	uint32_t ref = find_in_chain(x, key, wanted->hash, wanted, ret_mate, &length);

	*ret_hash = wanted->hash;
	if (ref != EXPIRE_NONE || (length < CHAIN_MAX && !x->beyond))
		return ref;
	whole = cache_hash(key, x->seed).set;
	if (x->beyond)
		ref = find_in_chain(x, key, whole, wanted, &none, &unused);
	if (length >= CHAIN_MAX && *ret_mate == EXPIRE_NONE)
		*ret_hash = whole;
	return ref;
}

/* A lone half with what `half` has, but the other way round, and that went the same way. */
static uint32_t find_mirrored(struct expire *x, const struct half *half, uint32_t except)
{
	struct flow_key key = half->key;
	struct expire_wanted wanted;

	key.dir = !key.dir;
	want(x, &key, &wanted);
	for (uint32_t at = index_first(&x->index, wanted.hash); at != INDEX_FREE;
	     at = index_next(&x->index, wanted.hash, at)) {
		uint32_t ref = x->index.entry[at].value;

		if (ref / 2 != except && is_mate(x, ref, &wanted))
			return ref;
	}
	return EXPIRE_NONE;
}

static bool half_enter(struct expire *x, uint32_t ref, const struct flow_key *key, uint32_t hash)
{
	struct half *half = expire_half(x, ref);

	if (index_insert(&x->index, hash, ref, key->marks & FLOW_MARK_CATCHALL))
		return false;
	half->key = *key;
	half->hash = hash;
	half->slots = EXPIRE_NONE;
	half->ended = 0;
	half->known = 1;
	conv_half_reset(half);
	return true;
}

/* A number, of the reserve only for a catch-all. */
static uint32_t conv_number(struct expire *x, bool catchall)
{
	uint32_t number = x->free, spare = x->frees + x->room - x->top;

	if (spare <= RESERVE && !conv_grow(x) && !(catchall && spare))
		return EXPIRE_NONE;
	if (number == EXPIRE_NONE)
		return x->top++;
	x->free = x->conv[number].born;
	x->frees--;
	if (x->free != EXPIRE_NONE)
		expire_fetch_lines(&x->conv[x->free], sizeof(struct conv)); /* the next one */
	return number;
}

static uint32_t conv_new(struct expire *x, bool catchall)
{
	uint32_t number = conv_number(x, catchall);

	if (number == EXPIRE_NONE)
		return EXPIRE_NONE;
	memset(&x->conv[number], 0, sizeof(x->conv[number]));
	x->conv[number].in_use = true;
	x->conv[number].initiator = -1;
	x->conv[number].born = x->pairings;
	conv_half_reset(&x->conv[number].half[SIDE_A]);
	conv_half_reset(&x->conv[number].half[SIDE_B]);
	x->due[number] = CONV_NEVER;
	x->live++;
	return number;
}

void expire_drop(struct expire *x, uint32_t number)
{
	struct conv *conv = &x->conv[number];

	for (uint32_t side = 0; side < 2; side++) {
		expire_drop_health(x, &conv->half[side]);
		if (conv->half[side].known)
			index_remove(&x->index, conv->half[side].hash, number * 2 + side);
	}
	x->evicted -= conv->evicted;
	conv->evicted = false;
	conv->in_use = false;
	x->due[number] = CONV_NEVER;
	x->live--;
	x->beyond &= x->live != 0;
	conv->born = x->free;
	x->free = number;
	x->frees++;
}

/*
 * How many conversations there may be before one of this key is made, whose first gain is so many packets: a
 * quarter of what the caller sets is for flows that are no part of a flood.
 */
static uint32_t room_for(const struct expire *x, const struct flow_key *key, uint64_t packets)
{
	uint32_t most = x->conf.most ? x->conf.most : EXPIRE_MAX;

	if (key->marks & FLOW_MARK_CATCHALL)
		return UINT32_MAX;
	if (key->marks & FLOW_MARK_FOLDED)
		return most + most / 8;
	return x->conf.most && packets <= EXPIRE_SMALL ? most - most / 4 : most;
}

/* The half of a key not seen before: beside its mate, or in a conversation of its own. */
static uint32_t add_half(struct expire *x, const struct flow_key *key, uint32_t hash, uint32_t mate,
			 uint64_t packets)
{
	uint32_t number;

	if (mate != EXPIRE_NONE)
		return half_enter(x, mate ^ 1, key, hash) ? mate ^ 1 : EXPIRE_NONE;
	if (x->live >= room_for(x, key, packets))
		return EXPIRE_NONE;
	number = conv_new(x, key->marks & FLOW_MARK_CATCHALL);
	if (number == EXPIRE_NONE)
		return EXPIRE_NONE;
	if (!half_enter(x, number * 2, key, hash)) {
		expire_drop(x, number);
		return EXPIRE_NONE;
	}
	(void)list_push(&x->fresh, number); /* without memory it stays alone */
	return number * 2;
}

void expire_want(const struct expire *x, const struct flow_key *key, struct expire_wanted *ret)
{
	want(x, key, ret);
	index_fetch(&x->index, ret->hash);
}

void expire_fetch(const struct expire *x, const struct expire_wanted *wanted)
{
	uint32_t at = index_first(&x->index, wanted->hash), ref;

	if (at == INDEX_FREE)
		return;
	ref = x->index.entry[at].value;
	__builtin_prefetch(expire_half(x, ref), 1);
	__builtin_prefetch(&expire_half(x, ref ^ 1)->known, 1);
	expire_fetch_half(x, ref);
}

void expire_fetch_half(const struct expire *x, uint32_t ref)
{
	const struct half *half = &x->conv[ref / 2].half[ref & 1];

	__builtin_prefetch(&half->slots, 1);
	__builtin_prefetch(&half->last_ns, 1);
	__builtin_prefetch(&x->conv[ref / 2].last_ns, 1);
	__builtin_prefetch(&x->due[ref / 2], 1);
}

uint32_t expire_add_wanted(struct expire *x, const struct flow_key *key,
			   const struct expire_wanted *wanted, const struct expire_delta *delta)
{
	uint32_t mate, hash, ref = find(x, key, wanted, &mate, &hash);

	if (ref == EXPIRE_NONE) {
		ref = add_half(x, key, hash, mate, delta->packets);
		x->beyond |= hash != wanted->hash;
	}
	if (ref != EXPIRE_NONE)
		expire_add_to(x, ref, delta);
	return ref;
}

uint32_t expire_add(struct expire *x, const struct flow_key *key, const struct expire_delta *delta)
{
	struct expire_wanted wanted;

	want(x, key, &wanted);
	return expire_add_wanted(x, key, &wanted, delta);
}

bool expire_knows(struct expire *x, const struct flow_key *key)
{
	struct expire_wanted wanted;
	uint32_t mate, hash;

	want(x, key, &wanted);
	return find(x, key, &wanted, &mate, &hash) != EXPIRE_NONE || mate != EXPIRE_NONE;
}

uint32_t expire_add_less(struct expire *x, const struct flow_key *key,
			 const struct expire_delta *delta, enum flow_verdict *ret_verdict)
{
	struct flow_key less = *key;
	uint32_t ref;

	memset(less.src, 0, sizeof(less.src));
	less.sport = 0;
	less.marks |= FLOW_MARK_FOLDED;
	*ret_verdict = VERDICT_FOLDED;
	ref = expire_add(x, &less, delta);
	if (ref != EXPIRE_NONE)
		return ref;
	less = (struct flow_key){.ifnum = key->ifnum, .dir = key->dir, .marks = FLOW_MARK_CATCHALL};
	*ret_verdict = VERDICT_CATCHALL;
	return expire_add(x, &less, delta);
}

static void conv_earlier(struct expire *x, uint32_t number, uint64_t when)
{
	if (when < x->due[number])
		x->due[number] = when;
	if (when < x->soon[number / DUE_BLOCK])
		x->soon[number / DUE_BLOCK] = when;
}

void expire_add_to(struct expire *x, uint32_t ref, const struct expire_delta *delta)
{
	struct conv *conv = &x->conv[ref / 2];
	struct half *half = expire_half(x, ref);
	uint64_t first = delta->first_ns;

	if (delta->evicted) {
		x->evicted += !conv->evicted;
		conv->evicted = true;
		conv_earlier(x, ref / 2, 0);
	}
	if (!(delta->packets | delta->bytes | delta->ip_bytes))
		return;
	/* a slot's first packet may be one that is in a record already (cache_exported) */
	if (first < conv->exported_ns)
		first = conv->exported_ns;
	if (first > delta->last_ns)
		first = delta->last_ns;
	if (first < half->first_ns) {
		half->first_ns = first;
		conv_earlier(x, ref / 2, first + x->conf.active_ns);
	}
	half->sum.packets += delta->packets;
	half->sum.bytes += delta->bytes;
	half->sum.ip_bytes += delta->ip_bytes;
	half->sum.tcp_flags |= delta->tcp_flags;
	half->sum.tcp_syn |= delta->tcp_syn;
	if (delta->health)
		expire_add_health(x, half, delta->health);
	half->ended |= delta->tcp_flags & (CONV_FIN | CONV_RST);
	if (delta->last_ns > half->last_ns)
		half->last_ns = delta->last_ns;
	if (half->last_ns > conv->last_ns)
		conv->last_ns = half->last_ns;
	if (!conv_closed(conv)) {
		conv->closed_ns = 0; /* the other side showed up */
	} else if (!conv->closed_ns) {
		conv->closed_ns = conv->last_ns;
		conv_earlier(x, ref / 2, 0);
	}
	conv_earlier(x, ref / 2, conv->last_ns + x->conf.idle_ns);
}

/* Make the lone half of `from` the second one of `into`. */
static void conv_merge(struct expire *x, uint32_t into, uint32_t from, expire_moved *moved,
		       void *arg)
{
	struct conv *a = &x->conv[into], *b = &x->conv[from];

	index_renumber(&x->index, b->half[SIDE_A].hash, from * 2, into * 2 + 1);
	a->half[SIDE_B] = b->half[SIDE_A];
	b->half[SIDE_A].known = 0;
	b->half[SIDE_A].health = 0;
	if (b->last_ns > a->last_ns)
		a->last_ns = b->last_ns;
	if (b->exported_ns > a->exported_ns)
		a->exported_ns = b->exported_ns;
	x->evicted += !a->evicted && b->evicted;
	a->evicted |= b->evicted;
	a->closed_ns = conv_closed(a) ? a->last_ns : 0;
	/* as a record said it; of two that each began alone, the older did */
	if (b->initiator >= 0)
		a->initiator = SIDE_B;
	conv_earlier(x, into, 0);
	expire_drop(x, from);
	moved(arg, from * 2, into * 2 + 1);
}

static void pair_one(struct expire *x, uint32_t number, expire_moved *moved, void *arg)
{
	struct conv *conv = &x->conv[number];
	uint32_t other;

	if (!conv->in_use || conv->born != x->pairings - 1 || conv->half[SIDE_B].known)
		return;
	other = find_mirrored(x, &conv->half[SIDE_A], number);
	if (other == EXPIRE_NONE || other & 1)
		return;
	conv_merge(x, number, other / 2, moved, arg);
}

void expire_pair(struct expire *x, expire_moved *moved, void *arg)
{
	struct list done = x->ripe;

	for (size_t i = 0; i < x->ripe.count; i++) {
		expire_fetch_ripe(x, i + PAIR_AHEAD);
		pair_one(x, x->ripe.item[i], moved, arg);
	}
	done.count = 0;
	x->ripe = x->fresh;
	x->fresh = done;
	x->pairings++;
}
