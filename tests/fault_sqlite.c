/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fault_sqlite.c: a step of SQLite that fails, and what SQLite then says of it.
 */
#include <sqlite3.h>
#include <string.h>

#include "tests/fault_call.h"

#define EXEC_COLUMNS 64

/* The step that failed, until its statement is reset or another one is run: it is what SQLite says then. */
static __thread struct {
	sqlite3_stmt *stmt;
	sqlite3 *db;
	int rc;
} failed;

static void forget(const sqlite3 *db)
{
	if (failed.db == db)
		memset(&failed, 0, sizeof(failed));
}

int sqlite3_step(sqlite3_stmt *stmt)
{
	int rc;

	NEXT(int, sqlite3_step, sqlite3_stmt *);
	forget(sqlite3_db_handle(stmt));
	if (!fault_due(FAULT_STEP, __builtin_return_address(0), &rc))
		return next(stmt);
	failed.stmt = stmt;
	failed.db = sqlite3_db_handle(stmt);
	failed.rc = rc;
	return rc;
}

int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int bytes, sqlite3_stmt **ret,
		       const char **tail)
{
	NEXT(int, sqlite3_prepare_v2, sqlite3 *, const char *, int, sqlite3_stmt **, const char **);
	forget(db);
	return next(db, sql, bytes, ret, tail);
}

static int failed_end(const sqlite3_stmt *stmt, int rc)
{
	if (!stmt || failed.stmt != stmt)
		return rc;
	failed.stmt = NULL;
	return failed.rc;
}

int sqlite3_reset(sqlite3_stmt *stmt)
{
	NEXT(int, sqlite3_reset, sqlite3_stmt *);
	return failed_end(stmt, next(stmt));
}

int sqlite3_finalize(sqlite3_stmt *stmt)
{
	NEXT(int, sqlite3_finalize, sqlite3_stmt *);
	return failed_end(stmt, next(stmt));
}

int sqlite3_errcode(sqlite3 *db)
{
	NEXT(int, sqlite3_errcode, sqlite3 *);
	return db && failed.db == db ? failed.rc & 0xff : next(db);
}

int sqlite3_extended_errcode(sqlite3 *db)
{
	NEXT(int, sqlite3_extended_errcode, sqlite3 *);
	return db && failed.db == db ? failed.rc : next(db);
}

const char *sqlite3_errmsg(sqlite3 *db)
{
	NEXT(const char *, sqlite3_errmsg, sqlite3 *);
	return db && failed.db == db ? sqlite3_errstr(failed.rc) : next(db);
}

/* A row of a statement to who asks for it, as text. */
static int give_row(sqlite3_stmt *stmt, int (*row)(void *, int, char **, char **), void *arg)
{
	char *value[EXEC_COLUMNS], *name[EXEC_COLUMNS];
	int columns = sqlite3_column_count(stmt);

	if (columns > EXEC_COLUMNS)
		return SQLITE_TOOBIG;
	for (int i = 0; i < columns; i++) {
		name[i] = (char *)sqlite3_column_name(stmt, i);
		value[i] = (char *)sqlite3_column_text(stmt, i);
	}
	return row(arg, columns, value, name) ? SQLITE_ABORT : SQLITE_OK;
}

static int exec_one(sqlite3_stmt *stmt, int (*row)(void *, int, char **, char **), void *arg)
{
	int rc, given = SQLITE_OK;

	while (!given && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		given = row ? give_row(stmt, row, arg) : SQLITE_OK;
	rc = sqlite3_finalize(stmt);
	return given ? given : rc;
}

/*
 * SQLite's own asks the statement, not sqlite3_step(), whether it failed: one that was not run would be left out
 * without a word, which no SQLite does.
 */
int sqlite3_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *arg,
		 char **ret_text)
{
	int rc = SQLITE_OK;

	if (ret_text)
		*ret_text = NULL;
	while (!rc && sql && *sql) {
		sqlite3_stmt *stmt = NULL;

		rc = sqlite3_prepare_v2(db, sql, -1, &stmt, &sql);
		if (!rc && stmt)
			rc = exec_one(stmt, row, arg);
	}
	if (rc && ret_text)
		*ret_text = sqlite3_mprintf("%s", sqlite3_errmsg(db));
	return rc;
}
