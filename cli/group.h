/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group.h: sums of records and events by a part of their key, in a hash table. The part is a struct
 * flow_key of which all else is 0; `outer` holds the interface's id, in group iface. What has no such part (no address, no
 * port) has a key that names_stand_in can name, so that sums stay complete.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cli/group_sums.h"
#include "schema/fields.h"

struct group_entry {
	struct flow_key key;
	uint32_t name; /* see struct group_event */
	uint32_t time;
	struct group_sums sums;
	uint64_t hash; /* 0: free */
};

struct group {
	struct group_entry *entry; /* `size` cells, a power of two */
	size_t size;
	size_t used;
	struct group_sums total; /* each record once, whatever it was grouped under */
};

/* What counts: the halves in `match` of a record, or an event, of whose key `rec` is made then. */
struct group_item {
	const struct flow_record *rec;
	unsigned match; /* QUERY_MATCH_* */
	const struct group_event *event;
	const struct group_sums *sums; /* of all of `match` */
};

struct group_kind {
	const char *name;
	const char *fields; /* that the key has of its own, by their names in schema/fields.c */
	/* Under each key that it has. See group_record. */
	int (*add)(struct group *group, const struct group_item *item);
	/* The key as text. */
	void (*text)(const struct flow_key *key, char *buf, size_t size);
};

/* End with a NULL name. The first is the default. */
extern const struct group_kind group_kinds[];

/* Under the event's name alone, whatever that is; text is NULL. */
extern const struct group_kind group_named;

/* The kind of that name, or NULL. */
const struct group_kind *group_kind_find(const char *name);

/* Add a record, of which the halves in `match` count (QUERY_MATCH_*). 0 or -ENOMEM. */
int group_record(struct group *group, const struct group_kind *kind, const struct flow_record *rec,
		 unsigned match);

/* Add an event: it is no flow, and counts in what the kernel says alone. 0 or -ENOMEM. */
int group_event(struct group *group, const struct group_kind *kind,
		const struct group_event *event);

/*
 * Entries sorted by time, then by the metric, the largest first, and by key where equal; at the
 * front of group->entry, which is no hash table from then on. Returns how many.
 */
size_t group_sort(struct group *group, const struct group_metric *metric);

void group_free(struct group *group);
