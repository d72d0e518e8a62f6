/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_sqlite.h: what the database's modules and its sink share: SQLite's errors as -errno and text,
 * what kind of file a path names, the columns of a flow, and the schema's versions.
 */
#pragma once

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"

#define DB_BUSY_MS 2000 /* waited for another process's lock */

#define DB_NAME_SHOWN 160

#define DB_KEY "dir, ethertype, vlan, cvlan, marks, proto, src, dst, sport, dport"

/* Of DB_KEY, which is part of every row that has a key. */
enum db_key_column {
	DB_KEY_DIR,
	DB_KEY_ETHERTYPE,
	DB_KEY_VLAN,
	DB_KEY_CVLAN,
	DB_KEY_MARKS,
	DB_KEY_PROTO,
	DB_KEY_SRC,
	DB_KEY_DST,
	DB_KEY_SPORT,
	DB_KEY_DPORT,
	DB_KEY_COLUMNS,
};

/* Of DB_FLOW_COLUMNS. */
enum db_column {
	DB_COL_ID,
	DB_COL_DURATION,
	DB_COL_IFACE,
	DB_COL_KEY,
	DB_COL_PACKETS = DB_COL_KEY + DB_KEY_COLUMNS,
	DB_COL_BYTES,
	DB_COL_IP_BYTES,
	DB_COL_REV_PACKETS,
	DB_COL_REV_BYTES,
	DB_COL_REV_IP_BYTES,
	DB_COL_TCP_FLAGS,
	DB_COL_END_REASON,
};

#define DB_ID_SHIFT 20 /* flow.id: end_ms << 20 | n */
#define DB_SYN_SHIFT 16
#define DB_VLAN_ID 0xfff

/* Addresses of that EtherType are stored as integers. */
static inline bool db_has_ipv4(uint16_t ethertype)
{
	return ethertype == ETH_P_IP || ethertype == ETH_P_ARP || ethertype == ETH_P_RARP;
}

/* A path for a message: its end, where it is long, so that what is wrong has room after it. */
const char *db_shown(const char *path);

/* What SQLite's result code says, as -errno; the system's own where SQLite kept it. */
int db_errno(struct sqlite3 *db, int rc);

/* "NAME: what is wrong", for the result code `rc` that `db` (NULL: none) gave last. */
void db_describe(struct sqlite3 *db, int rc, const char *name, char *buf, size_t size);

/* Both for a struct db_error: its text set, -errno returned. */
int db_fail(struct db_error *error, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int db_fail_sqlite(struct db_error *error, struct sqlite3 *db, int rc, const char *name);

/* The only value of a query that gives one integer. SQLITE_OK or SQLite's result code. */
int db_query_int(struct sqlite3 *db, const char *sql, int64_t *ret_value);

/*
 * Look at a file without SQLite, so that nothing of a foreign one is touched: its header says what
 * it is. ret_size 0: missing (for which -ENOENT is returned) or empty.
 */
int db_look(const char *name, const char *path, int64_t *ret_size, struct db_error *error);

/* Is `db` ours, of a version that is known, and whole as far as its schema goes? */
int db_verify(struct sqlite3 *db, const char *name, int64_t *ret_version, struct db_error *error);

/* Bring it from `version` (0: empty) to DB_VERSION, in one transaction. */
int db_migrate(struct sqlite3 *db, const char *name, int64_t version, struct db_error *error);
