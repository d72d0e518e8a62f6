/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_retain.c: see sink_retain.h. */
#include "flowd/sink_retain.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "flowd/clock.h"
#include "flowd/sink_task.h"
#include "schema/db.h"
#include "schema/db_sqlite.h"

#define HOUR_NS 3600000000000ULL
#define FIRST_CHUNK 2048
#define CHUNK_MIN 128
#define CHUNK_MAX 16384
#define CHUNK_LOW 2048 /* where the disk has no room for a longer log */
#define CHUNK_US 4000  /* that one should take */
#define FIRST_PAGES 64
#define PAGES_MIN 8
#define PAGES_MAX 256
#define STEP_FIRST_US 6000
#define STEP_LEAST_US 1000
#define STEP_WHOLE_US 15000 /* that it should take with its commit */
#define URGENT_PARTS 32

/* Of sink_retain.step_us. */
enum { WORK_ROWS, WORK_PAGES };

static int64_t wall_now(void)
{
	return clock_wall().ms;
}

static uint64_t mono_now(void)
{
	return clock_mono().ns;
}

/* As far as readers let it. */
static int checkpoint(struct sink_retain *r)
{
	uint64_t begun_ns = r->mono_ns();
	int rc = sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	r->frames = 0;
	r->stepped = r->shrunk = false;
	sink_log_copied(&r->log, begun_ns, r->mono_ns());
	return rc;
}

/* In the place of SQLite's own, which would also come after a step. */
static int count_frames(void *arg, struct sqlite3 *db, const char *name, int frames)
{
	struct sink_retain *r = arg;
	uint64_t now_ns = r->mono_ns();

	(void)db;
	(void)name;
	r->frames = frames;
	sink_log_committed(&r->log, frames, r->page_bytes, now_ns);
	if (!r->stepping && frames >= SINK_LOG_FRAMES && sink_log_due(&r->log, now_ns))
		(void)checkpoint(r);
	return SQLITE_OK;
}

/* What is gone already, and the clock by which it went: without that one any other would be believed. */
static int read_meta(struct sink_retain *r)
{
	int err = db_meta_find_int(r->db, "retain_clock_ms", &r->clock.trusted_ms);

	for (int level = 0; !err && level < DB_RETAIN_LEVELS; level++)
		err = db_meta_find_int(r->db, db_retain_since[level], &r->stats.since_ms[level]);
	return err ? sqlite3_extended_errcode(r->db) : SQLITE_OK;
}

void sink_retain_init(struct sink_retain *r, struct sqlite3 *db,
		      const struct db_retain_limits *limits)
{
	memset(r, 0, sizeof(*r));
	r->db = db;
	r->limits = *limits;
	r->step_us[WORK_ROWS] = r->step_us[WORK_PAGES] = STEP_FIRST_US;
	r->chunk = FIRST_CHUNK;
	r->vacuum_pages = FIRST_PAGES;
	r->clock.trusted_ms = INT64_MIN;
	r->now_ms = wall_now;
	r->mono_ns = mono_now;
	r->disk = db_retain_disk;
	r->stats.on = limits->size_bytes || limits->free_bytes;
	for (int level = 0; level < DB_RETAIN_LEVELS; level++)
		r->stats.on |= limits->age_ms[level] != 0;
	(void)read_meta(r); /* for who asks before the first step, which wants it all */
	if (db_query_int(db, "PRAGMA page_size", &r->page_bytes))
		r->page_bytes = 0;
	sqlite3_wal_hook(db, count_frames, r);
}

void sink_retain_free(struct sink_retain *r)
{
	sink_drop_free(&r->drop);
}

static void describe(struct sink_retain *r, int rc)
{
	db_describe(r->db, rc, db_shown(sqlite3_db_filename(r->db, "main")), r->stats.error,
		    sizeof(r->stats.error));
}

static uint64_t now_us(void)
{
	return clock_mono().ns / 1000;
}

/* So many at once that it takes as long as it should. */
static void adapt(int64_t *amount, uint64_t took_us, int64_t min, int64_t max)
{
	if (took_us > 2 * CHUNK_US)
		*amount /= 2;
	else if (took_us < CHUNK_US / 2)
		*amount *= 2;
	*amount = *amount < min ? min : *amount;
	*amount = *amount > max ? max : *amount;
}

/* Chunks until the time is over, nothing is left, or as many pages are free as are to go. */
static int drop_rows(struct sink_retain *r, const struct sink_plan *plan,
		     const struct sink_task *task, uint64_t *ret_rows)
{
	const struct db_retain_room *room = &plan->room;
	int64_t enough = task->bytes / room->page_bytes, pages_free = room->pages_free;
	int64_t most = r->stats.disk_low ? CHUNK_LOW : CHUNK_MAX;
	uint64_t begun = now_us(), rows = 0;
	int rc = SQLITE_OK;

	r->chunk = r->chunk < most ? r->chunk : most;
	do {
		uint64_t from = now_us();

		if (task->what == SINK_OLD)
			rc = sink_drop_old(&r->drop, task->level, task->ms, r->chunk, &rows);
		else
			rc = sink_drop_future(&r->drop, task->level, task->ms, r->chunk, &rows);
		adapt(&r->chunk, now_us() - from, CHUNK_MIN, most);
		*ret_rows += rc ? 0 : rows;
		if (!rc)
			rc = db_query_int(r->db, "PRAGMA freelist_count", &pages_free);
	} while (!rc && rows && !r->stats.disk_low && now_us() - begun < r->step_us[WORK_ROWS] &&
		 pages_free - room->pages_free <= enough);
	return rc;
}

static int vacuum(struct sink_retain *r, uint64_t *ret_pages)
{
	uint64_t begun = now_us();
	int64_t before, after = 0;
	int rc = db_query_int(r->db, "PRAGMA page_count", &before);

	if (rc)
		return rc;
	do {
		uint64_t from = now_us();
		char sql[64];

		snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%lld)",
			 (long long)r->vacuum_pages);
		rc = sqlite3_exec(r->db, sql, NULL, NULL, NULL);
		if (!rc)
			rc = db_query_int(r->db, "PRAGMA freelist_count", &after);
		adapt(&r->vacuum_pages, now_us() - from, PAGES_MIN, PAGES_MAX);
	} while (!rc && after && now_us() - begun < r->step_us[WORK_PAGES]);
	if (!rc)
		rc = db_query_int(r->db, "PRAGMA page_count", &after);
	*ret_pages = rc ? 0 : (uint64_t)(before - after);
	return rc;
}

/* The same transaction says that it was one, and by what time. */
static int note(struct sink_retain *r)
{
	static const char sql[] = "INSERT INTO meta (key, value) VALUES ('commit', 1) "
				  "ON CONFLICT (key) DO UPDATE SET value = value + 1";
	int rc = sqlite3_exec(r->db, sql, NULL, NULL, NULL);

	if (!rc && db_meta_set_int(r->db, "retain_clock_ms", r->clock.trusted_ms))
		rc = sqlite3_extended_errcode(r->db);
	return rc;
}

static int work(struct sink_retain *r, const struct sink_plan *plan, const struct sink_task *task,
		uint64_t *ret_rows)
{
	uint64_t pages = 0;
	int rc;

	switch (task->what) {
	case SINK_OLD:
	case SINK_FUTURE:
		rc = drop_rows(r, plan, task, ret_rows);
		break;
	case SINK_VACUUM:
		rc = vacuum(r, &pages);
		break;
	default:
		rc = sink_drop_interfaces(&r->drop, plan->now_ms);
	}
	if (!rc)
		rc = note(r);
	if (!rc)
		rc = sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
	if (rc)
		return rc;
	r->stats.rows[task->level] += *ret_rows;
	r->stats.pages += pages;
	r->stepped = true;
	r->shrunk |= pages > 0;
	(void)db_meta_get_int(r->db, db_retain_since[task->level], &r->stats.since_ms[task->level]);
	if (task->what == SINK_HOURLY)
		r->hourly_ns = r->mono_ns() + HOUR_NS;
	return SQLITE_OK;
}

int sink_retain_strict(struct sink_retain *r)
{
	char sql[64];
	int rc;

	if (!r->lax)
		return SQLITE_OK;
	snprintf(sql, sizeof(sql), "PRAGMA synchronous = %d", (int)r->sync);
	rc = sqlite3_exec(r->db, sql, NULL, NULL, NULL);
	r->lax = rc != SQLITE_OK;
	return rc;
}

/* Commits are not waited for until sink_retain_strict(). */
static int relax(struct sink_retain *r)
{
	int rc = sink_retain_strict(r); /* where the last step's failed */

	if (!rc)
		rc = db_query_int(r->db, "PRAGMA synchronous", &r->sync);
	if (!rc)
		rc = sqlite3_exec(r->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	r->lax = !rc;
	return rc;
}

/*
 * A commit is not waited for: the next one of a batch is, and takes this one with it. Nor is the log
 * copied to the file after it, which would take its time.
 */
static int transaction(struct sink_retain *r, const struct sink_plan *plan,
		       const struct sink_task *task, uint64_t *ret_rows)
{
	int rc = relax(r);

	if (rc)
		return rc;
	r->stepping = true;
	rc = sqlite3_exec(r->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (!rc)
		rc = work(r, plan, task, ret_rows);
	if (rc)
		describe(r, rc);
	if (rc && !sqlite3_get_autocommit(r->db))
		sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
	r->stepping = false;
	(void)sink_retain_strict(r); /* else before the next batch */
	return rc;
}

/* The limits in force, for flowctl. */
static int note_limits(struct sink_retain *r)
{
	int rc = sqlite3_exec(r->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (!rc && db_retain_note(r->db, &r->limits))
		rc = sqlite3_extended_errcode(r->db);
	if (!rc && r->no_sums && db_meta_set_int(r->db, "rollup_keys", 0))
		rc = sqlite3_extended_errcode(r->db);
	if (!rc)
		rc = sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
	if (rc && !sqlite3_get_autocommit(r->db))
		sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static int prepare(struct sink_retain *r)
{
	int rc;

	if (r->ready)
		return SQLITE_OK;
	rc = read_meta(r);
	if (!rc)
		rc = note_limits(r);
	if (!rc && r->stats.on)
		rc = sink_drop_prepare(&r->drop, r->db);
	r->ready = !rc;
	return rc;
}

/* What a step leaves to the next one. */
static enum sink_retain_more say_more(const struct sink_retain *r, const struct sink_plan *plan,
				      const struct sink_task *task)
{
	int64_t limit = r->limits.size_bytes;

	if (task->what == SINK_NOTHING || task->what == SINK_HOURLY)
		return SINK_RETAIN_DONE;
	if (task->what != SINK_OLD && task->what != SINK_FUTURE)
		return SINK_RETAIN_MORE;
	if (r->stats.disk_low || (limit && plan->over > limit / URGENT_PARTS))
		return SINK_RETAIN_URGENT;
	return SINK_RETAIN_MORE;
}

/* A disk that takes its time for the commits gets less at once. */
static void adapt_step(struct sink_retain *r, const struct sink_task *task)
{
	uint64_t *step_us = &r->step_us[task->what == SINK_VACUUM ? WORK_PAGES : WORK_ROWS];

	if (!*step_us) /* a test's: a chunk each */
		return;
	if (r->stats.last_us > STEP_WHOLE_US)
		*step_us = *step_us / 2 > STEP_LEAST_US ? *step_us / 2 : STEP_LEAST_US;
	else if (r->stats.last_us < STEP_WHOLE_US / 2)
		*step_us = *step_us * 5 / 4 < SINK_RETAIN_STEP_US ? *step_us * 5 / 4
								  : SINK_RETAIN_STEP_US;
}

/* As far as it came. */
static int try_step(struct sink_retain *r, struct sink_plan *plan, struct sink_task *task,
		    uint64_t *ret_rows)
{
	int rc = sink_task_plan(r, plan);

	if (!rc)
		rc = sink_task_find(r, plan, task);
	if (rc)
		describe(r, rc);
	if (rc || task->what == SINK_NOTHING)
		return rc;
	return task->what == SINK_CHECKPOINT ? checkpoint(r) : transaction(r, plan, task, ret_rows);
}

enum sink_retain_more sink_retain_step(struct sink_retain *r, uint64_t *ret_rows)
{
	uint64_t begun = now_us(), rows = 0, *longest;
	struct sink_plan plan = {0};
	struct sink_task task = {SINK_NOTHING, 0, 0, 0};
	int rc;

	*ret_rows = 0;
	r->stats.error[0] = '\0';
	rc = prepare(r);
	if (rc)
		describe(r, rc);
	else if (r->stats.on)
		rc = try_step(r, &plan, &task, &rows);
	r->rc = rc;
	if (rc) {
		r->stats.failed++;
		return SINK_RETAIN_DONE;
	}
	if (task.what == SINK_NOTHING)
		return SINK_RETAIN_DONE;
	r->stats.steps++;
	r->stats.last_us = now_us() - begun;
	longest = task.what == SINK_CHECKPOINT ? &r->stats.checkpoint_us : &r->stats.max_us;
	if (r->stats.last_us > *longest)
		*longest = r->stats.last_us;
	if (task.what == SINK_OLD || task.what == SINK_FUTURE || task.what == SINK_VACUUM)
		adapt_step(r, &task);
	*ret_rows = rows;
	return say_more(r, &plan, &task);
}
