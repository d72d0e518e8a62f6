/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_db_tree.c: rows out of a database's pages are those that SQLite gives, whatever the size of pages,
 * the journal and the vacuum; of pages that are damaged in any way the reading ends, within them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "schema/db_record.h"
#include "tests/db_util.h"
#include "tests/random_flow.h"

#define COLUMNS 4
#define ROWS 4000
#define RANGES 7
#define DAMAGES 3000

struct opened {
	struct sqlite3 *db;
	struct db_pages pages;
	uint32_t root;
};

/* Rows with gaps between; values of each type and size. */
static void make(const char *path, const char *pragmas, int reserved)
{
	struct sqlite3 *db;

	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
	exec_sql(db, pragmas);
	exec_sql(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)");
	exec_sql(db, "CREATE TABLE gone (x)");
	exec_sql(db,
		 "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) "
		 "INSERT INTO t SELECT i * 7 - 9000, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN i % 2 "
		 "ELSE random() >> (i % 64) END, CASE i % 3 WHEN 0 THEN randomblob(16) "
		 "WHEN 1 THEN NULL ELSE 'text' END, CASE i % 2 WHEN 0 THEN 1.5 ELSE -i END FROM n");
	exec_sql(db, "INSERT INTO gone SELECT randomblob(900) FROM t LIMIT 300");
	exec_sql(db, "DELETE FROM gone; PRAGMA incremental_vacuum(50)");
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* the log stays */
	sqlite3_close(db);
}

static void open_pages(const char *path, struct opened *ret)
{
	struct db_mark before, after;

	assert_int_equal(sqlite3_open_v2(path, &ret->db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	query_int(ret->db, "SELECT count(*) FROM t");
	db_mark_take(ret->db, &before);
	exec_sql(ret->db, "BEGIN");
	ret->root =
		(uint32_t)query_int(ret->db, "SELECT rootpage FROM sqlite_schema WHERE name = 't'");
	db_mark_take(ret->db, &after);
	assert_true(db_mark_equal(&before, &after));
	assert_int_equal(db_pages_open(ret->db, &after, &ret->pages), 0);
}

static void close_pages(struct opened *opened)
{
	db_pages_close(&opened->pages);
	sqlite3_close(opened->db);
}

static void assert_value(const struct db_record *record, uint32_t column, struct sqlite3_stmt *stmt)
{
	const int at = (int)column;

	switch (db_record_type(record, column)) {
	case DB_VALUE_NULL:
		assert_true(!column || sqlite3_column_type(stmt, at) == SQLITE_NULL);
		return;
	case DB_VALUE_INT:
		assert_int_equal(sqlite3_column_type(stmt, at), SQLITE_INTEGER);
		assert_true(db_record_int(record, column) == sqlite3_column_int64(stmt, at));
		return;
	case DB_VALUE_BLOB16:
		assert_int_equal(sqlite3_column_bytes(stmt, at), 16);
		assert_memory_equal(db_record_blob(record, column), sqlite3_column_blob(stmt, at),
				    16);
		return;
	default:
		assert_true(sqlite3_column_type(stmt, at) == SQLITE_FLOAT ||
			    sqlite3_column_type(stmt, at) == SQLITE_TEXT);
	}
}

/* Range by range, next to `stmt`. */
static void compare_range(struct db_tree *tree, const struct db_tree_range *range,
			  struct sqlite3_stmt *stmt)
{
	struct db_tree_row row;
	struct db_record record;
	int have;

	assert_int_equal(db_tree_seek(tree, range->first), 0);
	while ((have = db_tree_next(tree, &row)) > 0 && row.id <= range->last) {
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		assert_int_equal(row.id, sqlite3_column_int64(stmt, 0));
		assert_int_equal(db_record_read(tree, &row, COLUMNS, &record), 0);
		for (uint32_t i = 0; i < COLUMNS; i++)
			assert_value(&record, i, stmt);
	}
	assert_true(have >= 0);
}

static void compare(const struct opened *opened, int64_t first, int64_t last)
{
	const struct db_tree_range all = {first, last};
	struct db_tree_range range[RANGES];
	struct sqlite3_stmt *stmt;
	struct db_tree tree;
	int count;

	assert_int_equal(sqlite3_prepare_v2(opened->db,
					    "SELECT * FROM t WHERE id BETWEEN ?1 AND ?2 ORDER BY 1",
					    -1, &stmt, NULL),
			 SQLITE_OK);
	sqlite3_bind_int64(stmt, 1, first);
	sqlite3_bind_int64(stmt, 2, last);
	db_tree_open(&opened->pages, opened->root, &tree);
	count = db_tree_split(&tree, &all, range, RANGES);
	assert_in_range(count, 1, RANGES);
	for (int i = 0; i < count; i++)
		compare_range(&tree, &range[i], stmt);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
	db_tree_close(&tree);
}

/* Pages asked for in runs, forth and back, with gaps: as if each were read alone. */
static void compare_ahead(const struct db_pages *pages)
{
	uint8_t *one = calloc(1, pages->size + DB_PAGE_ROOM),
		*other = calloc(1, pages->size + DB_PAGE_ROOM);
	struct db_ahead ahead = {0};

	assert_true(one && other);
	for (int run = 0; run < 30; run++) {
		uint32_t number = 1 + random_below(pages->count), step = 1 + random_below(4);

		for (int i = 0; i < 40; i++, number += step) {
			int want = db_pages_read(pages, number, one);

			assert_int_equal(db_pages_read_on(pages, &ahead, number, other), want);
			if (!want)
				assert_memory_equal(one, other, pages->size);
		}
	}
	free(ahead.byte);
	free(one);
	free(other);
}

static void compare_file(const char *path)
{
	struct opened opened;

	open_pages(path, &opened);
	compare_ahead(&opened.pages);
	compare(&opened, INT64_MIN, INT64_MAX);
	for (int i = 0; i < 20; i++) {
		int64_t first = (int64_t)random_below(30000) - 10000;

		compare(&opened, first, first + (int64_t)random_below(9000));
	}
	close_pages(&opened);
}

static void test_layouts(void **state)
{
	static const int sizes[] = {512, 1024, 4096, 65536};
	static const char *const journals[] = {"DELETE", "TRUNCATE", "WAL"};
	char path[PATH_MAX], pragmas[200];

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("layout.db"));
	for (int i = 0; i < 4 * 3 * 3 * 2; i++) {
		snprintf(
			pragmas, sizeof(pragmas),
			"PRAGMA page_size = %d; PRAGMA auto_vacuum = %d; PRAGMA journal_mode = %s; "
			"PRAGMA synchronous = OFF",
			sizes[i % 4], i / 4 % 3, journals[i / 12 % 3]);
		make(path, pragmas, i / 36 ? 24 : 0);
		compare_file(path);
	}
}

/* A record that goes on in another page is for SQLite to read. */
static void test_overflow(void **state)
{
	const char *path = in_dir("overflow.db");
	struct db_tree_row row;
	struct opened opened;
	struct db_tree tree;
	int have, rows = 0;

	(void)state;
	make(path, "PRAGMA page_size = 1024", 0);
	exec_file(path, "UPDATE t SET c = zeroblob(3000) WHERE id = -9000 + 7 * 100");
	open_pages(path, &opened);
	db_tree_open(&opened.pages, opened.root, &tree);
	assert_int_equal(db_tree_seek(&tree, INT64_MIN), 0);
	while ((have = db_tree_next(&tree, &row)) > 0)
		rows++;
	assert_int_equal(have, -ENOTSUP);
	assert_int_equal(rows, 99);
	db_tree_close(&tree);
	close_pages(&opened);
}

/* --- damage --------------------------------------------------------------------------------------- */

/* All of it, as long as it can be read. Returns the last result, the rows in *ret_rows. */
static int read_all(const struct opened *opened, int *ret_rows)
{
	const struct db_tree_range all = {INT64_MIN, INT64_MAX};
	struct db_tree_range range[RANGES];
	struct db_record record;
	struct db_tree_row row;
	struct db_tree tree;
	uint64_t sum = 0;
	int have;

	*ret_rows = 0;
	db_tree_open(&opened->pages, opened->root, &tree);
	have = db_tree_split(&tree, &all, range, RANGES);
	have = have < 0 ? have : db_tree_seek(&tree, INT64_MIN);
	while (!have && (have = db_tree_next(&tree, &row)) > 0) {
		have = db_record_read(&tree, &row, COLUMNS, &record);
		for (uint32_t i = 0; !have && i < COLUMNS; i++) {
			if (db_record_type(&record, i) == DB_VALUE_BLOB16)
				sum += db_record_blob(&record, i)[15];
			else
				sum += (uint64_t)db_record_int(&record, i);
		}
		++*ret_rows;
	}
	db_tree_close(&tree);
	return have + (int)(sum & 0); /* what is read counts as used */
}

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void test_damaged(void **state)
{
	const char *path = in_dir("bytes.db");
	struct opened opened;
	int fd = -1, rows;
	uint32_t size;

	(void)state;
	make(path, "PRAGMA page_size = 512", 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	open_pages(path, &opened); /* reads the file anew each time */
	size = opened.pages.count * 512;
	for (int i = 0; i < DAMAGES; i++) {
		const int count = 1 + (int)random_below(4);
		uint8_t was[4], is[4];
		off_t at[4];

		for (int n = 0; n < count; n++) { /* most in the heads of pages */
			at[n] = (off_t)random_below(size - 512) + 512;
			at[n] -= random_below(4) ? at[n] % 512 - (off_t)random_below(40) : 0;
			is[n] = (uint8_t)random_u64();
			assert_int_equal(pread(fd, &was[n], 1, at[n]), 1);
			assert_int_equal(pwrite(fd, &is[n], 1, at[n]), 1);
		}
		read_all(&opened, &rows);
		for (int n = count; n-- > 0;) /* undone, the last one first */
			assert_int_equal(pwrite(fd, &was[n], 1, at[n]), 1);
	}
	assert_int_equal(read_all(&opened, &rows), 0);
	assert_int_equal(rows, ROWS);
	close_pages(&opened);
	close(fd);
}

/* Trees that lead back into themselves, and pages that lost their rows: no answer, and none for ever. */
static void test_wrong_trees(void **state)
{
	const char *path = in_dir("trees.db");
	struct opened opened;
	uint8_t root[4096], wrong[4096];
	uint32_t child;
	off_t at;
	int fd, rows;

	(void)state;
	make(path, "PRAGMA page_size = 4096", 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	open_pages(path, &opened);
	at = (off_t)(opened.root - 1) * 4096;
	assert_int_equal(pread(fd, root, sizeof(root), at), sizeof(root));
	assert_int_equal(root[0], 5);
	child = be32(root + (root[14] << 8 | root[15]));
	for (int to = 0; to < 2; to++) { /* each child is the second, or the root itself */
		memcpy(wrong, root, sizeof(wrong));
		for (int i = 0; i < (root[3] << 8 | root[4]); i++) {
			uint8_t *cell = wrong + (root[12 + 2 * i] << 8 | root[13 + 2 * i]);
			const uint32_t page = htonl(to ? opened.root : child);

			memcpy(cell, &page, sizeof(page));
		}
		assert_int_equal(pwrite(fd, wrong, sizeof(wrong), at), sizeof(wrong));
		assert_int_equal(read_all(&opened, &rows), -ENOTSUP);
	}
	assert_int_equal(pwrite(fd, root, sizeof(root), at), sizeof(root));
	assert_int_equal(read_all(&opened, &rows), 0);
	assert_int_equal(pwrite(fd, "\0", 2, (off_t)(child - 1) * 4096 + 3), 2); /* no cells */
	assert_int_equal(read_all(&opened, &rows), -ENOTSUP);
	close_pages(&opened);
	close(fd);
}

/* Columns that a row does not have are nothing, wherever the record before had them. */
static void test_short_row(void **state)
{
	static const uint8_t bytes[32] = {2, 1, 77}; /* one column */
	const struct db_tree_row row = {.record = bytes, .size = 3};
	struct db_tree tree = {0};
	struct db_record record;

	(void)state;
	assert_int_equal(db_record_read(&tree, &row, COLUMNS, &record), 0);
	assert_int_equal(db_record_int(&record, 0), 77);
	assert_int_equal(db_record_type(&record, 2), DB_VALUE_NULL);
	assert_in_range(record.layout->offset[2], 0, row.size);
	db_tree_close(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),	  cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_damaged),	  cmocka_unit_test(test_wrong_trees),
		cmocka_unit_test(test_short_row),
	};

	return cmocka_run_group_tests(tests, dir_setup, dir_teardown);
}
