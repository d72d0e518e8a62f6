/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_row.h: the values of a row on their way out: read or, where a hand or another program has put
 * something else there, refused.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "flow_record.h"

struct db_record;
struct sqlite3_stmt;

/* A row, of a statement or as it lies in its page, and the first thing wrong with it: 0 or -EPROTO. */
struct db_row {
	struct sqlite3_stmt *stmt;
	int err;
	const struct db_record *record; /* NULL: of the statement. db_row_text has none. */
};

/* Integers from 0 to max; a NULL is wrong, or `absent`. */
uint64_t db_row_uint(struct db_row *row, int column, uint64_t max);
uint64_t db_row_optional(struct db_row *row, int column, uint64_t max, uint64_t absent);

/* Any integer. */
int64_t db_row_int(struct db_row *row, int column);

/* A key's vlan or cvlan. */
uint16_t db_row_tag(struct db_row *row, int column);

/* Returns the kind of address: ETH_P_IP, ETH_P_IPV6, or 0 where there is none. */
uint16_t db_row_address(struct db_row *row, int column, __be32 addr[4]);

/* A text shorter than `size`, or of that length where `size` is all that there is; NULL: empty. */
void db_row_text(struct db_row *row, int column, char *buf, size_t size);

/* The columns of a key, the first of them where it is said. */
void db_row_key(struct db_row *row, int first, struct flow_key *ret_key);

/*
 * From column `first` on: proto, src, dst, sport, dport. ethertype: that of the row, or a negative number
 * where the addresses tell it.
 */
void db_row_ends(struct db_row *row, int first, int32_t ethertype, struct flow_key *ret_key);

/* A row of a table beside flow into the record that it belongs to; column 0 is the flow's id. */
void db_row_tunnel(struct db_row *row, struct flow_record *rec);
void db_row_tcp(struct db_row *row, struct flow_record *rec);
void db_row_rtt(struct db_row *row, struct flow_record *rec);
void db_row_socket(struct db_row *row, struct flow_record *rec); /* process is its text here */
