/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* merge_input.c: see merge.h. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/merge.h"
#include "schema/db.h"

int merge_fail(struct merge *merge, struct sqlite3 *db, const char *name)
{
	int rc = sqlite3_extended_errcode(db) & 0xff;

	snprintf(merge->error, sizeof(merge->error), "%s: %s", name, sqlite3_errmsg(db));
	return rc == SQLITE_NOMEM ? -ENOMEM : rc == SQLITE_FULL ? -ENOSPC : -EIO;
}

int merge_fail_output(struct merge *merge)
{
	return merge_fail(merge, merge->db, "output");
}

int merge_prepare(struct merge *merge, struct sqlite3 *db, const char *name, const char *sql,
		  struct sqlite3_stmt **ret_stmt)
{
	*ret_stmt = NULL;
	return sqlite3_prepare_v2(db, sql, -1, ret_stmt, NULL) ? merge_fail(merge, db, name) : 0;
}

bool merge_has(const struct merge_input *input, int64_t since)
{
	return input->version >= since;
}

/* --- ids ------------------------------------------------------------------------------------------ */

int merge_map_add(struct merge_map *map, int64_t from, int64_t to)
{
	if (map->count == map->room) {
		size_t room = map->room ? 2 * map->room : 64;
		int64_t *grown_from = reallocarray(map->from, room, sizeof(*grown_from));
		int64_t *grown_to;

		if (!grown_from)
			return -ENOMEM;
		map->from = grown_from;
		grown_to = reallocarray(map->to, room, sizeof(*grown_to));
		if (!grown_to)
			return -ENOMEM;
		map->to = grown_to;
		map->room = room;
	}
	map->from[map->count] = from;
	map->to[map->count++] = to;
	return 0;
}

bool merge_map_get(struct merge_map *map, int64_t from, int64_t *ret_to)
{
	size_t low = 0, high = map->count;

	if (map->last < map->count && map->from[map->last] == from)
		low = high = map->last;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->from[middle] < from)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == map->count || map->from[low] != from)
		return false;
	map->last = low;
	*ret_to = map->to[low];
	return true;
}

/* --- inputs --------------------------------------------------------------------------------------- */

static int fail(struct merge *merge, int err, const char *path, const char *what)
{
	snprintf(merge->error, sizeof(merge->error), "%.400s: %.320s", path, what);
	return err;
}

/* The file's name without its folder and ".db". */
static void host_of_path(const char *path, char host[MERGE_HOST_MAX + 1])
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t len = strlen(base);

	if (len > 3 && !strcmp(base + len - 3, ".db"))
		len -= 3;
	snprintf(host, MERGE_HOST_MAX + 1, "%.*s", (int)len, base);
	for (char *c = host; *c; c++) {
		if (*c == ':')
			*c = '_';
	}
}

static int find_host(struct merge *merge, struct merge_input *input)
{
	if (input->named)
		snprintf(input->host, sizeof(input->host), "%s", input->named);
	else if (db_meta_find_text(input->db, "host", input->host, sizeof(input->host)))
		return merge_fail(merge, input->db, input->path);
	if (!input->host[0] || strchr(input->host, ':'))
		host_of_path(input->path, input->host);
	return 0;
}

int merge_meta(struct merge *merge, const struct merge_input *input, const char *key,
	       int64_t *ret_value)
{
	*ret_value = 0;
	return db_meta_find_int(input->db, key, ret_value)
		       ? merge_fail(merge, input->db, input->path)
		       : 0;
}

static int open_input(struct merge *merge, struct merge_input *input)
{
	struct db_error error = {""};
	int err = db_open_reader(input->path, &input->db, &error);
	struct sqlite3_stmt *stmt;

	if (err) {
		snprintf(merge->error, sizeof(merge->error), "%s", error.text);
		return err;
	}
	if (sqlite3_exec(input->db, "BEGIN", NULL, NULL, NULL))
		return merge_fail(merge, input->db, input->path);
	err = merge_prepare(merge, input->db, input->path, "PRAGMA user_version", &stmt);
	if (err)
		return err;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		input->version = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	if (input->version > DB_VERSION)
		return fail(merge, -EOVERFLOW, input->path,
			    "of a newer wireledger: what it has beyond would be lost");
	return find_host(merge, input);
}

static int check_file(struct merge *merge, size_t at)
{
	struct stat st, other;

	if (stat(merge->input[at].path, &st))
		return 0; /* opening it will say what is wrong */
	for (size_t i = 0; i < at; i++) {
		if (!stat(merge->input[i].path, &other) && other.st_dev == st.st_dev &&
		    other.st_ino == st.st_ino)
			return fail(merge, -EEXIST, merge->input[at].path,
				    "is there twice, and would count twice");
	}
	return 0;
}

static int check_host(struct merge *merge, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcmp(merge->input[i].host, merge->input[at].host))
			continue;
		snprintf(merge->error, sizeof(merge->error),
			 "host '%s': of both %.250s and %.250s; --host NAME=FILE names one anew",
			 merge->input[i].host, merge->input[i].path, merge->input[at].path);
		return -EEXIST;
	}
	return 0;
}

int merge_open_inputs(struct merge *merge)
{
	int err = 0;

	for (size_t i = 0; !err && i < merge->inputs; i++) {
		err = check_file(merge, i);
		err = err ? err : open_input(merge, &merge->input[i]);
		err = err ? err : check_host(merge, i);
		err = err ? err : merge_check_input(merge, &merge->input[i]);
	}
	return err;
}

void merge_close_inputs(struct merge *merge)
{
	for (size_t i = 0; i < merge->inputs; i++) {
		struct merge_input *input = &merge->input[i];

		free(input->iface.from);
		free(input->iface.to);
		free(input->word.from);
		free(input->word.to);
		if (input->db)
			db_close(input->db, -1);
	}
	memset(merge->input, 0, sizeof(merge->input));
	merge->inputs = 0;
}

/* --- interfaces and words ------------------------------------------------------------------------- */

/* An incarnation is counted by one flowd: two inputs that have the same one tell of the same packets. */
static int check_iface(struct merge *merge, struct merge_input *input, struct sqlite3_stmt *twin,
		       struct sqlite3_stmt *from)
{
	int err = 0;

	for (int column = 1; column <= 5; column++)
		sqlite3_bind_value(twin, column, sqlite3_column_value(from, column));
	sqlite3_bind_value(twin, 6, sqlite3_column_value(from, 8)); /* numbers are used again */
	if (sqlite3_step(twin) == SQLITE_ROW) {
		snprintf(merge->error, sizeof(merge->error),
			 "%.300s: has interface %s as counted for host %s: the same packets twice",
			 input->path, (const char *)sqlite3_column_text(from, 1),
			 (const char *)sqlite3_column_text(twin, 0));
		err = -EEXIST;
	}
	sqlite3_reset(twin);
	return err;
}

#define IFACE_COLUMNS "name, ifindex, netns, ifnum, generation, ingress, egress, first_ms, last_ms"
#define IFACE_COUNT 9

static int write_iface(struct merge *merge, struct merge_input *input, struct sqlite3_stmt *from,
		       struct sqlite3_stmt *to)
{
	bool merged = sqlite3_column_type(from, IFACE_COUNT + 1) == SQLITE_TEXT;
	char name[512];

	snprintf(name, sizeof(name), "%s:%.440s", input->host,
		 (const char *)sqlite3_column_text(from, 1));
	for (int column = 1; column <= IFACE_COUNT + 1; column++)
		sqlite3_bind_value(to, column, sqlite3_column_value(from, column));
	if (!merged) {
		sqlite3_bind_text(to, 1, name, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(to, IFACE_COUNT + 1, input->host, -1, SQLITE_STATIC);
	}
	if (sqlite3_step(to) != SQLITE_DONE)
		return merge_fail_output(merge);
	sqlite3_reset(to);
	return merge_map_add(&input->iface, sqlite3_column_int64(from, 0),
			     sqlite3_last_insert_rowid(merge->db));
}

static int write_ifaces(struct merge *merge, struct merge_input *input, struct sqlite3_stmt *twin,
			struct sqlite3_stmt *to)
{
	const char *sql = merge_has(input, 5)
				  ? "SELECT id, " IFACE_COLUMNS ", host FROM interface ORDER BY id"
				  : "SELECT id, " IFACE_COLUMNS ", NULL FROM interface ORDER BY id";
	struct sqlite3_stmt *from;
	int err = merge_prepare(merge, input->db, input->path, sql, &from), rc = SQLITE_DONE;

	while (!err && (rc = sqlite3_step(from)) == SQLITE_ROW) {
		err = check_iface(merge, input, twin, from);
		err = err ? err : write_iface(merge, input, from, to);
	}
	if (!err && rc != SQLITE_DONE)
		err = merge_fail(merge, input->db, input->path);
	sqlite3_finalize(from);
	return err;
}

int merge_write_ifaces(struct merge *merge)
{
	static const char insert[] = "INSERT INTO interface (" IFACE_COLUMNS ", host) "
				     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
	/* of rows without a generation, as a hand may write them, nothing can be told */
	static const char find[] =
		"SELECT host FROM interface WHERE ?5 != 0 AND generation = ?5 AND ifnum = ?4 "
		"AND ifindex = ?2 AND netns = ?3 AND first_ms = ?6 AND (name = ?1 OR name LIKE '%:' || ?1)";
	struct sqlite3_stmt *twin = NULL, *to = NULL;
	int err = merge_prepare(merge, merge->db, "output", insert, &to);

	if (!err)
		err = merge_prepare(merge, merge->db, "output", find, &twin);
	for (size_t i = 0; !err && i < merge->inputs; i++)
		err = write_ifaces(merge, &merge->input[i], twin, to);
	sqlite3_finalize(twin);
	sqlite3_finalize(to);
	return err;
}

static int write_word(struct merge *merge, struct merge_input *input, struct sqlite3_stmt *from,
		      struct sqlite3_stmt *to[2])
{
	int64_t id = 0;

	for (int i = 0; i < 2; i++) {
		sqlite3_bind_value(to[i], 1, sqlite3_column_value(from, 1));
		if (sqlite3_step(to[i]) == SQLITE_ROW)
			id = sqlite3_column_int64(to[i], 0);
		if (sqlite3_reset(to[i]))
			return merge_fail_output(merge);
	}
	return merge_map_add(&input->word, sqlite3_column_int64(from, 0), id);
}

int merge_write_words(struct merge *merge)
{
	struct sqlite3_stmt *to[2] = {NULL, NULL}, *from;
	int err =
		merge_prepare(merge, merge->db, "output",
			      "INSERT INTO word (text) VALUES (?1) ON CONFLICT DO NOTHING", &to[0]);

	if (!err)
		err = merge_prepare(merge, merge->db, "output",
				    "SELECT id FROM word WHERE text = ?1", &to[1]);
	for (size_t i = 0; !err && i < merge->inputs; i++) {
		struct merge_input *input = &merge->input[i];
		int rc = SQLITE_DONE;

		err = merge_prepare(merge, input->db, input->path,
				    "SELECT id, text FROM word ORDER BY id", &from);
		while (!err && (rc = sqlite3_step(from)) == SQLITE_ROW)
			err = write_word(merge, input, from, to);
		if (!err && rc != SQLITE_DONE)
			err = merge_fail(merge, input->db, input->path);
		sqlite3_finalize(from);
	}
	sqlite3_finalize(to[0]);
	sqlite3_finalize(to[1]);
	return err;
}
