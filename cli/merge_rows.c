/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * merge_rows.c: rows into the output. Those with ids are read from all inputs at once, the lowest id next,
 * so that the output is written in its own order and nothing is held in memory. Where an id is taken, the
 * next number of the same millisecond is: ids of flows and events are end_ms << 20 | n.
 */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "cli/merge.h"
#include "cli/merge_table.h"

#define ID_SHIFT 20
#define NS_PER_MS 1000000
#define BESIDES 4

/* An input's rows of a table, and the one that is next. */
struct cursor {
	struct merge_input *input;
	const struct merge_table *table;
	struct sqlite3_stmt *stmt; /* NULL: it has none, or no more */
	int64_t id;
	struct sqlite3_stmt *beside[BESIDES]; /* of flows */
};

/* Into a table of the output. */
struct writer {
	struct merge *merge;
	const struct merge_table *table;
	struct sqlite3_stmt *insert;
	struct sqlite3_stmt *beside[BESIDES];
	int64_t last; /* id; INT64_MIN: none yet */
};

static int prepare_insert(struct merge *merge, const struct merge_table *table,
			  struct sqlite3_stmt **ret_stmt)
{
	size_t columns = merge_table_columns(table), len;
	/* counters of a host have no interface: those of all hosts are added up */
	bool adds = !strcmp(table->name, "counter");
	char sql[MERGE_SQL_MAX];

	snprintf(sql, sizeof(sql), "INSERT INTO %s (%s) VALUES (?", table->name, table->columns);
	for (size_t i = 1; i < columns; i++)
		strcat(sql, ", ?");
	len = strlen(sql);
	snprintf(sql + len, sizeof(sql) - len, ")%s",
		 adds ? " ON CONFLICT DO UPDATE SET value = value + excluded.value" : "");
	return merge_prepare(merge, merge->db, "output", sql, ret_stmt);
}

static int prepare_select(struct merge *merge, struct merge_input *input,
			  const struct merge_table *table, struct sqlite3_stmt **ret_stmt)
{
	char sql[MERGE_SQL_MAX];
	bool has_id = strchr(table->roles, 'i') != NULL;

	*ret_stmt = NULL;
	if (!merge_has(input, table->since))
		return 0;
	snprintf(sql, sizeof(sql), "SELECT %s FROM %s%s%.32s", table->columns, table->name,
		 has_id ? " ORDER BY " : "",
		 has_id ? strcspn(table->columns, ",") == 2 ? "id" : "flow" : "");
	return merge_prepare(merge, input->db, input->path, sql, ret_stmt);
}

static int fail_id(struct merge *merge, const struct merge_input *input,
		   const struct merge_table *table, const char *of, int64_t id)
{
	snprintf(merge->error, sizeof(merge->error),
		 "%.300s: table %s has %s %" PRId64 ", which is not in table %s", input->path,
		 table->name, of, id, of);
	return -EPROTO;
}

/* The current row of `from`, with that id where the table has one. */
static int put_row(struct merge *merge, struct merge_input *input, const struct merge_table *table,
		   struct sqlite3_stmt *from, struct sqlite3_stmt *to, int64_t id)
{
	int rc = SQLITE_OK;

	for (int c = 0; !rc && table->roles[c]; c++) {
		int64_t old = sqlite3_column_int64(from, c), new = 0;
		char role = sqlite3_column_type(from, c) == SQLITE_NULL ? '=' : table->roles[c];

		if (role == 'f' && old && !merge_map_get(&input->iface, old, &new))
			return fail_id(merge, input, table, "interface", old);
		if (role == 'w' && !merge_map_get(&input->word, old, &new))
			return fail_id(merge, input, table, "word", old);
		if (role == '=')
			rc = sqlite3_bind_value(to, c + 1, sqlite3_column_value(from, c));
		else
			rc = sqlite3_bind_int64(to, c + 1, role == 'i' ? id : new);
	}
	if (!rc)
		sqlite3_step(to);
	return sqlite3_reset(to) || rc ? merge_fail_output(merge) : 0;
}

/* --- ids ------------------------------------------------------------------------------------------ */

/* Of a table whose ids are times: the part of them that is the time. */
static int64_t time_of(const struct merge_table *table, int64_t id)
{
	return !strcmp(table->name, "sample") ? id / NS_PER_MS : id >> ID_SHIFT;
}

/* The first number of the millisecond that is free: all those behind are taken. */
static int find_gap(struct writer *w, int64_t id, int64_t *ret_id)
{
	int64_t first = time_of(w->table, id) << ID_SHIFT, free_id = first;
	struct sqlite3_stmt *stmt;
	char sql[96];
	int err;

	snprintf(sql, sizeof(sql), "SELECT id FROM %s WHERE id >= ?1 ORDER BY id", w->table->name);
	err = merge_prepare(w->merge, w->merge->db, "output", sql, &stmt);
	if (err)
		return err;
	sqlite3_bind_int64(stmt, 1, first);
	while (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int64(stmt, 0) == free_id)
		free_id++;
	sqlite3_finalize(stmt);
	*ret_id = free_id;
	if (time_of(w->table, free_id) == time_of(w->table, id))
		return 0;
	snprintf(w->merge->error, sizeof(w->merge->error),
		 "table %s: more than %d rows of one millisecond", w->table->name, 1 << ID_SHIFT);
	return -EOVERFLOW;
}

static int choose_id(struct writer *w, int64_t id, int64_t *ret_id)
{
	bool sample = !strcmp(w->table->name, "sample");

	*ret_id = w->last == INT64_MIN || id > w->last ? id : w->last + 1;
	if (!sample && time_of(w->table, *ret_id) != time_of(w->table, id))
		return find_gap(w, id, ret_id);
	w->last = *ret_id;
	return 0;
}

/* --- inputs --------------------------------------------------------------------------------------- */

static int step(struct merge *merge, struct cursor *cursor)
{
	int rc;

	if (!cursor->stmt)
		return 0;
	rc = sqlite3_step(cursor->stmt);
	if (rc == SQLITE_ROW) {
		cursor->id = sqlite3_column_int64(cursor->stmt, 0);
		return 0;
	}
	sqlite3_finalize(cursor->stmt);
	cursor->stmt = NULL;
	return rc == SQLITE_DONE ? 0 : merge_fail(merge, cursor->input->db, cursor->input->path);
}

/* What stands beside the flow: those before it belong to none. */
static int put_beside(struct writer *w, struct cursor *cursor, int64_t id)
{
	int err = 0;

	for (int b = 0; b < BESIDES; b++) {
		struct sqlite3_stmt **stmt = &cursor->beside[b];

		while (*stmt && !err && sqlite3_column_int64(*stmt, 0) <= cursor->id) {
			if (sqlite3_column_int64(*stmt, 0) == cursor->id)
				err = put_row(w->merge, cursor->input, &merge_beside[b], *stmt,
					      w->beside[b], id);
			else
				cursor->input->orphans++;
			if (!err && sqlite3_step(*stmt) != SQLITE_ROW) {
				err = sqlite3_finalize(*stmt)
					      ? merge_fail(w->merge, cursor->input->db,
							   cursor->input->path)
					      : 0;
				*stmt = NULL;
			}
		}
	}
	return err;
}

static int open_cursor(struct writer *w, struct merge_input *input, struct cursor *cursor)
{
	int err = prepare_select(w->merge, input, w->table, &cursor->stmt);

	cursor->input = input;
	cursor->table = w->table;
	for (int b = 0; !err && w->table == &merge_flow && b < BESIDES; b++) {
		err = prepare_select(w->merge, input, &merge_beside[b], &cursor->beside[b]);
		if (!err && sqlite3_step(cursor->beside[b]) != SQLITE_ROW) {
			err = sqlite3_finalize(cursor->beside[b])
				      ? merge_fail(w->merge, input->db, input->path)
				      : 0;
			cursor->beside[b] = NULL;
		}
	}
	return err ? err : step(w->merge, cursor);
}

static void close_cursor(struct cursor *cursor)
{
	sqlite3_finalize(cursor->stmt);
	for (int b = 0; b < BESIDES; b++) {
		/* rows behind the last flow belong to none */
		while (cursor->beside[b] && ++cursor->input->orphans &&
		       sqlite3_step(cursor->beside[b]) == SQLITE_ROW)
			;
		sqlite3_finalize(cursor->beside[b]);
	}
}

static struct cursor *lowest(struct cursor *cursors, size_t count)
{
	struct cursor *low = NULL;

	for (size_t i = 0; i < count; i++) {
		if (cursors[i].stmt && (!low || cursors[i].id < low->id))
			low = &cursors[i];
	}
	return low;
}

static int merge_cursors(struct writer *w, struct cursor *cursors, size_t count)
{
	struct cursor *next;
	int64_t id;
	int err = 0;

	while (!err && (next = lowest(cursors, count))) {
		err = choose_id(w, next->id, &id);
		if (!err)
			err = put_row(w->merge, next->input, w->table, next->stmt, w->insert, id);
		if (!err)
			err = put_beside(w, next, id);
		if (!err)
			err = step(w->merge, next);
	}
	return err;
}

static int write_with_ids(struct merge *merge, const struct merge_table *table)
{
	struct cursor *cursors = calloc(merge->inputs, sizeof(*cursors));
	struct writer w = {.merge = merge, .table = table, .last = INT64_MIN};
	int err = cursors ? prepare_insert(merge, table, &w.insert) : -ENOMEM;

	for (int b = 0; !err && table == &merge_flow && b < BESIDES; b++)
		err = prepare_insert(merge, &merge_beside[b], &w.beside[b]);
	for (size_t i = 0; !err && i < merge->inputs; i++)
		err = open_cursor(&w, &merge->input[i], &cursors[i]);
	if (!err)
		err = merge_cursors(&w, cursors, merge->inputs);
	for (size_t i = 0; cursors && i < merge->inputs; i++)
		close_cursor(&cursors[i]);
	for (int b = 0; b < BESIDES; b++)
		sqlite3_finalize(w.beside[b]);
	sqlite3_finalize(w.insert);
	free(cursors);
	return err;
}

/* Ids of interfaces are new ones: the rows of two inputs are never the same. */
static int write_plain(struct merge *merge, const struct merge_table *table)
{
	struct sqlite3_stmt *from = NULL, *to;
	int err = prepare_insert(merge, table, &to);

	for (size_t i = 0; !err && i < merge->inputs; i++) {
		struct merge_input *input = &merge->input[i];
		int rc = SQLITE_DONE;

		err = prepare_select(merge, input, table, &from);
		while (!err && from && (rc = sqlite3_step(from)) == SQLITE_ROW)
			err = put_row(merge, input, table, from, to, 0);
		if (!err && rc != SQLITE_DONE)
			err = merge_fail(merge, input->db, input->path);
		sqlite3_finalize(from);
	}
	sqlite3_finalize(to);
	return err;
}

int merge_write_rows(struct merge *merge)
{
	int err = write_with_ids(merge, &merge_flow);

	for (const struct merge_table *t = merge_with_ids; !err && t->name; t++)
		err = write_with_ids(merge, t);
	for (const struct merge_table *t = merge_plain; !err && t->name; t++)
		err = write_plain(merge, t);
	return err;
}
