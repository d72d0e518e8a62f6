/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group.c: sums into a table, and what is too much for it into a file; and the entries to show out of them.
 * What a record is added under is in group_kinds.c.
 */
#include "cli/group.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/geo.h"
#include "cli/group_add.h"
#include "cli/query.h"

/* --- in ------------------------------------------------------------------------------------------- */

/* Room for `count` more keys, in a table that is empty then where it had grown too large. */
static int make_room(struct group *group, size_t count)
{
	size_t limit = group->memory ? group->memory : GROUP_MEMORY;
	int err = group_table_reserve(&group->table, count, limit);

	if (err != -ENOSPC)
		return err;
	err = group_spill_write(&group->spill, &group->table);
	if (err)
		return err;
	group_table_clear(&group->table);
	return group_table_reserve(&group->table, count, limit);
}

static int add_one(struct group_table *table, const struct group_pending *pending)
{
	if (!pending->key.word[1])
		return group_table_add_apart(table, &pending->place, pending->hash, &pending->sums);
	group_table_add_packed(table, &pending->key, pending->hash, &pending->sums);
	return 0;
}

static int add_pending(struct group *group)
{
	int err = group->pendings ? make_room(group, group->pendings) : 0;

	for (size_t i = 0; !err && i < group->pendings; i++) {
		if (!group->pending[i].key.word[1])
			group_table_fetch_place(&group->table, group->pending[i].hash);
	}
	for (size_t i = 0; !err && i < group->pendings; i++)
		err = add_one(&group->table, &group->pending[i]);
	group->pendings = 0;
	return err;
}

static int add_sums(struct group *group, const struct group_place *place,
		    const struct group_sums *sums)
{
	struct group_pending *pending = &group->pending[group->pendings];
	int err;

	if (sums->health || sums->drops) {
		err = make_room(group, 1);
		return err ? err : group_table_add(&group->table, place, sums);
	}
	if (group_pack(place, &pending->key)) {
		pending->hash = group_hash_packed(&pending->key);
	} else {
		pending->key.word[1] = 0;
		pending->place = *place;
		pending->hash = group_hash_place(place);
	}
	pending->sums = *sums;
	group_table_fetch(&group->table, pending->hash);
	return ++group->pendings == GROUP_PENDING ? add_pending(group) : 0;
}

int group_add(struct group *group, const struct flow_key *key, const struct group_item *item,
	      unsigned match)
{
	struct group_place place = {.key = *key, .time = item->time};
	struct group_part part;

	if (item->event) {
		place.name = item->event->name;
		place.time = item->event->time;
	}
	if (match == item->match)
		return add_sums(group, &place, item->sums);
	group_sums_of(item, match, &part);
	return add_sums(group, &place, &part.sums);
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

/* The files of the other one become this one's. */
static int take_spill(struct group *group, struct group *other)
{
	struct group_spill *taken, *last = &group->spill;

	if (!other->spill.fd)
		return 0;
	taken = malloc(sizeof(*taken));
	if (!taken)
		return -ENOMEM;
	*taken = other->spill;
	memset(&other->spill, 0, sizeof(other->spill));
	while (last->next)
		last = last->next;
	last->next = taken;
	return 0;
}

static int take_table(struct group *group, struct group *other)
{
	struct group_table *grown;

	if (!other->table.used)
		return 0;
	grown = reallocarray(group->other, group->others + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	group->other = grown;
	grown[group->others++] = other->table;
	memset(&other->table, 0, sizeof(other->table));
	return 0;
}

int group_merge(struct group *group, struct group *other)
{
	int err = add_pending(other);

	err = err ? err : take_table(group, other);
	err = err ? err : group_sums_add(&group->total, &other->total);
	err = err ? err : take_spill(group, other);
	group_free(other);
	return err;
}

/* --- out ------------------------------------------------------------------------------------------ */

/* The best so far: up to twice as many as are wanted, then the worse half goes. */
struct best {
	const struct group_order *order;
	struct group_entry *entry;
	size_t count, room;
	uint64_t least; /* of the metric, that is wanted, where all are of one time */
};

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

static void cut(struct best *best)
{
	const struct group_order *order = best->order;

	if (best->count)
		qsort_r(best->entry, best->count, sizeof(*best->entry), compare_entries,
			(void *)order->by);
	while (best->count > order->limit)
		group_sums_free(&best->entry[--best->count].sums);
	if (best->count && best->count == order->limit && !best->entry[best->count - 1].time)
		best->least = group_value(&best->entry[best->count - 1].sums, order->by);
}

static int grow(struct best *best)
{
	size_t room = best->room ? best->room * 2 : 64;
	struct group_entry *grown;

	if (best->count < best->room)
		return 0;
	if (best->count / 2 >= best->order->limit) {
		cut(best);
		return 0;
	}
	grown = reallocarray(best->entry, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	best->entry = grown;
	best->room = room;
	return 0;
}

static int consider(struct best *best, const struct group_table *table,
		    const struct group_cell *cell)
{
	const struct group_order *order = best->order;
	struct group_sums sums, *own;
	struct group_place place;
	int err;

	group_table_sums(table, cell, &sums);
	if (order->shown && !order->shown(&sums, order->by))
		return 0;
	group_table_place(table, cell, &place);
	if (!place.time && group_value(&sums, order->by) < best->least)
		return 0;
	err = grow(best);
	if (err)
		return err;
	best->entry[best->count] = (struct group_entry){
		.key = place.key, .name = place.name, .time = place.time, .sums = sums};
	own = &best->entry[best->count++].sums;
	own->health = NULL;
	own->drops = NULL;
	return group_sums_add_more(own, &sums);
}

static int consider_table(struct best *best, const struct group_table *table)
{
	int err = 0;

	for (size_t i = 0; !err && i < table->size; i++) {
		if (group_cell_used(&table->cell[i]))
			err = consider(best, table, &table->cell[i]);
	}
	return err;
}

/* A part of all that the group has. */
static int gather(struct group_table *to, const struct group *group, uint32_t part)
{
	size_t count = group_spill_count(&group->spill, part) +
		       group_table_count_part(&group->table, part, GROUP_SPILL_BITS);
	int err;

	for (size_t i = 0; i < group->others; i++)
		count += group_table_count_part(&group->other[i], part, GROUP_SPILL_BITS);
	err = group_table_reserve(to, count, SIZE_MAX);
	if (!err)
		err = group_table_add_part(to, &group->table, part, GROUP_SPILL_BITS);
	for (size_t i = 0; !err && i < group->others; i++)
		err = group_table_add_part(to, &group->other[i], part, GROUP_SPILL_BITS);
	return err ? err : group_spill_read(&group->spill, part, to);
}

/* Where sums of a key may be in several places: part by part, each whole only then. */
static int consider_parts(struct best *best, const struct group *group)
{
	struct group_table table = {.skip = GROUP_SPILL_BITS};
	int err = 0;

	for (uint32_t part = 0; !err && part < GROUP_SPILL_PARTS; part++) {
		err = gather(&table, group, part);
		err = err ? err : consider_table(best, &table);
		group_table_clear(&table);
	}
	group_table_free(&table);
	return err;
}

static void free_tables(struct group *group)
{
	for (size_t i = 0; i < group->others; i++)
		group_table_free(&group->other[i]);
	free(group->other);
	group->other = NULL;
	group->others = 0;
	group_table_free(&group->table);
	group_spill_free(&group->spill);
}

static void free_entries(struct group *group)
{
	for (size_t i = 0; i < group->used; i++)
		group_sums_free(&group->entry[i].sums);
	free(group->entry);
	group->entry = NULL;
	group->used = 0;
}

ssize_t group_top(struct group *group, const struct group_order *order)
{
	struct best best = {.order = order};
	int err = order->limit ? add_pending(group) : 0;

	free_entries(group);
	if (!err && order->limit && (group->others || group->spill.fd || group->spill.next))
		err = consider_parts(&best, group);
	else if (!err && order->limit)
		err = consider_table(&best, &group->table);
	cut(&best);
	free_tables(group);
	group->entry = best.entry;
	group->used = best.count;
	return err ? err : (ssize_t)best.count;
}

size_t group_sort(struct group *group, const struct group_metric *metric)
{
	const struct group_order order = {.by = metric, .limit = SIZE_MAX};
	ssize_t count = group_top(group, &order);

	return count < 0 ? 0 : (size_t)count;
}

void group_free(struct group *group)
{
	free_entries(group);
	group_sums_free(&group->total);
	geo_cache_free(group->geo_cache);
	free_tables(group);
	memset(group, 0, sizeof(*group));
}
