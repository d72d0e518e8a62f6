/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_row.c: see db_row.h. */
#include "schema/db_row.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <sqlite3.h>
#include <string.h>

#include "schema/db_record.h"
#include "schema/db_sqlite.h"

static int record_uint(const struct db_record *record, int column, uint64_t max,
		       uint64_t *ret_value)
{
	enum db_value_type type = db_record_type(record, (uint32_t)column);

	if (type == DB_VALUE_NULL)
		return -ENODATA;
	if (type != DB_VALUE_INT)
		return -EPROTO;
	*ret_value = (uint64_t)db_record_int(record, (uint32_t)column);
	return *ret_value <= max ? 0 : -EPROTO;
}

/* An integer from 0 to max; where it is absent, -ENODATA and 0. */
static int read_uint(const struct db_row *row, int column, uint64_t max, uint64_t *ret_value)
{
	sqlite3_value *value;
	int type;

	*ret_value = 0;
	if (row->record)
		return record_uint(row->record, column, max, ret_value);
	value = sqlite3_column_value(row->stmt, column);
	type = sqlite3_value_type(value);
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
	int err = read_uint(row, column, max, &value);

	if (err && !row->err)
		row->err = -EPROTO;
	return value;
}

uint64_t db_row_optional(struct db_row *row, int column, uint64_t max, uint64_t absent)
{
	uint64_t value;
	int err = read_uint(row, column, max, &value);

	if (err == -ENODATA)
		return absent;
	if (err && !row->err)
		row->err = err;
	return value;
}

static int64_t record_int(struct db_row *row, uint32_t column)
{
	if (db_record_type(row->record, column) == DB_VALUE_INT)
		return db_record_int(row->record, column);
	if (!row->err)
		row->err = -EPROTO;
	return 0;
}

int64_t db_row_int(struct db_row *row, int column)
{
	sqlite3_value *value;

	if (row->record)
		return record_int(row, (uint32_t)column);
	value = sqlite3_column_value(row->stmt, column);
	if (sqlite3_value_type(value) != SQLITE_INTEGER && !row->err)
		row->err = -EPROTO;
	return sqlite3_value_int64(value);
}

uint16_t db_row_tag(struct db_row *row, int column)
{
	uint64_t id = db_row_optional(row, column, DB_VLAN_ID, UINT64_MAX);

	return id == UINT64_MAX ? 0 : (uint16_t)(FLOW_VLAN_TAGGED | (id & DB_VLAN_ID));
}

static uint16_t record_address(struct db_row *row, uint32_t column, __be32 addr[4])
{
	switch (db_record_type(row->record, column)) {
	case DB_VALUE_NULL:
		return 0;
	case DB_VALUE_INT:
		addr[0] = htonl((uint32_t)db_record_int(row->record, column));
		return ETH_P_IP;
	case DB_VALUE_BLOB16:
		memcpy(addr, db_record_blob(row->record, column), 16);
		return ETH_P_IPV6;
	case DB_VALUE_OTHER:
		break;
	}
	if (!row->err)
		row->err = -EPROTO;
	return 0;
}

uint16_t db_row_address(struct db_row *row, int column, __be32 addr[4])
{
	sqlite3_value *value;

	if (row->record)
		return record_address(row, (uint32_t)column, addr);
	value = sqlite3_column_value(row->stmt, column);
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

void db_row_ends(struct db_row *row, int first, int32_t ethertype, struct flow_key *key)
{
	uint16_t src = db_row_address(row, first + 1, key->src);
	uint16_t dst = db_row_address(row, first + 2, key->dst);

	key->ethertype = ethertype < 0 ? src : (uint16_t)ethertype;
	if (!(src || ethertype >= 0) || src != dst || src != address_kind(key->ethertype))
		row->err = -EPROTO;
	key->proto = (uint8_t)db_row_optional(row, first, UINT8_MAX, 0);
	key->sport = htons((uint16_t)db_row_optional(row, first + 3, UINT16_MAX, 0));
	key->dport = htons((uint16_t)db_row_optional(row, first + 4, UINT16_MAX, 0));
}

void db_row_key(struct db_row *row, int first, struct flow_key *key)
{
	uint64_t ethertype = db_row_optional(row, first + DB_KEY_ETHERTYPE, UINT16_MAX, UINT64_MAX);

	key->dir = (uint8_t)db_row_uint(row, first + DB_KEY_DIR, 1);
	key->vlan = db_row_tag(row, first + DB_KEY_VLAN);
	key->cvlan = db_row_tag(row, first + DB_KEY_CVLAN);
	key->marks = (uint8_t)db_row_uint(row, first + DB_KEY_MARKS, UINT8_MAX);
	db_row_ends(row, first + DB_KEY_PROTO, ethertype > UINT16_MAX ? -1 : (int32_t)ethertype,
		    key);
}
