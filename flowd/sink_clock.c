/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_clock.c: see sink_clock.h. */
#include "flowd/sink_clock.h"

#include <sqlite3.h>

#include "schema/db.h"
#include "schema/db_back.h"
#include "schema/db_sqlite.h"

static int note(struct sqlite3 *db, int64_t from_ms, int64_t to_ms)
{
	struct db_back back;

	if (db_back_read(db, &back))
		return sqlite3_extended_errcode(db);
	if (!db_back_add(&back, from_ms, to_ms))
		return SQLITE_OK;
	return db_back_write(db, &back) ? sqlite3_extended_errcode(db) : SQLITE_OK;
}

int sink_clock_turn(struct sink_clock *clock, struct sqlite3 *db, int64_t minute_ms)
{
	int rc = SQLITE_OK;

	if (!clock->known)
		rc = db_query_int(db, "SELECT coalesce(max(minute_ms), 0) FROM ledger",
				  &clock->last_ms);
	if (!rc && minute_ms < clock->last_ms)
		rc = note(db, minute_ms, clock->last_ms);
	if (rc)
		return rc;
	clock->known = true;
	clock->last_ms = minute_ms;
	return SQLITE_OK;
}

void sink_clock_forget(struct sink_clock *clock)
{
	clock->known = false;
}
