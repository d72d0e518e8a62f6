/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_tree.h: the rows of a table of a database's pages, in order of their ids; and the values in a row.
 * https://www.sqlite.org/fileformat2.html, "B-tree Pages" and "Record Format".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db_pages.h"

#define DB_TREE_DEPTH 12
#define DB_TREE_COLUMNS 32

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

/* A place in a table. For one thread. */
struct db_tree {
	const struct db_pages *pages;
	uint32_t root;
	uint32_t depth; /* levels that are set; the last is a leaf. 0: at no row */
	int64_t before; /* the next row's id is greater */
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

/* A value: an integer, 16 bytes, or neither. */
enum db_value_type {
	DB_VALUE_NULL,
	DB_VALUE_INT,
	DB_VALUE_BLOB16,
	DB_VALUE_OTHER,
};

/* A row's record: where each of its first columns is, by its serial type. */
struct db_record {
	const uint8_t *record;
	uint32_t columns;
	uint32_t offset[DB_TREE_COLUMNS];
	uint8_t type[DB_TREE_COLUMNS]; /* serial type, DB_RECORD_OTHER where it is larger */
};

#define DB_RECORD_NULL 0
#define DB_RECORD_REAL 7
#define DB_RECORD_ZERO 8
#define DB_RECORD_BLOB16 44
#define DB_RECORD_OTHER 255

/* The first `columns` of a row; those that it does not have are NULL. 0 or -ENOTSUP. */
int db_record_read(const struct db_tree_row *row, uint32_t columns, struct db_record *ret_record);

static inline enum db_value_type db_record_type(const struct db_record *record, uint32_t column)
{
	uint8_t type = record->type[column];

	if (type == DB_RECORD_NULL)
		return DB_VALUE_NULL;
	if (type < 10)
		return type == DB_RECORD_REAL ? DB_VALUE_OTHER : DB_VALUE_INT;
	return type == DB_RECORD_BLOB16 ? DB_VALUE_BLOB16 : DB_VALUE_OTHER;
}

/* Of a column that is an integer; of another one it means nothing. */
static inline int64_t db_record_int(const struct db_record *record, uint32_t column)
{
	static const uint8_t unused_bits[DB_RECORD_ZERO] = {0, 56, 48, 40, 32, 16};
	const uint8_t type = record->type[column];
	uint64_t value;

	if (type >= DB_RECORD_ZERO)
		return type - DB_RECORD_ZERO;
	__builtin_memcpy(&value, record->record + record->offset[column], sizeof(value));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	return (int64_t)value >> unused_bits[type];
}

static inline const uint8_t *db_record_blob(const struct db_record *record, uint32_t column)
{
	return record->record + record->offset[column];
}
