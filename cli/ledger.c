/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ledger.c: see ledger.h. Minutes are read in the order of time and added to the interval of their book. */
#include "cli/ledger.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query.h"
#include "schema/db_back.h"

#define MINUTE_MS 60000

#define STATE "held_packets, held_bytes, unaccounted_packets, unaccounted_bytes"
static const char rows_sql[] =
	"SELECT minute_ms, iface, dir, " STATE ", seen_packets, seen_bytes, recorded_packets, "
	"recorded_bytes, short_packets, short_bytes, deep_packets, deep_bytes, folded_packets, "
	"folded_bytes, catchall_packets, catchall_bytes, nic_packets, nic_bytes FROM ledger "
	"WHERE minute_ms >= ?1 AND minute_ms < ?2 ORDER BY minute_ms, iface, dir";
static const char before_sql[] =
	"SELECT " STATE " FROM ledger WHERE minute_ms < ?1 AND iface = ?2 AND dir = ?3 "
	"ORDER BY minute_ms DESC LIMIT 1";
/* As the last row left it that is not kept any more. */
static const char past_sql[] =
	"SELECT " STATE " FROM ledger_past WHERE minute_ms < ?1 AND iface = ?2 "
	"AND dir = ?3";

enum { COLUMN_MINUTE, COLUMN_IFACE, COLUMN_DIR, COLUMN_STATE };
enum { COLUMN_SEEN = COLUMN_STATE + 4, COLUMN_RECORDED = COLUMN_SEEN + 2 };
enum { COLUMN_SHORT = COLUMN_RECORDED + 2, COLUMN_NIC = COLUMN_SHORT + 2 * (VERDICT_MAX - 1) };

/* How a book stands: what is held, and what does not balance, since it was begun. */
struct state {
	struct flow_count held;
	struct ledger_gap unaccounted;
};

/* Of one interface and direction, as far as it was read. */
struct book {
	uint32_t iface, dir;
	struct state state;
	int64_t minute_ms; /* of the last one */
	size_t row;	   /* of the interval at hand, + 1; 0: none yet */
};

struct reader {
	struct query *query;
	struct ledger *ledger;
	int64_t per_ms;
	struct sqlite3_stmt *before;
	struct sqlite3_stmt *past; /* NULL: an older database, which keeps all */
	struct db_back back;
	struct book *book;
	size_t books, room;
	size_t rows_room;
};

static struct flow_count count_at(struct sqlite3_stmt *stmt, int i)
{
	return (struct flow_count){(uint64_t)sqlite3_column_int64(stmt, i),
				   (uint64_t)sqlite3_column_int64(stmt, i + 1)};
}

static struct state state_at(struct sqlite3_stmt *stmt, int i)
{
	return (struct state){
		.held = count_at(stmt, i),
		.unaccounted = {sqlite3_column_int64(stmt, i + 2),
				sqlite3_column_int64(stmt, i + 3)},
	};
}

static void add(struct flow_count *to, struct flow_count count)
{
	to->packets += count.packets;
	to->bytes += count.bytes;
}

static int fail(struct query *query)
{
	snprintf(query->error, sizeof(query->error), "%s: ledger: %s", query->options.db,
		 sqlite3_errmsg(query->db));
	return -EIO;
}

static bool is_wanted(const struct query *query, uint32_t id, uint32_t dir)
{
	const struct query_iface *iface = query_iface(query, id);

	if (query->options.dir >= 0 && (int)dir != query->options.dir)
		return false;
	return iface ? iface->selected : !query->options.iface_count;
}

static int read_state(struct reader *r, struct sqlite3_stmt *stmt, int64_t minute_ms,
		      struct book *book)
{
	int rc;

	sqlite3_bind_int64(stmt, 1, minute_ms);
	sqlite3_bind_int64(stmt, 2, book->iface);
	sqlite3_bind_int64(stmt, 3, book->dir);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		book->state = state_at(stmt, 0);
	sqlite3_reset(stmt);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : fail(r->query);
}

/* How the book stood before the window: nothing was held before its first minute. */
static int read_before(struct reader *r, int64_t minute_ms, struct book *book)
{
	int found = read_state(r, r->before, minute_ms, book);

	if (!found && r->past)
		found = read_state(r, r->past, minute_ms, book);
	return found < 0 ? found : 0;
}

static int find_book(struct reader *r, int64_t minute_ms, uint32_t iface, uint32_t dir,
		     struct book **ret_book)
{
	struct book *book;

	for (size_t i = 0; i < r->books; i++) {
		if (r->book[i].iface == iface && r->book[i].dir == dir) {
			*ret_book = &r->book[i];
			return 0;
		}
	}
	if (r->books == r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		struct book *grown = reallocarray(r->book, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		r->book = grown;
		r->room = room;
	}
	book = &r->book[r->books++];
	*book = (struct book){.iface = iface, .dir = dir};
	*ret_book = book;
	return read_before(r, minute_ms, book);
}

static struct ledger_row *new_row(struct reader *r, int64_t start_ms, struct book *book)
{
	struct ledger *ledger = r->ledger;
	struct ledger_row *row;

	if (!ledger->row || ledger->rows == r->rows_room) {
		size_t room = r->rows_room ? 2 * r->rows_room : 256;
		struct ledger_row *grown = reallocarray(ledger->row, room, sizeof(*grown));

		if (!grown)
			return NULL;
		ledger->row = grown;
		r->rows_room = room;
	}
	row = &ledger->row[ledger->rows++];
	*row = (struct ledger_row){
		.start_ms = start_ms,
		.iface = book->iface,
		.dir = book->dir,
		.opening = book->state.held,
		.has_nic = true,
	};
	if (!book->row)
		add(&ledger->total.opening, row->opening);
	book->row = ledger->rows;
	return row;
}

/* The row of that minute, from which the book goes on to `now`. NULL: no memory. */
static struct ledger_row *turn(struct reader *r, int64_t minute_ms, struct book *book,
			       const struct state *now)
{
	int64_t start_ms = minute_ms / r->per_ms * r->per_ms;
	struct ledger_row *row = book->row ? &r->ledger->row[book->row - 1] : NULL;

	if (!row || row->start_ms != start_ms)
		row = new_row(r, start_ms, book);
	if (!row)
		return NULL;
	row->held = now->held;
	row->unaccounted.packets += now->unaccounted.packets - book->state.unaccounted.packets;
	row->unaccounted.bytes += now->unaccounted.bytes - book->state.unaccounted.bytes;
	book->state = *now;
	return row;
}

static int64_t gap_of(uint64_t opening, uint64_t seen, uint64_t recorded, uint64_t held,
		      int64_t unaccounted)
{
	return (int64_t)(opening + seen - recorded - held - (uint64_t)unaccounted);
}

/*
 * A minute that came again: its state is of the later time, and so is that of the one before. What its own packets
 * make of it is what it was before.
 */
static void step_back(const struct reader *r, struct ledger_row *row, const struct book *book,
		      struct sqlite3_stmt *stmt)
{
	int64_t minute_ms = sqlite3_column_int64(stmt, COLUMN_MINUTE);
	struct flow_count seen = count_at(stmt, COLUMN_SEEN),
			  recorded = count_at(stmt, COLUMN_RECORDED);
	struct state now = state_at(stmt, COLUMN_STATE);
	const struct state *before = &book->state;

	if (!db_back_has(&r->back, minute_ms) && !db_back_has(&r->back, book->minute_ms))
		return;
	row->is_back = r->ledger->is_back = true;
	row->back.packets -=
		gap_of(before->held.packets, seen.packets, recorded.packets, now.held.packets,
		       now.unaccounted.packets - before->unaccounted.packets);
	row->back.bytes -= gap_of(before->held.bytes, seen.bytes, recorded.bytes, now.held.bytes,
				  now.unaccounted.bytes - before->unaccounted.bytes);
}

static int add_minute(struct reader *r, struct sqlite3_stmt *stmt)
{
	int64_t minute_ms = sqlite3_column_int64(stmt, COLUMN_MINUTE);
	uint32_t iface = (uint32_t)sqlite3_column_int64(stmt, COLUMN_IFACE);
	uint32_t dir = (uint32_t)sqlite3_column_int64(stmt, COLUMN_DIR);
	struct state now = state_at(stmt, COLUMN_STATE);
	struct ledger_row *row;
	struct book *book, before;
	int err;

	if (!is_wanted(r->query, iface, dir))
		return 0;
	err = find_book(r, minute_ms, iface, dir, &book);
	if (err)
		return err;
	before = *book;
	row = turn(r, minute_ms, book, &now);
	if (!row)
		return -ENOMEM;
	step_back(r, row, &before, stmt);
	book->minute_ms = minute_ms;
	add(&row->seen, count_at(stmt, COLUMN_SEEN));
	add(&row->recorded, count_at(stmt, COLUMN_RECORDED));
	for (int v = 1; v < VERDICT_MAX; v++)
		add(&row->verdict[v], count_at(stmt, COLUMN_SHORT + 2 * (v - 1)));
	row->has_nic &= sqlite3_column_type(stmt, COLUMN_NIC) != SQLITE_NULL;
	add(&row->nic, count_at(stmt, COLUMN_NIC));
	return 0;
}

static int read_minutes(struct reader *r, struct sqlite3_stmt *stmt)
{
	const struct query_options *options = &r->query->options;
	int err = 0, rc = SQLITE_ROW;

	sqlite3_bind_int64(stmt, 1, options->since_ms / MINUTE_MS * MINUTE_MS);
	sqlite3_bind_int64(stmt, 2, options->until_ms);
	while (!err && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		err = add_minute(r, stmt);
	return err || rc == SQLITE_DONE ? err : fail(r->query);
}

/* What flowd counted since its last row: a last entry of each book, of which the NIC's is not known. */
static int add_live(struct reader *r)
{
	const struct live *live = &r->query->live;
	int64_t now_ms = (int64_t)live->head.now_ms;
	int err = 0;

	if (r->query->live_state != QUERY_LIVE_INCLUDED || now_ms >= r->query->options.until_ms)
		return 0;
	for (uint32_t i = 0; !err && i < live->head.books; i++) {
		const struct control_books *b = &live->books[i];
		struct state now = {b->held, {b->unaccounted_packets, b->unaccounted_bytes}};
		struct ledger_row *row;
		struct book *book;

		if (!is_wanted(r->query, b->iface, b->dir))
			continue;
		err = find_book(r, now_ms, b->iface, b->dir, &book);
		row = err ? NULL : turn(r, now_ms, book, &now);
		if (!row)
			return err ? err : -ENOMEM;
		add(&row->seen, b->seen);
		for (int v = 1; v < VERDICT_MAX; v++)
			add(&row->verdict[v], b->verdict[v]);
		row->has_nic &= !b->seen.packets;
	}
	return err;
}

static void close_row(struct ledger_row *row)
{
	row->gap.packets = gap_of(row->opening.packets, row->seen.packets, row->recorded.packets,
				  row->held.packets, row->unaccounted.packets) +
			   row->back.packets;
	row->gap.bytes = gap_of(row->opening.bytes, row->seen.bytes, row->recorded.bytes,
				row->held.bytes, row->unaccounted.bytes) +
			 row->back.bytes;
}

bool ledger_balances(const struct ledger_row *row)
{
	return !row->gap.packets && !row->gap.bytes && !row->unaccounted.packets &&
	       !row->unaccounted.bytes;
}

static void add_total(struct ledger_row *total, const struct ledger_row *row)
{
	add(&total->seen, row->seen);
	add(&total->recorded, row->recorded);
	for (int v = 1; v < VERDICT_MAX; v++)
		add(&total->verdict[v], row->verdict[v]);
	total->unaccounted.packets += row->unaccounted.packets;
	total->unaccounted.bytes += row->unaccounted.bytes;
	total->gap.packets += row->gap.packets;
	total->gap.bytes += row->gap.bytes;
}

static int compare_rows(const void *a, const void *b)
{
	const struct ledger_row *x = a, *y = b;

	if (x->start_ms != y->start_ms)
		return x->start_ms < y->start_ms ? -1 : 1;
	if (x->iface != y->iface)
		return x->iface < y->iface ? -1 : 1;
	return x->dir < y->dir ? -1 : x->dir > y->dir;
}

static void close_ledger(struct reader *r)
{
	struct ledger *ledger = r->ledger;

	for (size_t i = 0; i < ledger->rows; i++) {
		close_row(&ledger->row[i]);
		add_total(&ledger->total, &ledger->row[i]);
		ledger->off += !ledger_balances(&ledger->row[i]);
	}
	for (size_t i = 0; i < r->books; i++)
		add(&ledger->total.held, r->book[i].state.held);
	if (ledger->rows)
		qsort(ledger->row, ledger->rows, sizeof(*ledger->row), compare_rows);
}

int ledger_read(struct query *query, int64_t per_ms, struct ledger *ret_ledger)
{
	struct reader reader = {.query = query, .ledger = ret_ledger, .per_ms = per_ms};
	struct sqlite3_stmt *stmt = NULL;
	int err = 0;

	memset(ret_ledger, 0, sizeof(*ret_ledger));
	if (sqlite3_prepare_v2(query->db, rows_sql, -1, &stmt, NULL) ||
	    sqlite3_prepare_v2(query->db, before_sql, -1, &reader.before, NULL) ||
	    db_back_read(query->db, &reader.back))
		err = fail(query);
	if (!err && sqlite3_prepare_v2(query->db, past_sql, -1, &reader.past, NULL))
		reader.past = NULL;
	if (!err)
		err = read_minutes(&reader, stmt);
	if (!err)
		err = add_live(&reader);
	if (!err)
		close_ledger(&reader);
	sqlite3_finalize(stmt);
	sqlite3_finalize(reader.before);
	sqlite3_finalize(reader.past);
	free(reader.book);
	return err;
}

void ledger_free(struct ledger *ledger)
{
	free(ledger->row);
	memset(ledger, 0, sizeof(*ledger));
}
