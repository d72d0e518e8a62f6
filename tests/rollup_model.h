/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rollup_model.h: the sums of a database against the records of its table flow. Include after cmocka.h. */
#pragma once

#include "flowd/rollup.h"
#include "flowd/rollup_store.h"
#include "schema/db_row.h"
#include "tests/db_util.h"

/* A bucket's sums without a limit. */
static inline struct rollup *truth_of(struct sqlite3 *db, int64_t minute, int64_t length)
{
	struct rollup *truth = rollup_new(minute, 0, 0);
	struct flow_record rec;
	struct db_flows flows;

	assert_non_null(truth);
	assert_int_equal(db_flows_open(db, minute * TALKER_MINUTE_MS,
				       (minute + length) * TALKER_MINUTE_MS, &flows),
			 0);
	while (db_flows_next(&flows, &rec) > 0)
		assert_int_equal(rollup_add(truth, &rec, rec.end_ms), 0);
	db_flows_close(&flows);
	return truth;
}

struct bounds {
	bool has;
	int64_t keys;
	uint64_t missed[ROLLUP_METRICS], largest[ROLLUP_METRICS];
};

static inline sqlite3_stmt *select_stmt(struct sqlite3 *db, const char *what, const char *table,
					int64_t first, int64_t last)
{
	sqlite3_stmt *stmt;
	char sql[512];

	snprintf(sql, sizeof(sql), "SELECT %s FROM %s WHERE id BETWEEN %lld AND %lld ORDER BY id",
		 what, table, (long long)first, (long long)last);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL))
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return stmt;
}

static inline void read_bounds(struct sqlite3 *db, const char *table, int64_t id,
			       struct bounds *bounds)
{
	char tail[64];
	sqlite3_stmt *stmt;

	snprintf(tail, sizeof(tail), "%s_tail", table);
	stmt = select_stmt(db, "*", tail, id, id);
	memset(bounds, 0, sizeof(*bounds));
	bounds->has = sqlite3_step(stmt) == SQLITE_ROW;
	bounds->keys = sqlite3_column_int64(stmt, 1);
	for (int m = 0; bounds->has && m < ROLLUP_METRICS; m++) {
		bounds->missed[m] = (uint64_t)sqlite3_column_int64(stmt, 2 + m);
		bounds->largest[m] = (uint64_t)sqlite3_column_int64(stmt, 2 + ROLLUP_METRICS + m);
	}
	sqlite3_finalize(stmt);
}

static inline void read_sums(sqlite3_stmt *stmt, int64_t bucket_ms, struct rollup_sums *sums,
			     struct rollup_more *more)
{
	uint64_t v[19];

	for (int i = 4; i < 19; i++)
		v[i] = (uint64_t)sqlite3_column_int64(stmt, i);
	*sums = (struct rollup_sums){.flows = v[4],
				     .packets = {v[5], v[8]},
				     .bytes = {v[6], v[9]},
				     .start_ms = bucket_ms - (int64_t)v[17],
				     .end_ms = bucket_ms + (int64_t)v[18]};
	*more = (struct rollup_more){.l2_bytes = {v[7], v[10]},
				     .retransmits = {v[11], v[12]},
				     .drops = {v[13], v[14]},
				     .rtt_count = v[15],
				     .rtt_sum_us = v[16]};
}

/* A row may lack what was missed, and nothing where nothing was. */
static inline void check_row(const struct rollup_table *table, const struct rollup_entry *entry,
			     const struct rollup_sums *sums, const struct rollup_more *more,
			     const struct bounds *bounds)
{
	uint64_t stored[ROLLUP_METRICS], real[ROLLUP_METRICS], missed = 0;

	rollup_values(sums, more, stored);
	rollup_values(&entry->sums, rollup_more(table, entry), real);
	for (int m = 0; m < ROLLUP_METRICS; m++) {
		assert_in_range(real[m] - stored[m], 0, bounds->missed[m]);
		missed |= bounds->missed[m];
	}
	if (missed)
		return;
	assert_memory_equal(sums, &entry->sums, sizeof(*sums));
	assert_memory_equal(more, rollup_more(table, entry), sizeof(*more));
}

static inline void check_unlisted(const struct rollup_table *table, const uint8_t *listed,
				  const struct bounds *bounds)
{
	int64_t unlisted = 0;

	for (uint32_t i = 0; i < table->used; i++) {
		uint64_t real[ROLLUP_METRICS];

		if (listed[i])
			continue;
		unlisted++;
		rollup_values(&table->entry[i].sums, rollup_more(table, &table->entry[i]), real);
		for (int m = 0; m < ROLLUP_METRICS; m++)
			assert_in_range(real[m], 0, bounds->largest[m]);
	}
	assert_in_range(unlisted, 0, bounds->keys);
}

static inline void check_kind(struct sqlite3 *db, const char *table, const struct rollup *truth,
			      enum talker_kind kind)
{
	const struct rollup_table *real = &truth->table[kind];
	int64_t id = talker_id(truth->minute, kind), ms = truth->minute * TALKER_MINUTE_MS;
	sqlite3_stmt *stmt = select_stmt(db, TALKER_COLUMNS, table, id, id + TALKER_RANK_MAX);
	struct rollup_sums sum = {.start_ms = INT64_MAX, .end_ms = INT64_MIN}, all = sum;
	uint8_t *listed = calloc(real->used + 1, 1);
	struct rollup_more more = {0}, all_more = {0};
	struct bounds bounds;

	read_bounds(db, table, talker_tail_id(truth->minute, kind), &bounds);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		struct db_row row = {.stmt = stmt};
		const struct rollup_entry *entry;
		struct rollup_more row_more;
		struct rollup_sums sums;
		struct flow_key key = {0};
		struct rollup_key found;
		uint16_t src = db_row_address(&row, 1, key.src);

		(void)db_row_address(&row, 2, key.dst);
		read_sums(stmt, ms, &sums, &row_more);
		rollup_sums_add(&sum, &sums);
		rollup_more_add(&more, &row_more);
		if (sqlite3_column_int64(stmt, 0) == id) {
			assert_true(bounds.has);
			continue;
		}
		talker_unpack(kind, src, (uint64_t)sqlite3_column_int64(stmt, 3), &key);
		rollup_key_of(kind, &key, &found);
		entry = rollup_find(truth, kind, &found);
		assert_non_null(entry);
		assert_false(listed[entry - real->entry]);
		listed[entry - real->entry] = 1;
		check_row(real, entry, &sums, &row_more, &bounds);
	}
	sqlite3_finalize(stmt);
	for (uint32_t i = 0; i < real->used; i++) {
		rollup_sums_add(&all, &real->entry[i].sums);
		rollup_more_add(&all_more, rollup_more(real, &real->entry[i]));
	}
	assert_memory_equal(&sum, &all, sizeof(sum));
	assert_memory_equal(&more, &all_more, sizeof(more));
	check_unlisted(real, listed, &bounds);
	free(listed);
}

/* Buckets before the frontier have what table flow has; from there on there is nothing. */
static inline void check_level(struct sqlite3 *db, const char *table, const char *meta,
			       int64_t length)
{
	int64_t from, buckets = 0;
	sqlite3_stmt *stmt;
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT value / 60000 FROM meta WHERE key = '%s'", meta);
	from = query_int(db, sql);
	snprintf(
		sql, sizeof(sql),
		"SELECT DISTINCT (id >> 20) / %lld * %lld FROM flow WHERE id < (%lld << 20) * 60000",
		(long long)(length * TALKER_MINUTE_MS), (long long)length, (long long)from);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	for (; sqlite3_step(stmt) == SQLITE_ROW; buckets++) {
		struct rollup *truth = truth_of(db, sqlite3_column_int64(stmt, 0), length);

		for (int kind = 0; kind < TALKER_KINDS; kind++)
			check_kind(db, table, truth, (enum talker_kind)kind);
		rollup_free(truth);
	}
	sqlite3_finalize(stmt);
	snprintf(sql, sizeof(sql), "SELECT count(DISTINCT id >> 28) FROM %s", table);
	assert_int_equal(query_int(db, sql), buckets);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s_tail WHERE id >= %lld << 4", table,
		 (long long)from);
	assert_int_equal(query_int(db, sql), 0);
}

static inline void check(struct sqlite3 *db)
{
	check_level(db, "talker_minute", "rollup_minute_ms", 1);
	check_level(db, "talker_hour", "rollup_hour_ms", 60);
}
