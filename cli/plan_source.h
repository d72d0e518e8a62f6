/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan_source.h: where rows of talker_minute and talker_hour come from: out of the database's pages, by
 * any number of threads (schema/db_tree.h); or, where these are not as they should be, by SQLite, which
 * then says what is wrong.
 *
 * SQLite hands the rows to a function of ours (an aggregate), which costs half of what rows cost that
 * are stepped to; from the pages they cost a fifth of that.
 */
#pragma once

#include "cli/plan_buckets.h"
#include "cli/plan_table.h"
#include "schema/db_record.h"

struct db_mark;
struct sqlite3;
struct sqlite3_stmt;

/* Columns behind id, src, dst and what, in their order. */
enum plan_column {
	PLAN_FLOWS,
	PLAN_PACKETS,
	PLAN_BYTES,
	PLAN_L2_BYTES,
	PLAN_REV_PACKETS,
	PLAN_REV_BYTES,
	PLAN_REV_L2_BYTES,
	PLAN_RETRANSMITS,
	PLAN_REV_RETRANSMITS,
	PLAN_DROPS,
	PLAN_REV_DROPS,
	PLAN_RTT_COUNT,
	PLAN_RTT_SUM_US,
	PLAN_FIRST_MS,
	PLAN_LAST_MS,
	PLAN_COLUMNS,
};

/* What is read of a row, and who takes it: values in the order of `column`, NULL being 0. */
struct plan_wanted {
	enum plan_column column[PLAN_COLUMNS];
	int count;
	/* NULL, or: a row of this key is taken; of others no values are read. */
	bool (*has)(void *to, const struct plan_key *key);
	/* 0, or -errno, which ends the reading. */
	int (*take)(void *to, int64_t id, const struct plan_key *key, const int64_t *value);
	void *to;
};

/* --- plan_pages.c --------------------------------------------------------------------------------- */

/* The tables' pages, for all threads. */
struct plan_pages {
	struct db_pages pages;
	uint32_t root[PLAN_LEVELS];
};

/* Of its snapshot; it is to rest while they are read. 0, -ENOTSUP or -ENOMEM. */
int plan_pages_open(struct sqlite3 *db, const struct db_mark *mark, struct plan_pages *ret_pages);
void plan_pages_close(struct plan_pages *pages);

/* One thread's place in them. */
struct plan_tree {
	struct db_tree tree[PLAN_LEVELS];
};

void plan_tree_open(const struct plan_pages *pages, struct plan_tree *ret_tree);
void plan_tree_close(struct plan_tree *tree);

/* Rows with ids from first to last. 0, -ENOTSUP, -ENOMEM, or what take() gives. */
int plan_tree_read(struct plan_tree *tree, enum plan_level level, const struct db_tree_range *range,
		   const struct plan_wanted *wanted);

/* --- plan_sql.c ----------------------------------------------------------------------------------- */

struct plan_sql {
	struct sqlite3 *db;
	const struct plan_wanted *wanted;
	struct sqlite3_stmt *stmt[PLAN_LEVELS];
	int err;       /* of take(), or -EPROTO */
	int64_t wrong; /* -EPROTO: id of the row with a value of the wrong type */
};

/* The same. -EIO: sqlite3_errmsg() has the text. Close also after a failure. */
int plan_sql_read(struct plan_sql *sql, enum plan_level level, const struct db_tree_range *range);
void plan_sql_close(struct plan_sql *sql);

extern const char *const plan_column_name[PLAN_COLUMNS];
