/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface_rows.c: table interface, and the books of a predecessor. See iface_rows.h. */
#include "flowd/iface_rows.h"

#include <errno.h>
#include <net/if.h>
#include <sqlite3.h>
#include <stdio.h>

#include "flowd/books_moved.h"
#include "flowd/clock.h"
#include "flowd/sink_iface.h"
#include "flowd/upgrade.h"
#include "schema/db_sqlite.h"

#define VERDICTS                                                                               \
	"short_packets, short_bytes, deep_packets, deep_bytes, folded_packets, folded_bytes, " \
	"catchall_packets, catchall_bytes"

/* A successor's first reading says what both have counted since. */
static void nic_load(struct nic_book *nic, sqlite3_stmt *row)
{
	if (sqlite3_column_type(row, 5) == SQLITE_NULL)
		return;
	nic->nic.packets = (uint64_t)sqlite3_column_int64(row, 5);
	nic->nic.bytes = (uint64_t)sqlite3_column_int64(row, 6);
	nic->seen.packets = (uint64_t)sqlite3_column_int64(row, 7);
	nic->seen.bytes = (uint64_t)sqlite3_column_int64(row, 8);
	nic->known = true;
}

static void books_load(struct sweep_books *books, sqlite3_stmt *row)
{
	books->booked.packets = (uint64_t)sqlite3_column_int64(row, 1);
	books->booked.bytes = (uint64_t)sqlite3_column_int64(row, 2);
	books->recorded.packets = (uint64_t)sqlite3_column_int64(row, 3);
	books->recorded.bytes = (uint64_t)sqlite3_column_int64(row, 4);
	books->obs = books->recorded;
	nic_load(&books->nic, row);
}

/* Where a predecessor left off: the cumulative books, and the verdicts that the ledger has or had. */
static int load_books(struct flowd *flowd, struct sweep_iface *iface)
{
	static const char sql[] =
		"SELECT dir, seen_packets, seen_bytes, recorded_packets, recorded_bytes, "
		"nic_packets, nic_bytes, nic_seen_packets, nic_seen_bytes "
		"FROM books_sum WHERE iface = ?1";
	static const char verdicts[] =
		"SELECT dir, sum(short_packets), sum(short_bytes), sum(deep_packets), sum(deep_bytes), "
		"sum(folded_packets), sum(folded_bytes), sum(catchall_packets), sum(catchall_bytes), "
		"sum(more_packets), sum(more_bytes) FROM ("
		"SELECT dir, " VERDICTS ", nic_packets - seen_packets AS more_packets, "
		"nic_bytes - seen_bytes AS more_bytes FROM ledger WHERE iface = ?1 UNION ALL "
		"SELECT dir, " VERDICTS ", nic_more_packets, nic_more_bytes FROM ledger_past "
		"WHERE iface = ?1) GROUP BY dir";
	sqlite3_stmt *row;
	int rc;

	if (sqlite3_prepare_v2(flowd->db, sql, -1, &row, NULL))
		return -EIO;
	sqlite3_bind_int64(row, 1, iface->id);
	while ((rc = sqlite3_step(row)) == SQLITE_ROW)
		books_load(&iface->books[sqlite3_column_int(row, 0) & 1], row);
	sqlite3_finalize(row);
	if (rc != SQLITE_DONE || sqlite3_prepare_v2(flowd->db, verdicts, -1, &row, NULL))
		return -EIO;
	sqlite3_bind_int64(row, 1, iface->id);
	while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
		struct sweep_books *books = &iface->books[sqlite3_column_int(row, 0) & 1];

		for (int v = VERDICT_SHORT; v < VERDICT_MAX; v++) {
			books->verdict[v].packets = (uint64_t)sqlite3_column_int64(row, v * 2 - 1);
			books->verdict[v].bytes = (uint64_t)sqlite3_column_int64(row, v * 2);
		}
		books->nic.packets = sqlite3_column_int64(row, VERDICT_MAX * 2 - 1);
		books->nic.bytes = sqlite3_column_int64(row, VERDICT_MAX * 2);
		nic_booked(&books->nic);
	}
	sqlite3_finalize(row);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

static void copy_text(char *to, size_t size, sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	snprintf(to, size, "%s", text ? text : "");
}

static void load_row(sqlite3_stmt *row, struct sink_iface *ret_iface)
{
	struct sink_iface iface = {
		.id = (uint32_t)sqlite3_column_int(row, 0),
		.ifnum = sqlite3_column_int(row, 1),
		.ifindex = (uint32_t)sqlite3_column_int64(row, 3),
		.netns = (uint64_t)sqlite3_column_int64(row, 4),
		.generation = (uint64_t)sqlite3_column_int64(row, 5),
		.first_ms = sqlite3_column_int64(row, 8),
		.last_ms = sqlite3_column_int64(row, 9),
	};

	copy_text(iface.name, sizeof(iface.name), row, 2);
	for (int dir = 0; dir < 2; dir++)
		copy_text(iface.mode[dir], sizeof(iface.mode[dir]), row, 6 + dir);
	*ret_iface = iface;
}

static int load_next_id(struct flowd *flowd)
{
	int64_t next = 1;
	int rc = db_query_int(flowd->db, "SELECT coalesce(max(id), 0) + 1 FROM interface", &next);

	flowd->numbers.next_id = (uint32_t)next;
	return rc ? -EIO : 0;
}

int iface_rows_load(struct flowd *flowd)
{
	static const char sql[] =
		"SELECT id, ifnum, name, ifindex, netns, generation, ingress, egress, first_ms, last_ms "
		"FROM interface WHERE generation = ?1 AND ifnum > 0 ORDER BY id";
	sqlite3_stmt *row;
	int err = load_next_id(flowd), rc = SQLITE_DONE;

	if (err || sqlite3_prepare_v2(flowd->db, sql, -1, &row, NULL))
		return -EIO;
	sqlite3_bind_int64(row, 1, (sqlite3_int64)flowd->maps.generation);
	while (!err && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		uint32_t ifnum = (uint32_t)sqlite3_column_int(row, 1) % FLOW_IFACES;

		load_row(row, &flowd->numbers.number[ifnum].row);
		flowd->sweep.iface[ifnum].id = (uint32_t)sqlite3_column_int(row, 0);
		err = load_books(flowd, &flowd->sweep.iface[ifnum]);
	}
	sqlite3_finalize(row);
	return err || rc == SQLITE_DONE ? err : -EIO;
}

int iface_rows_counters(struct flowd *flowd)
{
	uint64_t made = flowd->maps.generation;
	sqlite3_stmt *row;
	int rc;

	if (sqlite3_prepare_v2(flowd->db, "SELECT value FROM meta WHERE key = 'counters'", -1, &row,
			       NULL))
		return -EIO;
	rc = sqlite3_step(row); /* no row: NULL */
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		counters_load(&flowd->sweep.counters,
			      flowd->upgrade ? upgrade_generation(flowd->upgrade) : made,
			      (const char *)sqlite3_column_text(row, 0));
	flowd->sweep.counters.generation = made;
	sqlite3_finalize(row);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -EIO;
}

int iface_rows_moved(struct flowd *flowd)
{
	sqlite3_stmt *row;
	int rc;

	if (sqlite3_prepare_v2(flowd->db, "SELECT value FROM meta WHERE key = 'moved'", -1, &row,
			       NULL))
		return -EIO;
	rc = sqlite3_step(row); /* no row: NULL */
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		books_moved_load(&flowd->sweep, (const char *)sqlite3_column_text(row, 0));
	sqlite3_finalize(row);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -EIO;
}

/* Of numbers that differ, in a transaction that the caller began. SQLite's code. */
static int write_rows(struct flowd *flowd)
{
	sqlite3_stmt *row;
	int rc = sqlite3_prepare_v2(flowd->db, sink_iface_sql, -1, &row, NULL);

	for (uint32_t i = 1; !rc && i < FLOW_IFACES; i++) {
		if (flowd->numbers.number[i].dirty)
			rc = sink_iface_write(row, &flowd->numbers.number[i].row);
	}
	sqlite3_finalize(row);
	return rc;
}

static bool any_dirty(const struct flowd *flowd)
{
	for (uint32_t i = 1; i < FLOW_IFACES; i++) {
		if (flowd->numbers.number[i].dirty)
			return true;
	}
	return false;
}

int iface_rows_write(struct flowd *flowd)
{
	int rc;

	if (!any_dirty(flowd))
		return 0; /* and nobody's lock is waited for */
	rc = sqlite3_exec(flowd->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (!rc)
		rc = write_rows(flowd);
	if (!rc)
		rc = sqlite3_exec(flowd->db, "COMMIT", NULL, NULL, NULL);
	for (uint32_t i = 1; !rc && i < FLOW_IFACES; i++)
		flowd->numbers.number[i].dirty = false;
	return rc ? -EIO : 0;
}

static bool is_booked(sqlite3_stmt *row, const struct flow_ledger sum[2])
{
	for (int dir = 0; dir < 2; dir++) {
		if ((uint64_t)sqlite3_column_int64(row, 2 * dir) != sum[dir].seen.packets ||
		    (uint64_t)sqlite3_column_int64(row, 2 * dir + 1) != sum[dir].seen.bytes)
			return false;
	}
	return true;
}

/* Is all of that ledger in the books of the number's last owner? Then only its end is missing (iface_number.h). */
static bool is_given(struct flowd *flowd, uint32_t ifnum, const struct flow_ledger sum[2])
{
	static const char sql[] =
		"SELECT ifnull(a.seen_packets, 0), ifnull(a.seen_bytes, 0), "
		"ifnull(b.seen_packets, 0), ifnull(b.seen_bytes, 0) FROM interface i "
		"LEFT JOIN books_sum a ON a.iface = i.id AND a.dir = 0 "
		"LEFT JOIN books_sum b ON b.iface = i.id AND b.dir = 1 "
		"WHERE i.generation = ?1 AND i.ifnum = -?2 ORDER BY i.id DESC LIMIT 1";
	sqlite3_stmt *row;
	bool given;

	if (sqlite3_prepare_v2(flowd->db, sql, -1, &row, NULL))
		return false;
	sqlite3_bind_int64(row, 1, (sqlite3_int64)flowd->maps.generation);
	sqlite3_bind_int64(row, 2, ifnum);
	given = sqlite3_step(row) == SQLITE_ROW && is_booked(row, sum);
	sqlite3_finalize(row);
	return given;
}

/*
 * A predecessor that was killed before it could commit the row of an interface, whose index another number
 * has meanwhile, or nobody: what was counted is there, its name is not.
 */
static void adopt_orphan(struct flowd *flowd, uint32_t ifnum, bool opening)
{
	struct flow_ledger sum[2];

	maps_ledger(&flowd->maps, ifnum, FLOW_INGRESS, &sum[FLOW_INGRESS]);
	maps_ledger(&flowd->maps, ifnum, FLOW_EGRESS, &sum[FLOW_EGRESS]);
	if ((!sum[0].seen.packets && !sum[1].seen.packets) || is_given(flowd, ifnum, sum))
		return;
	flowd->numbers.number[ifnum].row = (struct sink_iface){
		.id = flowd->numbers.next_id++,
		.netns = flowd->netns_cookie,
		.generation = flowd->maps.generation,
		.ifnum = (int32_t)ifnum,
		.first_ms = clock_wall().ms,
		.name = "unknown",
	};
	flowd->numbers.number[ifnum].dirty = true;
	flowd->sweep.iface[ifnum].id = flowd->numbers.number[ifnum].row.id;
	flowd->sweep.iface[ifnum].opening = opening;
}

int iface_rows_adopt(struct flowd *flowd, bool opening)
{
	for (uint32_t i = 0; i < FLOW_IFACE_CELLS; i++) {
		const struct flow_iface *cell = &flowd->maps.ifaces[i];
		uint32_t ifnum = cell->ifnum % FLOW_IFACES;
		struct sink_iface *row = &flowd->numbers.number[ifnum].row;

		if (!cell->ifindex || !ifnum || flowd->sweep.iface[ifnum].id)
			continue;
		*row = (struct sink_iface){
			.id = flowd->numbers.next_id++,
			.ifindex = cell->ifindex,
			.netns = flowd->netns_cookie,
			.generation = flowd->maps.generation,
			.ifnum = (int32_t)ifnum,
			.first_ms = clock_wall().ms,
		};
		if (!if_indextoname(cell->ifindex, row->name))
			snprintf(row->name, sizeof(row->name), "if%u", cell->ifindex);
		flowd->numbers.number[ifnum].dirty = true;
		flowd->sweep.iface[ifnum].id = row->id;
		flowd->sweep.iface[ifnum].opening = opening;
	}
	for (uint32_t i = 1; flowd->maps.taken_over && i < FLOW_IFACES; i++) {
		if (!flowd->sweep.iface[i].id)
			adopt_orphan(flowd, i, opening);
	}
	return iface_rows_write(flowd);
}

static int open_row(struct flowd *flowd, sqlite3_stmt *row, uint32_t ifnum, uint32_t dir)
{
	const struct sweep_books *books = &flowd->sweep.iface[ifnum].books[dir];

	sqlite3_reset(row);
	sqlite3_bind_int64(row, 1, flowd->sweep.iface[ifnum].id);
	sqlite3_bind_int64(row, 2, dir);
	sqlite3_bind_int64(row, 3, (sqlite3_int64)books->recorded.packets);
	sqlite3_bind_int64(row, 4, (sqlite3_int64)books->recorded.bytes);
	return sqlite3_step(row) == SQLITE_DONE ? 0 : -EIO;
}

int iface_rows_open(struct flowd *flowd)
{
	static const char sql[] =
		"INSERT OR REPLACE INTO books_sum (iface, dir, seen_packets, seen_bytes, "
		"recorded_packets, recorded_bytes) VALUES (?1, ?2, ?3, ?4, ?3, ?4)";
	sqlite3_stmt *row;
	int err = 0;

	if (sqlite3_prepare_v2(flowd->db, sql, -1, &row, NULL))
		return -EIO;
	for (uint32_t i = 0; !err && i < FLOW_IFACES * 2; i++) {
		if (flowd->sweep.iface[i / 2].opening)
			err = open_row(flowd, row, i / 2, i % 2);
		if (i % 2)
			flowd->sweep.iface[i / 2].opening = false;
	}
	sqlite3_finalize(row);
	return err;
}

void iface_rows_closed(struct flowd *flowd)
{
	static const char sql[] =
		"UPDATE interface SET last_ms = ?2 WHERE generation = ?1 AND last_ms IS NULL";
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(flowd->db, sql, -1, &row, NULL))
		return;
	sqlite3_bind_int64(row, 1, (sqlite3_int64)flowd->maps.generation);
	sqlite3_bind_int64(row, 2, clock_wall().ms);
	sqlite3_step(row);
	sqlite3_finalize(row);
}
