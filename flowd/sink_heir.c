/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_heir.c: see sink_heir.h. */
#include "flowd/sink_heir.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/sink_iface.h"
#include "schema/db.h"
#include "schema/db_sqlite.h"

#define IFACE_COLUMNS \
	"id, name, ifindex, netns, ifnum, generation, ingress, egress, first_ms, last_ms"
#define OF_GENERATION "(SELECT value FROM meta WHERE key = 'generation')"
#define SUM_COLUMNS                                                                                \
	"seen_packets, seen_bytes, recorded_packets, recorded_bytes, short_packets, short_bytes, " \
	"deep_packets, deep_bytes, folded_packets, folded_bytes, catchall_packets, catchall_bytes"
#define MORE_COLUMNS "nic_more_packets, nic_more_bytes"
#define STATE_COLUMNS "minute_ms, held_packets, held_bytes, unaccounted_packets, unaccounted_bytes"

static const char *const meta_keys[SINK_HEIR_META] = {"generation",	  "instance", "socket",
						      "event_generation", "counters", "moved"};

static const char ifaces_sql[] =
	"SELECT " IFACE_COLUMNS " FROM interface WHERE ifnum >= 0 AND generation = " OF_GENERATION;
static const char books_sql[] =
	"SELECT iface, dir, seen_packets, seen_bytes, recorded_packets, recorded_bytes, nic_packets, "
	"nic_bytes, nic_seen_packets, nic_seen_bytes FROM books_sum WHERE iface IN "
	"(SELECT id FROM interface WHERE ifnum >= 0 AND generation = " OF_GENERATION ")";
/* The last state first. */
static const char ledger_sql[] =
	"SELECT " STATE_COLUMNS ", " SUM_COLUMNS ", coalesce(nic_packets - seen_packets, 0), "
	"coalesce(nic_bytes - seen_bytes, 0) FROM ledger WHERE iface = ?1 AND dir = ?2 UNION ALL "
	"SELECT " STATE_COLUMNS ", " SUM_COLUMNS ", " MORE_COLUMNS " FROM ledger_past "
	"WHERE iface = ?1 AND dir = ?2 ORDER BY minute_ms DESC";

#define STATE_COUNT 5
#define SUM_VERDICTS 4
#define SUM_MORE (SINK_HEIR_SUMS - 2)

_Static_assert(SUM_MORE == SUM_VERDICTS + 2 * (VERDICT_MAX - 1), "packets and bytes of each");

static int grow(void **array, size_t *room, size_t needed, size_t size)
{
	size_t more = *room ? 2 * *room : 8;
	void *larger;

	if (needed <= *room)
		return 0;
	larger = reallocarray(*array, more, size);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	*room = more;
	return 0;
}

static struct flow_count count_at(sqlite3_stmt *stmt, int i)
{
	return (struct flow_count){(uint64_t)sqlite3_column_int64(stmt, i),
				   (uint64_t)sqlite3_column_int64(stmt, i + 1)};
}

static int load_iface(struct sink_heir *h, sqlite3_stmt *stmt)
{
	void *array = h->iface;
	int err = grow(&array, &h->ifaces_room, h->ifaces + 1, sizeof(*h->iface));

	h->iface = array;
	if (err)
		return err;
	for (int i = 0; i < SINK_HEIR_COLUMNS; i++)
		h->iface[h->ifaces][i] = sqlite3_value_dup(sqlite3_column_value(stmt, i));
	h->ifaces++;
	return 0;
}

static int add_book(struct sink_heir *h, uint32_t iface, uint32_t dir,
		    struct sink_heir_book **ret_book)
{
	void *array = h->book;
	int err = grow(&array, &h->books_room, h->books + 1, sizeof(*h->book));

	h->book = array;
	if (err)
		return err;
	h->book[h->books] = (struct sink_heir_book){.iface = iface, .dir = dir};
	*ret_book = &h->book[h->books++];
	return 0;
}

static int load_book(struct sink_heir *h, sqlite3_stmt *stmt)
{
	struct sink_heir_book *book;
	int err = add_book(h, (uint32_t)sqlite3_column_int64(stmt, 0),
			   (uint32_t)sqlite3_column_int64(stmt, 1), &book);

	if (err)
		return err;
	book->seen = count_at(stmt, 2);
	book->recorded = count_at(stmt, 4);
	book->has_nic = sqlite3_column_type(stmt, 6) != SQLITE_NULL;
	book->nic_now = count_at(stmt, 6);
	book->nic_seen = count_at(stmt, 8);
	return 0;
}

/* What the ledger says of one book. */
static int load_ledger(struct sqlite3 *db, struct sink_heir_book *book)
{
	bool last = true;
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, ledger_sql, -1, &stmt, NULL);

	if (!rc)
		rc = sqlite3_bind_int64(stmt, 1, book->iface);
	if (!rc)
		rc = sqlite3_bind_int64(stmt, 2, book->dir);
	while (!rc && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (last) {
			book->minute_ms = sqlite3_column_int64(stmt, 0);
			book->held = count_at(stmt, 1);
			book->unaccounted_packets = sqlite3_column_int64(stmt, 3);
			book->unaccounted_bytes = sqlite3_column_int64(stmt, 4);
		}
		last = false;
		for (int i = 0; i < SINK_HEIR_SUMS; i++)
			book->sum[i] += sqlite3_column_int64(stmt, STATE_COUNT + i);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : db_errno(db, rc);
}

static int each(struct sink_heir *h, struct sqlite3 *db, const char *sql,
		int (*load)(struct sink_heir *h, sqlite3_stmt *stmt))
{
	sqlite3_stmt *stmt;
	int err = 0, rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc)
		return db_errno(db, rc);
	while (!err && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		err = load(h, stmt);
	sqlite3_finalize(stmt);
	if (err)
		return err;
	return rc == SQLITE_DONE ? 0 : db_errno(db, rc);
}

static int load_meta(struct sink_heir *h, sqlite3_stmt *stmt)
{
	const char *key = (const char *)sqlite3_column_text(stmt, 0);

	for (int i = 0; key && i < SINK_HEIR_META; i++) {
		if (!strcmp(key, meta_keys[i]))
			h->meta[i] = sqlite3_value_dup(sqlite3_column_value(stmt, 1));
	}
	return 0;
}

int sink_heir_load(struct sink_heir *h, struct sqlite3 *db)
{
	int err;

	memset(h, 0, sizeof(*h));
	err = each(h, db, ifaces_sql, load_iface);
	err = err ? err : each(h, db, books_sql, load_book);
	err = err ? err : each(h, db, "SELECT key, value FROM meta", load_meta);
	for (size_t i = 0; !err && i < h->books; i++)
		err = load_ledger(db, &h->book[i]);
	h->known = !err;
	return err;
}

static void free_values(struct sqlite3_value **value)
{
	for (int column = 0; column < SINK_HEIR_COLUMNS; column++)
		sqlite3_value_free(value[column]);
}

void sink_heir_free(struct sink_heir *h)
{
	for (size_t i = 0; i < h->ifaces; i++)
		free_values(h->iface[i]);
	for (int i = 0; i < SINK_HEIR_META; i++)
		sqlite3_value_free(h->meta[i]);
	free(h->iface);
	free(h->later);
	free(h->book);
	free(h->counters);
	free(h->moved);
	memset(h, 0, sizeof(*h));
}

static void add(struct flow_count *to, struct flow_count count)
{
	to->packets += count.packets;
	to->bytes += count.bytes;
}

static void add_sum(struct sink_heir_book *book, int at, struct flow_count count)
{
	book->sum[at] += (int64_t)count.packets;
	book->sum[at + 1] += (int64_t)count.bytes;
}

static void add_row(struct sink_heir_book *book, const struct sink_books *row)
{
	book->minute_ms = row->minute_ms;
	book->held = row->held;
	book->unaccounted_packets = row->unaccounted_packets;
	book->unaccounted_bytes = row->unaccounted_bytes;
	add(&book->seen, row->seen);
	add(&book->recorded, row->recorded);
	add_sum(book, 0, row->seen);
	add_sum(book, 2, row->recorded);
	for (int v = 1; v < VERDICT_MAX; v++)
		add_sum(book, SUM_VERDICTS + 2 * (v - 1), row->verdict[v]);
	if (!row->has_nic)
		return;
	book->has_nic = true;
	book->nic_now = row->nic_now;
	book->nic_seen = row->nic_seen;
	book->sum[SUM_MORE] += (int64_t)(row->nic.packets - row->seen.packets);
	book->sum[SUM_MORE + 1] += (int64_t)(row->nic.bytes - row->seen.bytes);
}

/* NULL: it is as it was. */
static int keep_text(char **to, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	if (copy) {
		free(*to);
		*to = copy;
	}
	return 0;
}

/* Its books are done with: a new database has no word of it. */
static void drop_iface(struct sink_heir *h, size_t number)
{
	uint32_t id = h->later[number].id;
	size_t kept = 0;

	h->later[number] = h->later[--h->laters];
	for (size_t i = h->ifaces; i-- > 0;) {
		if (sqlite3_value_int64(h->iface[i][0]) != (sqlite3_int64)id)
			continue;
		free_values(h->iface[i]);
		memcpy(h->iface[i], h->iface[--h->ifaces], sizeof(h->iface[i]));
	}
	for (size_t i = 0; i < h->books; i++) {
		if (h->book[i].iface != id)
			h->book[kept++] = h->book[i];
	}
	h->books = kept;
}

static int add_iface(struct sink_heir *h, const struct sink_iface *row)
{
	void *array = h->later;
	size_t i = 0;
	int err;

	while (i < h->laters && h->later[i].id != row->id)
		i++;
	if (i == h->laters) {
		err = grow(&array, &h->laters_room, h->laters + 1, sizeof(*h->later));
		h->later = array;
		if (err)
			return err;
		h->laters++;
	}
	h->later[i] = *row;
	if (row->ifnum < 0)
		drop_iface(h, i);
	return 0;
}

int sink_heir_add(struct sink_heir *h, const struct sink_batch *batch)
{
	int err = 0;

	for (size_t i = 0; !err && i < batch->ifaces; i++)
		err = add_iface(h, &batch->iface[i]);
	for (size_t i = 0; !err && i < batch->books; i++) {
		const struct sink_books *row = &batch->book[i];
		struct sink_heir_book *book = NULL;

		for (size_t b = 0; !book && b < h->books; b++) {
			if (h->book[b].iface == row->iface && h->book[b].dir == row->dir)
				book = &h->book[b];
		}
		if (!book)
			err = add_book(h, row->iface, row->dir, &book);
		if (!err)
			add_row(book, row);
	}
	if (batch->event_generation)
		h->event_generation = (int64_t)batch->event_generation;
	if (!err)
		err = keep_text(&h->counters, batch->counter_values);
	if (!err)
		err = keep_text(&h->moved, batch->moved_values);
	if (err)
		h->known = false;
	return err;
}

/* --- into a new one ------------------------------------------------------------------------------- */

static int run(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run_numbers(struct sqlite3 *db, const char *sql, const int64_t *number, int count)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc)
		return rc;
	for (int i = 0; i < count; i++)
		sqlite3_bind_int64(stmt, i + 1, number[i]);
	return run(stmt);
}

static int plant_iface(struct sqlite3 *db, struct sqlite3_value *const *value)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db,
				    "INSERT INTO interface (" IFACE_COLUMNS
				    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				    -1, &stmt, NULL);

	if (rc)
		return rc;
	for (int i = 0; i < SINK_HEIR_COLUMNS; i++)
		sqlite3_bind_value(stmt, i + 1, value[i]);
	return run(stmt);
}

static int plant_later(const struct sink_heir *h, struct sqlite3 *db)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sink_iface_sql, -1, &stmt, NULL);

	for (size_t i = 0; !rc && i < h->laters; i++)
		rc = sink_iface_write(stmt, &h->later[i]);
	sqlite3_finalize(stmt);
	return rc;
}

static int plant_book(struct sqlite3 *db, const struct sink_heir_book *b)
{
	static const char past[] = "INSERT INTO ledger_past (iface, dir, " STATE_COLUMNS
				   ", " SUM_COLUMNS ", " MORE_COLUMNS ") VALUES (?, ?, ?, ?, ?, "
				   "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	static const char books[] =
		"INSERT INTO books_sum (iface, dir, seen_packets, seen_bytes, recorded_packets, "
		"recorded_bytes, nic_packets, nic_bytes, nic_seen_packets, nic_seen_bytes) VALUES "
		"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	int64_t row[2 + STATE_COUNT + SINK_HEIR_SUMS] = {
		b->iface,
		b->dir,
		b->minute_ms,
		(int64_t)b->held.packets,
		(int64_t)b->held.bytes,
		b->unaccounted_packets,
		b->unaccounted_bytes,
	};
	const int64_t book[] = {
		b->iface,
		b->dir,
		(int64_t)b->seen.packets,
		(int64_t)b->seen.bytes,
		(int64_t)b->recorded.packets,
		(int64_t)b->recorded.bytes,
		(int64_t)b->nic_now.packets,
		(int64_t)b->nic_now.bytes,
		(int64_t)b->nic_seen.packets,
		(int64_t)b->nic_seen.bytes,
	};
	int rc;

	memcpy(&row[2 + STATE_COUNT], b->sum, sizeof(b->sum));
	/* its minute may go on in the new one: what is past is what was before */
	row[2] = b->minute_ms - 1;
	rc = run_numbers(db, past, row, 2 + STATE_COUNT + SINK_HEIR_SUMS);
	return rc ? rc : run_numbers(db, books, book, b->has_nic ? 10 : 6);
}

/* What was said since the file was read, or NULL. */
static const char *newer_text(const struct sink_heir *h, int i)
{
	if (!strcmp(meta_keys[i], "counters"))
		return h->counters;
	return strcmp(meta_keys[i], "moved") ? NULL : h->moved;
}

static int plant_meta(const struct sink_heir *h, struct sqlite3 *db, int i)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
				    -1, &stmt, NULL);

	if (rc)
		return rc;
	sqlite3_bind_text(stmt, 1, meta_keys[i], -1, SQLITE_STATIC);
	if (!strcmp(meta_keys[i], "event_generation") && h->event_generation)
		sqlite3_bind_int64(stmt, 2, h->event_generation);
	else if (newer_text(h, i))
		sqlite3_bind_text(stmt, 2, newer_text(h, i), -1, SQLITE_STATIC);
	else
		sqlite3_bind_value(stmt, 2, h->meta[i]);
	return run(stmt);
}

int sink_heir_plant(const struct sink_heir *h, struct sqlite3 *db, int64_t now_ms)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; !rc && i < h->ifaces; i++)
		rc = plant_iface(db, h->iface[i]);
	if (!rc)
		rc = plant_later(h, db);
	for (size_t i = 0; !rc && i < h->books; i++)
		rc = plant_book(db, &h->book[i]);
	for (int i = 0; !rc && i < SINK_HEIR_META; i++) {
		if (h->meta[i] || newer_text(h, i))
			rc = plant_meta(h, db, i);
	}
	return rc ? rc
		  : run_numbers(db, "INSERT INTO meta (key, value) VALUES ('flow_since_ms', ?)",
				&now_ms, 1);
}

int64_t sink_heir_generation(const struct sink_heir *h)
{
	return h->meta[0] ? sqlite3_value_int64(h->meta[0]) : 0;
}

/* --- none ----------------------------------------------------------------------------------------- */

#define LOSE(table)                                                                             \
	"UPDATE " table " SET unaccounted_packets = unaccounted_packets + held_packets, "       \
	"unaccounted_bytes = unaccounted_bytes + held_bytes, held_packets = 0, held_bytes = 0 " \
	"WHERE iface = ?1 AND dir = ?2 AND minute_ms = ?3"

static int lose(struct sqlite3 *db, const struct sink_heir_book *book)
{
	const int64_t numbers[] = {book->iface, book->dir, book->minute_ms};
	int rc = run_numbers(db, LOSE("ledger"), numbers, 3);

	/* where no minute of it is kept any more */
	return rc || sqlite3_changes(db) ? rc : run_numbers(db, LOSE("ledger_past"), numbers, 3);
}

int sink_heir_none(struct sqlite3 *db, struct flow_count *ret_lost)
{
	struct sink_heir h;
	int rc;

	*ret_lost = (struct flow_count){0};
	if (sink_heir_load(&h, db)) {
		sink_heir_free(&h);
		return sqlite3_errcode(db) ? sqlite3_errcode(db) : SQLITE_NOMEM;
	}
	rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (size_t i = 0; !rc && i < h.books; i++) {
		add(ret_lost, h.book[i].held);
		if (h.book[i].held.packets)
			rc = lose(db, &h.book[i]);
	}
	if (!rc)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (rc && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sink_heir_free(&h);
	return rc;
}
