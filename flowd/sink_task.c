/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_task.c: see sink_task.h. */
#include "flowd/sink_task.h"

#include <sqlite3.h>

#include "schema/db.h"

#define HOUR_MS 3600000
#define DAY_MS 86400000
#define STEPS_FRAMES 1024     /* that steps may leave in the log */
#define LOW_FRAMES 128	      /* likewise, where the disk has no room for it */
#define VACUUM_FROM (8 << 20) /* bytes that are free, at least */
#define VACUUM_PARTS 16

/* From when on rows of the level stay whatever the size is. */
static int64_t floor_of(const struct sink_plan *plan, enum db_retain_level level)
{
	switch (level) {
	case DB_RETAIN_RECORDS:
		return plan->rolled_ms;
	case DB_RETAIN_MINUTES:
		return db_retain_floor(level, plan->now_ms - HOUR_MS);
	default:
		return db_retain_floor(level, plan->now_ms - DAY_MS);
	}
}

/* From when on rows of the level stay by their age. */
static int64_t cutoff_of(const struct sink_retain *r, const struct sink_plan *plan,
			 enum db_retain_level level)
{
	int64_t cutoff = db_retain_cutoff(&r->limits, level, DB_RETAIN_WHOLE, plan->now_ms);

	if (level == DB_RETAIN_RECORDS && cutoff > plan->rolled_ms)
		return plan->rolled_ms;
	return cutoff;
}

/* How much is too much, by the limit of the size and by what is left on the disk. */
static void weigh(struct sink_retain *r, struct sink_plan *plan)
{
	const struct db_retain_room *room = &plan->room;
	int64_t pages_free = room->pages_free * room->page_bytes, missing;
	struct sink_retain_stats *stats = &r->stats;

	stats->used_bytes = db_retain_used(room, &r->limits);
	if (r->limits.size_bytes)
		plan->over = stats->used_bytes - r->limits.size_bytes;
	stats->low_bytes = 0;
	if (r->limits.free_bytes &&
	    r->disk(sqlite3_db_filename(r->db, "main"), r->limits.free_bytes, &stats->free_bytes,
		    &stats->low_bytes))
		stats->low_bytes = 0;
	stats->disk_low = stats->low_bytes && stats->free_bytes < stats->low_bytes;
	missing = stats->disk_low ? stats->low_bytes - stats->free_bytes - pages_free : 0;
	if (missing > plan->over)
		plan->over = missing;
	if (plan->over < 0)
		plan->over = 0;
	stats->over_bytes = plan->over;
}

int sink_task_plan(struct sink_retain *r, struct sink_plan *plan)
{
	int64_t now_ms = r->now_ms();
	int rc = db_retain_room(r->db, &plan->room);

	plan->now_ms = retain_clock_turn(&r->clock, now_ms, r->mono_ns());
	r->stats.clock = r->clock.side;
	for (int level = 0; !rc && level < DB_RETAIN_LEVELS; level++)
		rc = sink_drop_oldest(&r->drop, level, &plan->oldest_ms[level]);
	if (!rc && db_retain_rolled(r->db, &plan->rolled_ms))
		rc = SQLITE_ERROR;
	if (!rc)
		weigh(r, plan);
	return rc;
}

static bool find_age(const struct sink_retain *r, const struct sink_plan *plan,
		     struct sink_task *task)
{
	for (int level = 0; level < DB_RETAIN_LEVELS; level++) {
		int64_t cutoff = cutoff_of(r, plan, level);

		if (plan->oldest_ms[level] >= cutoff)
			continue;
		*task = (struct sink_task){SINK_OLD, level, cutoff, INT64_MAX};
		return true;
	}
	return false;
}

/* Rows of a time that comes in a day or more would be the last to go. */
static int find_future(struct sink_retain *r, const struct sink_plan *plan, struct sink_task *task)
{
	for (int level = 0; level < DB_RETAIN_LEVELS && !r->clock.side; level++) {
		int64_t newest_ms;
		int rc = sink_drop_newest(&r->drop, level, &newest_ms);

		if (rc)
			return rc;
		if (newest_ms < plan->now_ms + DAY_MS)
			continue;
		*task = (struct sink_task){SINK_FUTURE, level, plan->now_ms + DAY_MS, plan->over};
		return SQLITE_OK;
	}
	return SQLITE_OK;
}

/* Sums before records, as far as that goes. */
static bool find_sums(const struct sink_plan *plan, struct sink_task *task)
{
	for (int i = 0; i < DB_RETAIN_SUMS; i++) {
		enum db_retain_level level = db_retain_sums[i].level;
		int64_t until_ms = plan->now_ms - db_retain_sums[i].least_ms;

		until_ms = db_retain_floor(level, until_ms);
		if (plan->oldest_ms[level] >= until_ms)
			continue;
		*task = (struct sink_task){SINK_OLD, level, until_ms, plan->over};
		return true;
	}
	return false;
}

/* What has been kept for the largest share of its time, and may go. */
static void find_largest(struct sink_retain *r, const struct sink_plan *plan,
			 struct sink_task *task)
{
	int64_t largest = -1;

	for (int level = 0; level < DB_RETAIN_LEVELS; level++) {
		int64_t oldest_ms = plan->oldest_ms[level];
		int64_t share = db_retain_share(&r->limits, level, oldest_ms, plan->now_ms);

		if (oldest_ms >= floor_of(plan, level) || share <= largest)
			continue;
		largest = share;
		*task = (struct sink_task){SINK_OLD, level, floor_of(plan, level), plan->over};
	}
	r->stats.stuck = largest < 0;
}

static bool vacuum_due(struct sink_retain *r, const struct sink_plan *plan)
{
	const struct db_retain_room *room = &plan->room;
	int64_t file = room->pages * room->page_bytes, empty = room->pages_free * room->page_bytes;
	bool over =
		r->limits.size_bytes && empty && r->stats.used_bytes + empty > r->limits.size_bytes;
	int64_t parts = r->vacuuming ? 2 * VACUUM_PARTS : VACUUM_PARTS;

	if (!room->shrinks || r->stats.disk_low)
		r->vacuuming = false;
	else
		r->vacuuming = over || (empty > VACUUM_FROM / (r->vacuuming ? 2 : 1) &&
					empty > file / parts);
	return r->vacuuming;
}

int sink_task_find(struct sink_retain *r, const struct sink_plan *plan, struct sink_task *task)
{
	int rc = SQLITE_OK;

	*task = (struct sink_task){SINK_NOTHING, 0, 0, 0};
	r->stats.stuck = false;
	if (r->frames > (r->stats.disk_low ? LOW_FRAMES : STEPS_FRAMES) && r->stepped &&
	    sink_log_due(&r->log, r->mono_ns())) {
		task->what = SINK_CHECKPOINT;
		return SQLITE_OK;
	}
	if (find_age(r, plan, task))
		return SQLITE_OK;
	if (plan->over)
		rc = find_future(r, plan, task);
	if (!rc && plan->over && task->what == SINK_NOTHING && !find_sums(plan, task))
		find_largest(r, plan, task);
	if (rc || task->what != SINK_NOTHING)
		return rc;
	if (vacuum_due(r, plan))
		task->what = SINK_VACUUM;
	else if (r->shrunk &&
		 sink_log_due(&r->log,
			      r->mono_ns())) /* the file itself is as small as the log says it is */
		task->what = SINK_CHECKPOINT;
	else if (r->mono_ns() >= r->hourly_ns)
		task->what = SINK_HOURLY;
	return SQLITE_OK;
}
