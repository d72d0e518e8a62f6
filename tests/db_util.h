/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_util.h: for tests around the database: a folder for the test, children that have no rights or
 * get killed, and one-value queries. Include after cmocka.h.
 */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/db.h"

#define CHILD_DEADLINE_MS 60000

static char test_dir[PATH_MAX - 64];

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (flag == FTW_D || flag == FTW_DNR)
		chmod(path, 0700);
	return remove(path);
}

static inline int dir_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(test_dir, sizeof(test_dir), "%s/wireledger-test-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(test_dir) && !chmod(test_dir, 0755) ? 0 : -1;
}

static inline int dir_teardown(void **state)
{
	(void)state;
	chmod(test_dir, 0755);
	return nftw(test_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path in the folder; good until the fourth call after. */
static inline const char *in_dir(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned int next;
	char *buf = path[next++ % 4];

	snprintf(buf, PATH_MAX, "%s/%s", test_dir, name);
	return buf;
}

static inline void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

/* The whole file, to be freed. */
static inline char *read_file(const char *path, size_t *ret_size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	data = malloc((size_t)st.st_size + 1);
	assert_non_null(data);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_size = (size_t)st.st_size;
	return data;
}

/* A database of ours, with one value in it. */
static inline void make_db_with(const char *path, int64_t value)
{
	struct db_error error;
	struct sqlite3 *db;
	int fd;

	if (db_open_writer(path, false, &db, &fd, &error))
		fail_msg("%s", error.text);
	assert_int_equal(db_meta_set_int(db, "test", value), 0);
	db_close(db, fd);
}

static inline void exec_sql(struct sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message))
		fail_msg("%s: %s", sql, message);
}

/* For databases that wireledger did not make, or to spoil one that it did. */
static inline void exec_file(const char *path, const char *sql)
{
	struct sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	exec_sql(db, sql);
	sqlite3_close(db);
}

static inline int64_t query_int(struct sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t value;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static inline void assert_query_text(struct sqlite3 *db, const char *sql, const char *text)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_string_equal((const char *)sqlite3_column_text(stmt, 0), text);
	sqlite3_finalize(stmt);
}

/*
 * Run `work` in a child, as a user without rights where the test is root's. Its value (0 to 255) is
 * returned, or 1000 plus the signal that ended it. Nothing in it may assert.
 */
static inline int in_child(bool unprivileged, int (*work)(const void *arg), const void *arg)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		if (unprivileged && !geteuid() &&
		    (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
			_exit(254);
		_exit(work(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* For in_child(): writes 7 to meta.test of the database at that path, and is killed with it open. */
static inline int write_and_kill(const void *path)
{
	struct db_error error;
	struct sqlite3 *db;
	int fd;

	if (db_open_writer(path, true, &db, &fd, &error) || db_meta_set_int(db, "test", 7))
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

static inline pid_t start_child(int (*work)(const void *arg), const void *arg)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(work(arg));
	return pid;
}

/* Start `work` in a child and kill it after `us` microseconds. */
static inline void kill_child(int (*work)(const void *arg), const void *arg, useconds_t us)
{
	pid_t pid = start_child(work, arg);
	int status;

	usleep(us);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/*
 * The same, that long after it has set *done, of shared_count(), to another number: however slow the
 * machine is, it has come so far.
 */
static inline void kill_child_after(int (*work)(const void *arg), const int64_t *done,
				    useconds_t us)
{
	const int64_t before = *done;
	pid_t pid = start_child(work, done);
	int status;

	for (int ms = 0; __atomic_load_n(done, __ATOMIC_ACQUIRE) == before; ms++) {
		usleep(1000);
		if (waitpid(pid, &status, WNOHANG))
			fail_msg("the child has ended: %#x", (unsigned int)status);
		if (ms < CHILD_DEADLINE_MS)
			continue;
		kill(pid, SIGKILL);
		fail_msg("the child does nothing");
	}
	usleep(us);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* A number, 0 at first, that children write and the test reads. */
static inline int64_t *shared_count(void)
{
	void *memory = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}
