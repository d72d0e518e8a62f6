/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * query.c: how the stored and the live part become one answer. flowd's live answer holds what the
 * database as of a sweep does not; so the two are added only where the snapshot is of that sweep.
 */
#include "cli/query.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/anonymize.h"
#include "cli/filter.h"
#include "schema/db.h"

#define LIVE_TRIES 20
#define LIVE_WAIT_NS 25000000 /* a commit takes some milliseconds */
#define STATUS_TIMEOUT_S 2

static int fail_sqlite(struct query *query, const char *what)
{
	snprintf(query->error, sizeof(query->error), "%s: %s: %s", query->options.db, what,
		 sqlite3_errmsg(query->db));
	return -EIO;
}

static int run(struct query *query, const char *sql)
{
	return sqlite3_exec(query->db, sql, NULL, NULL, NULL) ? fail_sqlite(query, sql) : 0;
}

static void read_iface(struct query *query, struct sqlite3_stmt *stmt)
{
	struct query_iface *iface = &query->ifaces[query->iface_count++];
	const unsigned char *name = sqlite3_column_text(stmt, 1);

	iface->id = iface->same = (uint32_t)sqlite3_column_int64(stmt, 0);
	snprintf(iface->name, sizeof(iface->name), "%s", name ? (const char *)name : "?");
	for (uint32_t i = 0; i + 1 < query->iface_count; i++) {
		if (!strcmp(query->ifaces[i].name, iface->name)) {
			iface->same = query->ifaces[i].id;
			return;
		}
	}
}

static int load_ifaces(struct query *query)
{
	struct query_iface *grown;
	struct sqlite3_stmt *stmt;
	int rc;

	if (sqlite3_prepare_v2(query->db, "SELECT id, name FROM interface ORDER BY id", -1, &stmt,
			       NULL))
		return fail_sqlite(query, "interfaces");
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		grown = reallocarray(query->ifaces, query->iface_count + 1, sizeof(*grown));
		if (!grown)
			break;
		query->ifaces = grown;
		memset(&grown[query->iface_count], 0, sizeof(*grown));
		read_iface(query, stmt);
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_ROW)
		return -ENOMEM;
	return rc == SQLITE_DONE ? 0 : fail_sqlite(query, "interfaces");
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

static int select_iface(struct query *query, const char *name)
{
	bool found = false;

	for (uint32_t i = 0; i < query->iface_count; i++) {
		if (strcmp(query->ifaces[i].name, name))
			continue;
		query->ifaces[i].selected = true;
		found = true;
	}
	if (!found && query->options.devices)
		found = is_device(query, name);
	return found ? 0 : fail_iface(query, name);
}

static int select_ifaces(struct query *query)
{
	int err = 0;

	for (uint32_t i = 0; !query->options.iface_count && i < query->iface_count; i++)
		query->ifaces[i].selected = true;
	for (uint32_t i = 0; !err && i < query->options.iface_count; i++)
		err = select_iface(query, query->options.ifaces[i]);
	return err;
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

void query_socket(struct sqlite3 *db, const char *socket, const char *instance, char *buf,
		  size_t size)
{
	if (socket)
		snprintf(buf, size, "%s", socket);
	else if (instance || !db || db_meta_get_text(db, "socket", buf, size))
		snprintf(buf, size, "%s/%s.sock", CONTROL_RUN_DIR, instance ? instance : "default");
}

bool query_has_flowd(struct sqlite3 *db, const char *socket, const char *instance)
{
	char text[PATH_MAX];

	return socket || instance || db_meta_get_text(db, "socket", text, sizeof(text)) != -ENOENT;
}

bool query_is_same_db(const char *status, const char *path)
{
	json_t *root = json_loads(status, 0, NULL);
	const char *db = json_string_value(json_object_get(root, "db"));
	struct stat ours, its;
	bool same = true;

	if (db && !stat(db, &its) && !stat(path, &ours))
		same = its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
	json_decref(root);
	return same;
}

/* False: the flowd at the socket is known to write to another database. */
static bool asks_the_right_one(struct query *query, const char *socket)
{
	struct live_error error;
	char *status;
	bool same;

	if (live_ask(socket, "status", STATUS_TIMEOUT_S, &status, &error))
		return true; /* the live request will say what is wrong */
	same = query_is_same_db(status, query->options.db);
	free(status);
	return same;
}

static int compare_end(const void *a, const void *b)
{
	const struct flow_record *left = a, *right = b;

	if (left->end_ms != right->end_ms)
		return left->end_ms < right->end_ms ? 1 : -1;
	return memcmp(&left->key, &right->key, sizeof(left->key));
}

/* A new snapshot; the first read begins it. */
static int take_snapshot(struct query *query, int64_t *ret_sweep)
{
	int err;

	if (!sqlite3_get_autocommit(query->db))
		run(query, "ROLLBACK");
	err = run(query, "BEGIN");
	if (err)
		return err;
	err = db_meta_get_int(query->db, "last_sweep", ret_sweep);
	if (err == -ENOENT) {
		*ret_sweep = 0;
		return 0;
	}
	return err ? fail_sqlite(query, "meta") : 0;
}

static int no_live(struct query *query, const char *why)
{
	live_free(&query->live);
	query->live_state = QUERY_LIVE_NONE;
	if (why)
		snprintf(query->live_error.text, sizeof(query->live_error.text), "%s", why);
	return 0;
}

/* Snapshot and live answer of the same sweep; without flowd, the snapshot alone. */
static int agree(struct query *query, const char *socket)
{
	static const struct timespec wait = {.tv_nsec = LIVE_WAIT_NS};
	int64_t sweep;
	int err;

	for (int try = 0; try < LIVE_TRIES; try++) {
		if (try)
			nanosleep(&wait, NULL);
		live_free(&query->live);
		err = live_fetch(socket, &query->live, &query->live_error);
		if (err) {
			no_live(query, NULL);
			return take_snapshot(query, &sweep);
		}
		err = take_snapshot(query, &sweep);
		if (err)
			return err;
		if ((uint64_t)sweep == query->live.head.sweep) {
			qsort(query->live.records, query->live.head.records,
			      sizeof(*query->live.records), compare_end);
			return 0;
		}
	}
	return no_live(query, "flowd and the database do not agree on the last sweep");
}

static int join_live(struct query *query)
{
	char socket[PATH_MAX];
	int64_t sweep;

	if (query->options.stored ||
	    !query_has_flowd(query->db, query->options.socket, query->options.instance)) {
		query->live_state = QUERY_LIVE_UNWANTED;
		return take_snapshot(query, &sweep);
	}
	query_socket(query->db, query->options.socket, query->options.instance, socket,
		     sizeof(socket));
	if (!asks_the_right_one(query, socket)) {
		no_live(query, "the flowd at the socket writes to another database");
		return take_snapshot(query, &sweep);
	}
	return agree(query, socket);
}

static int prepare(struct query *query)
{
	const struct query_options *options = &query->options;

	if (db_flows_open(query->db, options->since_ms, options->until_ms, &query->flows))
		return fail_sqlite(query, "flow");
	return 0;
}

int query_open(const struct query_options *options, struct query *ret_query)
{
	struct query *query = ret_query;
	struct db_error error = {""};
	int err;

	memset(query, 0, sizeof(*query));
	query->options = *options;
	err = db_open_reader(options->db, &query->db, &error);
	if (err) {
		snprintf(query->error, sizeof(query->error), "%s", error.text);
		return err;
	}
	err = join_live(query);
	if (!err)
		err = load_ifaces(query);
	if (!err)
		err = select_ifaces(query);
	if (!err)
		err = prepare(query);
	if (err == -ENOMEM)
		snprintf(query->error, sizeof(query->error), "%s", strerror(ENOMEM));
	return err;
}

void query_close(struct query *query)
{
	live_free(&query->live);
	free(query->ifaces);
	db_flows_close(&query->flows);
	if (query->db)
		db_close(query->db, -1);
	memset(query, 0, sizeof(*query));
}

/* Have the next stored record at hand. 1, 0: the end, or -errno. */
static int peek_stored(struct query *query)
{
	int have;

	if (query->have_stored)
		return 1;
	if (!query->flows.flow)
		return 0;
	have = db_flows_next(&query->flows, &query->stored);
	if (!have)
		db_flows_close(&query->flows);
	query->have_stored = have > 0;
	if (have == -EPROTO)
		snprintf(query->error, sizeof(query->error),
			 "%s: flow %lld: a value of the wrong type", query->options.db,
			 (long long)query->flows.id);
	return have >= 0 || have == -EPROTO ? have : fail_sqlite(query, "flow");
}

static bool in_window(const struct query *query, const struct flow_record *rec)
{
	return rec->end_ms >= query->options.since_ms && rec->end_ms < query->options.until_ms;
}

/* The later of the next stored and the next live record. 1, 0: the end, or -errno. */
static int next_record(struct query *query, const struct flow_record **ret_rec)
{
	const struct flow_record *live = NULL;
	int have = peek_stored(query);

	if (have < 0)
		return have;
	while (query->live_next < query->live.head.records && !live) {
		live = &query->live.records[query->live_next];
		if (!in_window(query, live)) {
			query->live_next++;
			live = NULL;
		}
	}
	if (live && (!have || live->end_ms >= query->stored.end_ms)) {
		query->live_next++;
		query->flow = 0;
		*ret_rec = live;
		return 1;
	}
	query->have_stored = false;
	query->flow = query->flows.id;
	*ret_rec = &query->stored;
	return have;
}

int query_half_dir(const struct flow_record *rec, int which)
{
	return which && !(rec->key.marks & FLOW_MARK_MIRRORED) ? !rec->key.dir : rec->key.dir;
}

/* A direction counts also where none of its packets did: the kernel may have dropped them before. */
static bool has_half(const struct flow_record *rec, int which)
{
	static const struct half_health none;

	return rec->half[which].packets ||
	       (rec->has_health && memcmp(&rec->health[which], &none, sizeof(none)));
}

static int match_half(struct query *query, const struct flow_record *rec, int which)
{
	int dir = query->options.dir;

	if (!has_half(rec, which) || (dir >= 0 && query_half_dir(rec, which) != dir))
		return 0;
	return query->options.filter ? filter_match(query->options.filter, rec, which) : 1;
}

/* The halves that count, or -errno. */
static int match(struct query *query, const struct flow_record *rec)
{
	const struct query_iface *iface = query_iface(query, rec->iface);
	struct filter_error error;
	int forward, reverse;

	if (iface ? !iface->selected : query->options.iface_count != 0)
		return 0;
	if (!tunnelarg_match(&query->options.tunnel, rec))
		return 0;
	forward = match_half(query, rec, 0);
	reverse = forward < 0 ? 0 : match_half(query, rec, 1);
	if (forward >= 0 && reverse >= 0)
		return (forward ? QUERY_MATCH_FORWARD : 0) | (reverse ? QUERY_MATCH_REVERSE : 0);
	filter_explain(query->options.filter, &error);
	snprintf(query->error, sizeof(query->error), "%s", error.text);
	return -ENODATA;
}

int query_next(struct query *query, struct flow_record *ret_rec, unsigned *ret_match)
{
	const struct flow_record *rec;
	int have, matched;

	while ((have = next_record(query, &rec)) > 0) {
		matched = match(query, rec);
		if (matched < 0)
			return matched;
		if (!matched)
			continue;
		*ret_rec = *rec;
		if (query->options.anonymize)
			anonymize_record(query->options.anonymize, ret_rec);
		*ret_match = (unsigned)matched;
		return 1;
	}
	return have;
}
