/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_scan.c: see db_scan.h. */
#include "schema/db_scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <sqlite3.h>
#include <string.h>

#include "schema/db_cell.h"
#include "schema/db_pack.h"
#include "schema/db_row.h"
#include "schema/db_sqlite.h"

#define NO_ID INT64_MAX

static const struct beside {
	const char *table, *columns;
	uint32_t count;
	void (*read)(struct db_row *row, struct flow_record *rec);
} besides[DB_SCAN_BESIDES] = {
	[DB_SCAN_TUNNEL] = {"flow_tunnel", DB_TUNNEL_COLUMNS, 6, db_row_tunnel},
	[DB_SCAN_TCP] = {"flow_tcp", DB_TCP_COLUMNS, 23, db_row_tcp},
	[DB_SCAN_RTT] = {"flow_rtt", DB_RTT_COLUMNS, 11, db_row_rtt},
};

/* --- the tables ----------------------------------------------------------------------------------- */

/* Does the table begin with these columns, the id first? */
static int check_columns(struct sqlite3 *db, const char *table, const char *columns)
{
	static const char sql[] =
		"SELECT group_concat(name, ', ') || ', ' FROM pragma_table_info(?1, 'main')";
	struct sqlite3_stmt *stmt;
	const char *text;
	int err = -ENOTSUP;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL))
		return -ENOTSUP;
	sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		size_t len = strlen(columns);

		text = (const char *)sqlite3_column_text(stmt, 0);
		if (text && !strncmp(text, columns, len) && text[len] == ',')
			err = 0;
	}
	sqlite3_finalize(stmt);
	return err;
}

static int find_root(struct sqlite3 *db, const char *table, const char *columns, uint32_t *ret_root)
{
	return check_columns(db, table, columns) ? -ENOTSUP : db_tree_root(db, table, ret_root);
}

static int64_t first_id(int64_t ms)
{
	return ms > INT64_MAX >> DB_ID_SHIFT ? INT64_MAX : ms * (1LL << DB_ID_SHIFT);
}

int db_scan_open(struct sqlite3 *db, const struct db_mark *mark,
		 const struct db_scan_options *options, struct db_scan *ret_scan)
{
	struct db_scan *scan = ret_scan;
	int err;

	memset(scan, 0, sizeof(*scan));
	scan->window.first = first_id(options->since_ms);
	scan->window.last = first_id(options->until_ms);
	if (options->until_ms < INT64_MAX)
		scan->window.last--;
	err = find_root(db, "flow", DB_FLOW_COLUMNS, &scan->flow);
	for (int i = 0; !err && i < DB_SCAN_BESIDES; i++) {
		if (i == DB_SCAN_TUNNEL || options->health)
			err = find_root(db, besides[i].table, besides[i].columns, &scan->beside[i]);
	}
	return err ? err : db_pages_open(db, mark, &scan->pages);
}

void db_scan_close(struct db_scan *scan)
{
	db_pages_close(&scan->pages);
}

int db_scan_split(const struct db_scan *scan, struct db_tree_range *ret_range, int room)
{
	struct db_tree tree;
	int count = 0;

	db_tree_open(&scan->pages, scan->flow, &tree);
	if (scan->window.first <= scan->window.last)
		count = db_tree_split(&tree, &scan->window, ret_range, room);
	db_tree_close(&tree);
	return count;
}

/* --- the rows ------------------------------------------------------------------------------------- */

void db_scan_reader_open(const struct db_scan *scan, struct db_scan_reader *ret_reader)
{
	struct db_scan_reader *reader = ret_reader;

	memset(reader, 0, sizeof(*reader));
	reader->scan = scan;
	db_tree_open(&scan->pages, scan->flow, &reader->flow);
	for (int i = 0; i < DB_SCAN_BESIDES; i++)
		db_tree_open(&scan->pages, scan->beside[i], &reader->beside[i]);
}

void db_scan_reader_close(struct db_scan_reader *reader)
{
	db_tree_close(&reader->flow);
	for (int i = 0; i < DB_SCAN_BESIDES; i++)
		db_tree_close(&reader->beside[i]);
}

static int step_beside(struct db_scan_reader *reader, int i)
{
	int have = db_tree_next(&reader->beside[i], &reader->next[i]);

	if (!have)
		reader->next[i].id = NO_ID;
	return have < 0 ? have : 0;
}

int db_scan_seek(struct db_scan_reader *reader, const struct db_tree_range *range)
{
	int err = db_tree_seek(&reader->flow, range->first);

	reader->last = range->last;
	for (int i = 0; !err && i < DB_SCAN_BESIDES; i++) {
		reader->next[i].id = NO_ID;
		if (!reader->scan->beside[i])
			continue;
		err = db_tree_seek(&reader->beside[i], range->first);
		err = err ? err : step_beside(reader, i);
	}
	return err;
}

/* An address of either kind, as db_row_address gives it; the others of its words 0. -1: neither. */
static inline int32_t address(const struct db_record *row, uint32_t column, __be32 addr[4])
{
	enum db_value_type type = db_record_type(row, column);

	if (type == DB_VALUE_BLOB16) {
		memcpy(addr, db_record_blob(row, column), 16);
		return ETH_P_IPV6;
	}
	addr[0] = addr[1] = addr[2] = addr[3] = 0;
	if (type == DB_VALUE_NULL)
		return 0;
	addr[0] = htonl((uint32_t)db_record_int(row, column));
	return type == DB_VALUE_INT ? ETH_P_IP : -1;
}

static inline uint64_t number(const struct db_record *row, uint32_t column, bool *ok)
{
	*ok &= db_record_type(row, column) == DB_VALUE_INT;
	return (uint64_t)db_record_int(row, column);
}

/* 0 where it is NULL. */
static inline uint64_t optional(const struct db_record *row, uint32_t column, uint64_t max,
				bool *ok)
{
	uint64_t value;

	if (row->layout->type[column] == DB_RECORD_NULL)
		return 0;
	value = number(row, column, ok);
	*ok &= value <= max;
	return value;
}

static bool read_ends(const struct db_record *row, int32_t ethertype, struct flow_key *key)
{
	int32_t src = address(row, DB_COL_SRC, key->src), dst = address(row, DB_COL_DST, key->dst);
	bool ok = src == dst && src >= 0 && (src || ethertype >= 0);

	if (ethertype >= 0) {
		const uint16_t kind = db_has_ipv4((uint16_t)ethertype) ? ETH_P_IP
				      : ethertype == ETH_P_IPV6	       ? ETH_P_IPV6
								       : 0;

		ok &= src == kind;
	}
	key->ethertype = (uint16_t)(ethertype < 0 ? src : ethertype);
	key->proto = (uint8_t)optional(row, DB_COL_PROTO, UINT8_MAX, &ok);
	key->sport = htons((uint16_t)optional(row, DB_COL_SPORT, UINT16_MAX, &ok));
	key->dport = htons((uint16_t)optional(row, DB_COL_DPORT, UINT16_MAX, &ok));
	return ok;
}

/* As db_flow_read. False: not all is as it should be. */
static bool read_flow(const struct db_record *row, int64_t id, struct flow_record *rec)
{
	uint64_t how, iface;
	int32_t ethertype;
	bool ok = true;

	rec->end_ms = id >> DB_ID_SHIFT;
	rec->start_ms = rec->end_ms - (int64_t)number(row, DB_COL_DURATION, &ok);
	iface = number(row, DB_COL_IFACE, &ok);
	how = number(row, DB_COL_HOW, &ok);
	ok &= iface <= UINT32_MAX && how <= DB_HOW_MAX;
	rec->iface = (uint32_t)iface;
	db_unpack_how(how, rec);
	ethertype = db_unpack_l2(optional(row, DB_COL_L2, DB_L2_MAX, &ok), &rec->key);
	ok &= read_ends(row, ethertype, &rec->key);
	db_unpack_tcp_flags(optional(row, DB_COL_TCP_FLAGS, DB_TCP_FLAGS_MAX, &ok), rec->half);
	for (int i = 0; i < 2; i++) {
		uint32_t column = i ? DB_COL_REV_PACKETS : DB_COL_PACKETS;
		struct flow_half *half = &rec->half[i];

		half->packets = number(row, column, &ok);
		half->bytes = number(row, column + 1, &ok);
		half->ip_bytes = db_unpack_ip_bytes(half, (int64_t)number(row, column + 2, &ok));
	}
	return ok;
}

/* What the record before had, and this one may not have. */
static void forget_beside(struct flow_record *rec)
{
	if (rec->has_health) {
		rec->has_health = 0;
		memset(rec->health, 0, sizeof(rec->health));
	}
	if (!rec->key.tunnel_kind)
		return;
	rec->key.tunnel_kind = 0;
	rec->key.tunnel_id = rec->rev_tunnel_id = 0;
	rec->outer_ethertype = 0;
	memset(rec->outer_src, 0, sizeof(rec->outer_src));
	memset(rec->outer_dst, 0, sizeof(rec->outer_dst));
}

static int read_beside(struct db_scan_reader *reader, int i, int64_t id)
{
	struct db_record record;
	struct db_row row = {.record = &record};
	int err = 0;

	while (!err && reader->next[i].id < id)
		err = step_beside(reader, i);
	if (err || reader->next[i].id != id)
		return err;
	err = db_record_read(&reader->beside[i], &reader->next[i], besides[i].count, &record);
	if (!err)
		besides[i].read(&row, &reader->rec);
	return err || row.err ? -ENOTSUP : 0;
}

int db_scan_next(struct db_scan_reader *reader)
{
	struct db_record record;
	struct db_tree_row row;
	int have = db_tree_next(&reader->flow, &row), err;

	if (have <= 0)
		return have;
	if (row.id > reader->last)
		return 0;
	err = db_record_read(&reader->flow, &row, DB_COL_COUNT, &record);
	if (err)
		return err;
	forget_beside(&reader->rec);
	if (!read_flow(&record, row.id, &reader->rec))
		return -ENOTSUP;
	for (int i = 0; !err && i < DB_SCAN_BESIDES; i++) {
		if (reader->next[i].id <= row.id)
			err = read_beside(reader, i, row.id);
	}
	return err ? err : 1;
}
