/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_look.c: see sink_look.h. */
#include "flowd/sink_look.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "flowd/clock.h"
#include "schema/db.h"
#include "schema/db_sqlite.h"

#define LOOK_NS 200000000 /* between two looks, which take less than a thousandth of a second */

#define CUT "%s: corrupt: it or its log was cut while open"

static const char commit_sql[] = "SELECT value FROM meta WHERE key = 'commit'";

/* Is it still what it was? Where that was not known, it is now. A disk that does not say changes nothing. */
static bool is_same(ino_t *known, const char *name)
{
	struct stat st;
	bool there = name && !stat(name, &st);

	if (name && !there && errno != ENOENT)
		return true;
	if (there && !*known)
		*known = st.st_ino;
	return !*known || (there && st.st_ino == *known);
}

/* By a handle of its own, which has nothing in its cache. */
static int read_commit(const char *path, int64_t *ret_commit, char *error, size_t size)
{
	struct sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(path, &db,
				 SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
				 NULL);

	if (!rc)
		rc = db_query_int(db, commit_sql, ret_commit);
	if (rc && rc != SQLITE_EMPTY)
		db_describe(db, rc, db_shown(path), error, size);
	sqlite3_close_v2(db);
	return rc;
}

/* Of all that can go wrong, what says that the content is not what was written. */
static bool is_damage(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_ERROR: /* there is no such table */
	case SQLITE_EMPTY:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return true;
	default:
		return rc == SQLITE_IOERR_SHORT_READ;
	}
}

enum sink_look_state sink_look(struct sink_look *look, struct sqlite3 *db, char *error, size_t size)
{
	const char *path = sqlite3_db_filename(db, "main"), *log = sqlite3_filename_wal(path);
	uint64_t now_ns = clock_mono().ns;
	int64_t commit, found = 0;
	char index[4096];
	int rc;

	if (!db_extent_holds(db, &look->extent)) {
		snprintf(error, size, CUT, db_shown(path));
		return SINK_LOOK_BROKEN;
	}
	if (now_ns < look->next_ns)
		return SINK_LOOK_SAME;
	look->next_ns = now_ns + LOOK_NS;
	if (db_query_int(db, commit_sql,
			 &commit)) /* none yet; or its own word on what is wrong comes */
		return SINK_LOOK_SAME;
	snprintf(index, sizeof(index), "%s-shm", path);
	if (!is_same(&look->beside[0], log) || !is_same(&look->beside[1], index)) {
		snprintf(error, size, "%s: its log was removed or renamed while open",
			 db_shown(path));
		return SINK_LOOK_LOG;
	}
	rc = read_commit(path, &found, error, size);
	if (rc ? !is_damage(rc) : found == commit)
		return SINK_LOOK_SAME;
	if (!rc || rc == SQLITE_EMPTY || rc == SQLITE_ERROR)
		snprintf(
			error, size,
			"%s: corrupt: commit %lld is not there, but %lld: it was written over or cut",
			db_shown(path), (long long)commit, (long long)found);
	else if (rc == SQLITE_IOERR_SHORT_READ)
		snprintf(error, size, CUT, db_shown(path));
	return SINK_LOOK_BROKEN;
}
