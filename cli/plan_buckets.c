/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_buckets.c: see plan_buckets.h. */
#include "cli/plan_buckets.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query.h"

#define BUCKETS_FIRST 128
#define SQL_SIZE 256

const char *const plan_level_table[PLAN_LEVELS] = {"talker_minute", "talker_hour"};

/* A part of a window that is made of sums, in minutes since 1970. */
struct span {
	enum plan_level level;
	int64_t first, last;
	const char *metric; /* as plan_buckets_list() has it */
};

static int fail(struct query *query, enum plan_level level)
{
	snprintf(query->error, sizeof(query->error), "%s: %s: %s", query->options.db,
		 plan_level_table[level], sqlite3_errmsg(query->db));
	return -EIO;
}

static int add_bucket(struct plan_buckets *buckets, int64_t minute, enum plan_level level)
{
	if (buckets->used == buckets->room) {
		size_t room = buckets->room ? buckets->room * 2 : BUCKETS_FIRST;
		struct plan_bucket *bucket = reallocarray(buckets->bucket, room, sizeof(*bucket));

		if (!bucket)
			return -ENOMEM;
		buckets->bucket = bucket;
		buckets->room = room;
	}
	buckets->bucket[buckets->used++] = (struct plan_bucket){minute, level, 0};
	return 0;
}

/*
 * Those in which there may be a row of the kind: from bucket to bucket, however far apart. An id of a
 * later kind says that its bucket has none of ours.
 */
static int list_rows(struct sqlite3_stmt *stmt, const struct span *span,
		     struct plan_buckets *buckets)
{
	int64_t first = span->first;

	while (first < span->last) {
		int64_t id, of_kind;
		int rc, err = 0;

		sqlite3_bind_int64(stmt, 1, talker_id(first, buckets->kind));
		sqlite3_bind_int64(stmt, 2, talker_id(span->last, TALKER_HOST));
		rc = sqlite3_step(stmt);
		id = sqlite3_column_int64(stmt, 0);
		sqlite3_reset(stmt);
		if (rc != SQLITE_ROW)
			return rc == SQLITE_DONE ? 0 : -EIO;
		first = id >> TALKER_BUCKET_SHIFT;
		of_kind = talker_id(first, buckets->kind);
		if (id < of_kind + TALKER_RANK_MAX)
			err = add_bucket(buckets, first, span->level);
		if (err)
			return err;
		first++;
	}
	return 0;
}

static int compare_bucket(const void *a, const void *b)
{
	const struct plan_bucket *left = a, *right = b;

	return left->minute < right->minute ? -1 : left->minute > right->minute;
}

static int read_tails(struct sqlite3_stmt *stmt, struct plan_buckets *buckets, size_t from)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(stmt, 0);
		struct plan_bucket key = {.minute = id >> TALKER_TAIL_SHIFT}, *bucket;
		int64_t largest = sqlite3_column_int64(stmt, 3);

		if ((id & ((1 << TALKER_TAIL_SHIFT) - 1)) != (int64_t)buckets->kind)
			continue;
		buckets->has_tail = true;
		buckets->tail_keys += (uint64_t)sqlite3_column_int64(stmt, 1);
		buckets->lacks += largest;
		bucket = buckets->used > from
				 ? bsearch(&key, &buckets->bucket[from], buckets->used - from,
					   sizeof(key), compare_bucket)
				 : NULL;
		if (bucket)
			bucket->credit = largest - sqlite3_column_int64(stmt, 2);
	}
	return rc == SQLITE_DONE ? 0 : -EIO;
}

/* A statement of the level; the names in it are ours. */
static int prepare(struct query *query, enum plan_level level, const char *sql,
		   struct sqlite3_stmt **ret_stmt)
{
	if (!sqlite3_prepare_v2(query->db, sql, -1, ret_stmt, NULL))
		return 0;
	return fail(query, level);
}

static int list_level(struct query *query, const struct span *span, struct plan_buckets *buckets)
{
	struct sqlite3_stmt *stmt = NULL;
	char sql[SQL_SIZE];
	int err;

	snprintf(sql, sizeof(sql),
		 "SELECT id FROM %s WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1",
		 plan_level_table[span->level]);
	err = prepare(query, span->level, sql, &stmt);
	if (err)
		return err;
	err = list_rows(stmt, span, buckets);
	if (err == -EIO)
		fail(query, span->level);
	sqlite3_finalize(stmt);
	return err;
}

/* Of the buckets that are in the list from number `from` on. */
static int list_tails(struct query *query, const struct span *span, size_t from,
		      struct plan_buckets *buckets)
{
	struct sqlite3_stmt *stmt = NULL;
	char sql[SQL_SIZE], columns[64] = "0, 0";
	int err;

	if (span->metric)
		snprintf(columns, sizeof(columns), "missed_%s, largest_%s", span->metric,
			 span->metric);
	snprintf(sql, sizeof(sql), "SELECT id, keys, %s FROM %s_tail WHERE id >= ?1 AND id < ?2",
		 columns, plan_level_table[span->level]);
	err = prepare(query, span->level, sql, &stmt);
	if (err)
		return err;
	sqlite3_bind_int64(stmt, 1, talker_tail_id(span->first, TALKER_HOST));
	sqlite3_bind_int64(stmt, 2, talker_tail_id(span->last, TALKER_HOST));
	err = read_tails(stmt, buckets, from);
	if (err)
		fail(query, span->level);
	sqlite3_finalize(stmt);
	return err;
}

int plan_buckets_list(struct query *query, const struct plan_window *window, enum talker_kind kind,
		      const char *metric, struct plan_buckets *ret_buckets)
{
	int err = 0;

	*ret_buckets = (struct plan_buckets){.kind = kind};
	for (int part = 0; !err && part < PLAN_PARTS; part++) {
		struct span span = {
			.level = plan_bucket_ms(part) == TALKER_HOUR_MS ? PLAN_HOUR : PLAN_MINUTE,
			.first = window->at[part] / TALKER_MINUTE_MS,
			.last = window->at[part + 1] / TALKER_MINUTE_MS,
			.metric = metric,
		};
		size_t from = ret_buckets->used;

		if (!plan_bucket_ms(part) || span.first >= span.last)
			continue;
		err = list_level(query, &span, ret_buckets);
		err = err ? err : list_tails(query, &span, from, ret_buckets);
	}
	return err;
}

void plan_buckets_free(struct plan_buckets *buckets)
{
	free(buckets->bucket);
	memset(buckets, 0, sizeof(*buckets));
}
