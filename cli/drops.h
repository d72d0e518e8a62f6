/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * drops.h: the kernel's drops of a query in groups, and beside them what its own counters of drops
 * and errors gained, in groups of the same make.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/group.h"
#include "cli/intern.h"

struct naming;
struct query;

/* What drops can be grouped by. */
struct drops_kind {
	const char *name;
	const char *title; /* of the key's column in text */
	/* The event's text that it counts under (a group_event member set before); NULL: its key. */
	uint32_t (*name_of)(const struct group_event *event);
	const char *kind; /* of group_kinds, where name_of is NULL and it is not time alone */
};

struct drops {
	struct query *query;
	const struct drops_kind *kind;
	int64_t per_ms; /* 0: not by time */
	struct naming *naming;
	struct intern intern;
	struct group traced; /* entries' name: interned text, where the kind has such */
	struct group
		counters; /* drops.place: source, drops.reason: counter; sums.drops.packets: gained */
};

/* End with a NULL name; the first is the default. */
extern const struct drops_kind drops_kinds[];

const struct drops_kind *drops_kind_find(const char *name);

/* How its entries' keys are made text of, and which fields they have. */
const struct group_kind *drops_group_kind(const struct drops_kind *kind);

/* Read both. 0 or -errno, with query->error but for -ENOMEM; drops_free also after that. */
int drops_read(struct drops *drops);

/* Counters of interfaces and host know no flows: they are left out where flows are asked for. */
bool drops_has_counters(const struct query *query);

void drops_free(struct drops *drops);
