/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_db_beside.c: files that are there in folders that users share, opened as fs.protected_regular = 2 lets one: by
 * an open(2) of this program's own, SQLite's too, which refuses O_CREAT for each that is there. And whose they may be.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "schema/open_shared.h"
#include "tests/db_util.h"

#define MAKE (O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
#define STRANGER 54321

static bool refusing;	    /* as the kernel would for files of others */
static unsigned int gone;   /* times that a file is gone when it is asked for again */
static const char *planted; /* name of a file that a stranger makes just before it is opened */

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && !strcmp(text + length - strlen(end), end);
}

static int raw_open(const char *path, int flags, mode_t mode)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static int open_here(const char *path, int flags, mode_t mode)
{
	struct stat st;
	bool ours = *test_dir && !strncmp(path, test_dir, strlen(test_dir));

	if (ours && planted && (flags & O_CREAT) && ends_with(path, planted)) {
		close(raw_open(path, O_WRONLY | O_CREAT, 0640));
		assert_int_equal(chown(path, STRANGER, STRANGER), 0);
	}
	if (ours && refusing && (flags & O_CREAT) && !(flags & O_EXCL) &&
	    (gone || (!lstat(path, &st) && S_ISREG(st.st_mode)))) {
		errno = EACCES;
		return -1;
	}
	if (ours && gone && !(flags & O_CREAT)) {
		gone--;
		errno = ENOENT;
		return -1;
	}
	return raw_open(path, flags, mode);
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library has names that only it may */
#define OPEN(name)                                                               \
	int name(const char *path, int flags, ...)                               \
	{                                                                        \
		va_list args;                                                    \
		mode_t mode;                                                     \
                                                                                 \
		va_start(args, flags);                                           \
		mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0; \
		va_end(args);                                                    \
		return open_here(path, flags, mode);                             \
	}

OPEN(open)
OPEN(open64)
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

static int setup(void **state)
{
	refusing = false;
	gone = 0;
	planted = NULL;
	return dir_setup(state);
}

static void test_open(void **state)
{
	char path[PATH_MAX];
	struct stat st;
	char text[4] = "";
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("a"));
	fd = open_shared(path, MAKE, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(write(fd, "abc", 3), 3);
	close(fd);
	for (int i = 0; i < 2; i++) {
		refusing = i;
		fd = open_shared(path, MAKE, 0600);
		assert_true(fd >= 0);
		assert_int_equal(pread(fd, text, 3, 0), 3);
		assert_string_equal(text, "abc");
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
		assert_int_equal(open_shared(in_dir("none/a"), MAKE, 0600), -ENOENT);
		assert_int_equal(open_shared(test_dir, MAKE, 0600), -EISDIR);
	}
	assert_int_equal(symlink(path, in_dir("link")), 0);
	assert_int_equal(open_shared(in_dir("link"), MAKE, 0600), -ELOOP);
}

/* Removed between the two tries: made anew, and one that never stays is no endless loop. */
static void test_comes_and_goes(void **state)
{
	int fd;

	(void)state;
	refusing = true;
	gone = 3;
	fd = open_shared(in_dir("a"), MAKE, 0600);
	assert_true(fd >= 0);
	assert_int_equal(gone, 0);
	close(fd);
	gone = UINT32_MAX;
	assert_int_equal(open_shared(in_dir("a"), MAKE, 0600), -EACCES);
}

/* Rights that are missing stay so. */
static int open_denied(const void *path)
{
	return -open_shared(path, MAKE, 0600);
}

static void test_rights(void **state)
{
	(void)state;
	write_file(in_dir("a"), "", 0);
	assert_int_equal(chmod(in_dir("a"), 0400), 0);
	assert_int_equal(chmod(test_dir, 0555), 0);
	assert_int_equal(in_child(true, open_denied, in_dir("a")), EACCES);
	assert_int_equal(in_child(true, open_denied, in_dir("b")), EACCES);
}

static int64_t value_in(const char *path)
{
	struct db_error error = {.text = ""};
	struct sqlite3 *db;
	int64_t value = -1;
	int fd;

	if (db_open_writer(path, true, &db, &fd, &error))
		fail_msg("%s", error.text);
	assert_int_equal(db_meta_get_int(db, "test", &value), 0);
	assert_int_equal(db_meta_set_int(db, "test", value + 1), 0);
	db_close(db, fd);
	return value;
}

/* Log, index and lock of another user, that ended or was killed. */
static void test_writer(void **state)
{
	char path[PATH_MAX];

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("my-ledger.db"));
	make_db_with(path, 3);
	assert_int_equal(access(in_dir("my-ledger.db-wal"), F_OK), 0);
	assert_int_equal(access(in_dir("my-ledger.db-shm"), F_OK), 0);
	refusing = true;
	assert_int_equal(value_in(path), 3);
	assert_int_equal(value_in(path), 4);
	assert_int_equal(in_child(false, write_and_kill, path), 1000 + SIGKILL);
	assert_int_equal(access(in_dir("my-ledger.db.lock"), F_OK), 0);
	assert_int_equal(value_in(path), 7);
	assert_int_equal(access(in_dir("my-ledger.db.lock"), F_OK), -1);
}

static int open_to_write(const char *path)
{
	struct db_error error;
	struct sqlite3 *db;
	int fd, err = db_open_writer(path, true, &db, &fd, &error);

	if (!err)
		db_close(db, fd);
	return err;
}

/* A log or an index that a stranger makes when they have been looked at is not gone on with. */
static void test_planted(void **state)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	char path[PATH_MAX], name[PATH_MAX + 8];

	(void)state;
	if (geteuid())
		skip();
	snprintf(path, sizeof(path), "%s", in_dir("l.db"));
	make_db_with(path, 3);
	for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++) {
		planted = parts[i];
		assert_int_not_equal(open_to_write(path), 0);
		planted = NULL;
		assert_int_equal(open_to_write(path), -EPERM);
		assert_int_equal(chown(path, STRANGER, 0), 0); /* the database is his, too */
		assert_int_equal(open_to_write(path), 0);
		for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++) {
			snprintf(name, sizeof(name), "%s%s", path, parts[part]);
			assert_int_equal(chown(name, 0, 0), 0);
		}
	}
	assert_int_equal(value_in(path), 3);
}

/* What root would write its number into, and cut, is a file, and has no other name. */
static void test_lock(void **state)
{
	char path[PATH_MAX], lock[PATH_MAX], *text;
	size_t size;

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("l.db"));
	snprintf(lock, sizeof(lock), "%s", in_dir("l.db.lock"));
	make_db_with(path, 3);
	write_file(in_dir("other"), "content", 7);
	assert_int_equal(link(in_dir("other"), lock), 0);
	assert_int_equal(open_to_write(path), -EPERM);
	text = read_file(in_dir("other"), &size);
	assert_int_equal(size, 7);
	free(text);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(mkfifo(lock, 0600), 0);
	assert_int_equal(open_to_write(path), -EPERM);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(symlink(in_dir("other"), lock), 0);
	assert_int_equal(open_to_write(path), -ELOOP);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(open_to_write(path), 0);
}

#define DIR_TEST(test) cmocka_unit_test_setup_teardown(test, setup, dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIR_TEST(test_open),   DIR_TEST(test_comes_and_goes), DIR_TEST(test_rights),
		DIR_TEST(test_writer), DIR_TEST(test_planted),	      DIR_TEST(test_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
