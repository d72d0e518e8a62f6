/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_event.c: see db_event.h. */
#include "schema/db_event.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "schema/db_cell.h"
#include "schema/db_row.h"
#include "schema/event.h"

/* Of DB_EVENT_COLUMNS, and, up to the texts, of the INSERT. */
enum event_column {
	COL_ID,
	COL_DURATION,
	COL_IFACE,
	COL_KEY,
	COL_WHAT = COL_KEY + DB_KEY_COLUMNS,
	COL_PACKETS,
	COL_BYTES,
	COL_SKBS,
	COL_FOLDED,
	COL_REASON,
	COL_PLACE,
	COL_DEVICE,
};

#define NUMBERS "1048576" /* of a millisecond: 1 << DB_ID_SHIFT */

const char db_event_insert[] =
	"INSERT INTO event (id, duration_ms, iface, " DB_KEY
	", what, packets, bytes, skbs, folded, "
	"reason, place, device) VALUES (coalesce((SELECT max(id) + 1 FROM event WHERE id >= ?1 AND "
	"id < ?1 + " NUMBERS "), ?1), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static struct db_cell word_cell(int64_t id)
{
	return db_cell_optional(id, id);
}

int db_event_bind(struct sqlite3_stmt *stmt, const struct event_record *event,
		  const struct db_event_words *words, int64_t later_ms)
{
	int64_t end_ms = event->end_ms + later_ms;
	int rc = db_cell_bind(stmt, COL_ID, db_cell_int(end_ms * (1LL << DB_ID_SHIFT)));

	rc |= db_cell_bind(stmt, COL_DURATION, db_cell_int(end_ms - event->start_ms));
	rc |= db_cell_bind(stmt, COL_IFACE, db_cell_optional(event->iface, event->iface));
	for (int i = 0; i < DB_KEY_COLUMNS; i++)
		rc |= db_cell_bind(stmt, COL_KEY + i, db_cell_key(&event->key, i));
	rc |= db_cell_bind(stmt, COL_WHAT, db_cell_int(event->what));
	rc |= db_cell_bind(stmt, COL_PACKETS, db_cell_int((int64_t)event->packets));
	rc |= db_cell_bind(stmt, COL_BYTES, db_cell_int((int64_t)event->bytes));
	rc |= db_cell_bind(stmt, COL_SKBS, db_cell_int((int64_t)event->skbs));
	rc |= db_cell_bind(stmt, COL_FOLDED, db_cell_int(event->folded));
	rc |= db_cell_bind(stmt, COL_REASON, word_cell(words->reason));
	rc |= db_cell_bind(stmt, COL_PLACE, word_cell(words->place));
	rc |= db_cell_bind(stmt, COL_DEVICE, word_cell(words->device));
	return rc ? -ENOMEM : 0;
}

int db_event_read(struct sqlite3_stmt *stmt, struct event_record *ret_event)
{
	struct db_row row = {.stmt = stmt};
	struct event_record event;

	memset(&event, 0, sizeof(event));
	event.end_ms = sqlite3_column_int64(stmt, COL_ID) >> DB_ID_SHIFT;
	event.start_ms = event.end_ms - (int64_t)db_row_uint(&row, COL_DURATION, UINT64_MAX);
	event.iface = (uint32_t)db_row_optional(&row, COL_IFACE, UINT32_MAX, 0);
	db_row_key(&row, COL_KEY, &event.key);
	event.what = (uint8_t)db_row_uint(&row, COL_WHAT, EVENT_MAX - 1);
	event.packets = db_row_uint(&row, COL_PACKETS, UINT64_MAX);
	event.bytes = db_row_uint(&row, COL_BYTES, UINT64_MAX);
	event.skbs = db_row_uint(&row, COL_SKBS, UINT64_MAX);
	event.folded = (uint8_t)db_row_uint(&row, COL_FOLDED, 1);
	db_row_text(&row, COL_REASON, event.reason, sizeof(event.reason));
	db_row_text(&row, COL_PLACE, event.place, sizeof(event.place));
	db_row_text(&row, COL_DEVICE, event.device, sizeof(event.device));
	if (!row.err)
		*ret_event = event;
	return row.err;
}

/* A sum beyond 2^63 is the greatest integer, not a number with a point. */
const char db_counter_insert[] =
	"INSERT INTO counter (minute_ms, iface, value, source, name) VALUES (?1, ?2, ?3, ?4, ?5) "
	"ON CONFLICT (minute_ms, iface, source, name) DO UPDATE SET "
	"value = CAST(value + ?3 AS INTEGER)";

int db_counter_bind(struct sqlite3_stmt *stmt, const struct counter_record *counter, int64_t source,
		    int64_t name)
{
	int rc = sqlite3_bind_int64(stmt, 1, counter->minute_ms);

	rc |= sqlite3_bind_int64(stmt, 2, counter->iface);
	rc |= sqlite3_bind_int64(stmt, 3, (int64_t)counter->value);
	rc |= sqlite3_bind_int64(stmt, 4, source);
	rc |= sqlite3_bind_int64(stmt, 5, name);
	return rc ? -ENOMEM : 0;
}

int db_counter_read(struct sqlite3_stmt *stmt, struct counter_record *ret_counter)
{
	struct db_row row = {.stmt = stmt};
	struct counter_record counter;

	memset(&counter, 0, sizeof(counter));
	counter.minute_ms = sqlite3_column_int64(stmt, 0);
	counter.iface = (uint32_t)db_row_uint(&row, 1, UINT32_MAX);
	counter.value = db_row_uint(&row, 2, UINT64_MAX);
	db_row_text(&row, 3, counter.source, sizeof(counter.source));
	db_row_text(&row, 4, counter.name, sizeof(counter.name));
	if (!row.err)
		*ret_counter = counter;
	return row.err;
}
