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

#define DB_VERSION_FLOW 5 /* the one since which table flow is as it is now */

#define DB_KEY "dir, ethertype, vlan, cvlan, marks, proto, src, dst, sport, dport"

/* Of DB_KEY, the key of a row of tables event and sample; that of table flow is packed. */
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
	DB_COL_HOW,
	DB_COL_L2,
	DB_COL_PROTO,
	DB_COL_SRC,
	DB_COL_DST,
	DB_COL_SPORT,
	DB_COL_DPORT,
	DB_COL_PACKETS, /* this and the next two: in a row, as are the reverse's */
	DB_COL_BYTES,
	DB_COL_L2_BYTES,
	DB_COL_REV_PACKETS,
	DB_COL_REV_BYTES,
	DB_COL_REV_L2_BYTES,
	DB_COL_TCP_FLAGS,
	DB_COL_COUNT,
};

#define DB_ID_SHIFT 20 /* flow.id: end_ms << 20 | n */
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

/* Whom a file of a newer version is refused to: the writer always, readers where they cannot read it. */
enum db_who { DB_READER, DB_WRITER };

/*
 * Look at a file without SQLite, so that nothing of a foreign one is touched: its header says what
 * it is. ret_size 0: missing (for which -ENOENT is returned) or empty.
 */
int db_look(const char *name, const char *path, enum db_who who, int64_t *ret_size,
	    struct db_error *error);

/* Is `db` ours, of a version that will do, and whole as far as its schema goes? */
int db_verify(struct sqlite3 *db, const char *name, enum db_who who, int64_t *ret_version,
	      struct db_error *error);

/* For a reader of a file of that version: table flow as of DB_VERSION. SQLITE_OK or SQLite's result code. */
int db_read_old(struct sqlite3 *db, int64_t version);

/* Make an empty file a database of DB_VERSION, in one transaction. */
int db_make(struct sqlite3 *db, const char *name, struct db_error *error);

/*
 * Bring it from `version` to DB_VERSION, in one transaction, with a copy of the file as it was beside it;
 * refused, -ENOSPC, where there is no room for both. error->text says what was done.
 */
int db_migrate(struct sqlite3 *db, const char *name, int64_t version, struct db_error *error);

/* A copy of the database beside it: FILE.vN.bak, or FILE.vN.bak.2 and so on, where there are others. */
#define DB_BACKUP_PATH 600
struct db_backup {
	char path[DB_BACKUP_PATH];
	bool made; /* it is there, of the database as it is now */
};
int db_backup_find(struct sqlite3 *db, const char *name, int64_t version,
		   struct db_backup *ret_backup, struct db_error *error);
int db_backup_make(struct sqlite3 *db, struct db_backup *backup, struct db_error *error);
