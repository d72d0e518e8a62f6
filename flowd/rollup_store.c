/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rollup_store.c: see rollup_store.h. */
#include "flowd/rollup_store.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "schema/db_row.h"

#define VALUES_10 "?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
#define PLUS(name) name " = " name " + excluded." name
/* Of rows with flows, or of rows without: see struct rollup_sums. */
#define MOST(name)                                                                               \
	name " = CASE WHEN (flows > 0) = (excluded.flows > 0) THEN max(" name ", excluded." name \
	     ") WHEN flows > 0 THEN " name " ELSE excluded." name " END"

#define TAIL_COLUMNS                                                                         \
	"id, keys, missed_flows, missed_packets, missed_bytes, missed_retransmits, "         \
	"missed_drops, largest_flows, largest_packets, largest_bytes, largest_retransmits, " \
	"largest_drops"

/* The others are 0 by default, which costs less than to ask for each. */
#define PLAIN_COLUMNS \
	"id, src, dst, what, flows, packets, bytes, rev_packets, rev_bytes, first_ms, last_ms"

#define SQL_OF(table)                                                                                                                                                                                                          \
	{                                                                                                                                                                                                                      \
		/* OR ROLLBACK: it needs no journal of its own for the case that it fails */                                                                                                                                   \
		[ROLLUP_WRITE] = "INSERT OR ROLLBACK INTO " table " (" TALKER_COLUMNS ") "                                                                                                                                     \
				 "SELECT " TALKER_COLUMNS " FROM talker_rows",                                                                                                                                                 \
		[ROLLUP_WRITE_PLAIN] = "INSERT OR ROLLBACK INTO " table " (" PLAIN_COLUMNS ") "                                                                                                                                \
				       "SELECT " PLAIN_COLUMNS " FROM talker_rows",                                                                                                                                            \
		[ROLLUP_ADD] =                                                                                                                                                                                                 \
			"INSERT INTO " table " (" TALKER_COLUMNS ") "                                                                                                                                                          \
			"VALUES (" VALUES_10 ", ?, ?, ?, ?, ?, ?, ?, ?, ?) "                                                                                                                                                   \
			"ON CONFLICT (id) DO UPDATE SET " PLUS("flows") ", " PLUS("packets") ", " PLUS("bytes") ", " PLUS("l2_bytes") ", " PLUS("rev_packets") ", " PLUS("rev_bytes") ", " PLUS("rev_l2_bytes") ", " PLUS(     \
				"retransmits") ", " PLUS("rev_retransmits") ", " PLUS("drops") ", " PLUS("rev_drops") ", " PLUS("rtt_count") ", " PLUS("rtt_sum_us") ", " MOST("first_ms") ", " MOST("last_ms"),               \
		[ROLLUP_TAIL] =                                                                                                                                                                                                \
			"INSERT INTO " table "_tail (" TAIL_COLUMNS ") "                                                                                                                                                       \
			"VALUES (" VALUES_10 ", ?, ?) ON CONFLICT (id) DO UPDATE SET " PLUS("keys") ", " PLUS("missed_flows") ", " PLUS("missed_packets") ", " PLUS("missed_bytes") ", " PLUS("missed_retransmits") ", " PLUS( \
				"missed_drops") ", " PLUS("largest_flows") ", " PLUS("largest_packets") ", " PLUS("largest_bytes") ", " PLUS("largest_retransmits") ", " PLUS("largest_drops"),                                \
		[ROLLUP_HAS_TAIL] = "SELECT 1 FROM " table "_tail WHERE id = ?1",                                                                                                                                              \
		[ROLLUP_KEYS] = "SELECT id, src, dst, what FROM " table " "                                                                                                                                                    \
				"WHERE id > ?1 AND id <= ?1 + ?2",                                                                                                                                                             \
		[ROLLUP_DROP] = "DELETE FROM " table " WHERE id >= ?1",                                                                                                                                                        \
		[ROLLUP_DROP_TAIL] = "DELETE FROM " table "_tail WHERE id >= ?1",                                                                                                                                              \
	}

static const char *const sql[ROLLUP_LEVELS][ROLLUP_STATEMENTS] = {
	[ROLLUP_MINUTE] = SQL_OF("talker_minute"),
	[ROLLUP_HOUR] = SQL_OF("talker_hour"),
};

static int prepare(struct rollup_store *store, enum rollup_level level, enum rollup_statement i)
{
	return sqlite3_prepare_v3(store->db, sql[level][i], -1, SQLITE_PREPARE_PERSISTENT,
				  &store->stmt[level][i], NULL);
}

int rollup_store_open(struct rollup_store *store, struct sqlite3 *db)
{
	int rc = rollup_rows_register(db, &store->rows);

	store->db = db;
	for (int level = 0; level < ROLLUP_LEVELS; level++) {
		for (int i = 0; !rc && i < ROLLUP_STATEMENTS; i++)
			rc = prepare(store, (enum rollup_level)level, (enum rollup_statement)i);
	}
	if (rc)
		rollup_store_close(store);
	return rc;
}

void rollup_store_close(struct rollup_store *store)
{
	for (int level = 0; level < ROLLUP_LEVELS; level++) {
		for (int i = 0; i < ROLLUP_STATEMENTS; i++) {
			sqlite3_finalize(store->stmt[level][i]);
			store->stmt[level][i] = NULL;
		}
	}
	store->db = NULL;
}

/* Run a statement that gives no row. */
static int run(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int add_row(struct rollup_store *store, enum rollup_level level,
		   const struct rollup_row *row)
{
	sqlite3_stmt *stmt = store->stmt[level][ROLLUP_ADD];
	int rc = rollup_row_bind(stmt, row);

	return rc ? rc : run(stmt);
}

/* The bounds of a tail, or more of them. */
static int add_tail(struct rollup_store *store, enum rollup_level level, int64_t id,
		    const struct rollup_tail *tail)
{
	sqlite3_stmt *stmt = store->stmt[level][ROLLUP_TAIL];
	int rc = sqlite3_bind_int64(stmt, 1, id);

	if (!rc)
		rc = sqlite3_bind_int64(stmt, 2, (int64_t)tail->keys);
	for (int m = 0; !rc && m < ROLLUP_METRICS; m++) {
		rc = sqlite3_bind_int64(stmt, 3 + m, (int64_t)tail->missed[m]);
		if (!rc)
			rc = sqlite3_bind_int64(stmt, 3 + ROLLUP_METRICS + m,
						(int64_t)tail->largest[m]);
	}
	return rc ? rc : run(stmt);
}

/* --- a bucket for the first time ------------------------------------------------------------------ */

static bool is_plain(const struct rollup_rows *rows)
{
	static const struct rollup_more none;
	bool plain = true;

	for (int kind = 0; kind < TALKER_KINDS; kind++)
		plain &= !rows->rollup->table[kind].mores &&
			 !memcmp(&rows->rank[kind].tail.more, &none, sizeof(none));
	return plain;
}

static int write_rows(struct rollup_store *store, enum rollup_level level)
{
	int64_t minute = store->rows.rollup->minute;
	int rc =
		run(store->stmt[level][is_plain(&store->rows) ? ROLLUP_WRITE_PLAIN : ROLLUP_WRITE]);

	for (int kind = 0; !rc && kind < TALKER_KINDS; kind++) {
		const struct rollup_tail *tail = &store->rows.rank[kind].tail;

		if (tail->keys)
			rc = add_tail(store, level, talker_tail_id(minute, (enum talker_kind)kind),
				      tail);
	}
	return rc;
}

int rollup_store_write(struct rollup_store *store, enum rollup_level level,
		       const struct rollup *rollup, uint32_t keys)
{
	struct rollup_rows *rows = &store->rows;
	int err = 0, rc, ranked = 0;

	rows->rollup = rollup;
	for (; !err && ranked < TALKER_KINDS; ranked++)
		err = rollup_rank(&rollup->table[ranked], keys, &rows->rank[ranked]);
	rc = err ? SQLITE_NOMEM : write_rows(store, level);
	for (int kind = 0; kind < (err ? ranked - 1 : ranked); kind++)
		free(rows->rank[kind].order);
	return rc;
}

/* --- what comes later ----------------------------------------------------------------------------- */

/* A table of late sums and where each of its keys goes. */
struct late {
	struct rollup_store *store;
	enum rollup_level level;
	const struct rollup *rollup;
	enum talker_kind kind;
	const struct rollup_table *table;
	int64_t *row; /* of each entry; 0: none yet */
	uint32_t *order;
	uint64_t *spare;
	int64_t last_rank; /* taken */
	bool has_tail;
};

static int make_late(struct late *late)
{
	size_t used = late->table->used + 1UL;

	late->row = calloc(used, sizeof(*late->row));
	late->order = calloc(used, sizeof(*late->order));
	late->spare = calloc(2 * used, sizeof(*late->spare));
	return late->row && late->order && late->spare ? SQLITE_OK : SQLITE_NOMEM;
}

static void free_late(struct late *late)
{
	free(late->row);
	free(late->order);
	free(late->spare);
}

/* A row's key; one that makes no sense is none of ours, and found nowhere. */
static void read_key(sqlite3_stmt *stmt, enum talker_kind kind, struct rollup_key *ret_key)
{
	struct db_row row = {.stmt = stmt};
	struct flow_key key = {0};
	uint16_t src = db_row_address(&row, 1, key.src), dst = db_row_address(&row, 2, key.dst);

	talker_unpack(kind, src ? src : dst, (uint64_t)sqlite3_column_int64(stmt, 3), &key);
	rollup_key_of(kind, &key, ret_key);
}

/* Which keys have a row, and how many rows there are. */
static int find_rows(struct late *late)
{
	sqlite3_stmt *stmt = late->store->stmt[late->level][ROLLUP_KEYS];
	int64_t first = talker_id(late->rollup->minute, late->kind);
	int rc = sqlite3_bind_int64(stmt, 1, first);

	if (!rc)
		rc = sqlite3_bind_int64(stmt, 2, TALKER_RANK_MAX);
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct rollup_entry *entry;
		struct rollup_key key;

		read_key(stmt, late->kind, &key);
		entry = rollup_find(late->rollup, late->kind, &key);
		late->last_rank = sqlite3_column_int64(stmt, 0) - first;
		if (entry)
			late->row[entry - late->table->entry] = first + late->last_rank;
		rc = SQLITE_OK;
	}
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int find_tail(struct late *late)
{
	sqlite3_stmt *stmt = late->store->stmt[late->level][ROLLUP_HAS_TAIL];
	int rc = sqlite3_bind_int64(stmt, 1, talker_tail_id(late->rollup->minute, late->kind));

	if (!rc)
		rc = sqlite3_step(stmt);
	late->has_tail = rc == SQLITE_ROW;
	sqlite3_reset(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int add_late(struct late *late, int64_t id, const struct rollup_entry *entry,
		    const struct rollup_tail *tail)
{
	struct rollup_row row = {
		.id = id,
		.bucket_ms = late->rollup->minute * TALKER_MINUTE_MS,
		.kind = late->kind,
		.key = entry ? &entry->key : NULL,
		.sums = entry ? &entry->sums : &tail->sums,
		.more = entry ? rollup_more(late->table, entry) : &tail->more,
	};

	return add_row(late->store, late->level, &row);
}

/* Each key to its row, to a new one while there is room, or to the tail. */
static int place_keys(struct late *late, uint32_t keys, struct rollup_tail *tail)
{
	int64_t first = talker_id(late->rollup->minute, late->kind);
	int rc = SQLITE_OK;

	rollup_order(late->table, late->order, late->spare);
	for (uint32_t i = 0; !rc && i < late->table->used; i++) {
		uint32_t n = late->order[i];
		const struct rollup_entry *entry = &late->table->entry[n];

		if (!late->row[n] && (late->has_tail || late->last_rank >= keys)) {
			rollup_leave(late->table, entry, tail);
			continue;
		}
		if (!late->row[n])
			late->row[n] = first + ++late->last_rank;
		rc = add_late(late, late->row[n], entry, NULL);
	}
	return rc;
}

static int merge_kind(struct late *late, uint32_t keys)
{
	struct rollup_tail tail = late->table->tail;
	int rc = find_rows(late);

	if (!rc)
		rc = find_tail(late);
	for (int m = 0; m < ROLLUP_METRICS; m++)
		tail.largest[m] = tail.missed[m];
	if (!rc)
		rc = place_keys(late, keys, &tail);
	if (rc || !tail.keys)
		return rc;
	rc = add_late(late, talker_id(late->rollup->minute, late->kind), NULL, &tail);
	return rc ? rc
		  : add_tail(late->store, late->level,
			     talker_tail_id(late->rollup->minute, late->kind), &tail);
}

int rollup_store_merge(struct rollup_store *store, enum rollup_level level,
		       const struct rollup *rollup, uint32_t keys)
{
	int rc = SQLITE_OK;

	for (int kind = 0; !rc && kind < TALKER_KINDS; kind++) {
		struct late late = {.store = store,
				    .level = level,
				    .rollup = rollup,
				    .kind = (enum talker_kind)kind,
				    .table = &rollup->table[kind]};

		if (!late.table->used && !late.table->tail.keys)
			continue;
		rc = make_late(&late);
		if (!rc)
			rc = merge_kind(&late, keys);
		free_late(&late);
	}
	return rc;
}

int rollup_store_drop(struct rollup_store *store, enum rollup_level level, int64_t minute)
{
	sqlite3_stmt *rows = store->stmt[level][ROLLUP_DROP];
	sqlite3_stmt *tails = store->stmt[level][ROLLUP_DROP_TAIL];
	int rc = sqlite3_bind_int64(rows, 1, talker_id(minute, 0));

	if (!rc)
		rc = run(rows);
	if (!rc)
		rc = sqlite3_bind_int64(tails, 1, talker_tail_id(minute, 0));
	return rc ? rc : run(tails);
}
