/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan_fill.c: rows to entries. Where the few heaviest keys are wanted of many, the metric alone is read
 * of all rows, and the rest of the rows of those few; what came from records joins by its key.
 */
#include "cli/plan_fill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plan_key.h"
#include "cli/plan_rows.h"
#include "cli/query.h"

/* The key that records have for it. False: of an interface that is not wanted. */
static bool translate(const struct plan_fill *fill, const struct plan_key *from,
		      struct flow_key *ret_key)
{
	const struct query_iface *iface;

	plan_unpack(fill->kind, from, ret_key);
	if (fill->query->options.anonymize)
		plan_anonymize(fill->query->options.anonymize, fill->kind, ret_key);
	if (fill->kind != TALKER_IFACE)
		return true;
	iface = query_iface(fill->query, ret_key->outer);
	if (iface)
		ret_key->outer = iface->same;
	return !fill->some_ifaces || (iface && iface->selected);
}

/* --- sums ----------------------------------------------------------------------------------------- */

static void to_part(const struct plan_sums *sums, struct group_part *ret_part)
{
	ret_part->sums = (struct group_sums){
		.flows = sums->flows,
		.packets = sums->packets,
		.bytes = sums->bytes,
		.ip_bytes = sums->ip_bytes,
		.start_ms = sums->start_ms,
		.end_ms = sums->end_ms,
	};
	if (sums->retransmits || sums->rtt_count) {
		ret_part->health = (struct group_health){
			.retransmits = sums->retransmits,
			.rtt_count = sums->rtt_count,
			.rtt_sum_us = sums->rtt_sum_us,
		};
		ret_part->sums.health = &ret_part->health;
	}
	if (sums->drops) {
		ret_part->drops = (struct group_drops){.packets = sums->drops};
		ret_part->sums.drops = &ret_part->drops;
	}
}

static int add_to(struct group_sums *to, const struct plan_sums *sums)
{
	struct group_part part;

	to_part(sums, &part);
	return group_sums_add(to, &part.sums);
}

static void from_group(const struct group_sums *sums, struct plan_sums *ret_sums)
{
	*ret_sums = (struct plan_sums){
		.flows = sums->flows,
		.packets = sums->packets,
		.bytes = sums->bytes,
		.ip_bytes = sums->ip_bytes,
		.start_ms = sums->start_ms,
		.end_ms = sums->end_ms,
		.drops = sums->drops ? sums->drops->packets : 0,
	};
	if (!sums->health)
		return;
	ret_sums->retransmits = sums->health->retransmits;
	ret_sums->rtt_count = sums->health->rtt_count;
	ret_sums->rtt_sum_us = sums->health->rtt_sum_us;
}

/*
 * Less than nothing it does not lack, and no more than there is. An interface may be several keys, one
 * for each time that it was made.
 */
static uint64_t lacks_of(const struct plan_fill *fill, const struct plan *plan, int64_t credit)
{
	int64_t lacks = fill->buckets->lacks - credit;
	uint64_t all = group_value(&plan->tail, fill->ask->by);

	if (fill->kind == TALKER_IFACE)
		return all;
	if (lacks <= 0)
		return 0;
	return (uint64_t)lacks < all ? (uint64_t)lacks : all;
}

/* --- entries -------------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b, void *arg)
{
	const struct group_entry *left = a, *right = b;
	uint64_t x = group_value(&left->sums, arg), y = group_value(&right->sums, arg);

	if (x != y)
		return x < y ? 1 : -1;
	return memcmp(&left->key, &right->key, sizeof(left->key));
}

/* Keys and sums of the table, whose keys are as records have them, sorted. `credit`: see plan_table.h. */
static int put_entries(const struct plan_fill *fill, const struct plan_table *table,
		       struct plan *plan)
{
	struct group *group = &plan->group;
	const struct group_metric *by = fill->ask->by;
	uint64_t limit = fill->ask->limit;
	int err = 0;

	group->entry = calloc(table->used + 1, sizeof(*group->entry));
	if (!group->entry)
		return -ENOMEM;
	for (size_t n = 0; !err && n < table->used; n++) {
		struct group_entry *entry = &group->entry[group->used];

		if (!table->sums[n].end_ms)
			continue;
		plan_unpack(fill->kind, &table->entry[n].key, &entry->key);
		err = add_to(&entry->sums, &table->sums[n]);
		entry->lacks = lacks_of(fill, plan, table->entry[n].credit);
		group->used++;
	}
	if (group->used)
		qsort_r(group->entry, group->used, sizeof(*group->entry), compare_entries,
			(void *)by);
	while (limit && group->used > limit)
		group_sums_free(&group->entry[--group->used].sums);
	return err;
}

/* What came from records, to the keys that the table has or takes. */
static int add_records(const struct plan_fill *fill, struct plan_table *table)
{
	struct plan_sums sums;
	struct plan_key key;
	uint32_t number;
	int err = 0;

	for (size_t i = 0; !err && i < fill->records->used; i++) {
		plan_pack(fill->kind, &fill->records->entry[i].key, &key);
		err = plan_table_at(table, &key, &number);
		if (err || number == PLAN_NO_ENTRY)
			continue;
		from_group(&fill->records->entry[i].sums, &sums);
		plan_sums_add(&table->sums[number], &sums);
	}
	return err;
}

/* --- all keys ------------------------------------------------------------------------------------- */

/* What is stored is the key itself: no interface of the same name, no other address. */
static bool is_plain(const struct plan_fill *fill)
{
	return fill->kind != TALKER_IFACE && !fill->query->options.anonymize;
}

/* The table has the keys that are wanted, and takes no others. */
static int close_over(const struct plan_fill *fill, struct plan_table *table)
{
	struct plan_key key;
	uint32_t number;
	int err = 0;

	table->with_sums = true;
	for (size_t i = 0; !err && i < fill->ask->only_count; i++) {
		plan_pack(fill->kind, &fill->ask->only[i].key, &key);
		err = plan_table_at(table, &key, &number);
	}
	table->closed = fill->ask->only != NULL;
	return err;
}

/* Rows under the keys that records have. */
static int add_translated(const struct plan_fill *fill, const struct plan_table *rows,
			  struct plan_table *table, struct plan *plan)
{
	struct plan_sums *sums = rows->sums;
	struct plan_key packed;
	struct flow_key key;
	uint32_t number;
	int err = 0;

	for (size_t n = 0; !err && n < rows->used; n++) {
		if (!translate(fill, &rows->entry[n].key, &key))
			continue;
		if (fill->some_ifaces)
			err = add_to(&plan->group.total, &sums[n]);
		plan_pack(fill->kind, &key, &packed);
		err = err ? err : plan_table_at(table, &packed, &number);
		if (err || number == PLAN_NO_ENTRY)
			continue;
		plan_sums_add(&table->sums[number], &sums[n]);
		table->entry[number].credit += rows->entry[n].credit;
	}
	return err;
}

static int fill_all(const struct plan_fill *fill, struct plan *plan)
{
	struct plan_rows rows = {
		.query = fill->query,
		.pages = fill->pages,
		.buckets = fill->buckets,
		.what = PLAN_SUMS,
		.drops_until_ms = fill->drops_until_ms,
	};
	struct plan_table translated = {0}, *table = is_plain(fill) ? &rows.table : &translated;
	int err = close_over(fill, table);

	if (!err)
		err = plan_rows_read(&rows);
	if (!err && !is_plain(fill))
		err = add_translated(fill, &rows.table, &translated, plan);
	if (!err)
		err = add_records(fill, table);
	if (!err)
		err = put_entries(fill, table, plan);
	plan_table_free(&translated);
	plan_rows_free(&rows);
	return err;
}

/* --- the heaviest --------------------------------------------------------------------------------- */

/* Numbers of entries, the lightest on top of a heap. */
struct pick {
	const struct plan_fill *fill;
	const struct plan_table *table;
	uint32_t *heap;
	size_t used, room;
};

/* As compare_entries has it. */
static bool is_lighter(const struct pick *pick, uint32_t a, uint32_t b)
{
	const struct plan_entry *left = &pick->table->entry[a], *right = &pick->table->entry[b];
	struct flow_key left_key, right_key;

	if (left->value != right->value)
		return left->value < right->value;
	plan_unpack(pick->fill->kind, &left->key, &left_key);
	plan_unpack(pick->fill->kind, &right->key, &right_key);
	return memcmp(&left_key, &right_key, sizeof(left_key)) > 0;
}

static void sift_down(struct pick *pick, size_t at)
{
	uint32_t number = pick->heap[at];

	for (size_t child; (child = 2 * at + 1) < pick->used; at = child) {
		if (child + 1 < pick->used &&
		    is_lighter(pick, pick->heap[child + 1], pick->heap[child]))
			child++;
		if (!is_lighter(pick, pick->heap[child], number))
			break;
		pick->heap[at] = pick->heap[child];
	}
	pick->heap[at] = number;
}

static void sift_up(struct pick *pick, size_t at)
{
	uint32_t number = pick->heap[at];

	while (at && is_lighter(pick, number, pick->heap[(at - 1) / 2])) {
		pick->heap[at] = pick->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	pick->heap[at] = number;
}

static void offer(struct pick *pick, uint32_t number)
{
	if (pick->used < pick->room) {
		pick->heap[pick->used] = number;
		sift_up(pick, pick->used++);
	} else if (is_lighter(pick, pick->heap[0], number)) {
		pick->heap[0] = number;
		sift_down(pick, 0);
	}
}

/* Values of what came from records to those of the rows. */
static int join_records(const struct plan_fill *fill, struct plan_table *table)
{
	struct plan_key key;
	uint32_t number;
	int err = 0;

	for (size_t i = 0; !err && i < fill->records->used; i++) {
		const struct group_entry *entry = &fill->records->entry[i];

		plan_pack(fill->kind, &entry->key, &key);
		err = plan_table_at(table, &key, &number);
		if (!err)
			table->entry[number].value += group_value(&entry->sums, fill->ask->by);
	}
	return err;
}

/* Of all rows those of the entries that were picked. */
static size_t seen_of(const struct plan_rows *rows, const bool *is_picked, struct plan_seen *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < rows->seen_count; i++) {
		if (is_picked[rows->seen[i].entry])
			ret[count++] = rows->seen[i];
	}
	return count;
}

/* All that is to be known of the picked keys, from their rows: the first is entry 0 of detail->table. */
static int read_detail(const struct plan_fill *fill, const struct pick *pick,
		       const struct plan_rows *rows, struct plan_rows *detail)
{
	bool *is_picked = calloc(rows->table.used + 1, sizeof(*is_picked));
	struct plan_seen *seen = malloc((rows->seen_count + 1) * sizeof(*seen));
	int err = is_picked && seen ? 0 : -ENOMEM;
	uint32_t number;

	detail->table.with_sums = true;
	for (size_t i = 0; !err && i < pick->used; i++) {
		is_picked[pick->heap[i]] = true;
		err = plan_table_at(&detail->table, &rows->table.entry[pick->heap[i]].key, &number);
	}
	detail->table.closed = true;
	detail->drops_until_ms = fill->drops_until_ms;
	if (!err && rows->seen_all)
		err = plan_rows_again(detail, seen, seen_of(rows, is_picked, seen));
	else if (!err)
		err = plan_rows_read(detail);
	free(is_picked);
	free(seen);
	return err;
}

static int fill_heaviest(const struct plan_fill *fill, struct plan *plan)
{
	struct plan_rows rows = {
		.query = fill->query,
		.pages = fill->pages,
		.buckets = fill->buckets,
		.what = PLAN_VALUE,
		.metric = fill->ask->by->name,
	};
	struct plan_rows detail = {
		.query = fill->query,
		.pages = fill->pages,
		.buckets = fill->buckets,
		.what = PLAN_SUMS,
	};
	struct pick pick = {.fill = fill, .table = &rows.table};
	int err = plan_rows_read(&rows);

	if (!err)
		err = join_records(fill, &rows.table);
	if (!err) {
		pick.room = fill->ask->limit < rows.table.used ? fill->ask->limit : rows.table.used;
		pick.heap = calloc(pick.room + 1, sizeof(*pick.heap));
		err = pick.heap ? 0 : -ENOMEM;
	}
	for (size_t n = 0; !err && pick.room && n < rows.table.used; n++)
		offer(&pick, (uint32_t)n);
	if (!err)
		err = read_detail(fill, &pick, &rows, &detail);
	for (size_t i = 0; !err && i < pick.used; i++)
		detail.table.entry[i].credit = rows.table.entry[pick.heap[i]].credit;
	if (!err)
		err = add_records(fill, &detail.table);
	if (!err)
		err = put_entries(fill, &detail.table, plan);
	free(pick.heap);
	plan_rows_free(&rows);
	plan_rows_free(&detail);
	return err;
}

/* --- total and tail ------------------------------------------------------------------------------- */

/* Hosts count a record twice, and listing them is slow: a protocol has each record once. */
static int fill_total(const struct plan_fill *fill, const struct plan_window *window,
		      struct plan *plan)
{
	struct plan_buckets buckets;
	struct plan_rows rows = {.query = fill->query,
				 .pages = fill->pages,
				 .buckets = &buckets,
				 .what = PLAN_TOTAL,
				 .drops_until_ms = fill->drops_until_ms};
	int err = plan_buckets_list(fill->query, window, TALKER_PROTO, NULL, &buckets);

	if (!err)
		err = plan_rows_read(&rows);
	if (!err)
		err = add_to(&plan->group.total, &rows.total);
	plan_rows_free(&rows);
	plan_buckets_free(&buckets);
	return err;
}

static int fill_tail(const struct plan_fill *fill, struct plan *plan)
{
	struct plan_rows rows = {.query = fill->query,
				 .pages = fill->pages,
				 .buckets = fill->buckets,
				 .what = PLAN_TAIL,
				 .drops_until_ms = fill->drops_until_ms};
	int err;

	plan->has_tail = fill->buckets->has_tail;
	plan->tail_keys = fill->buckets->tail_keys;
	if (!plan->has_tail)
		return 0;
	err = plan_rows_read(&rows);
	if (!err)
		err = add_to(&plan->tail, &rows.total);
	plan->lacks = lacks_of(fill, plan, 0);
	plan_rows_free(&rows);
	return err;
}

int plan_fill(const struct plan_fill *fill, struct plan *plan)
{
	const struct plan_ask *ask = fill->ask;
	const struct group_order all = {.by = ask->by, .limit = SIZE_MAX};
	ssize_t count = group_top(fill->records, &all);
	int err = count < 0 ? (int)count : fill_tail(fill, plan);

	if (!err)
		err = group_sums_add(&plan->group.total, &fill->records->total);
	if (!err && !fill->some_ifaces)
		err = fill_total(fill, &plan->window, plan);
	if (err)
		return err;
	if (ask->limit && !ask->only && plan_rows_has(ask->by->name) && is_plain(fill))
		return fill_heaviest(fill, plan);
	return fill_all(fill, plan);
}
