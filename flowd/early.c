/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* early.c: see early.h. */
#include "flowd/early.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/fault.h"
#include "flowd/ring.h"

#define SUMS_BYTES (FLOW_EARLY_SUMS * sizeof(struct flow_early_sum))

/* --- the cell ------------------------------------------------------------------------------------ */

static const struct flow_early_version *valid(const struct flow_early *cell)
{
	return &cell->version[__atomic_load_n(&cell->turn, __ATOMIC_ACQUIRE) & 1];
}

/* The other version, as the valid one is. */
static struct flow_early_version *change(struct flow_early *cell)
{
	struct flow_early_version *next = &cell->version[(cell->turn + 1) & 1];

	memcpy(next, valid(cell), sizeof(*next));
	return next;
}

static void turn(struct flow_early *cell)
{
	FAULT_POINT("early-1-made");
	__atomic_store_n(&cell->turn, cell->turn + 1, __ATOMIC_RELEASE);
	FAULT_POINT("early-2-valid");
}

void early_forget(struct flow_early *cell)
{
	memset(change(cell), 0, sizeof(cell->version[0]));
	turn(cell);
}

/* --- sums ---------------------------------------------------------------------------------------- */

static uint32_t index_of(const struct flow_key *key)
{
	return FLOW_EARLY_INDEX(key->ifnum & (FLOW_IFACES - 1), key->dir & 1,
				(key->marks & FLOW_MARKS_NAMED) != 0);
}

static void add(struct flow_early_sum *to, const struct flow_early_sum *by)
{
	for (uint32_t i = 0; i < FLOW_EARLY_SUMS; i++) {
		to[i].packets += by[i].packets;
		to[i].bytes += by[i].bytes;
		to[i].ip_bytes += by[i].ip_bytes;
	}
}

static bool any(const struct flow_early_sum *sums)
{
	for (uint32_t i = 0; i < FLOW_EARLY_SUMS; i++) {
		if (sums[i].packets || sums[i].bytes || sums[i].ip_bytes)
			return true;
	}
	return false;
}

static void forget_own(struct early *early, int which)
{
	if (early->any[which])
		memset(early->own[which], 0, SUMS_BYTES);
	early->any[which] = false;
}

/* --- from one flowd to the next ------------------------------------------------------------------ */

int early_open(struct flow_early *cell, uint64_t last_sweep, struct early *ret_early,
	       uint64_t *ret_pos)
{
	struct flow_early_version *v;

	*ret_pos = 0;
	*ret_early = (struct early){.cell = cell};
	if (!cell)
		return 0;
	for (int i = 0; i < 2; i++) {
		ret_early->own[i] = calloc(1, SUMS_BYTES);
		if (!ret_early->own[i])
			return -ENOMEM;
	}
	v = change(cell);
	*ret_pos = v->pos;
	if (v->sweep > last_sweep)
		add(v->after, v->with);
	memset(v->with, 0, sizeof(v->with));
	v->sweep = 0;
	ret_early->given[1] = ret_early->left = any(v->after);
	turn(cell);
	return 0;
}

void early_close(struct early *early)
{
	free(early->own[0]);
	free(early->own[1]);
	*early = (struct early){0};
}

const struct flow_early_sum *early_left(struct early *early)
{
	early->left = false;
	return valid(early->cell)->after;
}

/* --- records ------------------------------------------------------------------------------------- */

static void count(struct early *early, int which, uint32_t index,
		  const struct flow_mark_version *to, const struct flow_mark_version *from)
{
	struct flow_early_sum *sum = &early->own[which][index];

	sum->packets += to->packets - from->packets;
	sum->bytes += to->bytes - from->bytes;
	sum->ip_bytes += to->ip_bytes - from->ip_bytes;
	early->any[which] = true;
}

void early_count(struct early *early, const struct flow_evicted *record,
		 const struct flow_mark *mark)
{
	const struct flow_slot *slot = &record->slot;
	const struct flow_mark_version none = {0}, all = {.packets = slot->packets,
							  .bytes = slot->bytes,
							  .ip_bytes = slot->ip_bytes};
	const struct flow_mark_version *from = &none;
	uint32_t index = index_of(&slot->key);

	if (!early->cell)
		return;
	if (mark->committed.birth == slot->birth)
		from = &mark->committed;
	if (early->number && mark->pending.birth == slot->birth &&
	    mark->pending.sweep == (uint32_t)early->number) {
		count(early, 0, index, &mark->pending, from);
		from = &mark->pending;
	}
	count(early, 1, index, &all, from);
}

bool early_give(struct early *early, struct ring *ring)
{
	struct flow_early_version *v;

	if (!early->cell)
		return false;
	v = change(early->cell);
	v->pos = ring->read_pos;
	v->sweep = early->number;
	if (early->any[0])
		add(v->with, early->own[0]);
	if (early->any[1])
		add(v->after, early->own[1]);
	turn(early->cell);
	for (int i = 0; i < 2; i++) {
		early->given[i] |= early->any[i];
		forget_own(early, i);
	}
	ring_release(ring, ring->read_pos);
	return true;
}

void early_export(struct early *early, uint64_t number)
{
	early->number = number;
	if (!early->cell)
		return;
	if (early->any[1]) {
		add(early->own[0], early->own[1]);
		early->any[0] = true;
		forget_own(early, 1);
	}
	if (early->given[1]) {
		struct flow_early_version *v = change(early->cell);

		add(v->with, v->after);
		memset(v->after, 0, sizeof(v->after));
		v->sweep = number;
		turn(early->cell);
		early->given[0] = true;
		early->given[1] = false;
	}
}

void early_settle(struct early *early)
{
	early->number = 0;
	if (!early->cell)
		return;
	forget_own(early, 0);
	if (early->given[0]) {
		struct flow_early_version *v = change(early->cell);

		memset(v->with, 0, sizeof(v->with));
		v->sweep = 0;
		turn(early->cell);
		early->given[0] = false;
	}
}
