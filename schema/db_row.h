/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_row.h: the values of a row on their way out: read or, where a hand or another program has put
 * something else there, refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_record.h"

struct sqlite3_stmt;

/* A row, and the first thing wrong with it: 0 or -EPROTO. */
struct db_row {
	struct sqlite3_stmt *stmt;
	int err;
};

/* Integers from 0 to max; a NULL is wrong, or `absent`. */
uint64_t db_row_uint(struct db_row *row, int column, uint64_t max);
uint64_t db_row_optional(struct db_row *row, int column, uint64_t max, uint64_t absent);

/* A key's vlan or cvlan. */
uint16_t db_row_tag(struct db_row *row, int column);

/* Returns the kind of address: ETH_P_IP, ETH_P_IPV6, or 0 where there is none. */
uint16_t db_row_address(struct db_row *row, int column, __be32 addr[4]);

/* The column is not NULL. */
bool db_row_has(struct db_row *row, int column);

/* A text shorter than `size`, or of that length where `size` is all that there is; NULL: empty. */
void db_row_text(struct db_row *row, int column, char *buf, size_t size);

/* The columns of a key, the first of them where it is said. */
void db_row_key(struct db_row *row, int first, struct flow_key *ret_key);

/* The columns from DB_COL_TCP on. */
void db_row_health(struct db_row *row, struct flow_record *rec);
