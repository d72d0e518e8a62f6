/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event_said.c: an open-addressed table, at most half full. See event_said.h. */
#include "flowd/event_said.h"

#include <stdlib.h>
#include <string.h>

#include "flowd/event_rows.h"

#define FIRST_ROOM 1024

struct event_memory {
	struct event_said *cell;
	size_t room, used; /* room: a power of two */
};

struct event_memory *event_memory_new(void)
{
	struct event_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->room = FIRST_ROOM;
	memory->cell = calloc(memory->room, sizeof(*memory->cell));
	if (!memory->cell) {
		free(memory);
		return NULL;
	}
	return memory;
}

void event_memory_free(struct event_memory *memory)
{
	if (!memory)
		return;
	free(memory->cell);
	free(memory);
}

/* The key's cell, or the free one where it would be. */
static struct event_said *place_of(const struct event_memory *memory, const struct event_key *key)
{
	size_t at = event_key_hash(key) & (memory->room - 1);

	while (memory->cell[at].used && memcmp(&memory->cell[at].key, key, sizeof(*key)) != 0)
		at = (at + 1) & (memory->room - 1);
	return &memory->cell[at];
}

/* The cells of other generations than `without` (0: all), in a table of that room. */
static bool rebuild(struct event_memory *memory, size_t room, uint32_t without)
{
	struct event_memory fresh = {.room = room, .cell = calloc(room, sizeof(*fresh.cell))};

	if (!fresh.cell)
		return false;
	for (size_t i = 0; i < memory->room; i++) {
		const struct event_said *said = &memory->cell[i];

		if (!said->used || (without && said->key.generation == without))
			continue;
		*place_of(&fresh, &said->key) = *said;
		fresh.used++;
	}
	free(memory->cell);
	*memory = fresh;
	return true;
}

struct event_said *event_memory_get(struct event_memory *memory, const struct event_key *key)
{
	struct event_said *said = place_of(memory, key);

	if (said->used)
		return said;
	if ((memory->used + 1) * 2 > memory->room) {
		if (!rebuild(memory, memory->room * 2, 0))
			return NULL;
		said = place_of(memory, key);
	}
	*said = (struct event_said){.key = *key, .used = 1};
	memory->used++;
	return said;
}

void event_memory_drop(struct event_memory *memory, uint32_t generation)
{
	(void)rebuild(memory, memory->room, generation);
}

struct flow_socket event_socket(const struct event_close *end)
{
	struct flow_socket socket = {
		.delivery_rate = end->delivery_rate,
		.bytes_acked = end->bytes_acked,
		.bytes_received = end->bytes_received,
		.pid = end->pid,
		.srtt_us = end->srtt_us,
		.min_rtt_us = end->min_rtt_us,
		.cwnd = end->cwnd,
		.retransmits = end->retransmits,
		.delivered = end->delivered,
		.lost = end->lost,
		.has = 1,
	};

	memcpy(socket.process, end->process, sizeof(socket.process));
	return socket;
}
