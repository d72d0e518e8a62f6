/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* status_db.c: sizes, rows, span and the ledger's sums. */
#include "cli/status_db.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/status_nic.h"
#include "cli/text_clean.h"
#include "cli/timearg.h"
#include "schema/db.h"

const char *const status_parts[] = {"seen",   "recorded", "held",	 "short", "deep",
				    "folded", "catchall", "unaccounted", NULL};

/* In the order of status_parts; held and unaccounted are states, of the last row. */
static const char ledger_sql[] =
	"SELECT l.iface, l.dir, max(l.minute_ms), i.name, i.ingress, i.egress, "
	"sum(seen_packets), sum(seen_bytes), sum(recorded_packets), sum(recorded_bytes), "
	"held_packets, held_bytes, sum(short_packets), sum(short_bytes), sum(deep_packets), "
	"sum(deep_bytes), sum(folded_packets), sum(folded_bytes), sum(catchall_packets), "
	"sum(catchall_bytes), unaccounted_packets, unaccounted_bytes "
	"FROM ledger l LEFT JOIN interface i ON i.id = l.iface GROUP BY l.iface, l.dir";
#define LEDGER_FIRST 6

static json_t *time_or_null(int64_t ms)
{
	char text[40];

	if (ms <= 0)
		return json_null();
	timearg_rfc3339(ms, text, sizeof(text));
	return json_string(text);
}

json_t *status_db_text(const char *text)
{
	char *clean = text ? strdup(text) : NULL;
	json_t *string;

	if (!clean)
		return json_null();
	text_clean(clean, clean);
	string = json_string(clean);
	free(clean);
	return string;
}

static json_t *text_or_null(struct sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	return status_db_text(text);
}

static json_t *find_iface(json_t *array, int64_t id)
{
	json_t *iface;
	size_t i;

	json_array_foreach(array, i, iface)
	{
		if (json_integer_value(json_object_get(iface, "id")) == id)
			return iface;
	}
	return NULL;
}

/* Of every interface, and of the host. 0 or SQLite's code. */
static int read_nics(struct sqlite3 *db, json_t *root, json_t *ifaces)
{
	json_t *iface, *host = json_object();
	size_t i;
	int rc = status_nic_read(db, 0, host);

	json_object_set(root, "host_counters", json_object_get(host, "counters"));
	json_decref(host);
	json_array_foreach(ifaces, i, iface)
	{
		int64_t id = json_integer_value(json_object_get(iface, "id"));

		rc = rc ? rc : status_nic_read(db, id, iface);
	}
	return rc;
}

static json_t *add_iface(json_t *array, struct sqlite3_stmt *stmt)
{
	json_t *iface = json_object();
	char key[32];

	json_object_set_new(iface, "id", json_integer(sqlite3_column_int64(stmt, 0)));
	json_object_set_new(iface, "name", text_or_null(stmt, 3));
	json_object_set_new(iface, "ingress", text_or_null(stmt, 4));
	json_object_set_new(iface, "egress", text_or_null(stmt, 5));
	for (size_t i = 0; status_parts[i]; i++) {
		snprintf(key, sizeof(key), "%s_packets", status_parts[i]);
		json_object_set_new(iface, key, json_pack("[i, i]", 0, 0));
		snprintf(key, sizeof(key), "%s_bytes", status_parts[i]);
		json_object_set_new(iface, key, json_pack("[i, i]", 0, 0));
	}
	json_array_append_new(array, iface);
	return iface;
}

static void set_pair(json_t *iface, const char *part, const char *unit, size_t dir, int64_t value)
{
	char key[32];

	snprintf(key, sizeof(key), "%s_%s", part, unit);
	json_array_set_new(json_object_get(iface, key), dir, json_integer(value));
}

static void add_ledger_row(json_t *array, struct sqlite3_stmt *stmt)
{
	json_t *iface = find_iface(array, sqlite3_column_int64(stmt, 0));
	size_t dir = sqlite3_column_int(stmt, 1) ? 1 : 0;
	int column = LEDGER_FIRST;

	if (!iface)
		iface = add_iface(array, stmt);
	for (size_t i = 0; status_parts[i]; i++, column += 2) {
		set_pair(iface, status_parts[i], "packets", dir,
			 sqlite3_column_int64(stmt, column));
		set_pair(iface, status_parts[i], "bytes", dir,
			 sqlite3_column_int64(stmt, column + 1));
	}
}

/* 0 or SQLite's code. */
static int read_ledger(struct sqlite3 *db, json_t *array)
{
	struct sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, ledger_sql, -1, &stmt, NULL);

	if (rc)
		return rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		add_ledger_row(array, stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : rc;
}

static int read_flows(struct sqlite3 *db, json_t *root)
{
	struct sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(
		db,
		"SELECT (SELECT count(*) FROM flow), (SELECT min(id) FROM flow), "
		"(SELECT max(id) FROM flow)",
		-1, &stmt, NULL);

	if (rc)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		json_object_set_new(root, "rows", json_integer(sqlite3_column_int64(stmt, 0)));
		json_object_set_new(root, "first",
				    time_or_null(sqlite3_column_int64(stmt, 1) >> 20));
		json_object_set_new(root, "last",
				    time_or_null(sqlite3_column_int64(stmt, 2) >> 20));
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : rc;
}

/* The log is written at every commit, the file at every checkpoint. */
static void add_files(json_t *root, const char *path)
{
	struct stat file = {0}, log = {0};
	char name[PATH_MAX + 8];
	int64_t written;

	snprintf(name, sizeof(name), "%s-wal", path);
	if (stat(path, &file))
		file.st_size = 0;
	if (stat(name, &log))
		log.st_size = 0;
	written = (int64_t)(log.st_mtime > file.st_mtime ? log.st_mtime : file.st_mtime) * 1000;
	json_object_set_new(root, "bytes", json_integer(file.st_size));
	json_object_set_new(root, "log_bytes", json_integer(log.st_size));
	json_object_set_new(root, "written", time_or_null(written));
}

json_t *status_db(struct sqlite3 *db, const char *path, char *error, size_t error_size)
{
	json_t *root = json_object(), *ifaces = json_array();
	char instance[128] = "";
	int rc = SQLITE_OK;

	json_object_set_new(root, "path", status_db_text(path));
	add_files(root, path);
	if (db_meta_find_text(db, "instance", instance, sizeof(instance))) {
		rc = sqlite3_errcode(db);
	} else if (*instance) {
		text_clean(instance, instance);
		json_object_set_new(root, "instance", json_string(instance));
	}
	json_object_set_new(root, "interfaces", ifaces);
	if (!rc)
		rc = read_flows(db, root);
	if (!rc)
		rc = read_ledger(db, ifaces);
	if (!rc)
		rc = read_nics(db, root, ifaces);
	if (!rc)
		return root;
	snprintf(error, error_size, "%s: %s", path, sqlite3_errmsg(db));
	json_decref(root);
	return NULL;
}
