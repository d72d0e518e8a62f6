/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rollup_rows.c: see rollup_rows.h and https://www.sqlite.org/vtab.html#eponymous_virtual_tables. */
#include "flowd/rollup_rows.h"

#include <arpa/inet.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "schema/db_cell.h"

#define MARKS_SHIFT 16
#define FETCH_AHEAD 4 /* rows */

enum column {
	COLUMN_ID,
	COLUMN_SRC,
	COLUMN_DST,
	COLUMN_WHAT,
	COLUMN_FLOWS,
	COLUMN_PACKETS,
	COLUMN_BYTES,
	COLUMN_L2_BYTES,
	COLUMN_REV_PACKETS,
	COLUMN_REV_BYTES,
	COLUMN_REV_L2_BYTES,
	COLUMN_RETRANSMITS,
	COLUMN_REV_RETRANSMITS,
	COLUMN_DROPS,
	COLUMN_REV_DROPS,
	COLUMN_RTT_COUNT,
	COLUMN_RTT_SUM,
	COLUMN_FIRST,
	COLUMN_LAST,
	COLUMNS,
};

struct rows_table {
	sqlite3_vtab base;
	const struct rollup_rows *rows;
};

struct rows_cursor {
	sqlite3_vtab_cursor base;
	const struct rollup_rows *rows;
	int kind;
	uint32_t rank; /* 0: the tail */
	struct rollup_row row;
};

/* Of a host or a pair the EtherType and marks of its key, which the column has where they say more. */
static struct flow_key ends_of(const struct rollup_key *key)
{
	struct flow_key ends = {.ethertype = (uint16_t)key->what,
				.marks = (uint8_t)(key->what >> MARKS_SHIFT)};

	memcpy(ends.src, key->src, sizeof(ends.src));
	memcpy(ends.dst, key->dst, sizeof(ends.dst));
	return ends;
}

static struct db_cell address_cell(const struct rollup_row *row, int end)
{
	const struct rollup_key *key = row->key;
	struct flow_key ends;

	if (row->kind > TALKER_PAIR)
		return db_cell_optional(false, 0);
	ends = ends_of(key);
	if (end >= talker_addresses(row->kind, &ends))
		return db_cell_optional(false, 0);
	return db_cell_address(ends.ethertype, end ? key->dst : key->src);
}

static struct db_cell what_cell(const struct rollup_row *row)
{
	uint64_t what = row->key->what;

	if (row->kind <= TALKER_PAIR) {
		struct flow_key ends = ends_of(row->key);

		what = talker_pack(row->kind, &ends);
	}
	return db_cell_optional(what != 0, (int64_t)what);
}

static struct db_cell key_cell(const struct rollup_row *row, int column)
{
	if (!row->key)
		return db_cell_optional(false, 0);
	return column == COLUMN_WHAT ? what_cell(row) : address_cell(row, column - COLUMN_SRC);
}

static int64_t number(const struct rollup_row *row, int column)
{
	const struct rollup_more *more = row->more;
	const struct rollup_sums *sums = row->sums;

	switch (column) {
	case COLUMN_ID:
		return row->id;
	case COLUMN_FLOWS:
		return (int64_t)sums->flows;
	case COLUMN_PACKETS:
		return (int64_t)sums->packets[0];
	case COLUMN_BYTES:
		return (int64_t)sums->bytes[0];
	case COLUMN_L2_BYTES:
		return (int64_t)more->l2_bytes[0];
	case COLUMN_REV_PACKETS:
		return (int64_t)sums->packets[1];
	case COLUMN_REV_BYTES:
		return (int64_t)sums->bytes[1];
	case COLUMN_REV_L2_BYTES:
		return (int64_t)more->l2_bytes[1];
	case COLUMN_RETRANSMITS:
	case COLUMN_REV_RETRANSMITS:
		return (int64_t)more->retransmits[column - COLUMN_RETRANSMITS];
	case COLUMN_DROPS:
	case COLUMN_REV_DROPS:
		return (int64_t)more->drops[column - COLUMN_DROPS];
	case COLUMN_RTT_COUNT:
		return (int64_t)more->rtt_count;
	case COLUMN_RTT_SUM:
		return (int64_t)more->rtt_sum_us;
	case COLUMN_FIRST:
		return row->bucket_ms - sums->start_ms;
	default:
		return sums->end_ms - row->bucket_ms;
	}
}

static struct db_cell cell_of(const struct rollup_row *row, int column)
{
	if (column >= COLUMN_SRC && column <= COLUMN_WHAT)
		return key_cell(row, column);
	return db_cell_int(number(row, column));
}

int rollup_row_bind(struct sqlite3_stmt *stmt, const struct rollup_row *row)
{
	int rc = SQLITE_OK;

	for (int column = 0; !rc && column < COLUMNS; column++)
		rc = db_cell_bind(stmt, column, cell_of(row, column));
	return rc;
}

/* --- many of them as a table ---------------------------------------------------------------------- */

static int rows_connect(sqlite3 *db, void *arg, int argc, const char *const *argv,
			sqlite3_vtab **ret_table, char **ret_error)
{
	struct rows_table *table;
	int rc = sqlite3_declare_vtab(db, "CREATE TABLE rows (" TALKER_COLUMNS ")");

	(void)argc, (void)argv, (void)ret_error;
	if (rc)
		return rc;
	table = calloc(1, sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	table->rows = arg;
	*ret_table = &table->base;
	return SQLITE_OK;
}

static int rows_disconnect(sqlite3_vtab *table)
{
	free(table);
	return SQLITE_OK;
}

static int rows_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	info->estimatedCost = 1; /* it is read from the beginning to the end */
	return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *base, sqlite3_vtab_cursor **ret_cursor)
{
	struct rows_cursor *cursor = calloc(1, sizeof(*cursor));

	if (!cursor)
		return SQLITE_NOMEM;
	cursor->rows = ((struct rows_table *)base)->rows;
	*ret_cursor = &cursor->base;
	return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *cursor)
{
	free(cursor);
	return SQLITE_OK;
}

/* Ranks are anywhere in memory. */
static void fetch_ahead(const struct rollup_table *table, const struct rollup_ranks *ranks,
			uint32_t rank)
{
	const char *entry;

	if (rank >= ranks->count)
		return;
	entry = (const char *)&table->entry[ranks->order[rank]];
	__builtin_prefetch(entry);
	__builtin_prefetch(entry + 64);
}

/* The row of the cursor's kind and rank, or the next that is. */
static void rows_go(struct rows_cursor *cursor)
{
	const struct rollup *rollup = cursor->rows->rollup;
	struct rollup_row *row = &cursor->row;

	for (; cursor->kind < TALKER_KINDS; cursor->kind++, cursor->rank = 0) {
		const struct rollup_ranks *ranks = &cursor->rows->rank[cursor->kind];
		const struct rollup_table *table = &rollup->table[cursor->kind];
		const struct rollup_entry *entry;

		row->kind = (enum talker_kind)cursor->kind;
		row->id = talker_id(rollup->minute, row->kind) + cursor->rank;
		if (!cursor->rank && ranks->tail.keys) {
			row->key = NULL;
			row->sums = &ranks->tail.sums;
			row->more = &ranks->tail.more;
			return;
		}
		if (!cursor->rank) {
			cursor->rank = 1;
			row->id++;
		}
		if (cursor->rank > ranks->count)
			continue;
		entry = &table->entry[ranks->order[cursor->rank - 1]];
		fetch_ahead(table, ranks, cursor->rank - 1 + FETCH_AHEAD);
		row->key = &entry->key;
		row->sums = &entry->sums;
		row->more = rollup_more(table, entry);
		return;
	}
}

static int rows_filter(sqlite3_vtab_cursor *base, int num, const char *text, int argc,
		       sqlite3_value **argv)
{
	struct rows_cursor *cursor = (struct rows_cursor *)base;

	(void)num, (void)text, (void)argc, (void)argv;
	cursor->kind = 0;
	cursor->rank = 0;
	cursor->row.bucket_ms = cursor->rows->rollup->minute * TALKER_MINUTE_MS;
	rows_go(cursor);
	return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *base)
{
	struct rows_cursor *cursor = (struct rows_cursor *)base;

	cursor->rank++;
	rows_go(cursor);
	return SQLITE_OK;
}

static int rows_eof(sqlite3_vtab_cursor *cursor)
{
	return ((struct rows_cursor *)cursor)->kind >= TALKER_KINDS;
}

static int rows_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	const struct rollup_row *row = &((struct rows_cursor *)base)->row;
	struct db_cell cell;

	if (column < COLUMN_SRC || column > COLUMN_WHAT) {
		sqlite3_result_int64(context, number(row, column));
		return SQLITE_OK;
	}
	cell = key_cell(row, column);
	if (cell.type == DB_CELL_INT)
		sqlite3_result_int64(context, cell.value);
	else if (cell.type == DB_CELL_BLOB)
		sqlite3_result_blob(context, cell.blob, 16, SQLITE_STATIC);
	return SQLITE_OK; /* NULL where nothing was said */
}

static int rows_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_rowid)
{
	*ret_rowid = ((struct rows_cursor *)cursor)->row.id;
	return SQLITE_OK;
}

int rollup_rows_register(struct sqlite3 *db, struct rollup_rows *rows)
{
	static const sqlite3_module module = {
		.xConnect = rows_connect,
		.xBestIndex = rows_best_index,
		.xDisconnect = rows_disconnect,
		.xOpen = rows_open,
		.xClose = rows_close,
		.xFilter = rows_filter,
		.xNext = rows_next,
		.xEof = rows_eof,
		.xColumn = rows_column,
		.xRowid = rows_rowid,
	};

	return sqlite3_create_module(db, "talker_rows", &module, rows);
}
