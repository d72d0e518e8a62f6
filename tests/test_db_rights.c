/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_db_rights.c: who may not write reads nevertheless: beside a running flowd, after one that
 * ended and after one that was killed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/db_util.h"

/* The reader gets the value that was committed last. The value, or 100 + errno. */
static int read_value(const void *path)
{
	struct db_error error;
	struct sqlite3 *db;
	int64_t value;
	int err = db_open_reader(path, &db, &error);

	if (err)
		return 100 - err;
	err = db_meta_get_int(db, "test", &value);
	db_close(db, -1);
	return err ? 100 - err : (int)value;
}

static int open_to_write(const void *path)
{
	struct db_error error;
	struct sqlite3 *db;
	int fd, err = db_open_writer(path, true, &db, &fd, &error);

	if (!err)
		db_close(db, fd);
	return -err;
}

static void set_modes(mode_t dir, mode_t file)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		snprintf(path, sizeof(path), "%s/ro.db%s", test_dir, suffix[i]);
		chmod(path, file);
	}
	assert_int_equal(chmod(test_dir, dir), 0);
}

static void remove_files(const char *a, const char *b)
{
	assert_int_equal(chmod(test_dir, 0755), 0);
	assert_int_equal(unlink(in_dir(a)), 0);
	if (b)
		assert_int_equal(unlink(in_dir(b)), 0);
}

/* Readers that may not write anything: flowd is down, and its folder is not theirs. */
static void test_reader_without_rights(void **state)
{
	const char *path = in_dir("ro.db");

	(void)state;
	make_db_with(path, 42);
	set_modes(0555, 0000);
	assert_int_equal(in_child(true, read_value, path), 100 + EACCES);
	set_modes(0555, 0444);
	assert_int_equal(in_child(true, open_to_write, path), EACCES);
	assert_int_equal(in_child(true, read_value, path), 42);
	remove_files("ro.db-shm", NULL);
	set_modes(0555, 0444);
	assert_int_equal(in_child(true, read_value, path), 42);
	remove_files("ro.db-wal", NULL);
	set_modes(0555, 0444);
	assert_int_equal(in_child(true, read_value, path), 42);
	assert_int_equal(access(in_dir("ro.db-wal"), F_OK), -1);
}

/* The same with flowd writing: what is in the log counts. */
static void test_reader_beside_writer(void **state)
{
	const char *path = in_dir("ro.db");
	struct db_error error;
	struct sqlite3 *db;
	int fd;

	(void)state;
	assert_int_equal(db_open_writer(path, true, &db, &fd, &error), 0);
	for (int value = 1; value < 20; value++) {
		assert_int_equal(db_meta_set_int(db, "test", value), 0);
		set_modes(0555, 0444);
		assert_int_equal(in_child(true, read_value, path), value);
	}
	set_modes(0755, 0644);
	db_close(db, fd);
}

/* And with flowd killed: the log is there, and nobody has recovered it. */
static void test_reader_after_kill(void **state)
{
	const char *path = in_dir("ro.db");

	(void)state;
	assert_int_equal(in_child(false, write_and_kill, path), 1000 + SIGKILL);
	set_modes(0555, 0444);
	assert_int_equal(in_child(true, read_value, path), 7);
	remove_files("ro.db-shm", NULL);
	set_modes(0555, 0444);
	assert_int_equal(in_child(true, read_value, path), 7);
	set_modes(0755, 0644);
	assert_int_equal(read_value(path), 7); /* who might make it does not either */
	assert_int_equal(access(in_dir("ro.db-shm"), F_OK), -1);
	assert_int_equal(open_to_write(path), 0);
	set_modes(0555, 0444);
	assert_int_equal(in_child(true, read_value, path), 7);
}

static int write_anew(const void *path)
{
	struct db_error error;
	struct sqlite3 *db;
	int fd;

	if (db_open_writer(path, true, &db, &fd, &error) || db_meta_set_int(db, "test", 7))
		return 1;
	exec_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	if (db_meta_set_int(db, "test", 8))
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

/* Killed after so many bytes of a new log: of its header, of the first frame, or of one that was committed. */
static void test_reader_of_begun_log(void **state)
{
	char path[PATH_MAX], log[PATH_MAX];
	struct stat st;
	off_t sizes[] = {0, 33, 32, 31, 1, 0}; /* the first one: all but a byte */

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("ro.db"));
	snprintf(log, sizeof(log), "%s", in_dir("ro.db-wal"));
	assert_int_equal(in_child(false, write_anew, path), 1000 + SIGKILL);
	assert_int_equal(read_value(path), 8);
	assert_int_equal(stat(log, &st), 0);
	sizes[0] = st.st_size - 1;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(truncate(log, sizes[i]), 0);
		set_modes(0555, 0444);
		assert_int_equal(in_child(true, read_value, path), 7);
		set_modes(0755, 0644);
	}
	assert_int_equal(open_to_write(path), 0);
	assert_int_equal(read_value(path), 7);
}

static int64_t count(struct sqlite3 *db, const char *sql)
{
	struct sqlite3_stmt *stmt;
	int64_t n = -1;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static int written[2]; /* a byte for each value that is in */

/* 43, and one more whenever it is woken; a checkpoint after each. */
static int write_on(const void *path)
{
	struct db_error error;
	struct sqlite3 *db;
	sigset_t set;
	int fd, signal;

	sigemptyset(&set);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (db_open_writer(path, true, &db, &fd, &error))
		return 1;
	for (int64_t value = 43;; value++) {
		if (db_meta_set_int(db, "test", value) ||
		    sqlite3_exec(db, "PRAGMA wal_checkpoint", NULL, NULL, NULL) ||
		    write(written[1], "", 1) != 1 || sigwait(&set, &signal))
			return 2;
	}
}

/*
 * A reader that found neither log nor index stays one while flowd begins: what it reads in a transaction is one
 * state or an error, and then what flowd wrote.
 */
static void test_reader_before_writer(void **state)
{
	const char *path = in_dir("ro.db");
	struct db_error error;
	struct sqlite3 *reader;
	int64_t value;
	int status;
	pid_t pid;

	(void)state;
	make_db_with(path, 42);
	remove_files("ro.db-shm", "ro.db-wal");
	assert_int_equal(db_open_reader(path, &reader, &error), 0);
	assert_int_equal(sqlite3_exec(reader, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(count(reader, "SELECT value FROM meta WHERE key = 'test'"), 42);
	assert_int_equal(access(in_dir("ro.db-wal"), F_OK), -1);

	assert_int_equal(pipe(written), 0);
	pid = start_child(write_on, path);
	assert_int_equal(read(written[0], &status, 1), 1);
	assert_int_equal(count(reader, "SELECT count(*) FROM event"), -1);
	assert_int_equal(sqlite3_extended_errcode(reader) & 0xff, SQLITE_BUSY);
	sqlite3_exec(reader, "ROLLBACK", NULL, NULL, NULL);
	for (int64_t want = 43; want < 46; want++) {
		assert_int_equal(db_meta_get_int(reader, "test", &value), 0);
		assert_int_equal(value, want);
		assert_int_equal(kill(pid, SIGCONT), 0);
		assert_int_equal(read(written[0], &status, 1), 1);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(db_meta_get_int(reader, "test", &value), 0);
	assert_int_equal(value, 46);
	db_close(reader, -1);
	close(written[0]);
	close(written[1]);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(in_dir(name), &st), 0); /* in_dir() has few buffers */
	return st.st_mode & 0777;
}

/* Whatever the umask, and whatever they were: nobody but owner and group. */
static void test_modes(void **state)
{
	char path[PATH_MAX];
	struct db_error error;
	struct sqlite3 *db;
	mode_t mask = umask(0);
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("ro.db"));
	for (int again = 0; again < 2; again++) {
		assert_int_equal(db_open_writer(path, true, &db, &fd, &error), 0);
		assert_int_equal(db_meta_set_int(db, "test", 7), 0);
		assert_int_equal(mode_of("ro.db"), 0640);
		assert_int_equal(mode_of("ro.db-wal"), 0640);
		assert_int_equal(mode_of("ro.db-shm"), 0640);
		assert_int_equal(mode_of("ro.db.lock"), 0640);
		db_close(db, fd);
		set_modes(0755, 0666);
	}
	chmod(path, 0600);
	assert_int_equal(open_to_write(path), 0);
	assert_int_equal(mode_of("ro.db"), 0600);
	umask(mask);
}

#define DB_TEST(test) cmocka_unit_test_setup_teardown(test, dir_setup, dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DB_TEST(test_reader_without_rights), DB_TEST(test_reader_beside_writer),
		DB_TEST(test_reader_after_kill),     DB_TEST(test_reader_of_begun_log),
		DB_TEST(test_reader_before_writer),  DB_TEST(test_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
