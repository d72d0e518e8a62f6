/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * talker_make.h: rows of talker_minute and talker_hour of a set of records, made the plain way: each
 * share of a record written down, sorted and summed. Beside what flowd makes it is slow, and easy to
 * believe. Include after cmocka.h.
 */
#pragma once

#include <arpa/inet.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/db.h"
#include "schema/talker.h"

struct talker_share {
	int64_t minute; /* of the bucket's begin */
	enum talker_kind kind;
	struct flow_key key;
	uint64_t flows, packets[2], bytes[2], l2_bytes[2];
	uint64_t retransmits[2], drops[2], rtt_count, rtt_sum_us;
	int64_t start_ms, end_ms;
};

static inline int talker_compare(const void *a, const void *b)
{
	const struct talker_share *left = a, *right = b;

	if (left->minute != right->minute)
		return left->minute < right->minute ? -1 : 1;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return memcmp(&left->key, &right->key, sizeof(left->key));
}

/* By bytes, the most first, within the bucket and kind. */
static inline int talker_heavier(const void *a, const void *b)
{
	const struct talker_share *left = a, *right = b;
	uint64_t x = left->bytes[0] + left->bytes[1], y = right->bytes[0] + right->bytes[1];

	return x == y ? talker_compare(a, b) : x < y ? 1 : -1;
}

static inline void talker_share_of(const struct flow_record *rec, const struct talker_part *part,
				   struct talker_share *share)
{
	memcpy(&share->key, &part->key, sizeof(share->key));
	share->flows = rec->half[0].packets || rec->half[1].packets;
	share->start_ms = rec->start_ms;
	share->end_ms = rec->end_ms;
	for (int way = 0; way < 2; way++) {
		const struct flow_half *half = &rec->half[way ^ part->turned];
		const struct half_health *health = &rec->health[way ^ part->turned];

		share->packets[way] = half->packets;
		share->bytes[way] = half->bytes;
		share->l2_bytes[way] = half->bytes - half->ip_bytes - 14 * half->packets;
		share->retransmits[way] = health->count.retransmits;
		share->drops[way] = health->drops;
		share->rtt_count += health->count.rtt_count;
		share->rtt_sum_us += health->count.rtt_sum_us;
	}
}

static inline void talker_add(struct talker_share *to, const struct talker_share *by)
{
	if (by->flows || !to->flows) {
		int64_t *start = &to->start_ms, *end = &to->end_ms;
		bool fresh = by->flows && !to->flows;

		*start = fresh || by->start_ms < *start ? by->start_ms : *start;
		*end = fresh || by->end_ms > *end ? by->end_ms : *end;
	}
	to->flows += by->flows;
	to->rtt_count += by->rtt_count;
	to->rtt_sum_us += by->rtt_sum_us;
	for (int way = 0; way < 2; way++) {
		to->packets[way] += by->packets[way];
		to->bytes[way] += by->bytes[way];
		to->l2_bytes[way] += by->l2_bytes[way];
		to->retransmits[way] += by->retransmits[way];
		to->drops[way] += by->drops[way];
	}
}

static inline void talker_bind_address(sqlite3_stmt *stmt, int at, const struct flow_key *key,
				       const __be32 *addr)
{
	if (key->ethertype == 0x86dd)
		sqlite3_bind_blob(stmt, at, addr, 16, SQLITE_TRANSIENT);
	else
		sqlite3_bind_int64(stmt, at, (int32_t)ntohl(addr[0]));
}

static inline void talker_bind(sqlite3_stmt *stmt, int at, uint64_t value)
{
	sqlite3_bind_int64(stmt, at, (int64_t)value);
}

static inline void talker_put(sqlite3_stmt *stmt, const struct talker_share *share, int64_t rank)
{
	int64_t bucket_ms = share->minute * TALKER_MINUTE_MS;
	int addresses = rank ? talker_addresses(share->kind, &share->key) : 0, at = 5;
	uint64_t what = rank ? talker_pack(share->kind, &share->key) : 0;

	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	sqlite3_bind_int64(stmt, 1, talker_id(share->minute, share->kind) + rank);
	if (addresses > 0)
		talker_bind_address(stmt, 2, &share->key, share->key.src);
	if (addresses > 1)
		talker_bind_address(stmt, 3, &share->key, share->key.dst);
	if (what)
		sqlite3_bind_int64(stmt, 4, (int64_t)what);
	talker_bind(stmt, at++, share->flows);
	for (int way = 0; way < 2; way++) {
		talker_bind(stmt, at++, share->packets[way]);
		talker_bind(stmt, at++, share->bytes[way]);
		talker_bind(stmt, at++, share->l2_bytes[way]);
	}
	for (int way = 0; way < 2; way++)
		talker_bind(stmt, at++, share->retransmits[way]);
	for (int way = 0; way < 2; way++)
		talker_bind(stmt, at++, share->drops[way]);
	talker_bind(stmt, at++, share->rtt_count);
	talker_bind(stmt, at++, share->rtt_sum_us);
	talker_bind(stmt, at++, (uint64_t)(bucket_ms - share->start_ms));
	talker_bind(stmt, at++, (uint64_t)(share->end_ms - bucket_ms));
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
}

static inline uint64_t talker_most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Keys of a bucket and kind beyond the first `keep`: a row of their sums, and what says how exact. */
static inline void talker_put_tail(struct sqlite3 *db, const char *table, sqlite3_stmt *stmt,
				   const struct talker_share *share, size_t count)
{
	struct talker_share tail = *share;
	uint64_t most[5] = {0};
	char sql[512];

	for (size_t i = 0; i < count; i++) {
		const struct talker_share *s = &share[i];

		if (i)
			talker_add(&tail, s);
		most[0] = talker_most(most[0], s->flows);
		most[1] = talker_most(most[1], s->packets[0] + s->packets[1]);
		most[2] = talker_most(most[2], s->bytes[0] + s->bytes[1]);
		most[3] = talker_most(most[3], s->retransmits[0] + s->retransmits[1]);
		most[4] = talker_most(most[4], s->drops[0] + s->drops[1]);
	}
	talker_put(stmt, &tail, 0);
	snprintf(
		sql, sizeof(sql),
		"INSERT INTO %s_tail VALUES (%lld, %zu, 0, 0, 0, 0, 0, %llu, %llu, %llu, %llu, %llu)",
		table, (long long)talker_tail_id(share->minute, share->kind), count,
		(unsigned long long)most[0], (unsigned long long)most[1],
		(unsigned long long)most[2], (unsigned long long)most[3],
		(unsigned long long)most[4]);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* Shares of one bucket and kind, each key once. */
static inline void talker_put_bucket(struct sqlite3 *db, const char *table, sqlite3_stmt *stmt,
				     struct talker_share *share, size_t count, size_t keep)
{
	qsort(share, count, sizeof(*share), talker_heavier);
	for (size_t i = 0; i < count && i < keep; i++)
		talker_put(stmt, &share[i], (int64_t)i + 1);
	if (count > keep)
		talker_put_tail(db, table, stmt, share + keep, count - keep);
}

static inline size_t talker_sum(struct talker_share *share, size_t count)
{
	size_t used = 0;

	qsort(share, count, sizeof(*share), talker_compare);
	for (size_t i = 0; i < count; i++) {
		if (used && !talker_compare(&share[used - 1], &share[i]))
			talker_add(&share[used - 1], &share[i]);
		else
			share[used++] = share[i];
	}
	return used;
}

/*
 * Rows of the buckets of `bucket_ms` before until_ms, at most `keep` of a bucket and kind, the rest in
 * its tail; and meta's word that they are written.
 */
static inline void talker_make(struct sqlite3 *db, const struct flow_record *rec, size_t records,
			       int64_t bucket_ms, int64_t until_ms, size_t keep)
{
	const char *table = bucket_ms == TALKER_HOUR_MS ? "talker_hour" : "talker_minute";
	struct talker_share *share = calloc(records * TALKER_KINDS * 2 + 1, sizeof(*share));
	struct talker_part part[2];
	sqlite3_stmt *stmt;
	char sql[256];
	size_t count = 0;

	assert_non_null(share);
	for (size_t i = 0; i < records; i++) {
		if (rec[i].end_ms >= until_ms)
			continue;
		for (int kind = 0; kind < TALKER_KINDS; kind++) {
			int keys = talker_keys(&rec[i], (enum talker_kind)kind, part);

			for (int k = 0; k < keys; k++) {
				talker_share_of(&rec[i], &part[k], &share[count]);
				share[count].minute =
					rec[i].end_ms / bucket_ms * bucket_ms / TALKER_MINUTE_MS;
				share[count++].kind = (enum talker_kind)kind;
			}
		}
	}
	count = talker_sum(share, count);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO %s VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		 table);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i; next < count && share[next].minute == share[i].minute &&
			       share[next].kind == share[i].kind;
		     next++)
			;
		talker_put_bucket(db, table, stmt, &share[i], next - i, keep);
	}
	sqlite3_finalize(stmt);
	free(share);
	assert_int_equal(
		db_meta_set_int(db,
				bucket_ms == TALKER_HOUR_MS ? "rollup_hour_ms" : "rollup_minute_ms",
				until_ms),
		0);
}
