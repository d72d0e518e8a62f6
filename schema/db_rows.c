/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_rows.c: flow records as rows of tables flow and flow_tunnel. See db.h, and schema.sql for what a
 * column holds. tcp_flags: | reverse's SYN : 17 | SYN : 16 | reverse's flags : 8..15 | flags : 0..7 |,
 * the SYN bits being tcp_syn.
 *
 * The number of the interface is not stored, iface is; what is around the packets has a row of its
 * own in table flow_tunnel.
 *
 * Many records go in by one INSERT ... SELECT from a table-valued function of ours (SQLite's virtual
 * tables, https://www.sqlite.org/vtab.html#eponymous_virtual_tables): half the work of a statement
 * run for each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "schema/db.h"
#include "schema/db_sqlite.h"

#define VLAN_ID 0xfff

/* One value. */
struct cell {
	enum { CELL_NULL, CELL_INT, CELL_BLOB } type;
	int64_t value;
	const void *blob; /* 16 bytes */
};

const char db_flow_insert[] = "INSERT INTO flow (" DB_FLOW_COLUMNS ") VALUES "
			      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/* OR ROLLBACK: a statement that may end in the middle needs no journal of its own then. */
const char db_rows_insert[] = "INSERT OR ROLLBACK INTO flow (" DB_FLOW_COLUMNS ") "
			      "SELECT " DB_FLOW_COLUMNS " FROM " DB_ROWS_TABLE;

const char db_tunnel_insert[] =
	"INSERT OR REPLACE INTO flow_tunnel (flow, kind, tunnel_id, rev_tunnel_id, outer_src, outer_dst) "
	"VALUES (?, ?, ?, ?, ?, ?)";

static struct cell cell_int(int64_t value)
{
	return (struct cell){.type = CELL_INT, .value = value};
}

static struct cell cell_optional(bool present, int64_t value)
{
	return (struct cell){.type = present ? CELL_INT : CELL_NULL, .value = value};
}

static struct cell cell_tag(uint16_t tag)
{
	return cell_optional(tag & FLOW_VLAN_TAGGED, tag & VLAN_ID);
}

static struct cell cell_address(uint16_t ethertype, const __be32 *addr)
{
	if (db_has_ipv4(ethertype))
		return cell_int((int32_t)ntohl(addr[0]));
	if (ethertype == ETH_P_IPV6)
		return (struct cell){.type = CELL_BLOB, .blob = addr};
	return (struct cell){.type = CELL_NULL};
}

static struct cell cell_port(const struct flow_key *key, __be16 port)
{
	return cell_optional(flow_key_is_ip(key) || port, ntohs(port));
}

static struct cell cell_tcp_flags(const struct flow_record *rec)
{
	const struct flow_half *fwd = &rec->half[0], *rev = &rec->half[1];
	int64_t flags = fwd->tcp_flags | rev->tcp_flags << 8 |
			(int64_t) !!fwd->tcp_syn << DB_SYN_SHIFT |
			(int64_t) !!rev->tcp_syn << (DB_SYN_SHIFT + 1);

	return cell_optional(flow_key_is_ip(&rec->key) && rec->key.proto == IPPROTO_TCP, flags);
}

static struct cell cell_of(const struct flow_record *rec, int64_t id, int column)
{
	const struct flow_key *key = &rec->key;

	switch (column) {
	case DB_COL_ID:
		return cell_int(id);
	case DB_COL_DURATION:
		return cell_int((id >> DB_ID_SHIFT) - rec->start_ms);
	case DB_COL_IFACE:
		return cell_int(rec->iface);
	case DB_COL_DIR:
		return cell_int(key->dir);
	case DB_COL_ETHERTYPE:
		return cell_optional(!flow_key_is_ip(key), key->ethertype);
	case DB_COL_VLAN:
		return cell_tag(key->vlan);
	case DB_COL_CVLAN:
		return cell_tag(key->cvlan);
	case DB_COL_MARKS:
		return cell_int(key->marks);
	case DB_COL_PROTO:
		return cell_optional(flow_key_is_ip(key), key->proto);
	case DB_COL_SRC:
		return cell_address(key->ethertype, key->src);
	case DB_COL_DST:
		return cell_address(key->ethertype, key->dst);
	case DB_COL_SPORT:
		return cell_port(key, key->sport);
	case DB_COL_DPORT:
		return cell_port(key, key->dport);
	case DB_COL_PACKETS:
		return cell_int((int64_t)rec->half[0].packets);
	case DB_COL_BYTES:
		return cell_int((int64_t)rec->half[0].bytes);
	case DB_COL_IP_BYTES:
		return cell_int((int64_t)rec->half[0].ip_bytes);
	case DB_COL_REV_PACKETS:
		return cell_int((int64_t)rec->half[1].packets);
	case DB_COL_REV_BYTES:
		return cell_int((int64_t)rec->half[1].bytes);
	case DB_COL_REV_IP_BYTES:
		return cell_int((int64_t)rec->half[1].ip_bytes);
	case DB_COL_TCP_FLAGS:
		return cell_tcp_flags(rec);
	case DB_COL_END_REASON:
		return cell_int(rec->end_reason);
	default:
		return (struct cell){.type = CELL_NULL};
	}
}

static int bind_cell(sqlite3_stmt *stmt, int column, struct cell cell)
{
	if (cell.type == CELL_INT)
		return sqlite3_bind_int64(stmt, column + 1, cell.value);
	if (cell.type == CELL_BLOB)
		return sqlite3_bind_blob(stmt, column + 1, cell.blob, 16, SQLITE_STATIC);
	return sqlite3_bind_null(stmt, column + 1);
}

/* The record must stay until the statement is reset. */
int db_flow_bind(struct sqlite3_stmt *stmt, int64_t id, const struct flow_record *rec)
{
	int rc = 0;

	for (int column = 0; column <= DB_COL_END_REASON; column++)
		rc |= bind_cell(stmt, column, cell_of(rec, id, column));
	return rc ? -ENOMEM : 0; /* the columns are right, so nothing else can be wrong */
}

int db_tunnel_bind(struct sqlite3_stmt *stmt, int64_t id, const struct flow_record *rec)
{
	int rc = sqlite3_bind_int64(stmt, 1, id);

	rc |= sqlite3_bind_int64(stmt, 2, rec->key.tunnel_kind);
	rc |= sqlite3_bind_int64(stmt, 3, rec->key.tunnel_id);
	rc |= sqlite3_bind_int64(stmt, 4, rec->rev_tunnel_id);
	rc |= bind_cell(stmt, 4, cell_address(rec->outer_ethertype, rec->outer_src));
	rc |= bind_cell(stmt, 5, cell_address(rec->outer_ethertype, rec->outer_dst));
	return rc ? -ENOMEM : 0;
}

/* --- many of them as a table ---------------------------------------------------------------------- */

struct rows_table {
	sqlite3_vtab base;
	const struct db_rows *rows;
};

struct rows_cursor {
	sqlite3_vtab_cursor base;
	const struct db_rows *rows;
	size_t at;
	const struct flow_record *record; /* at that place */
	int64_t id;
};

const struct flow_record *db_rows_at(const struct db_rows *rows, size_t at, int64_t *ret_id)
{
	const struct flow_record *rec = &rows->record[rows->order ? rows->order[at] : at];
	uint64_t n = (rows->sequence + at) & ((1ULL << DB_ID_SHIFT) - 1);

	*ret_id = rec->end_ms * (1LL << DB_ID_SHIFT) + (int64_t)n;
	return rec;
}

static int rows_connect(sqlite3 *db, void *arg, int argc, const char *const *argv,
			sqlite3_vtab **ret_table, char **ret_error)
{
	struct rows_table *table;
	int rc = sqlite3_declare_vtab(db, "CREATE TABLE rows (" DB_FLOW_COLUMNS ")");

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

static int rows_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
	struct rows_cursor *cursor = calloc(1, sizeof(*cursor));

	if (!cursor)
		return SQLITE_NOMEM;
	cursor->rows = ((struct rows_table *)table)->rows;
	*ret_cursor = &cursor->base;
	return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *cursor)
{
	free(cursor);
	return SQLITE_OK;
}

static void rows_go(struct rows_cursor *cursor, size_t at)
{
	cursor->at = at;
	if (at < cursor->rows->count)
		cursor->record = db_rows_at(cursor->rows, at, &cursor->id);
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
	struct cell cell = cell_of(cursor->record, cursor->id, column);

	if (cell.type == CELL_INT)
		sqlite3_result_int64(context, cell.value);
	else if (cell.type == CELL_BLOB)
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
	int rc = sqlite3_create_module(db, DB_ROWS_TABLE, &module, rows);

	return rc ? db_errno(db, rc) : 0;
}
