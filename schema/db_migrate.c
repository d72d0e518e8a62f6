/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_migrate.c: the tables of a database, made, and made of older ones. See db_sqlite.h and schema.sql.
 *
 * A new database is made in rollback-journal mode and switched to WAL afterwards, so that the header
 * of the main file tells from the first moment whose it is, whatever a log beside it holds. An older one
 * is migrated through the log: whoever reads it meanwhile, or after a kill in the midst, has it as it was.
 */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "schema.sql.h"
#include "schema/db_sqlite.h"

#define VERSION_LINE "\n-- version "
#define VIEWS_LINE "\n-- views\n"
#define OLD_FLOW "CREATE TEMP VIEW flow AS"
#define OLD_VIEWS                                                 \
	"CREATE TEMP VIEW flow_plain AS SELECT * FROM main.flow;" \
	"CREATE TEMP VIEW books_sum AS SELECT * FROM main.books"
#define LOOK_OPS 100000	     /* of SQLite's, between looks at whether to go on */
#define ROOM_SPARE (1 << 20) /* for what else the file system has to keep */

/* Run what is between the two of schema.sql. */
static int run_section(struct sqlite3 *db, const char *begin, const char *end)
{
	char *sql = strndup(begin, (size_t)(end - begin));
	int rc = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;

	free(sql);
	return rc;
}

/* Run the sections "-- version N" of schema.sql with N > version, then the views. */
static int run_sections(struct sqlite3 *db, int64_t version)
{
	const char *line = strstr(schema_sql, VERSION_LINE), *views = strstr(line, VIEWS_LINE);
	int rc = SQLITE_OK;

	while (!rc && line) {
		const char *next = strstr(line + 1, VERSION_LINE);

		if (strtol(line + strlen(VERSION_LINE), NULL, 10) > version)
			rc = run_section(db, line, next ? next : views);
		line = next;
	}
	return rc ? rc : run_section(db, views, views + strlen(views));
}

int db_read_old(struct sqlite3 *db, int64_t version)
{
	const char *begin = strstr(schema_sql, OLD_FLOW);
	int rc;

	if (version >= DB_VERSION_FLOW)
		return SQLITE_OK;
	rc = sqlite3_exec(db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
	if (!rc)
		rc = run_section(db, begin, strchr(begin, ';'));
	return rc ? rc : sqlite3_exec(db, OLD_VIEWS, NULL, NULL, NULL);
}

/* SIGTERM or SIGINT waits, of a process that blocks them: tables of months take minutes. */
static int is_told_to_end(void *unused)
{
	sigset_t set;

	(void)unused;
	return !sigpending(&set) &&
	       (sigismember(&set, SIGTERM) > 0 || sigismember(&set, SIGINT) > 0);
}

/* From that version to DB_VERSION, or to nothing that was not there. */
static int run_transaction(struct sqlite3 *db, const char *name, int64_t version,
			   struct db_error *error)
{
	char stamp[96];
	int rc, err;

	snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 DB_APPLICATION_ID, DB_VERSION);
	sqlite3_progress_handler(db, LOOK_OPS, is_told_to_end, NULL);
	rc = sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
	if (!rc)
		rc = run_sections(db, version);
	sqlite3_progress_handler(db, 0, NULL, NULL);
	if (!rc)
		rc = sqlite3_exec(db, stamp, NULL, NULL, NULL);
	if (!rc)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (!rc)
		return 0;
	err = (rc & 0xff) == SQLITE_INTERRUPT
		      ? db_fail(error, -EINTR,
				"%s: stopped before it was of version %d: it is as it was", name,
				DB_VERSION)
		      : db_fail_sqlite(error, db, rc, name);
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/*
 * Compiled, not run: which is when it takes effect on a file that is empty, and makes none of it yet
 * (https://www.sqlite.org/pragma.html: "some pragmas run during the SQL compilation stage").
 */
static int set_auto_vacuum(struct sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA auto_vacuum = INCREMENTAL", -1, &stmt, NULL);

	sqlite3_finalize(stmt);
	return rc;
}

int db_make(struct sqlite3 *db, const char *name, struct db_error *error)
{
	int rc = set_auto_vacuum(db);

	return rc ? db_fail_sqlite(error, db, rc, name) : run_transaction(db, name, 0, error);
}

/*
 * Bytes that a migration may take: the copy of the file, and table flow anew, once in the log and once in
 * the file. It is not known how much of the file that table is, but of samples it is.
 */
static int room_needed(struct sqlite3 *db, bool has_copy, int64_t *ret_bytes)
{
	int64_t page = 0, pages = 0, unused = 0, samples = 0, tables;
	int rc = db_query_int(db, "PRAGMA page_size", &page);

	if (!rc)
		rc = db_query_int(db, "PRAGMA page_count", &pages);
	if (!rc)
		rc = db_query_int(db, "PRAGMA freelist_count", &unused);
	if (rc)
		return rc;
	(void)db_query_int(db, "SELECT value FROM meta WHERE key = 'sample_bytes'", &samples);
	tables = (pages - unused) * page;
	if (samples > 0 && samples < tables)
		tables -= samples;
	*ret_bytes = (has_copy ? 0 : pages * page) + tables + ROOM_SPARE;
	if (tables > unused * page)
		*ret_bytes += tables - unused * page;
	return SQLITE_OK;
}

static int check_room(struct sqlite3 *db, const char *name, int64_t version, bool has_copy,
		      struct db_error *error)
{
	struct statvfs fs;
	int64_t needed = 0, unused;
	int rc = room_needed(db, has_copy, &needed);

	if (rc)
		return db_fail_sqlite(error, db, rc, name);
	if (statvfs(sqlite3_db_filename(db, "main"), &fs))
		return db_fail(error, -errno, "%s: %s", name, strerror(errno));
	unused = (int64_t)(fs.f_bavail * fs.f_frsize);
	if (needed <= unused)
		return 0;
	return db_fail(
		error, -ENOSPC,
		"%s: no room to bring it from version %lld to %d: a copy of it and its tables "
		"anew need %lld bytes, %lld are free",
		name, (long long)version, DB_VERSION, (long long)needed, (long long)unused);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What was done, for the log. */
static void say_done(struct sqlite3 *db, const char *name, int64_t version, const char *copy,
		     double begun, struct db_error *error)
{
	int64_t rows = 0;

	(void)db_query_int(db, "SELECT count(*) FROM flow", &rows);
	snprintf(
		error->text, sizeof(error->text),
		"%s: brought from version %lld to %d, %lld flow records in %.1f seconds; as it was: %s",
		name, (long long)version, DB_VERSION, (long long)rows, seconds() - begun,
		db_shown(copy));
}

int db_migrate(struct sqlite3 *db, const char *name, int64_t version, struct db_error *error)
{
	double begun = seconds();
	struct db_backup copy;
	int err;

	if (version == DB_VERSION)
		return 0;
	/* what a migration that was killed has left in the log is room */
	sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	err = db_backup_find(db, name, version, &copy, error);
	if (!err)
		err = check_room(db, name, version, copy.made, error);
	if (!err)
		err = db_backup_make(db, &copy, error);
	if (err)
		return err;
	/* pages of the old table are not overwritten: they are used again soon */
	sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA secure_delete = FAST", NULL, NULL,
		     NULL);
	err = run_transaction(db, name, version, error);
	if (err)
		return err;
	sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	say_done(db, name, version, copy.path, begun, error);
	return 0;
}
