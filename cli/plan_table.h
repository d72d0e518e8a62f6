/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan_table.h: rows of talker_minute and talker_hour by their key as it is stored, one cache line a
 * key: hundreds of thousands of rows are read for an answer of ten.
 *
 *   cell[]    open-addressed: part of the hash, number of the entry
 *   entry[]   in the order of their coming
 *   sums[]    beside, where all of them are wanted
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_NO_ENTRY UINT32_MAX

enum plan_address {
	PLAN_ADDRESS_NONE = 0,
	PLAN_ADDRESS_IPV4, /* src[0]: as the table has it */
	PLAN_ADDRESS_IPV6,
};

struct plan_key {
	uint64_t src[2];
	uint64_t dst[2];
	uint64_t what;
	uint32_t src_is, dst_is; /* enum plan_address */
};

struct plan_entry {
	struct plan_key key;
	uint64_t value; /* of the metric */
	int64_t credit; /* by how much less it may lack than a key that is in no row */
};

struct plan_sums {
	uint64_t flows, packets, bytes, ip_bytes;
	uint64_t retransmits, drops;
	uint64_t rtt_count, rtt_sum_us;
	int64_t start_ms, end_ms;
};

struct plan_cell {
	uint32_t tag;
	uint32_t number; /* of the entry, and 1; 0: free */
};

struct plan_table {
	struct plan_cell *cell;
	size_t cells; /* a power of two */
	struct plan_entry *entry;
	struct plan_sums *sums; /* NULL unless with_sums */
	size_t used, room;
	bool with_sums; /* set before the first */
	bool closed;	/* no new keys: plan_table_at gives PLAN_NO_ENTRY for them */
};

_Static_assert(sizeof(struct plan_entry) == 64, "a cache line");

/* The number of the key's entry, made where it is new. 0 or -ENOMEM. */
int plan_table_at(struct plan_table *table, const struct plan_key *key, uint32_t *ret_number);

/*
 * The same for who has several keys to look for: the hash of each, and its cell is on the way to the CPU;
 * then its entry; then its number, when both have come.
 */
uint64_t plan_table_fetch(const struct plan_table *table, const struct plan_key *key);
void plan_table_fetch_entry(const struct plan_table *table, uint64_t hash);
int plan_table_at_hash(struct plan_table *table, const struct plan_key *key, uint64_t hash,
		       uint32_t *ret_number);

#define PLAN_PENDING 16 /* that many keys at once */

/* All of `from` into `to`; ret_moved[n], room for from->used: where its entry n is now. 0 or -ENOMEM. */
int plan_table_move(const struct plan_table *from, struct plan_table *to, uint32_t *ret_moved);

void plan_sums_add(struct plan_sums *to, const struct plan_sums *sums);

void plan_table_free(struct plan_table *table);
