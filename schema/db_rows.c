/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_rows.c: flow records as rows of tables flow and flow_tunnel, and many at once of any table. See
 * db.h, and schema.sql and db_pack.h for what a column holds.
 *
 * The number of the interface is not stored, iface is; what few records have has a row of its own in
 * a table beside, by the same id.
 *
 * Many records go in by one INSERT ... SELECT from a table-valued function of ours (SQLite's virtual
 * tables, https://www.sqlite.org/vtab.html#eponymous_virtual_tables): half the work of a statement
 * run for each.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/db.h"
#include "schema/db_cell.h"
#include "schema/db_pack.h"

#define TUNNEL_COUNT 6
#define FETCH_AHEAD 8 /* records */

#define VALUES_6 "?, ?, ?, ?, ?, ?"
#define VALUES_11 VALUES_6 ", ?, ?, ?, ?, ?"

const char *const db_row_insert[DB_TABLES] = {
	[DB_TABLE_FLOW] = "INSERT INTO flow (" DB_FLOW_COLUMNS ") "
			  "VALUES (" VALUES_11 ", " VALUES_6 ")",
	[DB_TABLE_TUNNEL] = "INSERT OR REPLACE INTO flow_tunnel (" DB_TUNNEL_COLUMNS ") "
			    "VALUES (" VALUES_6 ")",
	[DB_TABLE_TCP] = "INSERT OR REPLACE INTO flow_tcp (" DB_TCP_COLUMNS ") "
			 "VALUES (" VALUES_11 ", " VALUES_11 ", ?)",
	[DB_TABLE_RTT] = "INSERT OR REPLACE INTO flow_rtt (" DB_RTT_COLUMNS ") "
			 "VALUES (" VALUES_11 ")",
};

/* OR ROLLBACK: a statement that may end in the middle needs no journal of its own then. */
const char *const db_rows_insert[DB_TABLES] = {
	[DB_TABLE_FLOW] = "INSERT OR ROLLBACK INTO flow (" DB_FLOW_COLUMNS ") "
			  "SELECT " DB_FLOW_COLUMNS " FROM flow_rows",
	[DB_TABLE_TUNNEL] = "INSERT OR REPLACE INTO flow_tunnel (" DB_TUNNEL_COLUMNS ") "
			    "SELECT " DB_TUNNEL_COLUMNS " FROM flow_tunnel_rows",
	[DB_TABLE_TCP] = "INSERT OR REPLACE INTO flow_tcp (" DB_TCP_COLUMNS ") "
			 "SELECT " DB_TCP_COLUMNS " FROM flow_tcp_rows",
	[DB_TABLE_RTT] = "INSERT OR REPLACE INTO flow_rtt (" DB_RTT_COLUMNS ") "
			 "SELECT " DB_RTT_COLUMNS " FROM flow_rtt_rows",
};

static struct db_cell flow_cell(const struct flow_record *rec, int64_t id, int column)
{
	const struct flow_key *key = &rec->key;
	const struct flow_half *half = &rec->half[column >= DB_COL_REV_PACKETS];

	switch (column) {
	case DB_COL_ID:
		return db_cell_int(id);
	case DB_COL_DURATION:
		return db_cell_int((id >> DB_ID_SHIFT) - rec->start_ms);
	case DB_COL_IFACE:
		return db_cell_int(rec->iface);
	case DB_COL_HOW:
		return db_cell_int(db_pack_how(rec));
	case DB_COL_L2:
		return db_cell_optional(db_pack_l2(key), db_pack_l2(key));
	case DB_COL_PACKETS:
	case DB_COL_REV_PACKETS:
		return db_cell_int((int64_t)half->packets);
	case DB_COL_BYTES:
	case DB_COL_REV_BYTES:
		return db_cell_int((int64_t)half->bytes);
	case DB_COL_L2_BYTES:
	case DB_COL_REV_L2_BYTES:
		return db_cell_int(db_pack_l2_bytes(half));
	case DB_COL_TCP_FLAGS:
		return db_cell_optional(flow_key_is_ip(key) && key->proto == IPPROTO_TCP,
					db_pack_tcp_flags(rec->half));
	default:
		return db_cell_key(key, column - DB_COL_PROTO + DB_KEY_PROTO);
	}
}

static const struct db_table flow_table = {
	.name = "flow_rows",
	.columns = DB_FLOW_COLUMNS,
	.count = DB_COL_COUNT,
	.cell = flow_cell,
};

static bool has_tunnel(const struct flow_record *rec)
{
	return rec->key.tunnel_kind != FLOW_TUNNEL_NONE;
}

static struct db_cell tunnel_cell(const struct flow_record *rec, int64_t id, int column)
{
	switch (column) {
	case 0:
		return db_cell_int(id);
	case 1:
		return db_cell_int(rec->key.tunnel_kind);
	case 2:
		return db_cell_int(rec->key.tunnel_id);
	case 3:
		return db_cell_int(rec->rev_tunnel_id);
	case 4:
		return db_cell_address(rec->outer_ethertype, rec->outer_src);
	default:
		return db_cell_address(rec->outer_ethertype, rec->outer_dst);
	}
}

static const struct db_table tunnel_table = {
	.name = "flow_tunnel_rows",
	.columns = DB_TUNNEL_COLUMNS,
	.count = TUNNEL_COUNT,
	.has = has_tunnel,
	.cell = tunnel_cell,
};

static const struct db_table *const tables[DB_TABLES] = {
	[DB_TABLE_FLOW] = &flow_table,
	[DB_TABLE_TUNNEL] = &tunnel_table,
	[DB_TABLE_TCP] = &db_tcp_table,
	[DB_TABLE_RTT] = &db_rtt_table,
};

bool db_row_wanted(const struct flow_record *rec, enum db_table_number table)
{
	return !tables[table]->has || tables[table]->has(rec);
}

/* The record must stay until the statement is reset. */
int db_row_bind(struct sqlite3_stmt *stmt, enum db_table_number table, int64_t id,
		const struct flow_record *rec)
{
	const struct db_table *t = tables[table];
	int rc = 0;

	for (int column = 0; column < t->count; column++)
		rc |= db_cell_bind(stmt, column, t->cell(rec, id, column));
	return rc ? -ENOMEM : 0; /* each column is there, so nothing else can be wrong */
}

/* --- many of them as a table ---------------------------------------------------------------------- */

struct rows_table {
	sqlite3_vtab base;
	const struct db_table *table;
	const struct db_rows *rows;
};

struct rows_cursor {
	sqlite3_vtab_cursor base;
	const struct db_table *table;
	const struct db_rows *rows;
	size_t at;
	const struct flow_record *record; /* at that place */
	int64_t id;
};

/* Records are in the order of their coming: one that is soon at its turn may be anywhere. */
static void fetch(const struct db_rows *rows, size_t at)
{
	const struct flow_record *rec;

	if (at >= rows->count || !rows->order)
		return;
	rec = &rows->record[rows->order[at]];
	__builtin_prefetch(rec);
	__builtin_prefetch(&rec->half[0]);
	__builtin_prefetch(&rec->half[1].tcp_flags);
	__builtin_prefetch(&rec->has_health);
}

const struct flow_record *db_rows_at(const struct db_rows *rows, size_t at, int64_t *ret_id)
{
	const struct flow_record *rec = &rows->record[rows->order ? rows->order[at] : at];
	uint64_t n = (rows->sequence + at) & ((1ULL << DB_ID_SHIFT) - 1);

	fetch(rows, at + FETCH_AHEAD);
	*ret_id = rec->end_ms * (1LL << DB_ID_SHIFT) + (int64_t)n;
	return rec;
}

/* What a function is made of: the table, and what the connection gave. */
struct rows_source {
	const struct db_table *table;
	const struct db_rows *rows;
};

static int rows_connect(sqlite3 *db, void *arg, int argc, const char *const *argv,
			sqlite3_vtab **ret_table, char **ret_error)
{
	const struct rows_source *source = arg;
	struct rows_table *table;
	char sql[512];
	int rc;

	(void)argc, (void)argv, (void)ret_error;
	snprintf(sql, sizeof(sql), "CREATE TABLE rows (%s)", source->table->columns);
	rc = sqlite3_declare_vtab(db, sql);
	if (rc)
		return rc;
	table = calloc(1, sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	table->table = source->table;
	table->rows = source->rows;
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
	const struct rows_table *table = (struct rows_table *)base;
	struct rows_cursor *cursor = calloc(1, sizeof(*cursor));

	if (!cursor)
		return SQLITE_NOMEM;
	cursor->table = table->table;
	cursor->rows = table->rows;
	*ret_cursor = &cursor->base;
	return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *cursor)
{
	free(cursor);
	return SQLITE_OK;
}

/* To the row at that place, or the next that is. */
static void rows_go(struct rows_cursor *cursor, size_t at)
{
	bool (*has)(const struct flow_record *rec) = cursor->table->has;

	for (; at < cursor->rows->count; at++) {
		cursor->record = db_rows_at(cursor->rows, at, &cursor->id);
		if (!has || has(cursor->record))
			break;
	}
	cursor->at = at;
}

static int rows_filter(sqlite3_vtab_cursor *cursor, int number, const char *text, int argc,
		       sqlite3_value **argv)
{
	(void)number, (void)text, (void)argc, (void)argv;
	rows_go((struct rows_cursor *)cursor, 0);
	return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *base)
{
	struct rows_cursor *cursor = (struct rows_cursor *)base;

	rows_go(cursor, cursor->at + 1);
	return SQLITE_OK;
}

static int rows_eof(sqlite3_vtab_cursor *base)
{
	const struct rows_cursor *cursor = (struct rows_cursor *)base;

	return cursor->at >= cursor->rows->count;
}

static int rows_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	const struct rows_cursor *cursor = (struct rows_cursor *)base;
	struct db_cell cell = cursor->table->cell(cursor->record, cursor->id, column);

	if (cell.type == DB_CELL_INT)
		sqlite3_result_int64(context, cell.value);
	else if (cell.type == DB_CELL_BLOB)
		sqlite3_result_blob(context, cell.blob, 16, SQLITE_STATIC);
	return SQLITE_OK; /* NULL where nothing was said */
}

static int rows_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_rowid)
{
	*ret_rowid = (sqlite3_int64)((struct rows_cursor *)cursor)->at;
	return SQLITE_OK;
}

int db_rows_register(struct sqlite3 *db, struct db_rows *rows)
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
	int rc = SQLITE_OK;

	for (int i = 0; !rc && i < DB_TABLES; i++) {
		struct rows_source *source = malloc(sizeof(*source));

		if (!source)
			return -ENOMEM;
		*source = (struct rows_source){.table = tables[i], .rows = rows};
		/* what it is given is freed with the connection, and where it fails */
		rc = sqlite3_create_module_v2(db, tables[i]->name, &module, source, free);
	}
	return rc ? db_errno(db, rc) : 0;
}
