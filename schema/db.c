/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db.c: open and close the ledger database, and its meta values. See db.h; rows are db_rows.c's and db_flow.c's.
 *
 * A path is resolved first, so that two names of one file share a lock and SQLite never takes one
 * for a URI. Then the file is looked at without SQLite, then read-only with it, then opened.
 *
 * The writer leaves DB-wal and DB-shm behind (SQLITE_FCNTL_PERSIST_WAL; the log is checkpointed and
 * emptied): a reader, who makes neither (db_vfs.h), can then read beside a flowd that starts later.
 */
#include "schema/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/db_beside.h"
#include "schema/db_sqlite.h"
#include "schema/db_vfs.h"
#include "schema/open_shared.h"

#define MODE 0640U
#define PATH_LIMIT 480 /* SQLite's is 512, with the names beside the file */
/* The log is checkpointed at 16 MB: few commits wait for it, and pages written often go out once. */
#define CHECKPOINT_PAGES "4096"
#define JOURNAL_LIMIT "67108864"
#define CACHE_KB "4096"

struct place {
	const char *name; /* as given, for messages */
	char real[PATH_MAX];
};

/* `path`'s folder resolved, and the last part, which does not exist, as it is. */
static int resolve_new(const char *path, char real[PATH_MAX])
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char dir[PATH_MAX], *resolved;
	int len;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	resolved = realpath(dir, NULL);
	if (!resolved)
		return -errno;
	len = snprintf(real, PATH_MAX, "%s/%s", strcmp(resolved, "/") ? resolved : "", base);
	free(resolved);
	if (!strcmp(base, "") || !strcmp(base, ".") || !strcmp(base, ".."))
		return -EISDIR;
	return len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int resolve(const char *path, struct place *ret_place, struct db_error *error)
{
	struct stat st;
	int err = 0;

	ret_place->name = db_shown(path);
	if (!*path)
		return db_fail(error, -EINVAL, "database: the path is empty");
	if (!strcmp(path, ":memory:"))
		return db_fail(error, -EINVAL, "%s: a database must be a file", path);
	if (strlen(path) >= PATH_MAX)
		err = -ENAMETOOLONG;
	else if (!realpath(path, ret_place->real))
		err = -errno;
	if (err == -ENOENT && !lstat(path, &st))
		return db_fail(error, err, "%s: a symbolic link to nothing", ret_place->name);
	if (err == -ENOENT)
		err = resolve_new(path, ret_place->real);
	if (err == -ENOENT)
		return db_fail(error, err, "%s: no such folder", ret_place->name);
	if (!err && strlen(ret_place->real) > PATH_LIMIT)
		err = -ENAMETOOLONG;
	return err ? db_fail(error, err, "%s: %s", ret_place->name, strerror(-err)) : 0;
}

/* The file's name with `suffix`, in memory to be freed. */
static char *beside(const char *path, const char *suffix)
{
	char *name;

	return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

static bool has_content(const char *path, const char *suffix)
{
	char *name = beside(path, suffix);
	struct stat st;
	bool has = !name || (!stat(name, &st) && st.st_size);

	free(name);
	return has;
}

static void remove_beside(const char *path, const char *suffix)
{
	char *name = beside(path, suffix);

	if (name)
		unlink(name);
	free(name);
}

/* SQLite's URI of the file, to be freed. */
static char *make_uri(const char *path, const char *query)
{
	char *uri = malloc(strlen(path) * 3 + strlen(query) + sizeof("file:?")), *to = uri;

	if (!uri)
		return NULL;
	to += sprintf(to, "file:");
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		to += sprintf(to, *p > ' ' && *p < 0x7f && !strchr("%?#", *p) ? "%c" : "%%%02x",
			      *p);
	sprintf(to, "%s%s", *query ? "?" : "", query);
	return uri;
}

/* Nobody asks SQLite for its memory statistics, which cost a mutex an allocation. Before all else: MISUSE later. */
static void begin(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* 0 or SQLite's result code; a handle may come with an error, and is to be closed. */
static int open_handle(const char *path, int flags, const char *query, struct sqlite3 **ret_db)
{
	char *uri = make_uri(path, query);
	int rc;

	*ret_db = NULL;
	if (!uri)
		return SQLITE_NOMEM;
	rc = sqlite3_open_v2(uri, ret_db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE, NULL);
	free(uri);
	if (!rc)
		rc = sqlite3_busy_timeout(*ret_db, DB_BUSY_MS);
	return rc;
}

static int prepare_reader(struct sqlite3 *db, const struct place *place, int64_t version,
			  struct db_error *error)
{
	int rc;

	if (version < DB_VERSION_READ)
		return db_fail(error, -EPROTO,
			       "%s: of an older wireledger (version %lld): flowd has to update it",
			       place->name, (long long)version);
	rc = db_read_old(db, version);
	return rc ? db_fail_sqlite(error, db, rc, place->name) : 0;
}

/* Open read-only and verify; closed again on failure. ret_rc: SQLite's result, if it was at fault. */
static int open_verified(const struct place *place, const char *query, enum db_who who,
			 struct sqlite3 **ret_db, int *ret_rc, struct db_error *error)
{
	int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, err;
	struct sqlite3 *db;
	int64_t version;

	*ret_rc = open_handle(place->real, flags, query, &db);
	if (*ret_rc) {
		err = db_fail_sqlite(error, db, *ret_rc, place->name);
	} else {
		err = db_verify(db, place->name, who, &version, error);
		*ret_rc = err ? sqlite3_errcode(db) : SQLITE_OK;
	}
	if (!err && who == DB_READER)
		err = prepare_reader(db, place, version, error);
	if (err)
		sqlite3_close_v2(db);
	else
		*ret_db = db;
	return err;
}

int db_open_reader(const char *path, struct sqlite3 **ret_db, struct db_error *ret_error)
{
	struct place place;
	int64_t size;
	int rc, err;

	begin();
	ret_error->text[0] = '\0';
	err = resolve(path, &place, ret_error);
	if (!err)
		err = db_look(place.name, place.real, DB_READER, &size, ret_error);
	if (err)
		return err;
	if (!size)
		return db_fail(ret_error, -EPROTO, "%s: empty: flowd has not written to it yet",
			       place.name);
	rc = db_vfs_register();
	if (rc)
		return db_fail_sqlite(ret_error, NULL, rc, place.name);
	return open_verified(&place, DB_VFS_QUERY, DB_READER, ret_db, &rc, ret_error);
}

/* Who holds the lock, by its own word, for a message. */
static int fail_locked(int fd, const char *name, struct db_error *error)
{
	char pid[16] = "";
	ssize_t len = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[len > 0 ? strspn(pid, "0123456789") : 0] = '\0';
	return db_fail(error, -EBUSY, "%s: another flowd%s%s writes to it", name,
		       *pid ? ", process " : "", pid);
}

/* -EAGAIN: the file was removed by who held it, just when it was opened. */
static int lock_once(const struct place *place, const char *path, int *ret_fd,
		     struct db_error *error)
{
	int fd, err = 0;
	struct stat held, named;

	fd = open_shared(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, MODE);
	if (fd < 0)
		return db_fail(error, fd, "%s: lock file %s: %s", place->name, db_shown(path),
			       strerror(-fd));
	if (fstat(fd, &held) || !S_ISREG(held.st_mode) || held.st_nlink > 1)
		err = db_fail(error, -EPERM, "%s: lock file %s: is not a regular file of its own",
			      place->name, db_shown(path));
	else if (flock(fd, LOCK_EX | LOCK_NB))
		err = errno == EWOULDBLOCK
			      ? fail_locked(fd, place->name, error)
			      : db_fail(error, -errno, "%s: %s", db_shown(path), strerror(errno));
	else if (stat(path, &named) || held.st_ino != named.st_ino)
		err = db_fail(error, -EAGAIN, "%s: lock file %s keeps changing", place->name,
			      db_shown(path));
	if (err) {
		close(fd);
		return err;
	}
	if (ftruncate(fd, 0) || dprintf(fd, "%ld\n", (long)getpid()) < 0)
		(void)0; /* the pid is a courtesy: a full disk does not matter */
	*ret_fd = fd;
	return 0;
}

static int lock_take(const struct place *place, int *ret_fd, struct db_error *error)
{
	char *path = beside(place->real, ".lock");
	int err = path ? -EAGAIN : db_fail(error, -ENOMEM, "%s: no memory", place->name);

	for (int tries = 0; err == -EAGAIN && tries < 10; tries++)
		err = lock_once(place, path, ret_fd, error);
	free(path);
	return err;
}

static void lock_drop(const char *path, int fd)
{
	if (fd < 0)
		return;
	if (path)
		remove_beside(path, ".lock");
	close(fd);
}

/* The default folder is ours to make. */
static void make_default_dir(const char *path)
{
	const char *slash = strrchr(DB_PATH_DEFAULT, '/');
	char dir[sizeof(DB_PATH_DEFAULT)];

	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - DB_PATH_DEFAULT), DB_PATH_DEFAULT);
	if (!strcmp(path, DB_PATH_DEFAULT))
		mkdir(dir, 0755);
}

/*
 * Records and packets are for owner and group: an older file, or one that somebody made, loses what is more
 * than 0640. Not ours to change: it stays.
 */
static void shut(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *name = beside(path, suffixes[i]);
		struct stat st;

		if (name && !lstat(name, &st) && S_ISREG(st.st_mode) && (st.st_mode & ~MODE & 0777))
			(void)chmod(name, st.st_mode & MODE);
		free(name);
	}
}

/* May it be written to? Opened and closed, before SQLite has it open, for the system's own word. */
static int check_writable(const struct place *place, int flags, struct db_error *error)
{
	int fd = open(place->real, O_RDWR | O_CLOEXEC | flags, MODE);

	if (fd < 0)
		return db_fail(error, -errno, "%s: %s", place->name, strerror(errno));
	close(fd);
	return 0;
}

/* With SQLite, read-only, before it is opened to write. A journal must be rolled back first. */
static int look_inside(const struct place *place, struct db_error *error)
{
	struct sqlite3 *db = NULL;
	int rc, err;

	if (has_content(place->real, "-journal"))
		return 0;
	err = open_verified(place, has_content(place->real, "-wal") ? "" : "immutable=1", DB_WRITER,
			    &db, &rc, error);
	if (!err)
		sqlite3_close_v2(db);
	return err;
}

/* SQLITE_EMPTY: SQLite stayed with another mode, which it does where it cannot share memory. */
static int switch_to_wal(struct sqlite3 *db)
{
	int64_t wal;
	int rc = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);

	if (!rc)
		rc = db_query_int(
			db, "SELECT 1 FROM pragma_journal_mode WHERE journal_mode = 'wal'", &wal);
	return rc;
}

/* What flowctl merge made is of several hosts: it is nobody's to go on with. */
static int check_merged(struct sqlite3 *db, const struct place *place, struct db_error *error)
{
	int64_t merged_ms;
	int err = db_meta_get_int(db, "merged", &merged_ms);

	if (err == -ENOENT)
		return 0;
	return db_fail(
		error, err ? err : -EPROTO,
		err ? "%s: table meta cannot be read"
		    : "%s: made by flowctl merge of several hosts' databases, not to be written to",
		place->name);
}

static int set_up(struct sqlite3 *db, const struct place *place, bool full_sync,
		  struct db_error *error)
{
	static const char pragmas[] = "PRAGMA wal_autocheckpoint = " CHECKPOINT_PAGES ";"
				      "PRAGMA journal_size_limit = " JOURNAL_LIMIT ";"
				      "PRAGMA cache_size = -" CACHE_KB ";"
				      /* Debian's build would write zeros to all that goes */
				      "PRAGMA secure_delete = FAST;";
	int64_t pages, version = 0;
	int persist = 1, err, rc;

	/* first, as it has SQLite read the schema again that it made with a temporary table */
	rc = sqlite3_exec(db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
	if (!rc)
		rc = db_query_int(db, "PRAGMA page_count", &pages);
	if (rc)
		return db_fail_sqlite(error, db, rc, place->name);
	err = pages ? db_verify(db, place->name, DB_WRITER, &version, error)
		    : db_make(db, place->name, error);
	if (!err && pages)
		err = check_merged(db, place, error);
	if (!err && pages)
		rc = db_touch(db);
	if (rc)
		return db_fail_sqlite(error, db, rc, place->name);
	if (!err && pages)
		err = db_migrate(db, place->name, version, error);
	if (err)
		return err;
	rc = sqlite3_exec(db, pragmas, NULL, NULL, NULL);
	if (!rc)
		rc = switch_to_wal(db);
	if (rc == SQLITE_EMPTY)
		return db_fail(error, -EIO, "%s: its file system cannot hold a write-ahead log",
			       place->name);
	if (!rc)
		rc = sqlite3_exec(
			db, full_sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
			NULL, NULL, NULL);
	if (!rc)
		rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	return rc ? db_fail_sqlite(error, db, rc, place->name) : 0;
}

/* The lock is held, the file may be missing. */
static int open_locked(const struct place *place, bool full_sync, struct sqlite3 **ret_db,
		       struct db_error *error)
{
	struct sqlite3 *db = NULL;
	int64_t size;
	int rc, err = db_look(place->name, place->real, DB_WRITER, &size, error);
	bool made = err == -ENOENT;

	if (made)
		err = check_writable(place, O_CREAT | O_EXCL, error);
	else if (!err && size)
		err = look_inside(place, error);
	if (err)
		return err;
	error->text[0] = '\0'; /* a new file was missing first */
	rc = open_handle(place->real, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, "", &db);
	err = rc ? db_fail_sqlite(error, db, rc, place->name) : set_up(db, place, full_sync, error);
	if (!err) {
		*ret_db = db;
		return 0;
	}
	sqlite3_close_v2(db);
	if (made) {
		unlink(place->real);
		remove_beside(place->real, "-journal");
		remove_beside(place->real, "-wal");
		remove_beside(place->real, "-shm");
	}
	return err;
}

/* The lock is held; what is broken gives way to a new one. */
static int open_anew(const struct place *place, bool full_sync, struct sqlite3 **ret_db,
		     char *ret_aside, struct db_error *error)
{
	struct db_error why, *again = &why;
	int err = open_locked(place, full_sync, ret_db, error);

	if (err != -EUCLEAN || !ret_aside)
		return err;
	err = db_set_aside(place->real, ret_aside);
	if (err)
		return db_fail(error, err, "%s: corrupt, and cannot be renamed: %s", place->name,
			       strerror(-err));
	err = open_locked(place, full_sync, ret_db, again);
	if (err)
		*error = why;
	return err;
}

/* ret_aside NULL: one that is corrupt is refused. */
static int open_writer(const char *path, bool full_sync, struct sqlite3 **ret_db, int *ret_lock_fd,
		       char *ret_aside, struct db_error *ret_error)
{
	struct place place;
	int64_t size;
	int fd = -1, err;

	begin();
	make_default_dir(path);
	db_share_beside();
	err = resolve(path, &place, ret_error);
	if (err)
		return err;
	err = db_look(place.name, place.real, DB_WRITER, &size, ret_error);
	if (!err)
		err = check_writable(&place, 0, ret_error);
	if (err && err != -ENOENT)
		return err;
	err = lock_take(&place, &fd, ret_error);
	if (err)
		return err;
	shut(place.real);
	err = db_check_beside(place.real, place.name, ret_error);
	err = err ? err : open_anew(&place, full_sync, ret_db, ret_aside, ret_error);
	if (err) {
		lock_drop(place.real, fd);
		return err;
	}
	*ret_lock_fd = fd;
	return 0;
}

int db_open_writer(const char *path, bool full_sync, struct sqlite3 **ret_db, int *ret_lock_fd,
		   struct db_error *ret_error)
{
	return open_writer(path, full_sync, ret_db, ret_lock_fd, NULL, ret_error);
}

int db_open_writer_anew(const char *path, bool full_sync, struct sqlite3 **ret_db, int *ret_lock_fd,
			char ret_aside[DB_ASIDE_MAX], struct db_error *ret_error)
{
	ret_aside[0] = '\0';
	return open_writer(path, full_sync, ret_db, ret_lock_fd, ret_aside, ret_error);
}

void db_close(struct sqlite3 *db, int lock_fd)
{
	const char *path = db ? sqlite3_db_filename(db, "main") : NULL;
	char *copy = path && *path ? strdup(path) : NULL;

	sqlite3_close_v2(db);
	lock_drop(copy, lock_fd);
	free(copy);
}
