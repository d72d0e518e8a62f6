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
#include "cli/community.h"
#include "cli/filter.h"
#include "schema/db.h"

#define LIVE_TRIES 20
#define LIVE_WAIT_NS 25000000 /* a commit takes some milliseconds */
#define STATUS_TIMEOUT_S 2
#define MARK_TRIES 5
#define BUSY_TRIES 3

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

int query_socket(struct sqlite3 *db, const char *socket, const char *instance, char *buf,
		 size_t size)
{
	if (socket)
		snprintf(buf, size, "%s", socket);
	else
		snprintf(buf, size, "%s/%s.sock", CONTROL_RUN_DIR, instance ? instance : "default");
	return socket || instance || !db ? 0 : db_meta_find_text(db, "socket", buf, size);
}

int query_has_flowd(struct sqlite3 *db, const char *socket, const char *instance)
{
	char text[PATH_MAX];
	int err = socket || instance ? 0 : db_meta_get_text(db, "socket", text, sizeof(text));

	return err ? (err == -ENOENT ? 0 : err) : 1;
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

/* The first read begins it. */
static int begin(struct query *query, int64_t *ret_sweep)
{
	int err;

	if (!sqlite3_get_autocommit(query->db))
		run(query, "ROLLBACK");
	err = run(query, "BEGIN");
	if (err)
		return err;
	*ret_sweep = 0;
	err = db_meta_find_int(query->db, "last_sweep", ret_sweep);
	return err ? fail_sqlite(query, "meta") : 0;
}

/* A new snapshot. Which one it is, is known where nobody committed just then. */
static int take_snapshot(struct query *query, int64_t *ret_sweep)
{
	struct db_mark before;

	for (int try = 0; try < MARK_TRIES; try++) {
		int err;

		db_mark_take(query->db, &before);
		err = begin(query, ret_sweep);
		if (err)
			return err;
		db_mark_take(query->db, &query->mark);
		if (db_mark_equal(&before, &query->mark))
			return 0;
	}
	query->mark.known = false;
	return 0;
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
	int has = query->options.stored ? 0
					: query_has_flowd(query->db, query->options.socket,
							  query->options.instance);

	if (has < 0)
		return fail_sqlite(query, "meta");
	if (!has) {
		query->live_state = QUERY_LIVE_UNWANTED;
		return take_snapshot(query, &sweep);
	}
	if (query_socket(query->db, query->options.socket, query->options.instance, socket,
			 sizeof(socket)))
		return fail_sqlite(query, "meta");
	if (!asks_the_right_one(query, socket)) {
		no_live(query, "the flowd at the socket writes to another database");
		return take_snapshot(query, &sweep);
	}
	return agree(query, socket);
}

static int open_flows(struct query *query)
{
	const struct query_options *options = &query->options;

	query->to_open = false;
	if (db_flows_open(query->db, options->since_ms, options->until_ms, &query->flows))
		return fail_sqlite(query, "flow");
	return 0;
}

void query_window(struct query *query, int64_t since_ms, int64_t until_ms)
{
	query->options.since_ms = since_ms;
	query->options.until_ms = until_ms;
	query->have_stored = false;
	query->live_next = 0;
	db_flows_close(&query->flows);
	query->to_open = true;
}

static int open_once(const struct query_options *options, struct query *query)
{
	struct db_error error = {""};
	int err;

	memset(query, 0, sizeof(*query));
	query->options = *options;
	err = db_open_reader(options->db, &query->db, &error);
	if (err) {
		snprintf(query->error, sizeof(query->error), "%s", error.text);
		return err;
	}
	snprintf(query->notice, sizeof(query->notice), "%s", error.text);
	err = join_live(query);
	if (!err)
		err = query_reload(query);
	query->to_open = true;
	if (err == -ENOMEM)
		snprintf(query->error, sizeof(query->error), "%s: %s", options->db,
			 strerror(ENOMEM));
	return err;
}

/* A flowd that starts in the midst of it has the database busy for a moment (schema/db_vfs.c). */
int query_open(const struct query_options *options, struct query *ret_query)
{
	static const struct timespec wait = {.tv_nsec = LIVE_WAIT_NS};
	int err = open_once(options, ret_query);

	for (int try = 1; err == -EBUSY && try < BUSY_TRIES; try++) {
		query_close(ret_query);
		nanosleep(&wait, NULL);
		err = open_once(options, ret_query);
	}
	return err;
}

void query_skip_stored(struct query *query)
{
	db_flows_close(&query->flows);
	query->to_open = false;
	query->have_stored = false;
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
	int have = query->to_open ? open_flows(query) : 0;

	if (have < 0)
		return have;
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

static int match_half(const struct query *query, struct filter *filter,
		      const struct flow_record *rec, int which)
{
	int dir = query->options.dir;

	if (!has_half(rec, which) || (dir >= 0 && query_half_dir(rec, which) != dir))
		return 0;
	return filter ? filter_match(filter, rec, which) : 1;
}

/* The other direction, where `forward` is what the first one gave. */
static int match_reverse(const struct query *query, struct filter *filter,
			 const struct flow_record *rec, int forward)
{
	if (filter && query->options.dir < 0 && has_half(rec, 0) && has_half(rec, 1) &&
	    filter_same_ways(filter, rec))
		return forward;
	return match_half(query, filter, rec, 1);
}

int query_match(const struct query *query, struct filter *filter, const struct flow_record *rec)
{
	const struct query_options *options = &query->options;
	const struct query_iface *iface = query_iface(query, rec->iface);
	int forward, reverse;

	if (iface ? !iface->selected : options->iface_count || options->host_count)
		return 0;
	if (!tunnelarg_match(&query->options.tunnel, rec) ||
	    !community_id_match(query->options.community, &rec->key))
		return 0;
	forward = match_half(query, filter, rec, 0);
	reverse = forward < 0 ? 0 : match_reverse(query, filter, rec, forward);
	if (forward < 0 || reverse < 0)
		return -ENODATA;
	return (forward ? QUERY_MATCH_FORWARD : 0) | (reverse ? QUERY_MATCH_REVERSE : 0);
}

int query_next(struct query *query, struct flow_record *ret_rec, unsigned *ret_match)
{
	const struct flow_record *rec;
	struct filter_error error;
	int have, matched;

	while ((have = next_record(query, &rec)) > 0) {
		matched = query_match(query, query->options.filter, rec);
		if (matched < 0) {
			filter_explain(query->options.filter, &error);
			snprintf(query->error, sizeof(query->error), "%s", error.text);
			return matched;
		}
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
