/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_open.h: for tests of who opens a database, and of who is refused. Include after cmocka.h. */
#pragma once

#include <dirent.h>

#include "schema/db_sqlite.h"
#include "tests/db_util.h"

static inline int count_entries(void)
{
	DIR *dir = opendir(test_dir);
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static inline int try_writer(const char *path, struct db_error *error)
{
	struct sqlite3 *db;
	int fd, err = db_open_writer(path, true, &db, &fd, error);

	if (!err)
		db_close(db, fd);
	return err;
}

static inline int try_reader(const char *path, struct db_error *error)
{
	struct sqlite3 *db;
	int err = db_open_reader(path, &db, error);

	if (!err)
		db_close(db, -1);
	return err;
}

/* Both refuse, with the error and the text, and the text begins with the name. */
static inline void assert_refused(const char *path, int err, const char *text)
{
	struct db_error error;
	const char *name = *path ? db_shown(path) : "database";

	for (int writer = 0; writer < 2; writer++) {
		memset(&error, 0, sizeof(error));
		assert_int_equal(writer ? try_writer(path, &error) : try_reader(path, &error), err);
		assert_memory_equal(error.text, name, strlen(name));
		if (!strstr(error.text, text))
			fail_msg("'%s' lacks '%s'", error.text, text);
	}
}

/* Refused, with every byte as it was and nothing beside it. */
static inline void assert_left_alone(const char *path, int err, const char *text)
{
	size_t before_size, after_size;
	int entries = count_entries();
	char *before = read_file(path, &before_size), *after;

	assert_refused(path, err, text);
	after = read_file(path, &after_size);
	assert_int_equal(before_size, after_size);
	assert_memory_equal(before, after, before_size);
	assert_int_equal(count_entries(), entries);
	free(before);
	free(after);
}
