/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_record.c: see db_record.h. Every offset is checked against the record: a page may hold anything.
 *
 *   record | size of the header : varint | serial types : varints | values |
 */
#include "schema/db_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schema/db_varint.h"

#define HEAD_MAX (DB_HEAD_WORDS * 8)

static uint32_t serial_size(uint64_t type)
{
	static const uint8_t size[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};

	return type < sizeof(size) ? size[type] : (uint32_t)((type - 12) / 2);
}

/* The first `bytes` of a word as it lies. */
static uint64_t first_bytes(const uint8_t *at, uint32_t bytes)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	if (bytes >= 8)
		return word;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return word & ((1ULL << bytes * 8) - 1);
#else
	return bytes ? word & ~(~0ULL >> bytes * 8) : 0;
#endif
}

/* The place of a header in the table. */
static uint32_t place(const uint64_t head[DB_HEAD_WORDS])
{
	uint64_t mix = head[0] * 0x9e3779b97f4a7c15ULL + head[1] * 0xc2b2ae3d27d4eb4fULL +
		       head[2] * 0x165667b19e3779f9ULL;

	return (uint32_t)(mix >> (64 - DB_LAYOUT_BITS));
}

static int read_layout(const struct db_tree_row *row, uint32_t columns, struct db_layout *layout)
{
	const uint8_t *at = row->record, *end;
	uint32_t offset, i;
	uint64_t head;

	layout->head[0] = 0; /* until all of it is known */
	at += db_varint(at, &head);
	if (head > row->size || columns > DB_TREE_COLUMNS)
		return -ENOTSUP;
	end = row->record + head;
	offset = (uint32_t)head;
	for (i = 0; i < columns && at < end; i++) {
		uint64_t type = *at;

		at += type < 0x80 ? 1 : db_varint(at, &type);
		if (at > end || type > UINT32_MAX || serial_size(type) > row->size - offset ||
		    offset > UINT16_MAX)
			return -ENOTSUP;
		layout->type[i] = type < DB_RECORD_OTHER ? (uint8_t)type : DB_RECORD_OTHER;
		layout->offset[i] = (uint16_t)offset;
		offset += serial_size(type);
	}
	layout->end = offset;
	for (; i < columns; i++) {
		layout->type[i] = DB_RECORD_NULL;
		layout->offset[i] = 0;
	}
	return 0;
}

int db_record_read(struct db_tree *tree, const struct db_tree_row *row, uint32_t columns,
		   struct db_record *ret_record)
{
	uint32_t size = row->record[0]; /* of a header that is kept */
	uint64_t head[DB_HEAD_WORDS] = {0};
	struct db_layout *layout;
	int err = 0;

	if (!tree->layouts)
		tree->layouts = calloc(1, sizeof(*tree->layouts));
	if (!tree->layouts)
		return -ENOMEM;
	layout = &tree->layouts->other;
	if (size <= HEAD_MAX) {
		for (uint32_t i = 0; i < DB_HEAD_WORDS && i * 8 < size; i++)
			head[i] = first_bytes(row->record + i * 8, size - i * 8);
		layout = &tree->layouts->known[place(head)];
	}
	if (!head[0] || memcmp(layout->head, head, sizeof(head)) || layout->end > row->size)
		err = read_layout(row, columns, layout);
	if (err)
		return err;
	memcpy(layout->head, head, sizeof(head));
	ret_record->record = row->record;
	ret_record->layout = layout;
	return 0;
}
