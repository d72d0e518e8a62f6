/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_db.c: opening the database: made, found, refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "tests/db_open.h"

#define CREATION_KILLS 40

static void test_create(void **state)
{
	const char *path = in_dir("new.db");
	struct db_error error;
	struct sqlite3 *db;
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(try_reader(path, &error), -ENOENT);
	assert_int_equal(count_entries(), 0);
	assert_int_equal(db_open_writer(path, true, &db, &fd, &error), 0);
	assert_string_equal(error.text, "");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(query_int(db, "PRAGMA application_id"), DB_APPLICATION_ID);
	assert_int_equal(query_int(db, "PRAGMA user_version"), DB_VERSION);
	assert_int_equal(query_int(db, "PRAGMA synchronous"), 2);
	assert_int_equal(query_int(db, "PRAGMA auto_vacuum"), 2);
	assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'reader'"), 5);
	assert_query_text(db, "PRAGMA journal_mode", "wal");
	assert_query_text(db, "PRAGMA integrity_check", "ok");
	db_close(db, fd);
	assert_int_equal(access(in_dir("new.db.lock"), F_OK), -1);
	assert_int_equal(db_open_writer(path, false, &db, &fd, &error), 0);
	assert_int_equal(query_int(db, "PRAGMA synchronous"), 1);
	db_close(db, fd);
	db_close(NULL, -1);
}

static void test_empty_file(void **state)
{
	const char *path = in_dir("empty.db");
	struct db_error error;
	struct stat before, after;

	(void)state;
	write_file(path, "", 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(try_reader(path, &error), -EPROTO);
	assert_non_null(strstr(error.text, "empty"));
	assert_int_equal(try_writer(path, &error), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(try_reader(path, &error), 0);
}

/* One writer, by whatever name, and its process is named; readers are not in its way. */
static void test_one_writer(void **state)
{
	const char *path = in_dir("a.db"), *other = in_dir("b.db");
	char expected[64];
	struct db_error error;
	struct sqlite3 *db;
	int fd;

	(void)state;
	assert_int_equal(db_open_writer(path, true, &db, &fd, &error), 0);
	assert_int_equal(symlink("a.db", other), 0);
	assert_int_equal(try_writer(other, &error), -EBUSY);
	snprintf(expected, sizeof(expected), "b.db: another flowd, process %ld writes to it",
		 (long)getpid());
	assert_non_null(strstr(error.text, expected));
	assert_int_equal(try_reader(path, &error), 0);
	assert_int_equal(try_reader(other, &error), 0);
	db_close(db, fd);
	assert_int_equal(try_writer(other, &error), 0);
	write_file(in_dir("a.db.lock"), "12345678\n", 9); /* left by a killed one */
	assert_int_equal(try_writer(path, &error), 0);
}

static void test_odd_paths(void **state)
{
	char loop[PATH_MAX], dangling[PATH_MAX], fifo[PATH_MAX], deep[PATH_MAX], longer[600];
	int entries;

	(void)state;
	snprintf(loop, sizeof(loop), "%s", in_dir("loop"));
	snprintf(dangling, sizeof(dangling), "%s", in_dir("dangling"));
	snprintf(fifo, sizeof(fifo), "%s", in_dir("fifo"));
	snprintf(deep, sizeof(deep), "%s", in_dir("file/ledger.db"));
	write_file(in_dir("file"), "", 0);
	assert_int_equal(symlink("loop", loop), 0);
	assert_int_equal(symlink("nowhere", dangling), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	entries = count_entries();
	assert_refused("", -EINVAL, "empty");
	assert_refused(":memory:", -EINVAL, "must be a file");
	assert_refused(test_dir, -EISDIR, "is a directory");
	assert_refused(in_dir("missing/ledger.db"), -ENOENT, "no such folder");
	assert_refused(loop, -ELOOP, "symbolic links");
	assert_refused(dangling, -ENOENT, "symbolic link to nothing");
	assert_refused(fifo, -EPROTO, "not a regular file");
	assert_refused(deep, -ENOTDIR, "Not a directory");
	assert_refused(longer, -ENAMETOOLONG, "too long");
	assert_int_equal(count_entries(), entries);
}

/* SQLite takes neither for a URI nor for anything but a name. */
static void test_odd_names(void **state)
{
	static const char *const names[] = {"a b?mode=memory#x%41.db", "file:x.db",
					    "\xc3\xa4\n.db"};
	struct db_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		make_db_with(in_dir(names[i]), 1);
		assert_int_equal(access(in_dir(names[i]), F_OK), 0);
		assert_int_equal(try_reader(in_dir(names[i]), &error), 0);
	}
	assert_int_equal(chdir(test_dir), 0);
	make_db_with("file:y.db?mode=memory", 1);
	assert_int_equal(access(in_dir("file:y.db?mode=memory"), F_OK), 0);
}

static void test_foreign(void **state)
{
	const char *path = in_dir("foreign.db");
	char text[5000];

	(void)state;
	memset(text, 'a', sizeof(text));
	write_file(path, text, 3);
	assert_left_alone(path, -EPROTO, "not a SQLite file");
	write_file(path, text, sizeof(text));
	assert_left_alone(path, -EPROTO, "not a SQLite file");
	unlink(path);
	exec_file(path, "CREATE TABLE x (y)");
	assert_left_alone(path, -EPROTO, "another application, id 0x00000000");
	exec_file(path, "PRAGMA application_id = 1; PRAGMA journal_mode = WAL");
	assert_left_alone(path, -EPROTO, "another application, id 0x00000001");
	exec_file(path, "PRAGMA journal_mode = DELETE; PRAGMA application_id = 1464616007");
	assert_left_alone(path, -EPROTO, "not a wireledger database (no such table");
}

/* Whole, but without one of the tables that flowd writes to. */
static void test_table_lost(void **state)
{
	static const char *const lost[] = {"event", "flow_tcp", "talker_hour_tail", "sample"};

	(void)state;
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		const char *path = in_dir("lost.db");
		struct db_error error;
		struct sqlite3 *db = NULL;
		char sql[64];
		int fd = -1;

		make_db_with(path, 1);
		snprintf(sql, sizeof(sql), "DROP TABLE %s", lost[i]);
		exec_file(path, sql);
		assert_int_equal(db_open_writer(path, false, &db, &fd, &error), -EPROTO);
		assert_non_null(
			strstr(error.text, "lost.db: not a wireledger database (no such table: "));
		assert_non_null(strstr(error.text, lost[i]));
		assert_int_equal(try_reader(path, &error), 0);
		unlink(path);
	}
}

static void test_corrupt(void **state)
{
	const char *path = in_dir("corrupt.db");
	size_t size;
	char *data;

	(void)state;
	make_db_with(path, 1);
	exec_file(path, "PRAGMA journal_mode = DELETE");
	data = read_file(path, &size);
	write_file(path, data, size / 2);
	assert_left_alone(path, -EUCLEAN, "corrupt");
	write_file(path, data, 100);
	assert_left_alone(path, -EUCLEAN, "corrupt");
	memset(data + 100, 0x5a, size - 100);
	write_file(path, data, size);
	assert_left_alone(path, -EUCLEAN, "corrupt");
	free(data);
}

static int hold_exclusive(const void *arg)
{
	const int *ends = arg;
	struct sqlite3 *db;

	if (sqlite3_open(in_dir("locked.db"), &db) ||
	    sqlite3_exec(
		    db,
		    "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM meta; COMMIT",
		    NULL, NULL, NULL))
		return 1;
	if (write(ends[1], "x", 1) != 1)
		return 2;
	for (;;)
		pause();
}

static void test_locked(void **state)
{
	int ends[2];
	char byte;
	pid_t pid;

	(void)state;
	make_db_with(in_dir("locked.db"), 1);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid)
		_exit(hold_exclusive(ends));
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_refused(in_dir("locked.db"), -EBUSY, "locked by another process");
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ends[0]);
}

static void test_meta(void **state)
{
	struct db_error error;
	struct sqlite3 *db;
	char text[8];
	int64_t value = 5;
	int fd;

	(void)state;
	assert_int_equal(db_open_writer(in_dir("meta.db"), true, &db, &fd, &error), 0);
	assert_int_equal(db_meta_get_int(db, "none", &value), -ENOENT);
	assert_int_equal(db_meta_get_text(db, "none", text, sizeof(text)), -ENOENT);
	assert_int_equal(value, 5);
	assert_int_equal(db_meta_set_int(db, "a", INT64_MIN), 0);
	assert_int_equal(db_meta_get_int(db, "a", &value), 0);
	assert_int_equal(value, INT64_MIN);
	assert_int_equal(db_meta_set_text(db, "a", "it's \"long\""), 0);
	assert_int_equal(db_meta_get_text(db, "a", text, sizeof(text)), 0);
	assert_string_equal(text, "it's \"l");
	db_close(db, fd);
	assert_int_equal(db_open_reader(in_dir("meta.db"), &db, &error), 0);
	assert_int_not_equal(db_meta_set_int(db, "a", 1), 0);
	db_close(db, -1);
}

static int create(const void *path)
{
	struct db_error error;
	struct sqlite3 *db;
	int fd;

	if (db_open_writer(path, true, &db, &fd, &error))
		return 1;
	for (;;)
		pause();
}

/* Killed anywhere while it makes the file: the next one makes or takes it. */
static void test_killed_creation(void **state)
{
	char path[PATH_MAX], name[32];
	struct db_error error;

	(void)state;
	for (int i = 0; i < CREATION_KILLS; i++) {
		snprintf(name, sizeof(name), "kill%d.db", i);
		snprintf(path, sizeof(path), "%s", in_dir(name));
		kill_child(create, path, (useconds_t)i * 400);
		if (try_writer(path, &error))
			fail_msg("%s", error.text);
		assert_int_equal(try_reader(path, &error), 0);
	}
}

/* In a mount namespace of its own: 77 where that cannot be had, else 0 or the number of a step. */
static int odd_file_systems(const void *arg)
{
	struct db_error error;
	char path[PATH_MAX];
	struct stat st;

	(void)arg;
	snprintf(path, sizeof(path), "%s/fs.db", test_dir);
	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", test_dir, "tmpfs", 0, "size=16k"))
		return 77;
	if (try_writer(path, &error) != -ENOSPC || !stat(path, &st))
		return 1;
	if (mount(NULL, test_dir, NULL, MS_REMOUNT, "size=1m") || try_writer(path, &error))
		return 2;
	if (mount(NULL, test_dir, NULL, MS_REMOUNT | MS_RDONLY, "size=1m"))
		return 77;
	if (try_writer(path, &error) != -EROFS || !strstr(error.text, "Read-only file system"))
		return 3;
	return try_reader(path, &error) ? 4 : 0;
}

static void test_full_and_read_only_fs(void **state)
{
	int result = in_child(false, odd_file_systems, NULL);

	(void)state;
	if (result == 77) {
		print_message("SKIP (no mount namespace to be had)\n");
		skip();
	}
	assert_int_equal(result, 0);
}

#define DB_TEST(test) cmocka_unit_test_setup_teardown(test, dir_setup, dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DB_TEST(test_create),	       DB_TEST(test_empty_file),
		DB_TEST(test_one_writer),      DB_TEST(test_odd_paths),
		DB_TEST(test_odd_names),       DB_TEST(test_foreign),
		DB_TEST(test_table_lost),      DB_TEST(test_corrupt),
		DB_TEST(test_locked),	       DB_TEST(test_meta),
		DB_TEST(test_killed_creation), DB_TEST(test_full_and_read_only_fs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
