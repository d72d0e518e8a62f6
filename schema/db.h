/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db.h: open the ledger database, for its one writer or for readers.
 *
 * The writer (flowd) makes or migrates it, sets WAL, and holds a lock file beside it so that there
 * is only one. Readers open read-only. A file that is not a wireledger database (application_id,
 * user_version, tables) is refused and left as it was; so is one from a newer version,
 * which readers take where it says (meta.reader) that they understand it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db_aside.h"
#include "db_event.h"
#include "db_flows.h"
#include "fields.h"

#define DB_VERSION 5
#define DB_VERSION_READ 3 /* the oldest that readers take; to them its table flow is as it is now */
#define DB_APPLICATION_ID 0x574c4447 /* "WLDG" */
#define DB_PATH_DEFAULT "/var/lib/wireledger/ledger.db"

struct sqlite3;
struct sqlite3_stmt;

struct db_error {
	char text[512]; /* names the file and what is wrong with it */
};

/*
 * Of both below: after a success ret_error->text says what was done to the file, or what of it is left
 * out; empty as a rule.
 *
 * Open for writing: directory made (0755) where it is the default one, file made 0640, or what
 * is more taken from it, an older one migrated in one transaction, with a copy as it was beside it. full_sync: PRAGMA synchronous = FULL, else NORMAL. 0 or -errno: -EBUSY another
 * writer, -EPROTO foreign file, -EOVERFLOW newer version, -EACCES, -EROFS, -ENOSPC, -EIO.
 */
int db_open_writer(const char *path, bool full_sync, struct sqlite3 **ret_db, int *ret_lock_fd,
		   struct db_error *ret_error);

/*
 * The same, but a database of ours that is corrupt (-EUCLEAN) is renamed, and a new one made in its place.
 * ret_aside: what it is called now and, in ret_error, why; empty: nothing was wrong.
 */
int db_open_writer_anew(const char *path, bool full_sync, struct sqlite3 **ret_db, int *ret_lock_fd,
			char ret_aside[DB_ASIDE_MAX], struct db_error *ret_error);

/*
 * Open read-only, with a busy timeout, from DB_VERSION_READ on; a file that flowd has yet to migrate is
 * left as it is. Same errors, and -ENOENT.
 */
int db_open_reader(const char *path, struct sqlite3 **ret_db, struct db_error *ret_error);

/* Close, and drop the writer's lock where lock_fd >= 0. */
void db_close(struct sqlite3 *db, int lock_fd);

/*
 * meta values. db_meta_get_* give -ENOENT where there is none, db_meta_find_* then 0, and leave what was in
 * *value, or buf.
 */
int db_meta_get_int(struct sqlite3 *db, const char *key, int64_t *ret_value);
int db_meta_get_text(struct sqlite3 *db, const char *key, char *buf, size_t size);
int db_meta_find_int(struct sqlite3 *db, const char *key, int64_t *value);
int db_meta_find_text(struct sqlite3 *db, const char *key, char *buf, size_t size);
int db_meta_set_int(struct sqlite3 *db, const char *key, int64_t value);
int db_meta_set_text(struct sqlite3 *db, const char *key, const char *value);

/* Table flow, and those beside it, which have a row by the same id where there is something to say. */
enum db_table_number {
	DB_TABLE_FLOW,
	DB_TABLE_TUNNEL,
	DB_TABLE_TCP,
	DB_TABLE_RTT,
	DB_TABLES,
};

/* Does the record have a row in the table? */
bool db_row_wanted(const struct flow_record *rec, enum db_table_number table);

/* The INSERT of one such row and how it is bound to it; id is (end_ms << 20) | n. */
extern const char *const db_row_insert[DB_TABLES];
int db_row_bind(struct sqlite3_stmt *stmt, enum db_table_number table, int64_t id,
		const struct flow_record *rec);

/* Likewise, where socket->has; process: word.id, 0 where it is empty. */
extern const char db_socket_insert[];
int db_socket_bind(struct sqlite3_stmt *stmt, int64_t id, const struct flow_socket *socket,
		   int64_t process);

/*
 * The INSERT of many: all that the struct says when the statement runs, n going on from `sequence`.
 * Where an id of table flow is taken it fails with SQLITE_CONSTRAINT, and the whole transaction is
 * rolled back.
 */
struct db_rows {
	const struct flow_record *record;
	const uint32_t *order; /* numbers of records, NULL: as they are */
	size_t count;
	uint32_t sequence;
};

extern const char *const db_rows_insert[DB_TABLES];

/* Let `db` know what db_rows_insert selects from; `rows` must stay as long as `db`. 0 or -errno. */
int db_rows_register(struct sqlite3 *db, struct db_rows *rows);

/* The row of that number and its id. */
const struct flow_record *db_rows_at(const struct db_rows *rows, size_t at, int64_t *ret_id);

/* What db_flow_read reads, from table flow: no tunnel, no health. db_pack.h says what is in how and l2. */
#define DB_FLOW_COLUMNS                                                                    \
	"id, duration_ms, iface, how, l2, proto, src, dst, sport, dport, packets, bytes, " \
	"l2_bytes, rev_packets, rev_bytes, rev_l2_bytes, tcp_flags"

/* The current row of a SELECT of these. 0, or -EPROTO where a value has the wrong type. */
int db_flow_read(struct sqlite3_stmt *stmt, struct flow_record *ret_rec);
