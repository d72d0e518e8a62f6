/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_cell.h: the values of a row on their way in, and the tables that have a row for a record. What a
 * column holds is said in schema.sql.
 */
#pragma once

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "db_sqlite.h"

/* One value. */
struct db_cell {
	enum { DB_CELL_NULL, DB_CELL_INT, DB_CELL_BLOB } type;
	int64_t value;
	const void *blob; /* 16 bytes, of the record */
};

/* How a table gets its rows. */
struct db_table {
	const char *name; /* of the function that gives the rows of many records */
	const char *columns;
	int count;				    /* of the columns */
	bool (*has)(const struct flow_record *rec); /* NULL: always */
	struct db_cell (*cell)(const struct flow_record *rec, int64_t id, int column);
};

/* The columns of tables beside flow; of both directions the initiator's first. */
#define DB_TUNNEL_COLUMNS "flow, kind, tunnel_id, rev_tunnel_id, outer_src, outer_dst"
#define DB_TCP_HALF(rev)                                                                          \
	rev "retransmits, " rev "retransmitted_bytes, " rev "out_of_order, " rev "dup_acks, " rev \
	    "zero_windows, " rev "resets, " rev "keep_alives, " rev "syn_repeats, " rev           \
	    "retransmits_kernel, " rev "drops, " rev "drop_bytes"
#define DB_TCP_COLUMNS "flow, " DB_TCP_HALF("") ", " DB_TCP_HALF("rev_")
#define DB_RTT_HALF(rev)                                                                 \
	rev "handshake_us, " rev "rtt_count, " rev "rtt_sum_us, " rev "rtt_min_us, " rev \
	    "rtt_max_us"
#define DB_RTT_COLUMNS "flow, " DB_RTT_HALF("") ", " DB_RTT_HALF("rev_")
/* The process is a number there, and a text to readers. */
#define DB_SOCKET_COLUMNS(process)                                                                \
	"flow, side, pid, " process ", srtt_us, min_rtt_us, cwnd, retransmits, delivered, lost, " \
	"bytes_acked, bytes_received, delivery_rate"

/* Those of db_health.c. */
extern const struct db_table db_tcp_table, db_rtt_table;

static inline struct db_cell db_cell_int(int64_t value)
{
	return (struct db_cell){.type = DB_CELL_INT, .value = value};
}

static inline struct db_cell db_cell_optional(bool present, int64_t value)
{
	return (struct db_cell){.type = present ? DB_CELL_INT : DB_CELL_NULL, .value = value};
}

static inline struct db_cell db_cell_tag(uint16_t tag)
{
	return db_cell_optional(tag & FLOW_VLAN_TAGGED, tag & DB_VLAN_ID);
}

static inline struct db_cell db_cell_address(uint16_t ethertype, const __be32 *addr)
{
	if (db_has_ipv4(ethertype))
		return db_cell_int((int32_t)ntohl(addr[0]));
	if (ethertype == ETH_P_IPV6)
		return (struct db_cell){.type = DB_CELL_BLOB, .blob = addr};
	return (struct db_cell){.type = DB_CELL_NULL};
}

static inline struct db_cell db_cell_port(const struct flow_key *key, __be16 port)
{
	return db_cell_optional(flow_key_is_ip(key) || port, ntohs(port));
}

/* The part of a row that is a key's. */
static inline struct db_cell db_cell_key(const struct flow_key *key, enum db_key_column column)
{
	switch (column) {
	case DB_KEY_DIR:
		return db_cell_int(key->dir);
	case DB_KEY_ETHERTYPE:
		return db_cell_optional(!flow_key_is_ip(key), key->ethertype);
	case DB_KEY_VLAN:
		return db_cell_tag(key->vlan);
	case DB_KEY_CVLAN:
		return db_cell_tag(key->cvlan);
	case DB_KEY_MARKS:
		return db_cell_int(key->marks);
	case DB_KEY_PROTO:
		return db_cell_optional(flow_key_is_ip(key), key->proto);
	case DB_KEY_SRC:
		return db_cell_address(key->ethertype, key->src);
	case DB_KEY_DST:
		return db_cell_address(key->ethertype, key->dst);
	case DB_KEY_SPORT:
		return db_cell_port(key, key->sport);
	case DB_KEY_DPORT:
		return db_cell_port(key, key->dport);
	default:
		return (struct db_cell){.type = DB_CELL_NULL};
	}
}

/* `column` counts from 0. Addresses must stay until the statement is reset. */
static inline int db_cell_bind(struct sqlite3_stmt *stmt, int column, struct db_cell cell)
{
	if (cell.type == DB_CELL_INT)
		return sqlite3_bind_int64(stmt, column + 1, cell.value);
	if (cell.type == DB_CELL_BLOB)
		return sqlite3_bind_blob(stmt, column + 1, cell.blob, 16, SQLITE_STATIC);
	return sqlite3_bind_null(stmt, column + 1);
}
