/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* coverage.c: sum the ledger, and put it into a line. */
#include "cli/coverage.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>
#include <time.h>

#include "cli/filter.h"
#include "cli/output.h"
#include "cli/query.h"
#include "cli/text_clean.h"
#include "cli/timearg.h"
#include "schema/db.h"

#define MINUTE_MS 60000
#define NAMED_IFACES 4

/* held and unaccounted are states: SQLite takes bare columns from the row that has the maximum. */
static const char sums_sql[] =
	"SELECT iface, dir, max(minute_ms), sum(seen_packets), sum(seen_bytes), "
	"sum(recorded_packets), sum(short_packets), sum(deep_packets), sum(folded_packets), "
	"sum(catchall_packets), held_packets, unaccounted_packets "
	"FROM ledger WHERE minute_ms >= ?1 AND minute_ms < ?2 GROUP BY iface, dir";
static const char first_sql[] =
	"SELECT iface, dir, min(minute_ms) FROM ledger WHERE minute_ms >= ?1 AND minute_ms < ?2 "
	"GROUP BY iface, dir";

#define OF_BOOK " WHERE iface = ?2 AND dir = ?3 AND minute_ms < ?1 "
static const char *const before_sql[] = {
	"SELECT unaccounted_packets FROM ledger" OF_BOOK "ORDER BY minute_ms DESC LIMIT 1",
	"SELECT unaccounted_packets FROM ledger_past" OF_BOOK, /* older databases have none */
};

uint64_t coverage_percent(uint64_t part, uint64_t total)
{
	if (!total)
		return 0;
	return (uint64_t)((unsigned __int128)part * 10000 / total);
}

static uint64_t column(struct sqlite3_stmt *stmt, int i)
{
	int64_t value = sqlite3_column_int64(stmt, i);

	return (uint64_t)(value < 0 ? -value : value);
}

/* What of that came in the window: what has been off since before is not of its packets. */
static uint64_t unaccounted_since(const struct query *query, uint32_t iface, uint32_t dir,
				  int64_t packets)
{
	int64_t before = 0;
	bool found = !packets;

	for (size_t i = 0; !found && i < sizeof(before_sql) / sizeof(before_sql[0]); i++) {
		struct sqlite3_stmt *stmt;

		if (sqlite3_prepare_v2(query->db, before_sql[i], -1, &stmt, NULL))
			break;
		sqlite3_bind_int64(stmt, 1, query->options.since_ms / MINUTE_MS * MINUTE_MS);
		sqlite3_bind_int64(stmt, 2, iface);
		sqlite3_bind_int64(stmt, 3, dir);
		found = sqlite3_step(stmt) == SQLITE_ROW;
		if (found)
			before = sqlite3_column_int64(stmt, 0);
		sqlite3_finalize(stmt);
	}
	packets -= before;
	return (uint64_t)(packets < 0 ? -packets : packets);
}

/* The window has the present, of which flowd itself has told. */
static bool has_live(const struct query *query)
{
	int64_t now_ms = (int64_t)query->live.head.now_ms;

	return now_ms < query->options.until_ms && now_ms >= query->options.since_ms &&
	       query->live_state == QUERY_LIVE_INCLUDED;
}

/* What flowd says of a book is how that stands now. */
static bool is_live(const struct query *query, uint32_t iface, uint32_t dir)
{
	for (uint32_t i = 0; has_live(query) && i < query->live.head.books; i++) {
		if (query->live.books[i].iface == iface && query->live.books[i].dir == dir)
			return true;
	}
	return false;
}

static void add_sums(const struct query *query, struct sqlite3_stmt *stmt, struct coverage *c)
{
	int64_t last_ms = sqlite3_column_int64(stmt, 2);
	uint32_t iface = (uint32_t)column(stmt, 0), dir = (uint32_t)column(stmt, 1);

	if (last_ms > c->last_ms)
		c->last_ms = last_ms;
	c->seen_packets += column(stmt, 3);
	c->seen_bytes += column(stmt, 4);
	c->recorded_packets += column(stmt, 5);
	c->short_packets += column(stmt, 6);
	c->deep_packets += column(stmt, 7);
	c->folded_packets += column(stmt, 8);
	c->catchall_packets += column(stmt, 9);
	if (is_live(query, iface, dir))
		return;
	c->held_packets += column(stmt, 10);
	c->unaccounted_packets +=
		unaccounted_since(query, iface, dir, sqlite3_column_int64(stmt, 11));
}

static void add_first(const struct query *query, struct sqlite3_stmt *stmt, struct coverage *c)
{
	int64_t first_ms = sqlite3_column_int64(stmt, 2);

	(void)query;
	if (c->first_ms < 0 || first_ms < c->first_ms)
		c->first_ms = first_ms;
}

static bool wanted(const struct query *query, uint32_t id, int dir)
{
	const struct query_iface *iface = query_iface(query, id);

	if (query->options.dir >= 0 && dir != query->options.dir)
		return false;
	return iface ? iface->selected : !query->options.iface_count;
}

static int each_row(struct query *query, const char *sql, struct coverage *c,
		    void (*add)(const struct query *, struct sqlite3_stmt *, struct coverage *))
{
	struct sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(query->db, sql, -1, &stmt, NULL);

	if (!rc) {
		sqlite3_bind_int64(stmt, 1, query->options.since_ms / MINUTE_MS * MINUTE_MS);
		sqlite3_bind_int64(stmt, 2, query->options.until_ms);
		while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
			if (wanted(query, (uint32_t)column(stmt, 0), sqlite3_column_int(stmt, 1)))
				add(query, stmt, c);
		}
		sqlite3_finalize(stmt);
	}
	if (rc == SQLITE_DONE)
		return 0;
	snprintf(query->error, sizeof(query->error), "%s: ledger: %s", query->options.db,
		 sqlite3_errmsg(query->db));
	return -EIO;
}

/* What flowd counted since the last row; what it holds and how its books stand is its word, now. */
static void add_live(const struct query *query, struct coverage *c)
{
	int64_t now_ms = (int64_t)query->live.head.now_ms;

	if (!has_live(query))
		return;
	for (uint32_t i = 0; i < query->live.head.books; i++) {
		const struct control_books *books = &query->live.books[i];

		if (!wanted(query, books->iface, (int)books->dir))
			continue;
		c->seen_packets += books->seen.packets;
		c->seen_bytes += books->seen.bytes;
		c->short_packets += books->verdict[VERDICT_SHORT].packets;
		c->deep_packets += books->verdict[VERDICT_DEEP].packets;
		c->folded_packets += books->verdict[VERDICT_FOLDED].packets;
		c->catchall_packets += books->verdict[VERDICT_CATCHALL].packets;
		c->held_packets += books->held.packets;
		c->unaccounted_packets += unaccounted_since(query, books->iface, books->dir,
							    books->unaccounted_packets);
	}
	c->last_ms = now_ms / MINUTE_MS * MINUTE_MS;
	if (c->first_ms < 0)
		c->first_ms = c->last_ms;
}

int coverage_read(struct query *query, struct coverage *ret_coverage)
{
	struct coverage coverage = {.first_ms = -1, .last_ms = -1};
	int err = each_row(query, sums_sql, &coverage, add_sums);

	if (!err)
		err = each_row(query, first_sql, &coverage, add_first);
	if (err)
		return err;
	add_live(query, &coverage);
	if (db_meta_find_int(query->db, "flow_since_ms", &coverage.since_ms)) {
		snprintf(query->error, sizeof(query->error), "%s: meta: %s", query->options.db,
			 sqlite3_errmsg(query->db));
		return -EIO;
	}
	if (coverage.since_ms <= query->options.since_ms)
		coverage.since_ms = 0;
	*ret_coverage = coverage;
	return 0;
}

static void print_name(const struct query_iface *iface, FILE *file)
{
	struct out_value value;
	char text[OUT_TEXT_SIZE];

	out_set_text(&value, iface->name);
	out_human(&value, text); /* a replay's is a file's name */
	fputs(text, file);
}

static void print_ifaces(const struct query *query, FILE *file)
{
	uint32_t named = 0, more = 0;

	for (uint32_t i = 0; i < query->iface_count; i++) {
		const struct query_iface *iface = &query->ifaces[i];

		if (!iface->selected || iface->same != iface->id)
			continue;
		if (named == NAMED_IFACES) {
			more++;
			continue;
		}
		fputs(named++ ? ", " : " on ", file);
		print_name(iface, file);
	}
	if (more)
		fprintf(file, " and %u more", more);
	if (query->options.dir >= 0)
		fprintf(file, " (%s)", query->options.dir ? "egress" : "ingress");
}

static void print_minutes(const struct coverage *c, FILE *file)
{
	char first[40], last[40];

	timearg_local(c->first_ms, 0, first, sizeof(first));
	timearg_local(c->last_ms + MINUTE_MS, 0, last, sizeof(last));
	first[16] = last[16] = 0; /* minutes */
	fprintf(file, " in the minutes %s to %s", first,
		strncmp(first, last, 10) ? last : last + 11);
}

void coverage_print_scope(const struct coverage *coverage, const struct query *query, FILE *file)
{
	print_ifaces(query, file);
	if (coverage->last_ms >= 0)
		print_minutes(coverage, file);
}

static void print_live(const struct query *query, FILE *file)
{
	if (query->options.anonymize)
		fputs("; addresses anonymized", file);
	switch (query->live_state) {
	case QUERY_LIVE_INCLUDED:
		fputs("; live part included\n", file);
		break;
	case QUERY_LIVE_UNWANTED:
		fputs("; stored records only\n", file);
		break;
	case QUERY_LIVE_NONE:
		fputs("; stored records only, without a live part: ", file);
		text_put(query->live_error.text, file);
		fputc('\n', file);
	}
}

/* What neither matched nor did not. */
static void print_undecided(const struct query_options *options, FILE *file)
{
	const struct filter *filter = options->filter, *events = options->event_filter;
	const struct {
		const char *name;
		uint64_t packets;
	} parts[] = {
		{"left out by the filter for lost detail", filter ? filter_undecided(filter) : 0},
		{"left out by the filter since the NIC took VLAN tags off",
		 filter ? filter_vlan_undecided(filter) : 0},
		{"of the kernel's events left out by the filter for lost detail",
		 events ? filter_undecided(events) + filter_vlan_undecided(events) : 0},
	};
	char text[32];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].packets)
			fprintf(file, ", %s %s", out_count(parts[i].packets, text), parts[i].name);
	}
}

/* What was dropped for its age, or for want of room. */
static void print_since(const struct coverage *coverage, FILE *file)
{
	char text[40];

	if (!coverage->since_ms)
		return;
	timearg_local(coverage->since_ms, 0, text, sizeof(text));
	fprintf(file, ", records complete from %s on", text);
}

void coverage_print(const struct coverage *coverage, const struct query *query, FILE *file)
{
	const struct {
		const char *name;
		uint64_t packets;
		bool always;
	} parts[] = {
		{"folded", coverage->folded_packets, true},
		{"in the catch-all", coverage->catchall_packets, false},
		{"cut short", coverage->short_packets, false},
		{"nested too deep", coverage->deep_packets, false},
		{"unaccounted", coverage->unaccounted_packets, true},
		{"recorded", coverage->recorded_packets, true},
		{"held", coverage->held_packets, true},
	};
	uint64_t lost = coverage->folded_packets + coverage->catchall_packets +
			coverage->short_packets + coverage->deep_packets +
			coverage->unaccounted_packets;
	uint64_t seen = coverage->seen_packets, percent;
	char text[32];

	if (coverage->last_ms < 0) {
		fputs("coverage: the ledger has nothing for this window", file);
		if (query->options.since_ms / 1000 > time(NULL))
			fputs(", which begins in the future", file);
		print_ifaces(query, file);
		print_since(coverage, file);
		print_undecided(&query->options, file);
		print_live(query, file);
		return;
	}
	fprintf(file, "coverage: %s packets seen", out_count(seen, text));
	coverage_print_scope(coverage, query, file);
	percent = seen ? coverage_percent(seen > lost ? seen - lost : 0, seen) : 10000;
	fprintf(file, ", %" PRIu64 ".%02" PRIu64 " %% under their own key", percent / 100,
		percent % 100);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].always || parts[i].packets)
			fprintf(file, ", %s %s", out_count(parts[i].packets, text), parts[i].name);
	}
	print_since(coverage, file);
	print_undecided(&query->options, file);
	print_live(query, file);
}
