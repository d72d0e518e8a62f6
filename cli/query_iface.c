/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * query_iface.c: the interfaces of a database, of which hosts they are, and which of them a query is of. See
 * query.h.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query.h"
#include "schema/db.h"

static int fail(struct query *query)
{
	snprintf(query->error, sizeof(query->error), "%s: interfaces: %s", query->options.db,
		 sqlite3_errmsg(query->db));
	return -EIO;
}

/* `host`: of an interface that does not say its own. */
static void read_iface(struct query *query, struct sqlite3_stmt *stmt, const char *host)
{
	struct query_iface *iface = &query->ifaces[query->iface_count++];
	const char *name = (const char *)sqlite3_column_text(stmt, 1);
	const char *own = (const char *)sqlite3_column_text(stmt, 2);

	iface->id = iface->same = iface->exporter = (uint32_t)sqlite3_column_int64(stmt, 0);
	snprintf(iface->name, sizeof(iface->name), "%s", name ? name : "?");
	snprintf(iface->host, sizeof(iface->host), "%s", own ? own : host);
	for (uint32_t i = query->iface_count - 1; i-- > 0;) {
		if (!strcmp(query->ifaces[i].name, iface->name))
			iface->same = query->ifaces[i].same;
		if (!strcmp(query->ifaces[i].host, iface->host))
			iface->exporter = query->ifaces[i].exporter;
	}
}

/* Databases before version 5 know no hosts. */
static int prepare_ifaces(struct query *query, struct sqlite3_stmt **ret_stmt)
{
	static const char *const sql[] = {"SELECT id, name, host FROM interface ORDER BY id",
					  "SELECT id, name, NULL FROM interface ORDER BY id"};
	int rc = sqlite3_prepare_v2(query->db, sql[0], -1, ret_stmt, NULL);

	return rc == SQLITE_ERROR ? sqlite3_prepare_v2(query->db, sql[1], -1, ret_stmt, NULL) : rc;
}

static int load_ifaces(struct query *query)
{
	struct query_iface *grown;
	char host[QUERY_HOST_SIZE] = "";
	struct sqlite3_stmt *stmt;
	int rc;

	if (db_meta_find_text(query->db, "host", host, sizeof(host)) ||
	    prepare_ifaces(query, &stmt))
		return fail(query);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		grown = reallocarray(query->ifaces, query->iface_count + 1, sizeof(*grown));
		if (!grown)
			break;
		query->ifaces = grown;
		memset(&grown[query->iface_count], 0, sizeof(*grown));
		read_iface(query, stmt, host);
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_ROW)
		return -ENOMEM;
	return rc == SQLITE_DONE ? 0 : fail(query);
}

const struct query_iface *query_iface(const struct query *query, uint32_t id)
{
	uint32_t low = 0, high = query->iface_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (query->ifaces[middle].id == id)
			return &query->ifaces[middle];
		if (query->ifaces[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int fail_iface(struct query *query, const char *name)
{
	int len = snprintf(query->error, sizeof(query->error),
			   "interface '%s': not in %s; known:", name, query->options.db);

	for (uint32_t i = 0; i < query->iface_count && (size_t)len < sizeof(query->error); i++) {
		const struct query_iface *iface = &query->ifaces[i];

		if (iface->same == iface->id)
			len += snprintf(query->error + len, sizeof(query->error) - (size_t)len,
					"%s %s", i ? "," : "", iface->name);
	}
	if (!query->iface_count)
		strncat(query->error, " none", sizeof(query->error) - strlen(query->error) - 1);
	return -ENODEV;
}

/* A database without samples has none. */
static bool is_device(const struct query *query, const char *name)
{
	static const char sql[] = "SELECT 1 FROM word, sample "
				  "WHERE word.text = ?1 AND sample.device = word.id LIMIT 1";
	struct sqlite3_stmt *stmt;
	bool found;

	if (sqlite3_prepare_v2(query->db, sql, -1, &stmt, NULL))
		return false;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	found = sqlite3_step(stmt) == SQLITE_ROW;
	sqlite3_finalize(stmt);
	return found;
}

/* Its name, in a merged database also that without the host's before it. */
static bool is_named(const struct query_iface *iface, const char *name)
{
	size_t len = strlen(iface->host);

	if (!strcmp(iface->name, name))
		return true;
	return len && !strncmp(iface->name, iface->host, len) && iface->name[len] == ':' &&
	       !strcmp(iface->name + len + 1, name);
}

static int select_iface(struct query *query, const char *name)
{
	bool found = false;

	for (uint32_t i = 0; i < query->iface_count; i++) {
		if (!is_named(&query->ifaces[i], name))
			continue;
		query->ifaces[i].selected = true;
		found = true;
	}
	if (!found && query->options.devices)
		found = is_device(query, name);
	return found ? 0 : fail_iface(query, name);
}

static int fail_host(struct query *query, const char *name)
{
	int len = snprintf(query->error, sizeof(query->error), "host '%s': not in %s; known:", name,
			   query->options.db);
	const char *comma = "";

	for (uint32_t i = 0; i < query->iface_count && (size_t)len < sizeof(query->error); i++) {
		const struct query_iface *iface = &query->ifaces[i];

		if (iface->exporter != iface->id || !*iface->host)
			continue;
		len += snprintf(query->error + len, sizeof(query->error) - (size_t)len, "%s %s",
				comma, iface->host);
		comma = ",";
	}
	if (!*comma)
		strncat(query->error, " none", sizeof(query->error) - strlen(query->error) - 1);
	return -ENODEV;
}

/* Of what is selected, the interfaces of these hosts. */
static int select_hosts(struct query *query)
{
	const struct query_options *options = &query->options;

	for (uint32_t h = 0; h < options->host_count; h++) {
		uint32_t i = 0;

		while (i < query->iface_count && strcmp(query->ifaces[i].host, options->hosts[h]))
			i++;
		if (i == query->iface_count)
			return fail_host(query, options->hosts[h]);
	}
	for (uint32_t i = 0; options->host_count && i < query->iface_count; i++) {
		bool wanted = false;

		for (uint32_t h = 0; h < options->host_count; h++)
			wanted |= !strcmp(query->ifaces[i].host, options->hosts[h]);
		query->ifaces[i].selected &= wanted;
	}
	return 0;
}

static int select_ifaces(struct query *query)
{
	int err = 0;

	for (uint32_t i = 0; !query->options.iface_count && i < query->iface_count; i++)
		query->ifaces[i].selected = true;
	for (uint32_t i = 0; !err && i < query->options.iface_count; i++)
		err = select_iface(query, query->options.ifaces[i]);
	return err ? err : select_hosts(query);
}

int query_reload(struct query *query)
{
	int err;

	free(query->ifaces);
	query->ifaces = NULL;
	query->iface_count = 0;
	err = load_ifaces(query);
	return err ? err : select_ifaces(query);
}
