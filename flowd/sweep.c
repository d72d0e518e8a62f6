/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sweep.c: read slots and ring, keep the conversations and the marks. See sweep.h. */
#include "flowd/sweep.h"

#include "flowd/books.h"
#include "flowd/fault.h"
#include "flowd/outer.h"
#include "schema/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TORN_TRIES 1000

static const struct flow_slot *slot_at(const struct sweep *sweep, uint32_t index)
{
	return &sweep->maps->slots[index / FLOW_WAYS].slot[index % FLOW_WAYS];
}

struct flow_mark *sweep_mark(const struct sweep *sweep, uint32_t index)
{
	return &sweep->maps->marks[index / FLOW_WAYS].mark[index % FLOW_WAYS];
}

struct flow_health_mark *sweep_health_mark(const struct sweep *sweep, uint32_t index)
{
	return &sweep->maps->health_marks[index / FLOW_WAYS].mark[index % FLOW_WAYS];
}

/* What was exported of the slot's health, as the marks now stand. */
static void health_start(struct sweep *sweep, uint32_t index, bool pending_counts)
{
	struct flow_health_mark *mark = sweep_health_mark(sweep, index);
	struct side *side = &sweep->side[index];

	if (pending_counts)
		mark->committed = mark->pending;
	else
		mark->pending = mark->committed;
	side->health = side->birth && mark->committed.birth == side->birth;
	if (side->health)
		sweep->health_read[index] = mark->committed.count;
}

/*
 * Take over a predecessor's marks: what it had pending counts if its transaction is in. Equal sweep
 * numbers: it was killed while it made the pending mark the committed one.
 */
static void side_start(struct sweep *sweep, uint32_t index, uint64_t last_sweep)
{
	struct flow_mark *mark = sweep_mark(sweep, index);
	struct side *side = &sweep->side[index];
	bool counts = mark->pending.birth && mark->pending.sweep >= mark->committed.sweep &&
		      mark->pending.sweep <= (uint32_t)last_sweep;

	if (counts)
		mark->committed = mark->pending;
	else
		mark->pending = mark->committed;
	FAULT_POINT("start-07-mark");
	if (last_sweep && mark->committed.birth && mark->committed.sweep > (uint32_t)last_sweep)
		sweep->lost = true;
	if (!last_sweep) /* numbered by another database: its numbers mean nothing here */
		mark->committed.sweep = mark->pending.sweep = 0;
	side->birth = mark->committed.birth;
	side->packets = mark->committed.packets;
	side->bytes = mark->committed.bytes;
	side->ip_bytes = mark->committed.ip_bytes;
	health_start(sweep, index, counts);
}

int sweep_take(struct sweep *sweep, uint64_t last_sweep, uint64_t ring_pos)
{
	uint32_t slots = sweep->maps->sets * FLOW_WAYS;
	uint64_t early_pos;
	int err = early_open(sweep->maps->early, last_sweep, &sweep->early, &early_pos);

	if (err)
		return err;
	FAULT_POINT("start-05-ring");
	ring_skip(&sweep->ring, ring_pos > early_pos ? ring_pos : early_pos);
	FAULT_POINT("start-06-skipped");
	for (uint32_t i = 0; sweep->maps->taken_over && i < slots; i++)
		side_start(sweep, i, last_sweep);
	return 0;
}

int sweep_open(struct maps *maps, const struct expire_conf *conf, uint64_t last_sweep,
	       uint64_t ring_pos, struct sweep *ret_sweep)
{
	uint32_t slots = maps->sets * FLOW_WAYS;
	int err;

	memset(ret_sweep, 0, sizeof(*ret_sweep));
	ret_sweep->maps = maps;
	ret_sweep->number = last_sweep + 1;
	ret_sweep->expire = expire_new(conf);
	ret_sweep->outer = outer_new(maps->outers_fd);
	ret_sweep->side = calloc(slots, sizeof(*ret_sweep->side));
	ret_sweep->health_read = calloc(slots, sizeof(*ret_sweep->health_read));
	ret_sweep->pending = calloc(2 * (size_t)slots, sizeof(*ret_sweep->pending));
	if (limit_open(&ret_sweep->limit) || !ret_sweep->expire || !ret_sweep->outer ||
	    !ret_sweep->side || !ret_sweep->health_read || !ret_sweep->pending) {
		sweep_close(ret_sweep);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < slots; i++)
		ret_sweep->side[i].ref = ret_sweep->side[i].next = EXPIRE_NONE;
	err = ring_open(maps->ring_fd, maps->ring_bytes, &ret_sweep->ring);
	if (!err && !maps->unclaimed)
		err = sweep_take(ret_sweep, last_sweep, ring_pos);
	if (err)
		sweep_close(ret_sweep);
	else
		ret_sweep->offset = clock_measure();
	return err;
}

void sweep_close(struct sweep *sweep)
{
	expire_free(sweep->expire);
	outer_free(sweep->outer);
	free(sweep->side);
	free(sweep->health_read);
	free(sweep->pending);
	free(sweep->moved);
	limit_close(&sweep->limit);
	counters_free(&sweep->counters);
	sink_batch_free(&sweep->batch);
	ring_close(&sweep->ring);
	early_close(&sweep->early);
	memset(sweep, 0, sizeof(*sweep));
}

static void unlink_slot(struct sweep *sweep, uint32_t index)
{
	struct side *side = &sweep->side[index];
	uint32_t *at;

	if (side->ref == EXPIRE_NONE)
		return;
	if (side->ref == SIDE_FOLDED) {
		side->ref = EXPIRE_NONE;
		return;
	}
	at = expire_slots(sweep->expire, side->ref);
	while (*at != index)
		at = &sweep->side[*at].next;
	*at = side->next;
	side->ref = EXPIRE_NONE;
	side->next = EXPIRE_NONE;
}

static void link_slot(struct sweep *sweep, uint32_t index, uint32_t ref)
{
	struct side *side = &sweep->side[index];
	uint32_t *head = expire_slots(sweep->expire, ref);

	side->ref = ref;
	side->next = *head;
	*head = index;
}

static struct flow_count *obs_of(struct sweep *sweep, const struct flow_key *key)
{
	return &sweep->iface[key->ifnum % FLOW_IFACES].books[key->dir & 1].obs;
}

static void add_known(struct sweep *sweep, uint32_t ref, const struct flow_key *key,
		      const struct expire_delta *delta)
{
	books_count(obs_of(sweep, key), delta->packets, delta->bytes);
	expire_add_to(sweep->expire, ref, delta);
}

/* Add under the key. SIDE_FOLDED: there was no room for it, so what is left of the key has it. */
static uint32_t add_delta(struct sweep *sweep, const struct flow_key *key,
			  const struct expire_delta *delta)
{
	uint32_t ref = EXPIRE_NONE;

	books_count(obs_of(sweep, key), delta->packets, delta->bytes);
	if (!limit_early(sweep, key, delta)) {
		if (key->outer) /* while the map knows whose number it is */
			outer_see(sweep->outer, key->outer);
		ref = expire_add(sweep->expire, key, delta);
		sweep->stats.folded += ref == EXPIRE_NONE;
	}
	if (ref != EXPIRE_NONE)
		return ref;
	limit_fold(sweep, key, delta);
	return SIDE_FOLDED;
}

/* More of a slot whose packets since the last export were folded. */
static void add_folded(struct sweep *sweep, const struct flow_key *key,
		       const struct expire_delta *delta)
{
	books_count(obs_of(sweep, key), delta->packets, delta->bytes);
	limit_fold(sweep, key, delta);
}

/* Counters of a live slot may be read a packet apart: bytes come alone then. */
static bool delta_is_any(const struct expire_delta *d)
{
	return (d->packets | d->bytes | d->ip_bytes) != 0;
}

/* The health's counts become what it gained; `same`: since it was read last. It is read now. */
static void health_read(struct sweep *sweep, uint32_t index, struct flow_health *health, bool same)
{
	struct flow_health_count *read = &sweep->health_read[index], now = health->count;
	struct side *side = &sweep->side[index];
	uint32_t given;

	if (same && side->health)
		flow_health_subtract(&health->count, read);
	*read = now;
	given = same ? side->health >> 1 : 0;
	side->health = 1 | health->handshake_us << 1;
	if (health->handshake_us == given) /* is in a record */
		health->handshake_us = 0;
}

/*
 * What slot and health gained since they were read last in the life that is known of; they are read
 * now. Health that seems to come without a packet is a packet ahead: it waits for the next time.
 */
static void gain_read(struct sweep *sweep, uint32_t index, const struct flow_slot *slot,
		      struct flow_health *health, struct expire_delta *ret_delta)
{
	struct side *side = &sweep->side[index];
	bool same = side->birth == slot->birth;

	*ret_delta = expire_delta_of(slot);
	if (same) {
		ret_delta->packets -= side->packets;
		ret_delta->bytes -= side->bytes;
		ret_delta->ip_bytes -= side->ip_bytes;
	} else {
		side->health = 0;
	}
	if ((slot->tcp_state & TCP_HEALTH) && delta_is_any(ret_delta)) {
		health_read(sweep, index, health, same);
		ret_delta->health = health;
	}
	side->birth = slot->birth;
	side->packets = slot->packets;
	side->bytes = slot->bytes;
	side->ip_bytes = slot->ip_bytes;
}

/* The end of a slot's life. */
static void absorb_one(struct sweep *sweep, const struct flow_evicted *record,
		       struct flow_health *health)
{
	struct side *side = &sweep->side[record->index];
	/* of the same life; an earlier one, exported before, may still be linked */
	uint32_t ref = side->birth == record->slot.birth ? side->ref : EXPIRE_NONE;
	struct expire_delta delta;

	if ((int32_t)(record->slot.birth - side->birth) < 0) {
		sweep->stats.stale++;
		return;
	}
	early_count(&sweep->early, record, sweep_mark(sweep, record->index));
	gain_read(sweep, record->index, &record->slot, health, &delta);
	delta.evicted = true;
	unlink_slot(sweep, record->index);
	/* also without a gain: what was read before is due now, as the ring's record will go */
	if (ref == SIDE_FOLDED)
		add_folded(sweep, &record->slot.key, &delta);
	else if (ref != EXPIRE_NONE)
		add_known(sweep, ref, &record->slot.key, &delta);
	else if (delta_is_any(&delta))
		add_delta(sweep, &record->slot.key, &delta);
}

/* The next record of the ring; one of another layout as it would be in this one, in `room`. */
static const struct flow_evicted *next_record(struct sweep *sweep, struct flow_evicted *room,
					      size_t *ret_size)
{
	const void *record = ring_read(&sweep->ring, ret_size);

	if (!record || !sweep->translate)
		return record;
	sweep->translate(sweep->translate_arg, record, *ret_size, room);
	*ret_size = sizeof(*room);
	return room;
}

/*
 * The hooks may soon find no room, and there is enough read to be worth a new version of the sums. Maps whose hooks
 * are gone (whole) need no room, and go with the commit.
 */
static bool must_give(const struct sweep *sweep)
{
	const struct ring *ring = &sweep->ring;

	return !sweep->whole && ring_used(ring) > ring->bytes / 2 &&
	       ring->read_pos - *ring->consumer > ring->bytes / 8;
}

void sweep_absorb(struct sweep *sweep)
{
	const struct flow_evicted *record;
	struct flow_evicted room;
	uint64_t records = 0;
	size_t size;

	while ((record = next_record(sweep, &room, &size))) {
		struct flow_health health = {.rtt_min_us = 0};

		if (size < FLOW_EVICTED_PLAIN || record->index >= sweep->maps->sets * FLOW_WAYS)
			continue;
		if (size >= sizeof(*record))
			health = record->health;
		FAULT_POINT("ring-1-read");
		absorb_one(sweep, record, &health);
		FAULT_POINT("ring-2-absorbed");
		records++;
		if (must_give(sweep))
			sweep->stats.given += early_give(&sweep->early, &sweep->ring);
	}
	sweep->stats.absorbed += records;
}

bool sweep_pressed(const struct sweep *sweep)
{
	return !sweep->in_flight && ring_used(&sweep->ring) > sweep->ring.bytes / 4;
}

/* Copies of slot and health that are of one life. False: the key kept changing. */
static bool slot_copy(const struct sweep *sweep, uint32_t index, struct flow_slot *ret_slot,
		      struct flow_health *ret_health)
{
	const struct flow_slot *slot = slot_at(sweep, index);
	const struct flow_health *health =
		&sweep->maps->health[index / FLOW_WAYS].health[index % FLOW_WAYS];

	for (int i = 0; i < TORN_TRIES; i++) {
		uint32_t before = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE);

		if (before & 1)
			continue;
		memcpy(ret_slot, slot, sizeof(*ret_slot));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (ret_slot->tcp_state &
		    TCP_HEALTH) /* after the slot: it has all of its packets */
			memcpy(ret_health, health, sizeof(*ret_health));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&slot->seq, __ATOMIC_RELAXED) == before)
			return true;
	}
	return false;
}

/* The slot's life began after the one that is known of: is that one's end read? */
static bool next_life(struct sweep *sweep, uint32_t index, uint32_t birth)
{
	/* its record, if there is one, was submitted before this life began */
	uint64_t end = __atomic_load_n(sweep->ring.producer, __ATOMIC_ACQUIRE);

	sweep_absorb(sweep);
	if (sweep->ring.read_pos < end) { /* it may be behind one that is being filled */
		sweep->stats.torn++;
		return false;
	}
	if ((int32_t)(birth - sweep->side[index].birth) <= 0)
		return false;
	unlink_slot(sweep, index);
	return true;
}

static void visit_slot(struct sweep *sweep, uint32_t index)
{
	struct side *side = &sweep->side[index];
	struct flow_health health;
	struct expire_delta delta;
	struct flow_slot slot;
	uint32_t ref;

	if (!slot_copy(sweep, index, &slot, &health)) {
		sweep->stats.torn++;
		return;
	}
	if (slot.birth != side->birth && !next_life(sweep, index, slot.birth))
		return;
	gain_read(sweep, index, &slot, &health, &delta);
	FAULT_POINT("sweep-03-slot");
	sweep->stats.visited++;
	if (!delta_is_any(&delta))
		return;
	if (side->ref == SIDE_FOLDED) {
		add_folded(sweep, &slot.key, &delta);
		return;
	}
	if (side->ref != EXPIRE_NONE) {
		add_known(sweep, side->ref, &slot.key, &delta);
		return;
	}
	ref = add_delta(sweep, &slot.key, &delta);
	if (ref != SIDE_FOLDED) {
		link_slot(sweep, index, ref);
		return;
	}
	side->ref = SIDE_FOLDED;
	sweep->any_folded = true;
}

static void visit_set(struct sweep *sweep, uint32_t number, bool all)
{
	const struct flow_set *set = &sweep->maps->slots[number];

	for (uint32_t way = 0; way < FLOW_WAYS; way++) {
		uint32_t used = __atomic_load_n(&set->used[way], __ATOMIC_RELAXED) >> 2;

		if (!__atomic_load_n(&set->tag[way], __ATOMIC_RELAXED))
			continue;
		if (all || (int32_t)((used - sweep->since) << 2) >= 0)
			visit_slot(sweep, number * FLOW_WAYS + way);
	}
}

static void slots_moved(void *arg, uint32_t old_ref, uint32_t new_ref)
{
	struct sweep *sweep = arg;
	uint32_t index = *expire_slots(sweep->expire, new_ref);

	(void)old_ref;
	for (; index != EXPIRE_NONE; index = sweep->side[index].next)
		sweep->side[index].ref = new_ref;
}

/* What a predecessor gave back and did not commit is nobody's now. */
static void take_left(struct sweep *sweep)
{
	const struct flow_early_sum *left = early_left(&sweep->early);

	for (uint32_t i = 0; i < FLOW_IFACES * 4; i++) {
		struct flow_key key = {.ifnum = (__u16)(i / 4), .dir = i / 2 % 2};
		const struct flow_early_sum *sum =
			&left[FLOW_EARLY_INDEX(key.ifnum, key.dir, i % 2)];

		if (!sum->packets && !sum->bytes && !sum->ip_bytes)
			continue;
		books_count(obs_of(sweep, &key), sum->packets, sum->bytes);
		limit_fold_sum(sweep, &key, sum, i % 2);
	}
}

void sweep_visit(struct sweep *sweep, bool all)
{
	uint32_t epoch = __atomic_load_n(&sweep->maps->control->epoch, __ATOMIC_RELAXED);
	uint64_t torn = sweep->stats.torn;

	all |= sweep->look_all;
	books_read(sweep, false);
	FAULT_POINT("sweep-01-books");
	if (sweep->early.left)
		take_left(sweep);
	sweep_absorb(sweep);
	FAULT_POINT("sweep-02-drained");
	sweep->stats.visited = 0;
	for (uint32_t set = 0; set < sweep->maps->sets; set++)
		visit_set(sweep, set, all);
	FAULT_POINT("sweep-04-visited");
	sweep_absorb(sweep);
	FAULT_POINT("sweep-05-drained");
	books_read(sweep, true);
	books_weigh(sweep, all);
	FAULT_POINT("sweep-06-books");
	expire_pair(sweep->expire, slots_moved, sweep);
	FAULT_POINT("sweep-07-paired");
	/* a program that ran all through the pass may still write the epoch before; what was torn is next time's */
	if (sweep->stats.torn == torn)
		sweep->since = epoch > 1 ? epoch - 1 : 0;
	else
		sweep->look_all |= all;
}

void sweep_turn(struct sweep *sweep)
{
	__atomic_fetch_add(&sweep->maps->control->epoch, 1, __ATOMIC_RELEASE);
	FAULT_POINT("sweep-10-turned");
	sweep->stats.sweeps++;
}

struct clock_offset sweep_offset(const struct sweep *sweep, uint64_t mono_ns)
{
	return clock_then(&sweep->steps, sweep->offset, (struct mono){mono_ns});
}
