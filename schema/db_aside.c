/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_aside.c: a database that is broken, out of the way of a new one. See db_aside.h. */
#include "schema/db_aside.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "schema/db_sqlite.h"

#define NAMES_TRIED 100

/* A name that nothing has, with those of the files that go beside it. */
static int find_name(const char *path, char ret_name[DB_ASIDE_MAX])
{
	time_t now = time(NULL);
	struct stat st;
	struct tm tm;
	char stamp[32], name[DB_ASIDE_MAX];

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (int i = 0; i < NAMES_TRIED; i++) {
		char again[8] = "";

		if (i)
			snprintf(again, sizeof(again), ".%d", i);
		if (snprintf(name, sizeof(name), "%s.corrupt-%s%s", path, stamp, again) >=
		    DB_ASIDE_MAX)
			return -ENAMETOOLONG;
		if (lstat(name, &st) && errno == ENOENT) {
			memcpy(ret_name, name, sizeof(name));
			return 0;
		}
	}
	return -EEXIST;
}

int db_set_aside(const char *path, char ret_name[DB_ASIDE_MAX])
{
	static const char *const parts[] = {"-wal", "-shm", "-journal", ""};
	char from[PATH_MAX], to[DB_ASIDE_MAX + 16];
	int err = find_name(path, ret_name);

	/* the file last: whoever looks for it finds it whole, or as it was */
	for (size_t i = 0; !err && i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(from, sizeof(from), "%s%s", path, parts[i]);
		snprintf(to, sizeof(to), "%s%s", ret_name, parts[i]);
		if (rename(from, to) && (errno != ENOENT || !parts[i][0]))
			err = -errno;
	}
	return err;
}

static int touch(struct sqlite3 *db, const char *name, bool rowid)
{
	static const char *const forms[] = {"SELECT * FROM \"%w\" LIMIT 1",
					    "SELECT max(rowid) FROM \"%w\""};
	int rc = SQLITE_OK;

	for (int i = 0; !rc && i < 1 + rowid; i++) {
		char *sql = sqlite3_mprintf(forms[i], name);

		rc = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
		sqlite3_free(sql);
	}
	return rc;
}

int db_touch(struct sqlite3 *db)
{
	static const char sql[] =
		"SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'";
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), touched = SQLITE_OK;

	if (rc)
		return rc;
	while (!touched && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		touched = touch(db, (const char *)sqlite3_column_text(stmt, 0),
				!sqlite3_column_int(stmt, 1));
	sqlite3_finalize(stmt);
	if (touched)
		return touched;
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void db_remove(const char *path)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	char name[PATH_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		unlink(name);
	}
}
