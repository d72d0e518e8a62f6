/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* export.c: the way out of a sweep: due conversations to records, records to marks. See sweep.h. */
#include "flowd/books.h"
#include "flowd/books_moved.h"
#include "flowd/fault.h"
#include "flowd/fold.h"
#include "flowd/record.h"
#include "flowd/sweep.h"

#include <stdlib.h>
#include <string.h>

#define PENDING_HEALTH 0x80000000U /* in sweep.pending: the slot's health was marked too */

static void mark_health(struct sweep *sweep, uint32_t index)
{
	struct flow_health_mark_version *mark = &sweep_health_mark(sweep, index)->pending;

	mark->count = sweep->health_read[index];
	mark->birth = sweep->side[index].birth;
}

static void mark_slot(struct sweep *sweep, uint32_t index)
{
	const struct side *side = &sweep->side[index];
	struct flow_mark_version *mark = &sweep_mark(sweep, index)->pending;

	__atomic_store_n(&mark->birth, 0, __ATOMIC_RELEASE); /* whole again when its birth is */
	FAULT_POINT("mark-1-void");
	mark->sweep = (uint32_t)sweep->number;
	if (side->health)
		mark_health(sweep, index);
	FAULT_POINT("mark-2-health");
	mark->bytes = side->bytes;
	mark->ip_bytes = side->ip_bytes;
	FAULT_POINT("mark-3-bytes");
	mark->packets = side->packets;
	FAULT_POINT("mark-4-packets");
	__atomic_store_n(&mark->birth, side->birth, __ATOMIC_RELEASE);
	FAULT_POINT("mark-5-pending");
	sweep->pending[sweep->pendings++] = index | (side->health ? PENDING_HEALTH : 0);
}

/* Write what is exported of each slot of the half; gone: and let go of the slots. */
static void mark_half(struct sweep *sweep, uint32_t ref, bool gone)
{
	uint32_t index = *expire_slots(sweep->expire, ref), next;

	for (; index != EXPIRE_NONE; index = next) {
		struct side *side = &sweep->side[index];

		next = side->next;
		mark_slot(sweep, index);
		if (gone) {
			side->ref = EXPIRE_NONE;
			side->next = EXPIRE_NONE;
		}
	}
}

static void make_record(const struct sweep *sweep, const struct expire_record *from,
			struct flow_record *ret_rec)
{
	record_make(from, sweep_offset(sweep, from->end_ns), sweep->outer, ret_rec);
	ret_rec->iface = sweep->iface[from->key.ifnum % FLOW_IFACES].id;
	ret_rec->key.ifnum = from->key.ifnum;
}

/* Mark the slots whose packets since the last export were folded. */
static void mark_folded(struct sweep *sweep)
{
	for (uint32_t i = 0; sweep->any_folded && i < sweep->maps->sets * FLOW_WAYS; i++) {
		if (sweep->side[i].ref != SIDE_FOLDED)
			continue;
		mark_slot(sweep, i);
		sweep->side[i].ref = EXPIRE_NONE;
	}
	sweep->any_folded = false;
}

struct export
{
	struct sweep *sweep;
	uint64_t now_ns;
};

/* Room for so many more records, as far as the limit allows them, with what was folded beside them. */
static int reserve(struct sweep *sweep, size_t more, size_t books)
{
	size_t records = sweep->batch.records + more;

	if (records > sweep->limit.hold)
		records = sweep->limit.hold;
	return sink_batch_reserve(&sweep->batch, records + FOLD_KEYS + FOLD_CATCHALLS, books);
}

/*
 * What came from the ring goes in any case: the ring's position is committed with it. So there is room for all
 * of that before anything is added, and what else is due takes none of it.
 */
static bool has_room(struct sweep *sweep, const struct expire_record *from)
{
	if (from->reason == END_RESOURCES || !reserve(sweep, 1 + expire_evicted(sweep->expire), 0))
		return true;
	sweep->starved = true;
	return false;
}

static bool export_one(void *arg, const struct expire_record *from)
{
	const struct export *export = arg;
	struct sweep *sweep = export->sweep;
	struct flow_record rec;

	if (!has_room(sweep, from))
		return false;
	if (!limit_may(sweep, from, export->now_ns))
		return false;
	if (from->half[0].packets || from->half[1].packets || from->half[0].bytes ||
	    from->half[1].bytes) {
		make_record(sweep, from, &rec);
		if (limit_add(sweep, &rec)) {
			sweep->starved = true;
			return false;
		}
		books_record(sweep, from);
		FAULT_POINT("export-1-record");
	}
	for (int i = 0; i < 2; i++) {
		if (from->ref[i] != EXPIRE_NONE)
			mark_half(sweep, from->ref[i], from->gone);
	}
	return true;
}

static void export_counters(struct sweep *sweep)
{
	uint32_t ids[FLOW_IFACES];

	books_ids(sweep, ids);
	counters_export(&sweep->counters, ids, &sweep->batch,
			clock_to_wall(sweep->offset, clock_mono()).ms);
}

bool sweep_export(struct sweep *sweep, bool all)
{
	struct flow_count before[FLOW_IFACES][2];
	struct export export = {sweep, clock_mono().ns};

	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++)
		before[i / 2][i % 2] = sweep->iface[i / 2].books[i % 2].recorded;
	sink_batch_reset(&sweep->batch);
	sweep->pendings = 0;
	sweep->starved = !limit_begin(sweep, all, export.now_ns) ||
			 reserve(sweep, expire_evicted(sweep->expire), FLOW_IFACES * 2);
	if (sweep->starved) {
		sweep->stats.starved++;
		return false;
	}
	/* what finds no room is due again in the next batch */
	if (sweep->lefts)
		(void)expire_leave(sweep->expire, sweep->left, export_one, &export);
	if (all)
		(void)expire_all(sweep->expire, export_one, &export);
	else
		(void)expire_due(sweep->expire, export.now_ns, export_one, &export);
	FAULT_POINT("export-2-records");
	limit_end(sweep);
	mark_folded(sweep);
	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		if (sweep->iface[i / 2].id)
			(void)books_export(sweep, i / 2, i % 2, before[i / 2][i % 2]);
	}
	sweep->stats.starved += sweep->starved;
	FAULT_POINT("export-3-books");
	if (sweep->fill)
		sweep->fill(sweep->fill_arg, &sweep->batch);
	FAULT_POINT("export-4-beside");
	export_counters(sweep);
	books_moved_export(sweep);
	FAULT_POINT("export-5-counters");
	sweep->batch.sweep = sweep->number;
	sweep->batch.ring_pos = sweep->ring.read_pos;
	early_export(&sweep->early, sweep->number);
	sweep->in_flight = sweep->batch.records || sweep->batch.books || sweep->batch.ifaces ||
			   sweep->batch.samples || sweep->batch.event_generation ||
			   sweep->batch.counter_values;
	if (!sweep->in_flight)
		sweep_settle(sweep);
	return sweep->in_flight;
}

void sweep_settle(struct sweep *sweep)
{
	FAULT_POINT("settle-01-committed");
	for (size_t i = 0; sweep->in_flight && i < sweep->pendings; i++) {
		uint32_t index = sweep->pending[i] & ~PENDING_HEALTH;
		struct flow_mark *mark = sweep_mark(sweep, index);

		__atomic_store_n(&mark->committed.birth, 0, __ATOMIC_RELEASE);
		FAULT_POINT("settle-02-void");
		mark->committed.sweep = mark->pending.sweep;
		FAULT_POINT("settle-03-sweep");
		mark->committed.packets = mark->pending.packets;
		mark->committed.bytes = mark->pending.bytes;
		mark->committed.ip_bytes = mark->pending.ip_bytes;
		FAULT_POINT("settle-04-counts");
		if (sweep->pending[i] & PENDING_HEALTH) {
			struct flow_health_mark *health = sweep_health_mark(sweep, index);

			health->committed = health->pending;
		}
		FAULT_POINT("settle-05-health");
		__atomic_store_n(&mark->committed.birth, mark->pending.birth, __ATOMIC_RELEASE);
		FAULT_POINT("settle-06-mark");
	}
	sweep->pendings = 0;
	FAULT_POINT("settle-07-marks");
	early_settle(&sweep->early);
	ring_release(&sweep->ring, sweep->batch.ring_pos);
	FAULT_POINT("settle-08-released");
	if (sweep->in_flight)
		sweep->number++;
	books_settle(sweep);
	counters_settle(&sweep->counters);
	sweep->in_flight = false;
	sink_batch_reset(&sweep->batch);
}

struct live {
	struct sweep *sweep;
	sweep_show *show;
	void *arg;
};

static bool live_one(void *arg, const struct expire_record *from)
{
	struct live *live = arg;
	struct flow_record rec;

	make_record(live->sweep, from, &rec);
	rec.key.ifnum = 0;
	return live->show(live->arg, &rec);
}

void sweep_live(struct sweep *sweep, sweep_show *show, void *arg)
{
	struct live live = {.sweep = sweep, .show = show, .arg = arg};

	for (size_t i = 0; sweep->in_flight && i < sweep->batch.records; i++) {
		if (!show(arg, &sweep->batch.record[i]))
			return;
	}
	for (size_t i = 0; i < fold_count(sweep->limit.fold); i++) {
		struct flow_record rec = *fold_at(sweep->limit.fold, i);

		rec.key.ifnum = 0;
		rec.end_reason = END_ACTIVE_NOW;
		if (!show(arg, &rec))
			return;
	}
	expire_each(sweep->expire, live_one, &live);
}
