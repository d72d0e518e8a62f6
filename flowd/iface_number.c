/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface_number.c: who has which number. See iface_number.h. */
#include "flowd/iface_number.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "flowd/books.h"
#include "flowd/fault.h"
#include "flowd/flowd.h"
#include "flowd/samples.h"

#define REST_SWEEPS 3 /* after which no program can be counting under a number that was left */

static struct iface_number *number_of(struct flowd *flowd, uint32_t ifnum)
{
	return &flowd->numbers.number[ifnum % FLOW_IFACES];
}

static void set_left(struct flowd *flowd, uint32_t ifnum)
{
	struct iface_number *number = number_of(flowd, ifnum);

	number->state = NUMBER_LEFT;
	number->left_sweep = flowd->sweep.stats.sweeps;
	flowd->sweep.left[ifnum] = true;
	flowd->sweep.lefts++;
}

void iface_numbers_open(struct flowd *flowd)
{
	for (uint32_t i = 1; i < FLOW_IFACES; i++) {
		struct iface_number *number = number_of(flowd, i);

		if (number->state != NUMBER_FREE || !flowd->sweep.iface[i].id)
			continue;
		if (!number->row.last_ms)
			number->row.last_ms = clock_wall().ms;
		number->dirty = true;
		set_left(flowd, i);
	}
}

void iface_numbers_begin(struct flowd *flowd)
{
	for (uint32_t i = 1; flowd->maps.taken_over && i < FLOW_IFACES; i++) {
		if (!flowd->sweep.iface[i].id)
			maps_ledger_clear(&flowd->maps, i);
	}
}

/* One that nobody has, nor had before this flowd. */
static uint32_t find_free(const struct flowd *flowd)
{
	for (uint32_t i = 1; i < FLOW_IFACES; i++) {
		if (flowd->numbers.number[i].state == NUMBER_FREE && !flowd->sweep.iface[i].id)
			return i;
	}
	return 0;
}

bool iface_numbers_any_free(const struct flowd *flowd)
{
	return find_free(flowd) != 0;
}

int iface_number_take(struct flowd *flowd, struct iface *iface)
{
	uint32_t ifnum = find_free(flowd);
	struct flow_iface *cell = maps_iface(&flowd->maps, iface->hook.ifindex);
	struct iface_number *number = number_of(flowd, ifnum);

	if (!ifnum || !cell)
		return -ENOSPC;
	*number = (struct iface_number){.state = NUMBER_USED, .dirty = true};
	number->row = (struct sink_iface){
		.id = flowd->numbers.next_id++,
		.ifindex = iface->hook.ifindex,
		.netns = flowd->netns_cookie,
		.generation = flowd->maps.generation,
		.ifnum = (int32_t)ifnum,
		.first_ms = clock_wall().ms,
	};
	memcpy(number->row.name, iface->hook.name, sizeof(number->row.name));
	memset(&flowd->sweep.iface[ifnum], 0, sizeof(flowd->sweep.iface[ifnum]));
	flowd->sweep.iface[ifnum].id = number->row.id;
	iface->id = number->row.id;
	iface->hook.ifnum = (uint16_t)ifnum;
	maps_iface_set(cell, iface->hook.ifindex, ifnum,
		       cell->ifindex == iface->hook.ifindex ? cell->marks : 0);
	FAULT_POINT("new-3-number");
	iface_number_note(flowd, iface);
	flowd->iface_changes++;
	return 0;
}

void iface_number_note(struct flowd *flowd, const struct iface *iface)
{
	struct iface_number *number = number_of(flowd, iface->hook.ifnum);

	for (int dir = 0; dir < 2; dir++)
		snprintf(number->row.mode[dir], sizeof(number->row.mode[dir]), "%s",
			 iface->by[dir] ? iface->mode[dir] : "");
	number->dirty = true;
}

void iface_number_leave(struct flowd *flowd, uint32_t ifnum)
{
	struct iface_number *number = number_of(flowd, ifnum);

	if (number->state != NUMBER_USED)
		return;
	number->row.last_ms = clock_wall().ms;
	number->dirty = true;
	set_left(flowd, ifnum);
	flowd->iface_changes++;
}

void iface_number_undo(struct flowd *flowd, uint32_t ifnum)
{
	struct flow_ledger sum[2];

	maps_ledger(&flowd->maps, ifnum, FLOW_INGRESS, &sum[0]);
	maps_ledger(&flowd->maps, ifnum, FLOW_EGRESS, &sum[1]);
	if (sum[0].seen.packets || sum[1].seen.packets) {
		iface_number_leave(flowd, ifnum);
		return;
	}
	maps_iface_clear(&flowd->maps, ifnum);
	memset(&flowd->sweep.iface[ifnum], 0, sizeof(flowd->sweep.iface[ifnum]));
	*number_of(flowd, ifnum) = (struct iface_number){.state = NUMBER_FREE};
}

/* All that was counted is in the database, and nothing moves. */
static bool is_settled(const struct sweep_books *b)
{
	struct flow_count seen = {b->obs.packets + (uint64_t)b->unaccounted_packets,
				  b->obs.bytes + (uint64_t)b->unaccounted_bytes};

	return books_same(b->low, b->high) && books_same(b->obs, b->settled.recorded) &&
	       books_same(seen, b->settled.booked) && !nic_unbooked(&b->nic);
}

static bool can_go(struct flowd *flowd, uint32_t ifnum)
{
	struct iface_number *number = number_of(flowd, ifnum);
	const struct sweep_books *books = flowd->sweep.iface[ifnum].books;

	/* from the first look on; at a start there were no samples yet when it was left */
	if (!number->sample_pos)
		number->sample_pos =
			__atomic_load_n(flowd->samples->ring.producer, __ATOMIC_ACQUIRE);
	return !number->dirty && flowd->sweep.stats.sweeps - number->left_sweep >= REST_SWEEPS &&
	       is_settled(&books[0]) && is_settled(&books[1]) &&
	       *flowd->samples->ring.consumer >= number->sample_pos &&
	       counters_forget(&flowd->sweep.counters, ifnum);
}

void iface_numbers_tend(struct flowd *flowd)
{
	for (uint32_t i = 1; flowd->sweep.lefts && !flowd->sweep.in_flight && i < FLOW_IFACES;
	     i++) {
		struct iface_number *number = number_of(flowd, i);

		if (number->state != NUMBER_LEFT || !can_go(flowd, i))
			continue;
		number->state = NUMBER_GIVEN;
		number->row.ifnum = -(int32_t)i;
		number->dirty = true;
		flowd->sweep.left[i] = false;
		flowd->sweep.lefts--;
		maps_iface_clear(&flowd->maps,
				 i); /* before its row is gone: nobody is to take it for new */
		memset(&flowd->sweep.iface[i], 0, sizeof(flowd->sweep.iface[i]));
	}
}

void iface_numbers_fill(struct flowd *flowd, struct sink_batch *batch)
{
	for (uint32_t i = 1; i < FLOW_IFACES; i++) {
		struct iface_number *number = number_of(flowd, i);

		if (!number->dirty || sink_batch_add_iface(batch, &number->row))
			continue;
		number->dirty = false;
		number->sent = number->state == NUMBER_GIVEN;
	}
}

/* Nothing refers to it any more: not a packet, not a row. */
static void set_free(struct flowd *flowd, uint32_t ifnum)
{
	maps_iface_clear(&flowd->maps, ifnum);
	maps_ledger_clear(&flowd->maps, ifnum);
	samples_forget(flowd->samples, ifnum);
	*number_of(flowd, ifnum) = (struct iface_number){.state = NUMBER_FREE};
}

void iface_numbers_settle(struct flowd *flowd)
{
	for (uint32_t i = 1; i < FLOW_IFACES; i++) {
		if (number_of(flowd, i)->sent)
			set_free(flowd, i);
	}
}
