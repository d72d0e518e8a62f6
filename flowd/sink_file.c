/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_file.c: see sink_file.h. */
#include "flowd/sink_file.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flowd/clock.h"
#include "flowd/sink_disk.h"
#include "flowd/sink_sqlite.h"
#include "schema/db_sqlite.h"

#define CORRUPT_TRIES 3
#define NEW_MADE "a new one is made, and the books go on there"
#define DISK_TRIES \
	5 /* in a row that the disk let fail: then the file is closed, and opened again at each try */
#define CHECK_NS \
	10000000000ULL /* that a check may take; one that is not done by then found nothing whole */
#define CHECK_OPS 10000 /* of SQLite's, between looks at the clock */

/* A disk that does not say what is there has not lost it. */
bool sink_file_moved(const struct sink_sqlite *s)
{
	struct stat st;
	int moved = 0;

	if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) || !moved)
		return false;
	return !stat(sqlite3_db_filename(s->db, "main"), &st) || errno == ENOENT ||
	       errno == ENOTDIR;
}

/* In the place of the file there is one that is not empty. */
static bool is_taken(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && st.st_size > 0;
}

static void remove_all(const char *path, bool file)
{
	static const char *const parts[] = {"-wal", "-shm", "-journal"};
	char name[PATH_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		unlink(name);
	}
	if (file)
		unlink(path);
}

/* What is there of a database is given back; settings stay. */
static void let_go(struct sink_sqlite *s)
{
	struct sink_rollup_config rollup = s->rollup.config;
	int64_t age_ns = s->beside.sample.age_ns, size_bytes = s->beside.sample.size_bytes;

	sink_sqlite_put_down(s);
	memset(&s->beside, 0, sizeof(s->beside));
	memset(&s->rollup, 0, sizeof(s->rollup));
	s->beside.sample.age_ns = age_ns;
	s->beside.sample.size_bytes = size_bytes;
	s->rollup.config = rollup;
	if (s->db)
		db_close(s->db, s->lock_fd);
	s->db = NULL;
	s->lock_fd = -1;
	memset(&s->look, 0, sizeof(s->look));
}

/* Refused, although user and mode allow it: Landlock, whose rule is for the folder that was there at the start. */
static bool is_confined(const char *path)
{
	char folder[PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	return !access(slash ? folder : ".", R_OK | W_OK | X_OK) &&
	       (!access(path, R_OK | W_OK) || errno == ENOENT);
}

/* As it was left by let_go(). */
static int open_again(struct sink_sqlite *s, char *error, size_t size)
{
	struct db_error why;
	int err = db_open_writer(s->path, s->full_sync, &s->db, &s->lock_fd, &why);

	if (!err)
		return 0;
	snprintf(error, size, "%s%s", why.text,
		 err == -EACCES && is_confined(s->path)
			 ? ": Landlock keeps flowd from a folder that was mounted or made since it "
			   "started: restart flowd, which loses nothing"
			 : "");
	s->db = NULL;
	return err;
}

/* Rows go from it as they did from the last. */
static void keep_on(struct sink_sqlite *s, const struct db_retain_limits *limits,
		    const struct retain_clock *clock)
{
	sink_retain_init(&s->retain, s->db, limits);
	s->retain.clock = *clock;
	s->corrupt = s->rotten = 0;
}

/* The new one knows what the lost one did, or is no new one. */
static int plant(struct sink_sqlite *s, char *error, size_t size)
{
	int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (!rc)
		rc = sink_heir_plant(&s->heir, s->db, clock_wall().ms);
	if (!rc)
		rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	if (!rc && db_rows_register(s->db, &s->rows))
		rc = SQLITE_NOMEM;
	if (rc)
		db_describe(s->db, rc, db_shown(s->path), error, size);
	return rc ? db_errno(s->db, rc) : 0;
}

static int make_new(struct sink_sqlite *s, char *error, size_t size)
{
	struct retain_clock clock = s->retain.clock;
	struct db_retain_limits limits = s->retain.limits;
	int err;

	if (is_taken(s->path)) {
		snprintf(
			error, size,
			"%s: the file was removed or renamed while open, and another one is in its place, "
			"which is left alone: move it away, or restart flowd",
			db_shown(s->path));
		return -ESTALE;
	}
	remove_all(s->path, false);
	err = open_again(s, error, size);
	if (err)
		return err;
	err = plant(s, error, size);
	if (err) {
		let_go(s);
		remove_all(s->path, true);
		return err;
	}
	keep_on(s, &limits, &clock);
	return 0;
}

static void say(struct sink_sqlite *s, const char *what, const char *done)
{
	snprintf(s->sink.note, sizeof(s->sink.note), "%s: %s", what, done);
	s->sink.notes++;
}

/* The log into the file, so that it is whole without. 0, or -errno with what is in the way behind `what`. */
static int empty_log(struct sink_sqlite *s, const char *what, char *error, size_t size)
{
	int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	if (!rc)
		return 0;
	if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
		snprintf(error, size, "%s, and a reader has its log", what);
	else
		snprintf(error, size, "%s, and what its log has cannot be written: %s", what,
			 sqlite3_errmsg(s->db));
	return db_errno(s->db, rc);
}

/* The old one's log goes into the old one, wherever that is, and not into what is in its place. */
static int replace_moved(struct sink_sqlite *s, char *error, size_t size)
{
	char what[512];
	int err;

	snprintf(what, sizeof(what), "%s: the file was removed or renamed while open",
		 db_shown(s->path ? s->path : sqlite3_db_filename(s->db, "main")));
	if (!s->path || !s->heir.known) {
		snprintf(error, size, "%s", what);
		return -ESTALE;
	}
	err = empty_log(s, what, error, size);
	if (err)
		return err;
	let_go(s);
	err = make_new(s, error, size);
	if (!err)
		say(s, what, NEW_MADE);
	return err;
}

/* --- corrupt -------------------------------------------------------------------------------------- */

static int is_late(void *arg)
{
	return clock_mono().ns > *(const uint64_t *)arg;
}

/* Whole, as far as that can be told in the time. */
static bool is_whole(struct sqlite3 *db)
{
	uint64_t until = clock_mono().ns + CHECK_NS;
	sqlite3_stmt *stmt;
	bool whole = false;

	sqlite3_progress_handler(db, CHECK_OPS, is_late, &until);
	if (!sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL)) {
		if (sqlite3_step(stmt) == SQLITE_ROW)
			whole = !strcmp((const char *)sqlite3_column_text(stmt, 0), "ok");
		sqlite3_finalize(stmt);
	}
	sqlite3_progress_handler(db, 0, NULL, NULL);
	return whole;
}

/* Tries in a row that found it so. */
static bool is_broken(struct sink_sqlite *s, int rc, int *tries)
{
	if ((rc & 0xff) != SQLITE_CORRUPT && (rc & 0xff) != SQLITE_NOTADB) {
		*tries = 0;
		return false;
	}
	if (++*tries < CORRUPT_TRIES || !s->path || !s->heir.known)
		return false;
	*tries = 0;
	return !is_whole(s->db);
}

bool sink_file_broken(struct sink_sqlite *s, int rc)
{
	return is_broken(s, rc, &s->corrupt);
}

bool sink_file_rotten(struct sink_sqlite *s, int rc)
{
	return is_broken(s, rc, &s->rotten);
}

int sink_file_replace(struct sink_sqlite *s, char *error, size_t size)
{
	char aside[DB_ASIDE_MAX], what[SINK_NOTE_MAX - 128], why[SINK_ERROR_MAX];
	int err = sink_disk_try(s->path, why, sizeof(why));

	if (err) {
		snprintf(error, size, "%s", why);
		return err;
	}
	/* a log that lacks parts would take others with it */
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	let_go(s);
	err = db_set_aside(s->path, aside);
	if (err) {
		snprintf(error, size, "%s: corrupt, and cannot be renamed: %s", db_shown(s->path),
			 strerror(-err));
		return err;
	}
	snprintf(what, sizeof(what), "%s: it is now '%s'", error, aside);
	error[0] = '\0';
	err = make_new(s, error, size);
	if (!err)
		say(s, what, NEW_MADE);
	return err;
}

/* --- the disk ------------------------------------------------------------------------------------- */

void sink_file_failed(struct sink_sqlite *s, int rc, int err)
{
	if (!sink_disk_is_dead(rc, err)) {
		s->dead = 0;
		return;
	}
	if (++s->dead < DISK_TRIES || !s->path || !s->heir.known || !s->db)
		return;
	s->dead = 0;
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	let_go(s);
	s->closed = true;
}

/* Of the maps that are counted into, as the one that was closed. */
static bool is_ours(struct sink_sqlite *s)
{
	int64_t generation;

	return !db_meta_get_int(s->db, "generation", &generation) &&
	       generation == sink_heir_generation(&s->heir);
}

/* 1: an empty file is in its place, and one is to be made. */
static int reopen(struct sink_sqlite *s, char *error, size_t size)
{
	struct retain_clock clock = s->retain.clock;
	struct db_retain_limits limits = s->retain.limits;
	struct stat st;
	int err = stat(s->path, &st) ? -errno : 0;

	if (err) {
		snprintf(
			error, size,
			"%s: %s, since its disk failed: it is waited for, or for an empty one in its place",
			db_shown(s->path), strerror(-err));
		return err;
	}
	if (!st.st_size)
		return 1;
	err = open_again(s, error, size);
	if (err)
		return err;
	if (!is_ours(s)) {
		let_go(s);
		snprintf(error, size,
			 "%s: another one is in its place since its disk failed: move it away",
			 db_shown(s->path));
		return -ESTALE;
	}
	if (db_rows_register(s->db, &s->rows)) {
		let_go(s);
		return -ENOMEM;
	}
	keep_on(s, &limits, &clock);
	s->reopened = true;
	return 0;
}

/* The log is nobody's but ours: what it says goes into the file, and another log is made. */
static int renew_log(struct sink_sqlite *s, char *error, size_t size)
{
	char what[512];
	int err;

	snprintf(what, sizeof(what), "%s", error);
	err = empty_log(s, what, error, size);
	if (err)
		return err;
	let_go(s);
	/* one that is there now is of another file, or was made by a reader */
	remove_all(s->path, false);
	err = reopen(s, error, size);
	s->closed = err < 0;
	if (err)
		return err < 0 ? err : -ESTALE;
	say(s, what, "what it had is in the file, and it goes on");
	return 0;
}

static int look(struct sink_sqlite *s, char *error, size_t size)
{
	if (!s->path || !s->heir.known)
		return 0;
	switch (sink_look(&s->look, s->db, error, size)) {
	case SINK_LOOK_LOG:
		return renew_log(s, error, size);
	case SINK_LOOK_BROKEN:
		return sink_file_replace(s, error, size);
	default:
		error[0] = '\0';
		return 0;
	}
}

int sink_file_ready(struct sink_sqlite *s, char *error, size_t size)
{
	int err;

	if (s->db && !sink_file_moved(s))
		return look(s, error, size);
	if (s->db)
		return replace_moved(s, error, size);
	err = s->closed ? reopen(s, error, size) : 1;
	if (err <= 0) {
		s->closed = err < 0;
		return err;
	}
	s->closed = false;
	err = make_new(s, error, size);
	if (!err)
		say(s, db_shown(s->path), NEW_MADE);
	return err;
}

bool sink_file_end(struct sink_sqlite *s)
{
	char error[SINK_ERROR_MAX];

	if (!s->db)
		return false;
	if (sink_file_moved(s)) {
		(void)empty_log(s, "", error, sizeof(error));
		return false;
	}
	s->look.next_ns = 0;
	if (!s->path || sink_look(&s->look, s->db, error, sizeof(error)) != SINK_LOOK_BROKEN)
		return true;
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return false;
}

int sink_sqlite_heir(struct sink *sink, bool full_sync)
{
	struct sink_sqlite *s = (struct sink_sqlite *)sink;

	s->path = strdup(sqlite3_db_filename(s->db, "main"));
	s->full_sync = full_sync;
	return s->path ? sink_heir_load(&s->heir, s->db) : -ENOMEM;
}

struct sqlite3 *sink_sqlite_db(const struct sink *sink)
{
	return ((const struct sink_sqlite *)sink)->db;
}
