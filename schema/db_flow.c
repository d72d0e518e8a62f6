/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_flow.c: a row of table flow as a flow record, and the meta values. See db_rows.c for the way in.
 */
#include "schema/db.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "schema/db_sqlite.h"

#define VLAN_ID 0xfff

bool db_has_tunnels(struct sqlite3 *db)
{
	int64_t one;

	/* an error is for the query that asks for both to tell */
	return db_query_int(db, "SELECT 1 FROM flow_tunnel LIMIT 1", &one) != SQLITE_EMPTY;
}

/* An integer from 0 to max; where it is absent, -ENODATA and 0. */
static int read_uint(sqlite3_stmt *stmt, enum db_column column, uint64_t max, uint64_t *ret_value)
{
	sqlite3_value *value = sqlite3_column_value(stmt, (int)column);
	int type = sqlite3_value_type(value);

	*ret_value = 0;
	if (type == SQLITE_NULL)
		return -ENODATA;
	if (type != SQLITE_INTEGER)
		return -EPROTO;
	*ret_value = (uint64_t)sqlite3_value_int64(value);
	return *ret_value <= max ? 0 : -EPROTO;
}

/* The values of one row, and the first thing wrong with them. */
struct row {
	sqlite3_stmt *stmt;
	int err;
};

static uint64_t row_uint(struct row *row, enum db_column column, uint64_t max)
{
	uint64_t value;
	int err = read_uint(row->stmt, column, max, &value);

	if (err && !row->err)
		row->err = -EPROTO;
	return value;
}

/* `absent` where the column is NULL. */
static uint64_t row_optional(struct row *row, enum db_column column, uint64_t max, uint64_t absent)
{
	uint64_t value;
	int err = read_uint(row->stmt, column, max, &value);

	if (err == -ENODATA)
		return absent;
	if (err && !row->err)
		row->err = err;
	return value;
}

static uint16_t row_tag(struct row *row, enum db_column column)
{
	uint64_t id = row_optional(row, column, VLAN_ID, UINT64_MAX);

	return id == UINT64_MAX ? 0 : (uint16_t)(FLOW_VLAN_TAGGED | (id & VLAN_ID));
}

/* Returns the kind of address: ETH_P_IP, ETH_P_IPV6, or 0 where there is none. */
static uint16_t row_address(struct row *row, enum db_column column, __be32 addr[4])
{
	sqlite3_value *value = sqlite3_column_value(row->stmt, (int)column);

	switch (sqlite3_value_type(value)) {
	case SQLITE_NULL:
		return 0;
	case SQLITE_INTEGER:
		addr[0] = htonl((uint32_t)sqlite3_value_int64(value));
		return ETH_P_IP;
	case SQLITE_BLOB:
		if (sqlite3_value_bytes(value) == 16) {
			memcpy(addr, sqlite3_value_blob(value), 16);
			return ETH_P_IPV6;
		}
	}
	if (!row->err)
		row->err = -EPROTO;
	return 0;
}

/* The kind of address that a row of this EtherType has. */
static uint16_t address_kind(uint16_t ethertype)
{
	if (db_has_ipv4(ethertype))
		return ETH_P_IP;
	return ethertype == ETH_P_IPV6 ? ETH_P_IPV6 : 0;
}

static void read_key(struct row *row, struct flow_key *key)
{
	uint16_t src = row_address(row, DB_COL_SRC, key->src);
	uint16_t dst = row_address(row, DB_COL_DST, key->dst);

	uint64_t ethertype =
		row_optional(row, DB_COL_ETHERTYPE, UINT16_MAX, src ? src : UINT64_MAX);

	key->ethertype = (uint16_t)ethertype;
	if (ethertype > UINT16_MAX || src != dst || src != address_kind(key->ethertype))
		row->err = -EPROTO;
	key->dir = (uint8_t)row_uint(row, DB_COL_DIR, 1);
	key->vlan = row_tag(row, DB_COL_VLAN);
	key->cvlan = row_tag(row, DB_COL_CVLAN);
	key->marks = (uint8_t)row_uint(row, DB_COL_MARKS, UINT8_MAX);
	key->proto = (uint8_t)row_optional(row, DB_COL_PROTO, UINT8_MAX, 0);
	key->sport = htons((uint16_t)row_optional(row, DB_COL_SPORT, UINT16_MAX, 0));
	key->dport = htons((uint16_t)row_optional(row, DB_COL_DPORT, UINT16_MAX, 0));
}

static void read_halves(struct row *row, struct flow_half *half)
{
	uint64_t flags = row_optional(row, DB_COL_TCP_FLAGS, 0x3ffff, 0);

	for (int i = 0; i < 2; i++) {
		enum db_column column = i ? DB_COL_REV_PACKETS : DB_COL_PACKETS;

		half[i].packets = row_uint(row, column, UINT64_MAX);
		half[i].bytes = row_uint(row, column + 1, UINT64_MAX);
		half[i].ip_bytes = row_uint(row, column + 2, UINT64_MAX);
		half[i].tcp_flags = (uint8_t)(flags >> i * 8);
		half[i].tcp_syn = flags >> (DB_SYN_SHIFT + i) & 1;
	}
}

static void read_tunnel(struct row *row, struct flow_record *rec)
{
	uint16_t src, dst;

	rec->key.tunnel_kind = (uint8_t)row_optional(row, DB_COL_KIND, FLOW_TUNNEL_MAX - 1, 0);
	if (!rec->key.tunnel_kind)
		return;
	rec->key.tunnel_id = (uint32_t)row_uint(row, DB_COL_TUNNEL_ID, UINT32_MAX);
	rec->rev_tunnel_id = (uint32_t)row_uint(row, DB_COL_REV_TUNNEL_ID, UINT32_MAX);
	src = row_address(row, DB_COL_OUTER_SRC, rec->outer_src);
	dst = row_address(row, DB_COL_OUTER_DST, rec->outer_dst);
	rec->outer_ethertype = src;
	if (src != dst)
		row->err = -EPROTO;
}

int db_flow_read(struct sqlite3_stmt *stmt, struct flow_record *ret_rec)
{
	struct row row = {.stmt = stmt};
	struct flow_record rec;

	memset(&rec, 0, sizeof(rec));
	rec.end_ms = sqlite3_column_int64(stmt, DB_COL_ID) >> DB_ID_SHIFT;
	rec.start_ms = rec.end_ms - (int64_t)row_uint(&row, DB_COL_DURATION, UINT64_MAX);
	rec.iface = (uint32_t)row_uint(&row, DB_COL_IFACE, UINT32_MAX);
	rec.end_reason = (uint8_t)row_uint(&row, DB_COL_END_REASON, UINT8_MAX);
	read_key(&row, &rec.key);
	read_halves(&row, rec.half);
	if (sqlite3_column_count(stmt) > DB_COL_KIND)
		read_tunnel(&row, &rec);
	if (!row.err)
		*ret_rec = rec;
	return row.err;
}

/* A statement on one key of meta, or NULL. */
static sqlite3_stmt *meta_prepare(struct sqlite3 *db, const char *sql, const char *key,
				  int *ret_err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (!rc)
		rc = sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	if (!rc)
		return stmt;
	*ret_err = db_errno(db, rc);
	sqlite3_finalize(stmt);
	return NULL;
}

static int meta_step(struct sqlite3 *db, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 0;
	return rc == SQLITE_DONE ? -ENOENT : db_errno(db, rc);
}

#define META_SELECT "SELECT value FROM meta WHERE key = ?1 AND value IS NOT NULL"
#define META_REPLACE "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)"

int db_meta_get_int(struct sqlite3 *db, const char *key, int64_t *ret_value)
{
	int err = 0;
	sqlite3_stmt *stmt = meta_prepare(db, META_SELECT, key, &err);

	if (!stmt)
		return err;
	err = meta_step(db, stmt);
	if (!err)
		*ret_value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return err;
}

int db_meta_get_text(struct sqlite3 *db, const char *key, char *buf, size_t size)
{
	int err = 0;
	sqlite3_stmt *stmt = meta_prepare(db, META_SELECT, key, &err);
	const char *text;

	if (!stmt)
		return err;
	err = meta_step(db, stmt);
	text = err ? NULL : (const char *)sqlite3_column_text(stmt, 0);
	if (text)
		snprintf(buf, size, "%s", text);
	else if (!err)
		err = -ENOMEM;
	sqlite3_finalize(stmt);
	return err;
}

static int meta_run(struct sqlite3 *db, sqlite3_stmt *stmt, int bound)
{
	int err = bound ? db_errno(db, bound) : meta_step(db, stmt);

	sqlite3_finalize(stmt);
	return err == -ENOENT ? 0 : err;
}

int db_meta_set_int(struct sqlite3 *db, const char *key, int64_t value)
{
	int err = 0;
	sqlite3_stmt *stmt = meta_prepare(db, META_REPLACE, key, &err);

	return stmt ? meta_run(db, stmt, sqlite3_bind_int64(stmt, 2, value)) : err;
}

int db_meta_set_text(struct sqlite3 *db, const char *key, const char *value)
{
	int err = 0;
	sqlite3_stmt *stmt = meta_prepare(db, META_REPLACE, key, &err);

	return stmt ? meta_run(db, stmt, sqlite3_bind_text(stmt, 2, value, -1, SQLITE_STATIC))
		    : err;
}
