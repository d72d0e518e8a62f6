/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_rollup.c: see sink_rollup.h. The clock only says when a bucket is written: where it is wrong, more
 * of what comes is late, or waits beyond the horizon for its time.
 */
#include "flowd/sink_rollup.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/random.h>

#include "flowd/sink_rollup_load.h"
#include "schema/db.h"
#include "schema/db_sqlite.h"

#define OPEN_MINUTES 16 /* older ones are written, whatever the timeouts are */
#define ROOM_FACTOR 4	/* keys in memory for each that gets a row */

/* --- statements and memory ------------------------------------------------------------------------ */

static int prepare(struct sqlite3 *db, const char *sql, sqlite3_stmt **stmt)
{
	return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
}

static void set_up_lists(struct sink_rollup *s)
{
	uint64_t seed = 0;

	(void)getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	for (int level = 0; level < ROLLUP_LEVELS; level++) {
		s->open[level].limit = s->config.keys * ROOM_FACTOR;
		s->done[level].limit = s->config.keys * ROOM_FACTOR;
		s->late[level].limit = s->config.keys * ROOM_FACTOR;
		s->open[level].seed = s->done[level].seed = s->late[level].seed = seed;
	}
}

int sink_rollup_prepare(struct sink_rollup *s, struct sqlite3 *db)
{
	int rc;

	if (s->first)
		return SQLITE_OK;
	rc = s->store.db ? SQLITE_OK : rollup_store_open(&s->store, db);
	if (!rc && !s->put_meta)
		rc = prepare(db, "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)",
			     &s->put_meta);
	if (!rc)
		rc = prepare(db, "SELECT id FROM flow WHERE id >= ?1 ORDER BY id LIMIT 1",
			     &s->first);
	if (!rc)
		set_up_lists(s);
	return rc;
}

/* What the transaction had. */
static void clear_work(struct sink_rollup *s)
{
	for (int level = 0; level < ROLLUP_LEVELS; level++) {
		rollup_list_drop(&s->done[level], INT64_MAX);
		rollup_list_drop(&s->late[level], INT64_MAX);
	}
}

void sink_rollup_free(struct sink_rollup *s)
{
	for (int level = 0; level < ROLLUP_LEVELS; level++) {
		rollup_list_free(&s->open[level]);
		rollup_list_free(&s->done[level]);
		rollup_list_free(&s->late[level]);
	}
	sqlite3_finalize(s->put_meta);
	sqlite3_finalize(s->first);
	rollup_store_close(&s->store);
}

/* --- a batch -------------------------------------------------------------------------------------- */

static const struct flow_record *record_at(const struct sink_rollup_batch *batch, size_t i)
{
	int64_t id;

	return db_rows_at(batch->rows, i, &id);
}

/* How far the batch goes, and up to where buckets are due. */
static void look_ahead(struct sink_rollup *s, const struct sink_rollup_batch *batch)
{
	int64_t limit, now;

	for (size_t i = 0; !s->config.now_ms && i < batch->rows->count; i++)
		s->newest_ms = batch->end_ms[i] > s->newest_ms ? batch->end_ms[i] : s->newest_ms;
	now = talker_minute_of(sink_rollup_now_ms(s));
	limit = now + SINK_ROLLUP_AHEAD;
	for (size_t i = 0; i < batch->rows->count; i++) {
		int64_t minute = talker_minute_of(batch->end_ms[i]);

		if (minute > limit && minute < s->next_horizon)
			s->next_horizon = minute;
	}
	s->due = talker_minute_of(sink_rollup_now_ms(s) - s->config.late_ms);
	if (s->due < now - OPEN_MINUTES)
		s->due = now - OPEN_MINUTES;
}

/* The copy of an open bucket that is written, with what comes to it. */
static struct rollup *done_bucket(struct sink_rollup *s, enum rollup_level level, int64_t minute)
{
	struct rollup *done = rollup_list_find(&s->done[level], minute), *open;

	if (done)
		return done;
	open = rollup_list_find(&s->open[level], minute);
	if (!open)
		return rollup_list_get(&s->done[level], minute);
	done = rollup_copy(open);
	if (done && rollup_list_put(&s->done[level], done)) {
		rollup_free(done);
		return NULL;
	}
	return done;
}

/* Records that are late, and those of minutes that are due. */
static int take_records(struct sink_rollup *s, const struct sink_rollup_batch *batch)
{
	int err = 0;

	for (size_t i = 0; !err && i < batch->rows->count; i++) {
		int64_t minute = talker_minute_of(batch->end_ms[i]);
		struct rollup *rollup;

		if (minute >= s->from[ROLLUP_MINUTE] &&
		    (minute >= s->due || minute >= s->next_horizon))
			continue;
		rollup = minute < s->from[ROLLUP_MINUTE]
				 ? rollup_list_get(&s->late[ROLLUP_MINUTE], minute)
				 : done_bucket(s, ROLLUP_MINUTE, minute);
		err = rollup ? rollup_add(rollup, record_at(batch, i), batch->end_ms[i]) : -ENOMEM;
	}
	return err;
}

/* Open buckets before `until` are written too, though nothing came to them. */
static int take_open(struct sink_rollup *s, enum rollup_level level, int64_t until)
{
	const struct rollup_list *open = &s->open[level];

	for (size_t i = 0; i < open->count && open->at[i]->minute < until; i++) {
		if (!done_bucket(s, level, open->at[i]->minute))
			return -ENOMEM;
	}
	return 0;
}

/* Minutes into hours that are written, or were. `until`: hours before it are written. */
static int take_minutes(struct sink_rollup *s, const struct rollup_list *minutes, int64_t until)
{
	int err = 0;

	for (size_t i = 0; !err && i < minutes->count; i++) {
		int64_t hour = sink_rollup_hour(minutes->at[i]->minute);
		struct rollup *rollup;

		if (hour >= until && hour >= s->from[ROLLUP_HOUR])
			continue;
		rollup = hour < s->from[ROLLUP_HOUR] ? rollup_list_get(&s->late[ROLLUP_HOUR], hour)
						     : done_bucket(s, ROLLUP_HOUR, hour);
		err = rollup ? rollup_merge(rollup, minutes->at[i]) : -ENOMEM;
	}
	return err;
}

/* What was taken into rows. */
static int write_level(struct sink_rollup *s, enum rollup_level level)
{
	const struct rollup_list *done = &s->done[level], *late = &s->late[level];
	int64_t length = level == ROLLUP_HOUR ? SINK_ROLLUP_HOUR : 1;
	int rc = SQLITE_OK;

	for (size_t i = 0; !rc && i < late->count; i++)
		rc = rollup_store_merge(&s->store, level, late->at[i], s->config.keys);
	for (size_t i = 0; !rc && i < done->count; i++)
		rc = rollup_store_write(&s->store, level, done->at[i], s->config.keys);
	if (done->count)
		s->next[level] = done->at[done->count - 1]->minute + length;
	return rc;
}

/* No minute of an hour that is written is open: later ones would not be in the hour's rows. */
static int move_frontiers(struct sink_rollup *s)
{
	int rc = SQLITE_OK;

	if (s->next[ROLLUP_MINUTE] < s->next[ROLLUP_HOUR])
		s->next[ROLLUP_MINUTE] = s->next[ROLLUP_HOUR];
	for (int level = 0; !rc && level < ROLLUP_LEVELS; level++) {
		if (s->next[level] != s->from[level])
			rc = sink_rollup_put_frontier(s, (enum rollup_level)level, s->next[level]);
	}
	return rc;
}

/* hours: those before it are written. */
static int write_taken(struct sink_rollup *s, int64_t hours)
{
	int err = take_open(s, ROLLUP_MINUTE, s->due), rc;

	if (!err)
		err = take_minutes(s, &s->done[ROLLUP_MINUTE], hours);
	if (!err)
		err = take_minutes(s, &s->late[ROLLUP_MINUTE], hours);
	if (!err)
		err = take_open(s, ROLLUP_HOUR, hours);
	if (err)
		return SQLITE_NOMEM;
	rc = write_level(s, ROLLUP_MINUTE);
	if (!rc)
		rc = write_level(s, ROLLUP_HOUR);
	return rc ? rc : move_frontiers(s);
}

static void begin_work(struct sink_rollup *s)
{
	memcpy(s->next, s->from, sizeof(s->next));
	s->next_horizon = s->horizon;
}

/* Hours before that are over: all their minutes are in memory, or written and in the hour. */
static int64_t whole_hours(const struct sink_rollup *s, int64_t minute)
{
	if (!s->config.keys)
		return INT64_MIN;
	if (s->unread < s->unread_end && s->unread < minute)
		minute = s->unread;
	return sink_rollup_hour(minute);
}

int sink_rollup_write(struct sink_rollup *s, const struct sink_rollup_batch *batch)
{
	int64_t whole;

	begin_work(s);
	if (s->config.keys)
		look_ahead(s, batch);
	else
		s->due = INT64_MIN; /* rows that there are get what is late, and that is all */
	if (take_records(s, batch))
		return SQLITE_NOMEM;
	whole = s->due < s->next_horizon ? s->due : s->next_horizon;
	return write_taken(s, whole_hours(s, whole));
}

int sink_rollup_flush(struct sink_rollup *s)
{
	int rc;

	if (!s->config.keys || !s->loaded)
		return SQLITE_OK;
	rc = sink_rollup_begin(s);
	begin_work(s);
	if (rc)
		return rc;
	s->due = sink_rollup_hour(talker_minute_of(sink_rollup_now_ms(s))) + SINK_ROLLUP_HOUR;
	if (s->due > s->horizon)
		s->due = s->horizon;
	return write_taken(s, whole_hours(s, s->due));
}

/* --- after it ------------------------------------------------------------------------------------- */

/* Minutes that were written into hours that are open, but for those that these are going to have from table flow. */
static int pass_on(struct sink_rollup *s, const struct rollup_list *minutes)
{
	int err = 0;

	for (size_t i = 0; !err && i < minutes->count; i++) {
		int64_t minute = minutes->at[i]->minute, hour = sink_rollup_hour(minute);
		struct rollup *rollup;

		if (hour < s->next[ROLLUP_HOUR] || (minute >= s->unread && minute < s->unread_end))
			continue;
		rollup = rollup_list_get(&s->open[ROLLUP_HOUR], hour);
		err = rollup ? rollup_merge(rollup, minutes->at[i]) : -ENOMEM;
	}
	return err;
}

static int keep_records(struct sink_rollup *s, const struct sink_rollup_batch *batch)
{
	int err = 0;

	for (size_t i = 0; !err && i < batch->rows->count; i++) {
		int64_t minute = talker_minute_of(batch->end_ms[i]);
		struct rollup *rollup;

		if (minute < s->due || minute < s->from[ROLLUP_MINUTE] || minute >= s->next_horizon)
			continue;
		rollup = rollup_list_get(&s->open[ROLLUP_MINUTE], minute);
		err = rollup ? rollup_add(rollup, record_at(batch, i), batch->end_ms[i]) : -ENOMEM;
	}
	return err;
}

void sink_rollup_committed(struct sink_rollup *s, const struct sink_rollup_batch *batch)
{
	int err = 0;

	s->settled = true;
	if (s->config.keys && s->loaded) {
		err = pass_on(s, &s->done[ROLLUP_MINUTE]);
		if (!err)
			err = pass_on(s, &s->late[ROLLUP_MINUTE]);
		if (!err && batch)
			err = keep_records(s, batch);
		for (int level = 0; level < ROLLUP_LEVELS; level++) {
			rollup_list_drop(&s->open[level], s->next[level]);
			s->from[level] = s->next[level];
		}
		s->horizon = s->next_horizon;
		rollup_list_cut(&s->open[ROLLUP_MINUTE], s->horizon);
	}
	clear_work(s);
	if (err)
		sink_rollup_unload(s);
}

void sink_rollup_forget(struct sink_rollup *s)
{
	clear_work(s);
	if (!s->settled) /* frontiers may be those of the transaction */
		sink_rollup_unload(s);
}
