/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * expire_health.c: what is known of conversations beside their packets. Most have nothing, so it is in
 * a pool of its own. See expire_table.h.
 */
#include <stdlib.h>
#include <string.h>

#include "flowd/expire_say.h"
#include "flowd/expire_table.h"

#define POOL_START 1024

static bool pool_grow(struct expire *x)
{
	uint32_t room = x->health_room ? x->health_room * 2 : POOL_START;
	struct health_cell *cell = realloc(x->health, room * sizeof(*cell));

	if (!cell)
		return false;
	x->health = cell;
	x->health_room = room;
	x->health_top += !x->health_top;
	return true;
}

/* The half's cell, made where it has none; NULL: no memory. */
static struct health_cell *cell_of(struct expire *x, struct half *half)
{
	uint32_t number = half->health;

	if (number)
		return &x->health[number];
	if (x->health_free) {
		number = x->health_free;
		x->health_free = x->health[number].next;
		expire_fetch_lines(&x->health[x->health_free], sizeof(struct health_cell));
	} else if (x->health_top < x->health_room || pool_grow(x)) {
		number = x->health_top++;
	} else {
		return NULL;
	}
	half->health = number;
	memset(&x->health[number], 0, sizeof(x->health[number]));
	return &x->health[number];
}

void expire_drop_health(struct expire *x, struct half *half)
{
	if (!half->health)
		return;
	x->health[half->health].next = x->health_free;
	x->health_free = half->health;
	half->health = 0;
}

/* Least and most are of an epoch: a sample of its very end may have none, and counts as itself then. */
static void add_extremes(struct half_health *to, const struct flow_health *gain)
{
	uint32_t mean = (uint32_t)(gain->count.rtt_sum_us / gain->count.rtt_count);
	uint32_t min = gain->rtt_min_us ? gain->rtt_min_us : mean;
	uint32_t max = gain->rtt_max_us ? gain->rtt_max_us : mean;

	if (!to->rtt_min_us || min < to->rtt_min_us)
		to->rtt_min_us = min;
	if (max > to->rtt_max_us)
		to->rtt_max_us = max;
}

void expire_add_health(struct expire *x, struct half *half, const struct flow_health *gain)
{
	static const struct flow_health none;
	struct health_cell *cell;

	if (!memcmp(&gain->count, &none.count, sizeof(none.count)) && !gain->handshake_us)
		return;
	cell = cell_of(x, half);
	if (!cell)
		return;
	flow_health_add(&cell->sum.count, &gain->count);
	if (gain->handshake_us)
		cell->sum.handshake_us = gain->handshake_us;
	if (gain->count.rtt_count)
		add_extremes(&cell->sum, gain);
}

/* A direction's round trips are what the other direction answered. */
static void give_rtt(struct half_health *to, const struct half_health *answerer)
{
	to->count.rtt_count = answerer->count.rtt_count;
	to->count.rtt_sum_us = answerer->count.rtt_sum_us;
	to->rtt_min_us = answerer->rtt_min_us;
	to->rtt_max_us = answerer->rtt_max_us;
	to->handshake_us = answerer->handshake_us;
}

void expire_give_health(const struct expire *x, const struct conv *conv, struct expire_record *rec)
{
	static const struct half_health none;

	if (!(conv->half[SIDE_A].health | conv->half[SIDE_B].health))
		return;
	rec->has_health = true;
	for (int i = 0; i < 2; i++) {
		enum side first = rec->ref[0] & 1, side = i ? !first : first;
		uint32_t own = conv->half[side].health, other = conv->half[!side].health;

		if (own) {
			rec->health[i] = x->health[own].sum;
			if (x->health[own].socket.has) {
				rec->socket = x->health[own].socket;
				rec->socket.side = (uint8_t)i;
			}
		}
		give_rtt(&rec->health[i], other ? &x->health[other].sum : &none);
	}
}

bool expire_say(struct expire *x, const struct flow_key *key, const struct expire_said *said)
{
	uint32_t ref = expire_find_plain(x, key);
	struct health_cell *cell = ref == EXPIRE_NONE ? NULL : cell_of(x, expire_half(x, ref));

	if (!cell)
		return false;
	cell->sum.retransmits_kernel += said->retransmits;
	cell->sum.drops += said->drops;
	cell->sum.drop_bytes += said->drop_bytes;
	if (said->socket)
		cell->socket = *said->socket;
	return true;
}
