/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rollup.h: sums of the flows of a bucket of time (a minute, an hour) by each kind of key, in memory.
 * Pure: no database, no clock. What a key is, schema/talker.h says.
 *
 * A table holds up to `limit` keys. When it is full, the half that counts least is pruned to the tail,
 * one set of sums for all that have no entry. A key that comes again begins at 0: what it may lack then
 * is at most the sum, over all prunings, of the most that any pruned key had: `missed`.
 *
 * How much a key counts is its largest share of any metric, so that what is heavy in one is kept.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/talker.h"

enum rollup_metric {
	ROLLUP_FLOWS,
	ROLLUP_PACKETS, /* this and the rest of both directions */
	ROLLUP_BYTES,
	ROLLUP_RETRANSMITS,
	ROLLUP_DROPS,
	ROLLUP_METRICS,
};

/* Of both directions the key's own first. Where there are flows, times of what is none do not count. */
struct rollup_sums {
	uint64_t flows;
	uint64_t packets[2];
	uint64_t bytes[2];
	int64_t start_ms; /* the earliest */
	int64_t end_ms;	  /* the latest */
};

/* What most keys have nothing of. */
struct rollup_more {
	uint64_t l2_bytes[2]; /* signed: bytes - ip_bytes - 14 * packets */
	uint64_t retransmits[2];
	uint64_t drops[2];
	uint64_t rtt_count;
	uint64_t rtt_sum_us;
};

/* what: of hosts and pairs EtherType | marks << 16, also where talker_pack() gives 0; else as it does. */
struct rollup_key {
	uint64_t what;
	__be32 src[4];
	__be32 dst[4];
};

/* As an index finds it. */
void rollup_key_of(enum talker_kind kind, const struct flow_key *key, struct rollup_key *ret_key);

struct rollup_entry {
	struct rollup_key key;
	struct rollup_sums sums;
	uint32_t hash;
	uint32_t more; /* which of table->more, from 1; 0: all 0 */
};

struct rollup_tail {
	struct rollup_sums sums;
	struct rollup_more more;
	uint64_t keys; /* at most: one that was pruned twice is counted twice */
	uint64_t missed[ROLLUP_METRICS];
	uint64_t largest[ROLLUP_METRICS]; /* of a key that has no row, of rollup_rank() alone */
};

struct rollup_table {
	struct rollup_entry *entry;
	uint32_t used;
	uint32_t room;
	uint32_t limit;	 /* 0: none */
	uint32_t *index; /* of entries, from 1; 0: free */
	uint32_t mask;
	struct rollup_more *more;
	uint32_t mores;
	uint32_t more_room;
	struct rollup_tail tail;
};

struct rollup {
	int64_t minute; /* of its begin */
	uint64_t seed;	/* of hashes: keys are chosen by whoever sends packets */
	struct rollup_table table[TALKER_KINDS];
};

struct rollup *rollup_new(int64_t minute, uint32_t limit, uint64_t seed);
struct rollup *rollup_copy(const struct rollup *rollup);
void rollup_free(struct rollup *rollup);

/* A record that ended at end_ms. 0, or -ENOMEM: then the sums are not to be used any more. */
int rollup_add(struct rollup *rollup, const struct flow_record *rec, int64_t end_ms);

/* All of another bucket, of the same seed. Likewise. */
int rollup_merge(struct rollup *to, const struct rollup *from);

/* The entry of that key, or NULL. */
const struct rollup_entry *rollup_find(const struct rollup *rollup, enum talker_kind kind,
				       const struct rollup_key *key);

/* An entry's rest, which may be nothing. */
const struct rollup_more *rollup_more(const struct rollup_table *table,
				      const struct rollup_entry *entry);

void rollup_values(const struct rollup_sums *sums, const struct rollup_more *more,
		   uint64_t ret_value[ROLLUP_METRICS]);
void rollup_sums_add(struct rollup_sums *to, const struct rollup_sums *sums);
void rollup_more_add(struct rollup_more *to, const struct rollup_more *more);
