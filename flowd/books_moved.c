/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* books_moved.c: see books_moved.h. */
#include "flowd/books_moved.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/sweep.h"

#define LINE_MAX_BYTES 108 /* six numbers of 64 bits at most */

static void load_line(struct sweep *sweep, const char *line)
{
	uint64_t number[6];

	if (sscanf(line, "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64,
		   &number[0], &number[1], &number[2], &number[3], &number[4], &number[5]) != 6)
		return;
	for (uint32_t i = 1; i < FLOW_IFACES; i++) {
		struct sweep_books *b = &sweep->iface[i].books[number[1] & 1];

		if (!number[0] || sweep->iface[i].id != number[0])
			continue;
		b->moved[0] = (struct flow_count){number[2], number[3]};
		b->moved[1] = (struct flow_count){number[4], number[5]};
	}
}

void books_moved_load(struct sweep *sweep, const char *text)
{
	for (; text && *text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL)
		load_line(sweep, text);
}

void books_moved_export(struct sweep *sweep)
{
	size_t room = (size_t)FLOW_IFACES * 2 * LINE_MAX_BYTES, used = 0;

	if (!sweep->limit.changed)
		return;
	if (!sweep->moved)
		sweep->moved = malloc(room);
	if (!sweep->moved)
		return;
	sweep->moved[0] = '\0';
	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		const struct flow_count *moved = sweep->iface[i / 2].books[i % 2].moved;

		if (!sweep->iface[i / 2].id || !(moved[0].packets | moved[1].packets))
			continue;
		used += (size_t)snprintf(sweep->moved + used, room - used,
					 "%u %u %llu %llu %llu %llu\n", sweep->iface[i / 2].id,
					 i % 2, moved[0].packets, moved[0].bytes, moved[1].packets,
					 moved[1].bytes);
	}
	sweep->batch.moved_values = sweep->moved;
	sweep->limit.changed = false;
}
