/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event_said.h: how much of each count the conversations were told already. Pure; in memory alone: rows
 * are exact without it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/event.h"
#include "schema/fields.h"

struct event_said {
	struct event_key key;
	uint64_t packets;
	uint64_t bytes;
	uint32_t refused; /* times in a row that nobody wanted it */
	uint32_t used;
};

/* What a record says of the connection. */
struct flow_socket event_socket(const struct event_close *end);

struct event_memory;

struct event_memory *event_memory_new(void);
void event_memory_free(struct event_memory *memory);

/* That of the key, zeroed where it is new; NULL: no memory. Good until the next call. */
struct event_said *event_memory_get(struct event_memory *memory, const struct event_key *key);

/* Forget all of a generation. */
void event_memory_drop(struct event_memory *memory, uint32_t generation);
