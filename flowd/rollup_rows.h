/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rollup_rows.h: a bucket as rows of talker_minute or talker_hour, by a table-valued function of ours,
 * talker_rows: one INSERT ... SELECT writes all of it, for half of what a statement for each row costs.
 */
#pragma once

#include "flowd/rollup_rank.h"

struct sqlite3;
struct sqlite3_stmt;

/* What the function gives when it runs: of each kind the tail, where there is one, then the ranks. */
struct rollup_rows {
	const struct rollup *rollup;
	struct rollup_ranks rank[TALKER_KINDS];
};

/* Let `db` know the function; `rows` must stay as long as `db`. 0 or SQLite's result code. */
int rollup_rows_register(struct sqlite3 *db, struct rollup_rows *rows);

/* One row. */
struct rollup_row {
	int64_t id;
	int64_t bucket_ms;
	enum talker_kind kind;
	const struct rollup_key *key; /* NULL: of the tail */
	const struct rollup_sums *sums;
	const struct rollup_more *more;
};

/* All its columns to an INSERT of TALKER_COLUMNS; the row must stay until the statement is reset. */
int rollup_row_bind(struct sqlite3_stmt *stmt, const struct rollup_row *row);
