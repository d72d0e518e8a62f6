/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_sqlite.h: what the database's modules and its sink share: SQLite's errors as -errno and text,
 * what kind of file a path names, and the schema's versions.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "db.h"

#define DB_BUSY_MS 2000 /* waited for another process's lock */

#define DB_NAME_SHOWN 160

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
