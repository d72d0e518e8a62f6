/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_rollup_load.c: see sink_rollup_load.h. A bucket in memory is what table flow has of it, so that
 * all of them can be made again from there: after a start, a kill, a failure, and bit by bit where
 * table flow has months that nobody has summed yet.
 */
#include "flowd/sink_rollup_load.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "schema/db.h"
#include "schema/db_retain.h"
#include "schema/db_sqlite.h"

#define AGAIN_ROWS 1000000  /* of talker_minute */
#define READ_RECORDS 100000 /* of table flow in a transaction, and up to a minute more */

static const char *const meta_key[ROLLUP_LEVELS] = {
	[ROLLUP_MINUTE] = "rollup_minute_ms",
	[ROLLUP_HOUR] = "rollup_hour_ms",
};

int64_t sink_rollup_hour(int64_t minute)
{
	int64_t rest = minute % SINK_ROLLUP_HOUR;

	return minute - (rest < 0 ? rest + SINK_ROLLUP_HOUR : rest);
}

static int64_t bucket_of(enum rollup_level level, int64_t minute)
{
	return level == ROLLUP_HOUR ? sink_rollup_hour(minute) : minute;
}

int64_t sink_rollup_now_ms(const struct sink_rollup *s)
{
	return s->config.now_ms ? s->config.now_ms() : s->newest_ms;
}

static int64_t id_at(int64_t minute)
{
	return minute * TALKER_MINUTE_MS * (1LL << DB_ID_SHIFT);
}

/* All of it can be made again from table flow. */
void sink_rollup_unload(struct sink_rollup *s)
{
	for (int level = 0; level < ROLLUP_LEVELS; level++)
		rollup_list_drop(&s->open[level], INT64_MAX);
	s->loaded = false;
}

static int put_meta(struct sink_rollup *s, const char *key, int64_t value)
{
	int rc = sqlite3_bind_text(s->put_meta, 1, key, -1, SQLITE_STATIC);

	if (!rc)
		rc = sqlite3_bind_int64(s->put_meta, 2, value);
	if (!rc)
		rc = sqlite3_step(s->put_meta);
	sqlite3_reset(s->put_meta);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sink_rollup_put_frontier(struct sink_rollup *s, enum rollup_level level, int64_t minute)
{
	return put_meta(s, meta_key[level], minute * TALKER_MINUTE_MS);
}

/* --- from table flow ------------------------------------------------------------------------------ */

/* Records of that minute into the level's open bucket; *left: of those that the transaction reads. */
static int read_minute(struct sink_rollup *s, enum rollup_level level, int64_t minute,
		       int64_t *left)
{
	struct flow_record rec;
	struct db_flows flows;
	struct rollup *rollup = NULL;
	int err = db_flows_open(s->store.db, minute * TALKER_MINUTE_MS,
				(minute + 1) * TALKER_MINUTE_MS, &flows);

	while (!err) {
		int have = db_flows_next(&flows, &rec);

		if (!have)
			break;
		--*left;
		if (have == -EPROTO) /* not ours: no answer counts it */
			continue;
		if (have > 0 && !rollup)
			rollup = rollup_list_get(&s->open[level], bucket_of(level, minute));
		if (have < 0)
			err = have;
		else
			err = rollup ? rollup_add(rollup, &rec, rec.end_ms) : -ENOMEM;
	}
	db_flows_close(&flows);
	if (err)
		sink_rollup_unload(s); /* a bucket may have half of its records */
	return !err ? SQLITE_OK : err == -ENOMEM ? SQLITE_NOMEM : SQLITE_IOERR;
}

/* Minute of the first row of table flow from that one on; INT64_MAX: there is none. */
static int first_minute(struct sink_rollup *s, int64_t minute, int64_t *ret_minute)
{
	int rc = sqlite3_bind_int64(s->first, 1, id_at(minute));

	if (!rc)
		rc = sqlite3_step(s->first);
	if (rc == SQLITE_ROW)
		*ret_minute = talker_minute_of(sqlite3_column_int64(s->first, 0) >> DB_ID_SHIFT);
	else if (rc == SQLITE_DONE)
		*ret_minute = INT64_MAX;
	sqlite3_reset(s->first);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* From *next on to `end`, or as far as the transaction may read. */
static int read_on(struct sink_rollup *s, enum rollup_level level, int64_t *next, int64_t end,
		   int64_t *left)
{
	while (*left > 0 && *next < end) {
		int64_t minute = INT64_MAX;
		int rc = first_minute(s, *next, &minute);

		if (!rc && minute < end)
			rc = read_minute(s, level, minute++, left);
		if (rc)
			return rc;
		*next = minute;
	}
	return SQLITE_OK;
}

/*
 * Of hours that are not written, what is of minutes that are; then the horizon moves on to what table flow has
 * next, and over it while it is not ahead of the clock.
 */
static int catch_up(struct sink_rollup *s)
{
	int64_t limit = talker_minute_of(sink_rollup_now_ms(s)) + SINK_ROLLUP_AHEAD;
	int64_t left = s->config.read ? s->config.read : READ_RECORDS;
	int rc = read_on(s, ROLLUP_HOUR, &s->unread, s->unread_end, &left);

	return rc ? rc : read_on(s, ROLLUP_MINUTE, &s->horizon, limit + 1, &left);
}

static int get_frontier(struct sink_rollup *s, enum rollup_level level)
{
	int64_t ms = 0;
	int err = db_meta_get_int(s->store.db, meta_key[level], &ms);

	s->from[level] = bucket_of(level, talker_minute_of(ms));
	return !err || err == -ENOENT ? SQLITE_OK : SQLITE_IOERR;
}

static int load(struct sink_rollup *s)
{
	int rc = get_frontier(s, ROLLUP_MINUTE);

	if (!rc)
		rc = get_frontier(s, ROLLUP_HOUR);
	if (!rc && !s->config.now_ms)
		rc = db_query_int(s->store.db, "SELECT coalesce(max(id), 0) >> 20 FROM flow",
				  &s->newest_ms);
	s->horizon = s->unread_end = s->from[ROLLUP_MINUTE];
	s->unread = s->from[ROLLUP_HOUR];
	s->settled = false;
	s->loaded = !rc;
	return rc;
}

/* There are no rows from the frontiers on. */
static int settle(struct sink_rollup *s)
{
	int rc = put_meta(s, "rollup_keys", s->config.keys);

	for (int level = 0; !rc && level < ROLLUP_LEVELS; level++) {
		rc = sink_rollup_put_frontier(s, (enum rollup_level)level, s->from[level]);
		if (!rc)
			rc = rollup_store_drop(&s->store, (enum rollup_level)level, s->from[level]);
	}
	return rc;
}

/*
 * Rows from that minute on can be made again: table flow has all their records, and they are not more than a
 * transaction may take.
 */
static int can_go_back(struct sink_rollup *s, int64_t minute, bool *ret_can)
{
	int64_t since_ms = INT64_MIN, rows = 0;
	int err = db_meta_get_int(s->store.db, db_retain_since[DB_RETAIN_RECORDS], &since_ms), rc;
	char sql[128];

	*ret_can = false;
	if (err && err != -ENOENT)
		return SQLITE_IOERR;
	if (since_ms > sink_rollup_hour(minute) * TALKER_MINUTE_MS)
		return SQLITE_OK;
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM (SELECT 1 FROM talker_minute WHERE id >= %lld LIMIT %d)",
		 (long long)talker_id(minute, 0), AGAIN_ROWS + 1);
	rc = db_query_int(s->store.db, sql, &rows);
	*ret_can = !rc && rows <= AGAIN_ROWS;
	return rc;
}

/*
 * The clock was ahead: what ends from now on is not to be late for so long, so that what was written from now on
 * is made again in its time. Where that cannot be, it is late.
 */
static int go_back(struct sink_rollup *s, int64_t minute)
{
	bool can;
	int rc = can_go_back(s, minute, &can);

	if (!rc && !can)
		s->stays = s->from[ROLLUP_MINUTE];
	if (rc || !can)
		return rc;
	rc = sink_rollup_put_frontier(s, ROLLUP_MINUTE, minute);
	if (!rc && s->from[ROLLUP_HOUR] > sink_rollup_hour(minute))
		rc = sink_rollup_put_frontier(s, ROLLUP_HOUR, sink_rollup_hour(minute));
	sink_rollup_unload(s);
	return rc ? rc : load(s);
}

int sink_rollup_begin(struct sink_rollup *s)
{
	int64_t now = talker_minute_of(sink_rollup_now_ms(s));
	int rc = s->loaded ? SQLITE_OK : load(s);

	if (!rc && s->config.keys && s->config.now_ms &&
	    s->from[ROLLUP_MINUTE] > now + SINK_ROLLUP_AHEAD && s->from[ROLLUP_MINUTE] != s->stays)
		rc = go_back(s, now);
	if (!rc && !s->settled)
		rc = settle(s);
	return rc || !s->config.keys ? rc : catch_up(s);
}
