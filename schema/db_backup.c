/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_backup.c: a copy of the database beside it, before it is migrated: page by page, what its log holds
 * included. See db_sqlite.h.
 *
 * It is written under a name of its own, flushed, and named only when it is whole. One that is there
 * already is never written to: it is what a migration that was killed has left, and will do, or another.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/db_sqlite.h"

#define COPIES_MAX 100
#define PART ".bak.part"

/* What differs where flowd has written since: its sweeps, its records, its size. */
static const char state_sql[] =
	"SELECT group_concat(key || '=' || quote(value)) || (SELECT max(id) FROM flow) || "
	"(SELECT page_count FROM pragma_page_count) FROM (SELECT * FROM meta ORDER BY key)";

/* To be freed; NULL where it cannot be had. */
static char *state_of(struct sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	char *state = NULL;

	if (!sqlite3_prepare_v2(db, state_sql, -1, &stmt, NULL) &&
	    sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0))
		state = strdup((const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return state;
}

/* Is the copy there one of the database as it is now? */
static bool is_copy_of(struct sqlite3 *db, const char *copy)
{
	char *now = state_of(db), *then = NULL;
	struct sqlite3 *other = NULL;
	bool same;

	if (!sqlite3_open_v2(copy, &other, SQLITE_OPEN_READONLY, NULL))
		then = state_of(other);
	same = now && then && !strcmp(now, then);
	sqlite3_close_v2(other);
	free(now);
	free(then);
	return same;
}

/* All pages into the empty file, which needs no log beside it then. */
static int copy_pages(struct sqlite3 *db, const char *part, const char *name,
		      struct db_error *error)
{
	struct sqlite3 *to = NULL;
	sqlite3_backup *backup = NULL;
	int rc = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL);
	int err = 0;

	if (!rc)
		rc = sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL,
				  NULL, NULL);
	if (!rc) {
		backup = sqlite3_backup_init(to, "main", db, "main");
		rc = backup ? sqlite3_backup_step(backup, -1) : sqlite3_errcode(to);
		rc = rc == SQLITE_DONE ? SQLITE_OK : rc ? rc : SQLITE_ERROR;
	}
	sqlite3_backup_finish(backup);
	if (!rc)
		rc = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (rc)
		err = db_fail_sqlite(error, to, rc, name);
	sqlite3_close_v2(to);
	return err;
}

static int flush_file(const char *path, const char *name, struct db_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	err = fd < 0 || fsync(fd) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return err ? db_fail(error, err, "%s: %s", name, strerror(-err)) : 0;
}

/* The folder that the file is in. */
static int flush_folder(const char *path, const char *name, struct db_error *error)
{
	char *folder = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	int err = folder ? flush_file(folder, name, error)
			 : db_fail(error, -ENOMEM, "%s: no memory", name);

	free(folder);
	return err;
}

/* Empty, for nobody else to read, then with owner and mode of the database. */
static int make_part(const char *path, const char *part, const char *name, struct db_error *error)
{
	struct stat st;
	int fd, err = 0;

	unlink(part); /* of a copy that was not finished; the database's lock is held */
	fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return db_fail(error, -errno, "%s: %s", name, strerror(errno));
	if (stat(path, &st))
		err = -errno;
	else if ((st.st_uid != geteuid() || st.st_gid != getegid()) &&
		 fchown(fd, st.st_uid, st.st_gid))
		err = errno == EPERM ? 0 : -errno; /* ours, then */
	if (!err && fchmod(fd, st.st_mode & 07777))
		err = -errno;
	close(fd);
	return err ? db_fail(error, err, "%s: %s", name, strerror(-err)) : 0;
}

/* The copy's name, where no file has it. */
static int name_part(const char *part, const char *copy, const char *name, struct db_error *error)
{
	int err = link(part, copy) ? -errno : 0;

	if (err == -EPERM || err == -EOPNOTSUPP ||
	    err == -ENOSYS) /* no links on that file system */
		err = renameat2(AT_FDCWD, part, AT_FDCWD, copy, RENAME_NOREPLACE) ? -errno : 0;
	else
		unlink(part);
	return err ? db_fail(error, err, "%s: %s", name, strerror(-err)) : 0;
}

int db_backup_find(struct sqlite3 *db, const char *name, int64_t version,
		   struct db_backup *ret_backup, struct db_error *error)
{
	const char *path = sqlite3_db_filename(db, "main");
	struct db_backup *b = ret_backup;
	struct stat st;

	for (int i = 1; i < COPIES_MAX; i++) {
		snprintf(b->path, sizeof(b->path), i > 1 ? "%s.v%lld.bak.%d" : "%s.v%lld.bak", path,
			 (long long)version, i);
		b->made = !lstat(b->path, &st);
		if (!b->made || (S_ISREG(st.st_mode) && is_copy_of(db, b->path)))
			return 0;
	}
	return db_fail(error, -EEXIST, "%s: no name is left for a copy of it, up to %s", name,
		       db_shown(b->path));
}

int db_backup_make(struct sqlite3 *db, struct db_backup *backup, struct db_error *error)
{
	const char *path = sqlite3_db_filename(db, "main"), *name = db_shown(backup->path);
	char part[DB_BACKUP_PATH];
	int err;

	if (backup->made)
		return 0;
	snprintf(part, sizeof(part), "%s" PART, path);
	err = make_part(path, part, name, error);
	if (!err)
		err = copy_pages(db, part, name, error);
	if (!err)
		err = flush_file(part, name, error);
	if (!err)
		err = name_part(part, backup->path, name, error);
	if (!err)
		err = flush_folder(path, name, error);
	if (err)
		unlink(part);
	else
		backup->made = true;
	return err;
}
