/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_row.c: see db_row.h. */
#include "schema/db_row.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <sqlite3.h>
#include <string.h>

#include "schema/db_sqlite.h"

/* An integer from 0 to max; where it is absent, -ENODATA and 0. */
static int read_uint(sqlite3_stmt *stmt, int column, uint64_t max, uint64_t *ret_value)
{
	sqlite3_value *value = sqlite3_column_value(stmt, column);
	int type = sqlite3_value_type(value);

	*ret_value = 0;
	if (type == SQLITE_NULL)
		return -ENODATA;
	if (type != SQLITE_INTEGER)
		return -EPROTO;
	*ret_value = (uint64_t)sqlite3_value_int64(value);
	return *ret_value <= max ? 0 : -EPROTO;
}

uint64_t db_row_uint(struct db_row *row, int column, uint64_t max)
{
	uint64_t value;
	int err = read_uint(row->stmt, column, max, &value);

	if (err && !row->err)
		row->err = -EPROTO;
	return value;
}

uint64_t db_row_optional(struct db_row *row, int column, uint64_t max, uint64_t absent)
{
	uint64_t value;
	int err = read_uint(row->stmt, column, max, &value);

	if (err == -ENODATA)
		return absent;
	if (err && !row->err)
		row->err = err;
	return value;
}

uint16_t db_row_tag(struct db_row *row, int column)
{
	uint64_t id = db_row_optional(row, column, DB_VLAN_ID, UINT64_MAX);

	return id == UINT64_MAX ? 0 : (uint16_t)(FLOW_VLAN_TAGGED | (id & DB_VLAN_ID));
}

uint16_t db_row_address(struct db_row *row, int column, __be32 addr[4])
{
	sqlite3_value *value = sqlite3_column_value(row->stmt, column);

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

void db_row_text(struct db_row *row, int column, char *buf, size_t size)
{
	sqlite3_value *value = sqlite3_column_value(row->stmt, column);
	int type = sqlite3_value_type(value);
	size_t len = type == SQLITE_TEXT ? (size_t)sqlite3_value_bytes(value) : 0;

	memset(buf, 0, size);
	if ((type == SQLITE_TEXT || type == SQLITE_NULL) && len <= size)
		memcpy(buf, len ? sqlite3_value_text(value) : (const void *)"", len);
	else if (!row->err)
		row->err = -EPROTO;
}

void db_row_key(struct db_row *row, int first, struct flow_key *key)
{
	uint16_t src = db_row_address(row, first + DB_KEY_SRC, key->src);
	uint16_t dst = db_row_address(row, first + DB_KEY_DST, key->dst);
	uint64_t ethertype =
		db_row_optional(row, first + DB_KEY_ETHERTYPE, UINT16_MAX, src ? src : UINT64_MAX);

	key->ethertype = (uint16_t)ethertype;
	if (ethertype > UINT16_MAX || src != dst || src != address_kind(key->ethertype))
		row->err = -EPROTO;
	key->dir = (uint8_t)db_row_uint(row, first + DB_KEY_DIR, 1);
	key->vlan = db_row_tag(row, first + DB_KEY_VLAN);
	key->cvlan = db_row_tag(row, first + DB_KEY_CVLAN);
	key->marks = (uint8_t)db_row_uint(row, first + DB_KEY_MARKS, UINT8_MAX);
	key->proto = (uint8_t)db_row_optional(row, first + DB_KEY_PROTO, UINT8_MAX, 0);
	key->sport = htons((uint16_t)db_row_optional(row, first + DB_KEY_SPORT, UINT16_MAX, 0));
	key->dport = htons((uint16_t)db_row_optional(row, first + DB_KEY_DPORT, UINT16_MAX, 0));
}
