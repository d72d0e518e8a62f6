/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_rows.c: see sample_rows.h. */
#include "cli/sample_rows.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query.h"
#include "cli/tags.h"
#include "schema/db.h"

#define NS_PER_MS 1000000
#define ID_SHIFT 20 /* of flow.id */
#define CLOCK_MS 20 /* a flow's times are those of the last tick, a sample's are exact */
#define MARKS_LOST (FLOW_MARK_FOLDED | FLOW_MARK_CATCHALL)
#define MARKS_RECORD (FLOW_MARK_MIRRORED | FLOW_MARK_VLAN_UNKNOWN) /* no matter in a comparison */

static int fail_sqlite(const struct sample_rows *samples, const char *what, int err)
{
	struct query *query = samples->query;

	snprintf(query->error, sizeof(query->error), "%s: %s: %s", query->options.db, what,
		 sqlite3_errmsg(query->db));
	return err;
}

static int64_t ms_to_ns(int64_t ms)
{
	return ms > INT64_MAX / NS_PER_MS ? INT64_MAX : ms * NS_PER_MS;
}

/* --- one flow ------------------------------------------------------------------------------------- */

static int fail_flow(const struct sample_rows *samples, int64_t id, const char *what, int err)
{
	struct query *query = samples->query;

	snprintf(query->error, sizeof(query->error), "%s: flow %lld: %s", query->options.db,
		 (long long)id, what);
	return err;
}

static int find_flow(struct sample_rows *samples, int64_t id)
{
	int64_t ms = id >> ID_SHIFT;
	struct db_flows flows;
	int err = db_flows_open(samples->query->db, ms, ms + 1, &flows), have = 1;

	while (!err && have > 0) {
		have = db_flows_next(&flows, &samples->record);
		if (have > 0 && flows.id == id)
			break;
	}
	db_flows_close(&flows);
	if (have == -EPROTO)
		return fail_flow(samples, id, "a value of the wrong type", have);
	if (err || have < 0)
		return fail_sqlite(samples, "flow", err ? err : have);
	return have ? 0 : fail_flow(samples, id, "no such flow", -ENOENT);
}

/* What the keys of a record and of a packet can have in common. */
static void plain_key(const struct flow_key *key, struct flow_key *ret_key)
{
	*ret_key = *key;
	ret_key->ifnum = 0;
	ret_key->outer = 0;
	ret_key->marks &= (uint8_t)~MARKS_RECORD;
}

static int select_flow(struct sample_rows *samples, int64_t id)
{
	const struct flow_record *rec = &samples->record;
	int err = find_flow(samples, id);
	int64_t since_ns, until_ns;

	if (err)
		return err;
	if (rec->key.marks & MARKS_LOST)
		return fail_flow(samples, id,
				 "its record has lost what tells its packets from others",
				 -ENODATA);
	since_ns = ms_to_ns(rec->start_ms);
	until_ns = ms_to_ns(rec->end_ms + CLOCK_MS + 1);
	samples->flow = id;
	for (int which = 0; which < 2; which++)
		flow_record_key(rec, which, &samples->key[which]);
	if (since_ns > samples->since_ns)
		samples->since_ns = since_ns;
	if (until_ns < samples->until_ns)
		samples->until_ns = until_ns;
	return 0;
}

static bool is_of_half(const struct sample_rows *samples, const struct sample_record *sample,
		       int which)
{
	struct flow_key of_flow = samples->key[which], of_packet;
	bool unknown;

	if (which && !samples->record.half[1].packets)
		return false;
	tags_of_direction(&of_flow);
	unknown = (of_flow.marks | sample->key.marks) & FLOW_MARK_VLAN_UNKNOWN;
	plain_key(&of_flow, &of_flow);
	plain_key(&sample->key, &of_packet);
	if (unknown) { /* the tags of one are not known, so they are of no use */
		of_flow.vlan = of_packet.vlan = of_flow.cvlan = of_packet.cvlan = 0;
		of_flow.marks &= (uint8_t)~FLOW_MARK_STAG;
		of_packet.marks &= (uint8_t)~FLOW_MARK_STAG;
	}
	return !memcmp(&of_flow, &of_packet, sizeof(of_flow));
}

static bool is_of_flow(const struct sample_rows *samples, const struct sample_record *sample)
{
	if (!samples->flow)
		return true;
	return sample->iface == samples->record.iface &&
	       (is_of_half(samples, sample, 0) || is_of_half(samples, sample, 1));
}

/* --- what was read before --------------------------------------------------------------------------- */

static bool is_seen(struct sample_rows_seen *seen, int64_t id)
{
	while (seen->first < seen->end && seen->id[seen->first] < id)
		seen->first++;
	return seen->first < seen->end && seen->id[seen->first] == id;
}

/* Greater than those before; what none that comes late can be is forgotten. */
static int remember(struct sample_rows_seen *seen, int64_t id)
{
	while (seen->first < seen->end && seen->id[seen->first] <= id - SAMPLE_ROWS_LATE_NS)
		seen->first++;
	if (seen->first > seen->room / 2) {
		seen->end -= seen->first;
		memmove(seen->id, seen->id + seen->first, seen->end * sizeof(*seen->id));
		seen->first = 0;
	}
	if (seen->end == seen->room) {
		size_t room = seen->room ? 2 * seen->room : 1024;
		int64_t *grown = reallocarray(seen->id, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		seen->id = grown;
		seen->room = room;
	}
	seen->id[seen->end++] = id;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return left < right ? -1 : left > right;
}

static bool is_old(const struct sample_rows *samples, int64_t id)
{
	return samples->old_count &&
	       bsearch(&id, samples->old, samples->old_count, sizeof(id), compare_ids);
}

/* 1: it is new, 0: it is not, or -ENOMEM. */
static int take_new(struct sample_rows *samples, int64_t id)
{
	int err = remember(&samples->seen, id);

	if (err)
		return err;
	if (id > samples->last_ns)
		samples->last_ns = id;
	return !is_seen(&samples->before, id) && !is_old(samples, id);
}

/* --- passes ----------------------------------------------------------------------------------------- */

static int open_rows(struct sample_rows *samples, int64_t until_ns)
{
	struct query *query = samples->query;
	int err = db_samples_open(query->db, samples->since_ns, until_ns, 0, &samples->rows);

	if (err == -ENODATA)
		snprintf(
			query->error, sizeof(query->error),
			"%s: has no samples: made by an older wireledger, which flowd has to update",
			query->options.db);
	else if (err)
		fail_sqlite(samples, "sample", err);
	return err;
}

/* A reader that stays must not keep a snapshot: the log could not be written back. */
static int drop_snapshot(struct sample_rows *samples)
{
	db_flows_close(&samples->query->flows);
	if (sqlite3_get_autocommit(samples->query->db))
		return 0;
	return sqlite3_exec(samples->query->db, "COMMIT", NULL, NULL, NULL)
		       ? fail_sqlite(samples, "snapshot", -EIO)
		       : 0;
}

int sample_rows_open(struct query *query, int64_t flow, bool follow,
		     struct sample_rows *ret_samples)
{
	struct sample_rows *samples = ret_samples;
	int err = 0;

	memset(samples, 0, sizeof(*samples));
	samples->query = query;
	samples->follow = follow;
	samples->since_ns = ms_to_ns(query->options.since_ms);
	samples->until_ns = ms_to_ns(query->options.until_ms);
	if (flow)
		err = select_flow(samples, flow);
	if (!err && follow)
		err = drop_snapshot(samples);
	return err ? err : open_rows(samples, samples->until_ns);
}

void sample_rows_close(struct sample_rows *samples)
{
	db_samples_close(&samples->rows);
	free(samples->seen.id);
	free(samples->before.id);
	free(samples->old);
	memset(samples, 0, sizeof(*samples));
}

static int prepare(const struct sample_rows *samples, const char *sql,
		   struct sqlite3_stmt **ret_stmt)
{
	if (sqlite3_prepare_v2(samples->query->db, sql, -1, ret_stmt, NULL))
		return fail_sqlite(samples, "sample", -EIO);
	sqlite3_bind_int64(*ret_stmt, 1, samples->since_ns);
	sqlite3_bind_int64(*ret_stmt, 2, samples->until_ns);
	return 0;
}

int sample_rows_captured(struct sample_rows *samples, uint32_t *ret_captured)
{
	static const char sql[] =
		"SELECT max(length(frame)) FROM sample WHERE id >= ?1 AND id < ?2";
	struct sqlite3_stmt *stmt;
	int err = prepare(samples, sql, &stmt);

	if (err)
		return err;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*ret_captured = (uint32_t)sqlite3_column_int64(stmt, 0);
	else
		err = fail_sqlite(samples, "sample", -EIO);
	sqlite3_finalize(stmt);
	return err;
}

int sample_rows_again(struct sample_rows *samples, int64_t now_ns)
{
	struct sample_rows_seen spare = samples->before;
	int64_t late_ns = samples->last_ns - SAMPLE_ROWS_LATE_NS + 1;

	db_samples_close(&samples->rows);
	samples->before = samples->seen;
	samples->seen = spare;
	samples->seen.first = samples->seen.end = 0;
	samples->reloaded = false;
	if (samples->last_ns && late_ns > samples->since_ns)
		samples->since_ns = late_ns;
	return open_rows(samples, samples->old ? now_ns + SAMPLE_ROWS_LATE_NS : samples->until_ns);
}

static int read_ids(struct sample_rows *samples, struct sqlite3_stmt *stmt)
{
	size_t room = 0;
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (samples->old_count == room) {
			int64_t *grown;

			room = 2 * room + 1024;
			grown = reallocarray(samples->old, room, sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			samples->old = grown;
		}
		samples->old[samples->old_count++] = sqlite3_column_int64(stmt, 0);
	}
	return rc == SQLITE_DONE ? 0 : fail_sqlite(samples, "sample", -EIO);
}

int sample_rows_set_back(struct sample_rows *samples, int64_t now_ns)
{
	struct sqlite3_stmt *stmt;
	int err;

	db_samples_close(&samples->rows);
	samples->since_ns = now_ns - SAMPLE_ROWS_LATE_NS;
	samples->last_ns = 0;
	samples->seen.first = samples->seen.end = 0;
	free(samples->old);
	samples->old_count = 0;
	samples->old = calloc(1, sizeof(*samples->old)); /* also where there are none */
	if (!samples->old)
		return -ENOMEM;
	err = prepare(samples, "SELECT id FROM sample WHERE id >= ?1 AND id < ?2 ORDER BY id",
		      &stmt);
	if (err)
		return err;
	err = read_ids(samples, stmt);
	sqlite3_finalize(stmt);
	return err;
}

/* --- which of them ---------------------------------------------------------------------------------- */

/* NULL: none. One that has come since the query began is looked for, once a pass. */
static const struct query_iface *find_iface(struct sample_rows *samples, uint32_t id)
{
	const struct query_iface *iface = id ? query_iface(samples->query, id) : NULL;

	if (iface || !id || !samples->follow || samples->reloaded)
		return iface;
	samples->reloaded = true;
	return query_reload(samples->query) ? NULL : query_iface(samples->query, id);
}

static bool is_named(const struct query_options *options, const char *name)
{
	for (uint32_t i = 0; i < options->iface_count; i++) {
		if (!strcmp(options->ifaces[i], name))
			return true;
	}
	return !options->iface_count;
}

static bool is_wanted(struct sample_rows *samples, const struct sample_record *sample)
{
	const struct query_options *options = &samples->query->options;
	const struct query_iface *iface = find_iface(samples, sample->iface);
	struct flow_record rec = {.key = sample->key};

	if (iface ? !iface->selected : !is_named(options, sample->device))
		return false;
	if (options->dir >= 0 && sample->key.dir != options->dir)
		return false;
	if (samples->why && !(sample->why & samples->why))
		return false;
	return tunnelarg_match(&options->tunnel, &rec) && is_of_flow(samples, sample);
}

static int fail_row(const struct sample_rows *samples, int err)
{
	struct query *query = samples->query;

	if (err != -EPROTO)
		return fail_sqlite(samples, "sample", err);
	snprintf(query->error, sizeof(query->error), "%s: sample %lld: a value that cannot be",
		 query->options.db, (long long)samples->rows.id);
	return err;
}

int sample_rows_next(struct sample_rows *samples, struct sample_record *ret_sample)
{
	int have, is_new = 1;

	while ((have = db_samples_next(&samples->rows, ret_sample)) > 0) {
		if (samples->stop && *samples->stop)
			return 0;
		if (samples->follow)
			is_new = take_new(samples, samples->rows.id);
		if (is_new < 0)
			return is_new;
		if (is_new && is_wanted(samples, ret_sample))
			return 1;
	}
	return have ? fail_row(samples, have) : 0;
}

const char *sample_rows_iface(const struct sample_rows *samples, const struct sample_record *sample)
{
	const struct query_iface *iface =
		sample->iface ? query_iface(samples->query, sample->iface) : NULL;

	return iface ? iface->name : sample->device;
}
