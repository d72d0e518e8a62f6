/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* merge_table.h: the tables that are merged row by row: what is in their columns, and what must add up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct merge_table {
	const char *name;
	int64_t since;	     /* version from which on it is there */
	const char *columns; /* the id, where it has one, first */
	/* of each column: = as it is, i the row's id, f an interface, w a word */
	const char *roles;
	const char *sums;  /* an expression each that must add up, of rows that are merged */
	const char *where; /* which rows are merged, NULL: all */
};

/* End with a NULL name. Rows of `beside` belong to the flow of their id. */
extern const struct merge_table merge_flow;
extern const struct merge_table merge_beside[];
extern const struct merge_table merge_with_ids[];
extern const struct merge_table merge_plain[];

/* Has sums alone: rows are merged by merge_talker.c, and counted by key. */
extern const struct merge_table merge_talker[];

/* Room for a row and a statement on one. */
#define MERGE_COLUMNS_MAX 32
#define MERGE_SQL_MAX 1536

size_t merge_table_columns(const struct merge_table *table);
