/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_pages.c: rows out of the database's pages; see plan_source.h. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "cli/plan_source.h"

#define SRC 1 /* column of the table */
#define DST 2
#define WHAT 3
#define FIRST 4
#define NAMES_SIZE 512

/* Are the columns those that we know, in their order? */
static bool has_columns(struct sqlite3 *db, const char *table)
{
	static const char sql[] =
		"SELECT group_concat(name, ', ') FROM pragma_table_info(?1, 'main')";
	char names[NAMES_SIZE] = "id, src, dst, what";
	size_t len = strlen(names);
	struct sqlite3_stmt *stmt;
	bool same = false;

	for (int i = 0; i < PLAN_COLUMNS; i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, ", %s",
					plan_column_name[i]);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL))
		return false;
	sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);

		same = text && !strncmp(text, names, len) && (!text[len] || text[len] == ',');
	}
	sqlite3_finalize(stmt);
	return same;
}

static int find_root(struct sqlite3 *db, const char *table, uint32_t *ret_root)
{
	return has_columns(db, table) ? db_tree_root(db, table, ret_root) : -ENOTSUP;
}

int plan_pages_open(struct sqlite3 *db, const struct db_mark *mark, struct plan_pages *ret_pages)
{
	int err = 0;

	memset(ret_pages, 0, sizeof(*ret_pages));
	for (int level = 0; !err && level < PLAN_LEVELS; level++)
		err = find_root(db, plan_level_table[level], &ret_pages->root[level]);
	return err ? err : db_pages_open(db, mark, &ret_pages->pages);
}

void plan_pages_close(struct plan_pages *pages)
{
	db_pages_close(&pages->pages);
}

void plan_tree_open(const struct plan_pages *pages, struct plan_tree *ret_tree)
{
	for (int level = 0; level < PLAN_LEVELS; level++)
		db_tree_open(&pages->pages, pages->root[level], &ret_tree->tree[level]);
}

void plan_tree_close(struct plan_tree *tree)
{
	for (int level = 0; level < PLAN_LEVELS; level++)
		db_tree_close(&tree->tree[level]);
}

static bool read_int(const struct db_record *row, uint32_t column, int64_t *ret_value)
{
	switch (db_record_type(row, column)) {
	case DB_VALUE_INT:
		*ret_value = db_record_int(row, column);
		return true;
	case DB_VALUE_NULL:
		*ret_value = 0;
		return true;
	default:
		return false;
	}
}

static bool read_address(const struct db_record *row, uint32_t column, uint64_t addr[2],
			 uint32_t *ret_is)
{
	switch (db_record_type(row, column)) {
	case DB_VALUE_NULL:
		return true;
	case DB_VALUE_INT:
		addr[0] = (uint32_t)db_record_int(row, column);
		*ret_is = PLAN_ADDRESS_IPV4;
		return true;
	case DB_VALUE_BLOB16:
		memcpy(addr, db_record_blob(row, column), 16);
		*ret_is = PLAN_ADDRESS_IPV6;
		return true;
	default:
		return false;
	}
}

static int read_row(struct db_tree *tree, const struct db_tree_row *row,
		    const struct plan_wanted *wanted)
{
	struct plan_key key = {.src_is = PLAN_ADDRESS_NONE};
	int64_t number[PLAN_COLUMNS], what;
	struct db_record record;
	int err = db_record_read(tree, row, FIRST + PLAN_COLUMNS, &record);
	bool ok;

	if (err)
		return err;
	ok = read_address(&record, SRC, key.src, &key.src_is) &&
	     read_address(&record, DST, key.dst, &key.dst_is) && read_int(&record, WHAT, &what);
	key.what = ok ? (uint64_t)what : 0;
	if (ok && wanted->has && !wanted->has(wanted->to, &key))
		return 0;
	for (int i = 0; ok && i < wanted->count; i++)
		ok = read_int(&record, FIRST + wanted->column[i], &number[i]);
	if (!ok)
		return -ENOTSUP;
	return wanted->take(wanted->to, row->id, &key, number);
}

int plan_tree_read(struct plan_tree *tree, enum plan_level level, const struct db_tree_range *range,
		   const struct plan_wanted *wanted)
{
	struct db_tree *at = &tree->tree[level];
	struct db_tree_row row;
	int err = db_tree_seek(at, range->first), have;

	if (err)
		return err;
	while ((have = db_tree_next(at, &row)) > 0 && row.id <= range->last) {
		err = read_row(at, &row, wanted);
		if (err)
			return err;
	}
	return have < 0 ? have : 0;
}
