/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group.h: sums of records by a part of their key, in a hash table. The part is a struct flow_key
 * of which all else is 0; `outer` holds the interface's id, in group iface. What has no such part (no address, no
 * port) has a key that names_stand_in can name, so that sums stay complete.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/fields.h"

struct group_sums {
	uint64_t flows;
	uint64_t packets;
	uint64_t bytes;
	uint64_t ip_bytes;
	int64_t start_ms; /* of the records that were summed, first and last */
	int64_t end_ms;
};

struct group_entry {
	struct flow_key key;
	struct group_sums sums;
	uint64_t hash; /* 0: free */
};

struct group {
	struct group_entry *entry; /* `size` cells, a power of two */
	size_t size;
	size_t used;
	struct group_sums total; /* each record once, whatever it was grouped under */
};

struct group_kind {
	const char *name;
	const char *fields; /* that the key has of its own, by their names in schema/fields.c */
	/* Under each key that it has. See group_record. */
	int (*add)(struct group *group, const struct flow_record *rec, unsigned match);
	/* The key as text. */
	void (*text)(const struct flow_key *key, char *buf, size_t size);
};

struct group_metric {
	const char *name;
	size_t offset; /* of a uint64_t in struct group_sums */
};

/* End with a NULL name. The first is the default. */
extern const struct group_kind group_kinds[];
extern const struct group_metric group_metrics[];

/* Add a record, of which the halves in `match` count (QUERY_MATCH_*). 0 or -ENOMEM. */
int group_record(struct group *group, const struct group_kind *kind, const struct flow_record *rec,
		 unsigned match);

uint64_t group_value(const struct group_sums *sums, const struct group_metric *metric);

/*
 * Entries sorted by the metric, the largest first, and by key where equal; at the front of
 * group->entry, which is no hash table from then on. Returns how many.
 */
size_t group_sort(struct group *group, const struct group_metric *metric);

void group_free(struct group *group);
