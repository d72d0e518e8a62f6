/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group.h: sums of records and events by a part of their key, in hash tables. The part is a struct
 * flow_key of which all else is 0; `outer` holds the interface's id, in group iface. What has no such part (no address, no
 * port) has a key that names_stand_in can name, so that sums stay complete.
 *
 * Memory has a bound, whatever there is: beyond it the sums go to a file (cli/group_spill.h), and only
 * those that are shown come back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/group_spill.h"
#include "cli/group_sums.h"
#include "cli/group_table.h"
#include "schema/fields.h"

struct geo;
struct geo_cache;

#define GROUP_MEMORY (192UL << 20) /* bytes of tables, of all threads together */
#define GROUP_PENDING 16

struct group_entry {
	struct flow_key key;
	uint32_t name; /* see struct group_event */
	uint32_t time;
	struct group_sums sums;
	uint64_t lacks; /* the most that may be missing of the metric, see plan.h */
};

/* Sums on their way to a cell that the CPU is still fetching. */
struct group_pending {
	struct group_place place;
	struct group_packed key; /* 0: the place cannot be packed */
	uint64_t hash;
	struct group_sums sums;
};

struct group {
	struct group_table table;
	struct group_table *other; /* of groups that were merged into this one */
	size_t others;
	struct group_spill spill;
	struct group_pending pending[GROUP_PENDING];
	size_t pendings;
	size_t memory;		   /* bound of the table, in bytes; 0: GROUP_MEMORY */
	bool plain;		   /* health of records is not asked for: it need not be read */
	struct group_entry *entry; /* `used` of them, since group_top or group_sort */
	size_t used;
	struct group_sums total; /* each record once, whatever it was grouped under */
	struct geo *geo;	 /* of group_needs_geo() kinds: not the group's own; else NULL */
	struct geo_cache *geo_cache;
};

/* What counts: the halves in `match` of a record, or an event, of whose key `rec` is made then. */
struct group_item {
	const struct flow_record *rec;
	unsigned match; /* QUERY_MATCH_* */
	const struct group_event *event;
	const struct group_sums *sums; /* of all of `match` */
	uint32_t time;		       /* of a record, as an event has one of its own */
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

/* Keys are hosts whose flowd counted, by one of their interfaces: in `outer`, as in group iface. */
bool group_is_exporter(const struct group_kind *kind);

/* The kind of that name, or NULL. */
const struct group_kind *group_kind_find(const char *name);

/* True for as and country, which ask group->geo: *ret_what is an enum geo_what. NULL is no such kind. */
bool group_needs_geo(const struct group_kind *kind, int *ret_what);

/* Add a record, of which the halves in `match` count (QUERY_MATCH_*). 0 or -ENOMEM. */
int group_record(struct group *group, const struct group_kind *kind, const struct flow_record *rec,
		 unsigned match);

/* Add an event: it is no flow, and counts in what the kernel says alone. 0 or -ENOMEM. */
int group_event(struct group *group, const struct group_kind *kind,
		const struct group_event *event);

/* Add all of another one, which is empty then. 0 or -ENOMEM. */
int group_merge(struct group *group, struct group *other);

/* Which entries are wanted, and how many. */
struct group_order {
	const struct group_metric *by;
	size_t limit; /* SIZE_MAX: all */
	bool (*shown)(const struct group_sums *sums, const struct group_metric *by); /* NULL: all */
};

/*
 * The first entries, sorted by time, then by the metric, the largest first, and by key where equal, in
 * group->entry: nothing can be added any more. Returns how many, or -errno.
 */
ssize_t group_top(struct group *group, const struct group_order *order);

/* All of them. As group_top, but 0 where there was no memory. */
size_t group_sort(struct group *group, const struct group_metric *metric);

void group_free(struct group *group);
