/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_retain.c: see db_retain.h. */
#include "schema/db_retain.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "schema/db_sqlite.h"

#define MINUTE_MS 60000
#define HOUR_MS 3600000
#define DAY_MS 86400000LL
#define BUCKET_SHIFT 28
#define TAIL_SHIFT 4
#define WAL_SHARE \
	4 /* of the size: the most that the log counts for, which a reader can make long */
#define DISK_PARTS 20 /* of which one is the most that must be free */

const struct db_retain_table db_retain_tables[] = {
	{"flow", "id", DB_RETAIN_RECORDS, DB_RETAIN_END, false, true},
	{"flow_tcp", "flow", DB_RETAIN_RECORDS, DB_RETAIN_END, true, true},
	{"flow_rtt", "flow", DB_RETAIN_RECORDS, DB_RETAIN_END, true, true},
	{"flow_tunnel", "flow", DB_RETAIN_RECORDS, DB_RETAIN_END, true, true},
	{"flow_socket", "flow", DB_RETAIN_RECORDS, DB_RETAIN_END, true, true},
	{"event", "id", DB_RETAIN_RECORDS, DB_RETAIN_END, false, true},
	{"talker_minute", "id", DB_RETAIN_MINUTES, DB_RETAIN_BUCKET, false, true},
	{"talker_minute_tail", "id", DB_RETAIN_MINUTES, DB_RETAIN_TAIL, false, true},
	{"talker_hour", "id", DB_RETAIN_HOURS, DB_RETAIN_BUCKET, false, true},
	{"talker_hour_tail", "id", DB_RETAIN_HOURS, DB_RETAIN_TAIL, false, true},
	{"ledger", "minute_ms", DB_RETAIN_HOURS, DB_RETAIN_MINUTE, false, false},
	{"counter", "minute_ms", DB_RETAIN_HOURS, DB_RETAIN_MINUTE, false, false},
	{.name = NULL},
};

const struct db_retain_sum db_retain_sums[DB_RETAIN_SUMS] = {
	{DB_RETAIN_MINUTES, DAY_MS},
	{DB_RETAIN_HOURS, 30 * DAY_MS},
};

const char *const db_retain_names[DB_RETAIN_LEVELS] = {"retain.flow", "retain.minute",
						       "retain.hour"};
const char *const db_retain_meta[DB_RETAIN_LEVELS] = {"retain_flow_ms", "retain_minute_ms",
						      "retain_hour_ms"};
const char *const db_retain_since[DB_RETAIN_LEVELS] = {"flow_since_ms", "minute_since_ms",
						       "hour_since_ms"};

/* Towards the past. */
static int64_t divide(int64_t ms, int64_t by)
{
	return ms / by - (ms % by < 0);
}

static int64_t shift(int64_t value, int bits)
{
	int64_t key;

	if (__builtin_mul_overflow(value, 1LL << bits, &key))
		return value < 0 ? INT64_MIN : INT64_MAX;
	return key;
}

int64_t db_retain_key(enum db_retain_unit unit, int64_t ms)
{
	switch (unit) {
	case DB_RETAIN_END:
		return shift(ms, DB_ID_SHIFT);
	case DB_RETAIN_BUCKET:
		return shift(divide(ms, MINUTE_MS), BUCKET_SHIFT);
	case DB_RETAIN_TAIL:
		return shift(divide(ms, MINUTE_MS), TAIL_SHIFT);
	case DB_RETAIN_MINUTE:
		break;
	}
	return ms;
}

int64_t db_retain_time(enum db_retain_unit unit, int64_t key)
{
	switch (unit) {
	case DB_RETAIN_END:
		return key >> DB_ID_SHIFT;
	case DB_RETAIN_BUCKET:
		return (key >> BUCKET_SHIFT) * MINUTE_MS;
	case DB_RETAIN_TAIL:
		return (key >> TAIL_SHIFT) > INT64_MAX / MINUTE_MS
			       ? INT64_MAX
			       : (key >> TAIL_SHIFT) * MINUTE_MS;
	case DB_RETAIN_MINUTE:
		break;
	}
	return key;
}

int64_t db_retain_floor(enum db_retain_level level, int64_t ms)
{
	int64_t unit = level == DB_RETAIN_HOURS ? HOUR_MS : MINUTE_MS;

	if (level == DB_RETAIN_RECORDS || ms < INT64_MIN + HOUR_MS)
		return ms;
	return divide(ms, unit) * unit;
}

/* For how long at that share; INT64_MAX: for ever. */
static int64_t span(const struct db_retain_limits *limits, enum db_retain_level level,
		    int64_t share)
{
	int64_t age = limits->age_ms[level];

	if (!age && share >= DB_RETAIN_WHOLE)
		return INT64_MAX;
	return (int64_t)((__int128)(age ? age : DB_RETAIN_EVER_MS) * share / DB_RETAIN_WHOLE);
}

int64_t db_retain_cutoff(const struct db_retain_limits *limits, enum db_retain_level level,
			 int64_t share, int64_t now_ms)
{
	int64_t kept = span(limits, level, share), cutoff;

	if (kept == INT64_MAX || __builtin_sub_overflow(now_ms, kept, &cutoff))
		return INT64_MIN;
	return db_retain_floor(level, cutoff);
}

int64_t db_retain_share(const struct db_retain_limits *limits, enum db_retain_level level,
			int64_t oldest_ms, int64_t now_ms)
{
	int64_t age = limits->age_ms[level] ? limits->age_ms[level] : DB_RETAIN_EVER_MS;
	__int128 share = ((__int128)now_ms - oldest_ms) * DB_RETAIN_WHOLE / age;

	if (share < 0)
		return 0;
	return share > INT64_MAX ? INT64_MAX : (int64_t)share;
}

int db_retain_note(struct sqlite3 *db, const struct db_retain_limits *limits)
{
	int err = db_meta_set_int(db, "retain_size", limits->size_bytes);

	err = err ? err : db_meta_set_int(db, "retain_free", limits->free_bytes);
	for (int level = 0; !err && level < DB_RETAIN_LEVELS; level++)
		err = db_meta_set_int(db, db_retain_meta[level], limits->age_ms[level]);
	return err;
}

/* An absent one leaves 0. */
static int get(struct sqlite3 *db, const char *key, int64_t *ret_value)
{
	*ret_value = 0;
	return db_meta_find_int(db, key, ret_value);
}

int db_retain_read(struct sqlite3 *db, struct db_retain_limits *ret_limits)
{
	int err = get(db, "retain_size", &ret_limits->size_bytes);

	err = err ? err : get(db, "retain_free", &ret_limits->free_bytes);
	for (int level = 0; !err && level < DB_RETAIN_LEVELS; level++)
		err = get(db, db_retain_meta[level], &ret_limits->age_ms[level]);
	return err;
}

int db_retain_rolled(struct sqlite3 *db, int64_t *ret_ms)
{
	int64_t hour = 0, keys = 1;
	int err = get(db, "rollup_minute_ms", ret_ms);

	err = err ? err : db_meta_find_int(db, "rollup_keys", &keys);
	if (!err && !keys) {
		*ret_ms = INT64_MAX;
		return 0;
	}
	err = err ? err : get(db, "rollup_hour_ms", &hour);
	if (!err && hour < *ret_ms)
		*ret_ms = hour;
	return err;
}

static int64_t wal_bytes(struct sqlite3 *db)
{
	const char *path = sqlite3_db_filename(db, "main");
	const char *wal = path ? sqlite3_filename_wal(path) : NULL;
	struct stat st;

	return wal && *wal && !stat(wal, &st) ? st.st_size : 0;
}

int db_retain_room(struct sqlite3 *db, struct db_retain_room *ret_room)
{
	struct db_retain_room room = {.wal_bytes = wal_bytes(db)};
	int64_t vacuum = 0;
	int rc = db_query_int(db, "PRAGMA page_size", &room.page_bytes);

	if (!rc)
		rc = db_query_int(db, "PRAGMA page_count", &room.pages);
	if (!rc)
		rc = db_query_int(db, "PRAGMA freelist_count", &room.pages_free);
	if (!rc)
		rc = db_query_int(db, "PRAGMA auto_vacuum", &vacuum);
	room.shrinks = vacuum == 2;
	if (!rc)
		*ret_room = room;
	return rc;
}

int64_t db_retain_used(const struct db_retain_room *room, const struct db_retain_limits *limits)
{
	int64_t data = (room->pages - room->pages_free) * room->page_bytes, wal = room->wal_bytes;

	if (limits->size_bytes && wal > limits->size_bytes / WAL_SHARE)
		wal = limits->size_bytes / WAL_SHARE;
	return data + wal;
}

int db_retain_disk(const char *path, int64_t limit, int64_t *ret_free, int64_t *ret_low)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct statvfs fs;
	int64_t part;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	if (statvfs(dir, &fs))
		return -errno;
	part = (int64_t)(fs.f_blocks / DISK_PARTS * fs.f_frsize);
	*ret_free = (int64_t)(fs.f_bavail * fs.f_frsize);
	*ret_low = limit < part ? limit : part;
	return 0;
}
