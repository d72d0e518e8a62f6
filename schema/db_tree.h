/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_tree.h: the rows of a table of a database's pages, in order of their ids. The values in a row are db_record.h's.
 * https://www.sqlite.org/fileformat2.html, "B-tree Pages".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db_pages.h"

#define DB_TREE_DEPTH 12

/* A row as it lies in its page: good until the next is read. */
struct sqlite3;

struct db_tree_row {
	int64_t id;
	const uint8_t *record; /* DB_PAGE_ROOM bytes behind it may be read */
	uint32_t size;
};

struct db_tree_level {
	uint8_t *page; /* made when it is needed */
	uint32_t number;
	uint32_t at, cells;
};

struct db_layouts;

/* A place in a table. For one thread. */
struct db_tree {
	const struct db_pages *pages;
	uint32_t root;
	uint32_t depth; /* levels that are set; the last is a leaf. 0: at no row */
	int64_t before; /* the next row's id is greater */
	struct db_ahead ahead;
	struct db_layouts *layouts; /* of the rows (db_record.h), made when they are needed */
	struct db_tree_level level[DB_TREE_DEPTH];
};

/* Ids from first to last. */
struct db_tree_range {
	int64_t first, last;
};

/* The page that a table's tree begins at. 0 or -ENOTSUP: there is none that can be said. */
int db_tree_root(struct sqlite3 *db, const char *table, uint32_t *ret_root);

void db_tree_open(const struct db_pages *pages, uint32_t root, struct db_tree *ret_tree);
void db_tree_close(struct db_tree *tree);

/* To the first row whose id is `id` or greater. 0, -ENOTSUP or -ENOMEM. */
int db_tree_seek(struct db_tree *tree, int64_t id);

/* 1: *ret_row is the next, of a greater id; 0: there is none; -ENOTSUP or -ENOMEM. */
int db_tree_next(struct db_tree *tree, struct db_tree_row *ret_row);

/*
 * The ids of `all` in at most `room` ranges of about as many rows each, in order, by the keys of the
 * tree's upper pages. Returns how many, or -ENOMEM.
 */
int db_tree_split(struct db_tree *tree, const struct db_tree_range *all,
		  struct db_tree_range *ret_range, int room);
