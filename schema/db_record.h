/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_record.h: the values in a row of a database's page. Rows of a table have few headers between them, so what
 * one says is kept. https://www.sqlite.org/fileformat2.html, "Record Format".
 */
#pragma once

#include <stdint.h>

#include "db_tree.h"

#define DB_TREE_COLUMNS 32
#define DB_HEAD_WORDS 3 /* of 8 bytes: headers that long are kept */
#define DB_LAYOUT_BITS 9

/* A value: an integer, 16 bytes, or neither. */
enum db_value_type {
	DB_VALUE_NULL,
	DB_VALUE_INT,
	DB_VALUE_BLOB16,
	DB_VALUE_OTHER,
};

/* What a record's header says: where each of its first columns is, by its serial type. */
struct db_layout {
	uint64_t head[DB_HEAD_WORDS];  /* the header as it lies; 0: none */
	uint32_t end;		       /* of what is there of these columns */
	uint8_t type[DB_TREE_COLUMNS]; /* serial type, DB_RECORD_OTHER where it is larger */
	uint16_t offset[DB_TREE_COLUMNS];
};

/* Headers read before, by a hash; those of one table, and one number of columns. All 0: none. */
struct db_layouts {
	struct db_layout known[1 << DB_LAYOUT_BITS];
	struct db_layout other; /* the last of those that are longer */
};

/* A row's record, good until the next is read. */
struct db_record {
	const uint8_t *record;
	const struct db_layout *layout;
};

#define DB_RECORD_NULL 0
#define DB_RECORD_REAL 7
#define DB_RECORD_ZERO 8
#define DB_RECORD_BLOB16 44
#define DB_RECORD_OTHER 255

/* The first `columns` of the tree's row, as many each time; those that it does not have are NULL. 0, -ENOTSUP or -ENOMEM. */
int db_record_read(struct db_tree *tree, const struct db_tree_row *row, uint32_t columns,
		   struct db_record *ret_record);

static inline enum db_value_type db_record_type(const struct db_record *record, uint32_t column)
{
	uint8_t type = record->layout->type[column];

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
	const uint8_t type = record->layout->type[column];
	uint64_t value;

	if (type >= DB_RECORD_ZERO)
		return type - DB_RECORD_ZERO;
	__builtin_memcpy(&value, record->record + record->layout->offset[column], sizeof(value));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	return (int64_t)value >> unused_bits[type];
}

static inline const uint8_t *db_record_blob(const struct db_record *record, uint32_t column)
{
	return record->record + record->layout->offset[column];
}
