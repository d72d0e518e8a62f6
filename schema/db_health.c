/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_health.c: the rows of flow_tcp, flow_rtt and flow_socket: which member of a record is in which
 * column, both ways. Of the first two the initiator's columns come first, then the same of the reverse.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "schema/db_cell.h"
#include "schema/db_row.h"

/* Where a column's value is, in struct half_health or struct flow_socket. */
struct member {
	uint16_t offset;
	uint8_t size;	  /* of an unsigned integer; 0: the column is no number */
	uint8_t optional; /* 0 is stored as NULL */
};

#define MEMBER(type, name, is_optional)                                                    \
	{                                                                                  \
		offsetof(struct type, name), sizeof(((struct type *)0)->name), is_optional \
	}

static const struct member tcp_members[] = {
	MEMBER(half_health, count.retransmits, 0),
	MEMBER(half_health, count.retransmitted_bytes, 0),
	MEMBER(half_health, count.out_of_order, 0),
	MEMBER(half_health, count.dup_acks, 0),
	MEMBER(half_health, count.zero_windows, 0),
	MEMBER(half_health, count.resets, 0),
	MEMBER(half_health, count.keep_alives, 0),
	MEMBER(half_health, count.syn_repeats, 0),
	MEMBER(half_health, retransmits_kernel, 0),
	MEMBER(half_health, drops, 0),
	MEMBER(half_health, drop_bytes, 0),
};

/* The least, the most and the sum of round trips may be 0; of none they are absent. */
static const struct member rtt_members[] = {
	MEMBER(half_health, handshake_us, 1),	  MEMBER(half_health, count.rtt_count, 1),
	MEMBER(half_health, count.rtt_sum_us, 0), MEMBER(half_health, rtt_min_us, 0),
	MEMBER(half_health, rtt_max_us, 0),
};

static const struct member socket_members[] = {
	MEMBER(flow_socket, side, 0),
	MEMBER(flow_socket, pid, 1),
	{offsetof(struct flow_socket, process), 0, 1},
	MEMBER(flow_socket, srtt_us, 1),
	MEMBER(flow_socket, min_rtt_us, 1),
	MEMBER(flow_socket, cwnd, 1),
	MEMBER(flow_socket, retransmits, 0),
	MEMBER(flow_socket, delivered, 0),
	MEMBER(flow_socket, lost, 0),
	MEMBER(flow_socket, bytes_acked, 0),
	MEMBER(flow_socket, bytes_received, 0),
	MEMBER(flow_socket, delivery_rate, 1),
};

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

static uint64_t get(const void *from, const struct member *m)
{
	const uint8_t *at = (const uint8_t *)from + m->offset;
	uint64_t wide;
	uint32_t word;

	switch (m->size) {
	case sizeof(wide):
		memcpy(&wide, at, sizeof(wide));
		return wide;
	case sizeof(word):
		memcpy(&word, at, sizeof(word));
		return word;
	default:
		return *at;
	}
}

static void set(void *to, const struct member *m, uint64_t value)
{
	uint8_t *at = (uint8_t *)to + m->offset;
	uint32_t word = (uint32_t)value;

	if (m->size == sizeof(value))
		memcpy(at, &value, sizeof(value));
	else if (m->size == sizeof(word))
		memcpy(at, &word, sizeof(word));
	else
		*at = (uint8_t)value;
}

static bool has_any(const struct flow_record *rec, const struct member *members, int count)
{
	uint64_t any = 0;

	if (!rec->has_health)
		return false;
	for (int i = 0; i < count; i++)
		any |= get(&rec->health[0], &members[i]) | get(&rec->health[1], &members[i]);
	return any != 0;
}

/* --- in ------------------------------------------------------------------------------------------- */

static bool has_tcp(const struct flow_record *rec)
{
	return has_any(rec, tcp_members, COUNT(tcp_members));
}

static struct db_cell tcp_cell(const struct flow_record *rec, int64_t id, int column)
{
	int i = column - 1, count = COUNT(tcp_members);

	if (!column)
		return db_cell_int(id);
	return db_cell_int((int64_t)get(&rec->health[i / count], &tcp_members[i % count]));
}

const struct db_table db_tcp_table = {
	.name = "flow_tcp_rows",
	.columns = DB_TCP_COLUMNS,
	.count = 1 + 2 * COUNT(tcp_members),
	.has = has_tcp,
	.cell = tcp_cell,
};

static bool has_rtt(const struct flow_record *rec)
{
	return has_any(rec, rtt_members, COUNT(rtt_members));
}

static struct db_cell rtt_cell(const struct flow_record *rec, int64_t id, int column)
{
	int i = column - 1, count = COUNT(rtt_members);
	const struct half_health *health;
	const struct member *m;
	uint64_t value;

	if (!column)
		return db_cell_int(id);
	health = &rec->health[i / count];
	m = &rtt_members[i % count];
	value = get(health, m);
	return db_cell_optional(value || (!m->optional && health->count.rtt_count), (int64_t)value);
}

const struct db_table db_rtt_table = {
	.name = "flow_rtt_rows",
	.columns = DB_RTT_COLUMNS,
	.count = 1 + 2 * COUNT(rtt_members),
	.has = has_rtt,
	.cell = rtt_cell,
};

const char db_socket_insert[] = "INSERT OR REPLACE INTO flow_socket (" DB_SOCKET_COLUMNS(
	"process") ") "
		   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

int db_socket_bind(struct sqlite3_stmt *stmt, int64_t id, const struct flow_socket *socket,
		   int64_t process)
{
	int rc = db_cell_bind(stmt, 0, db_cell_int(id));

	for (int i = 0; i < COUNT(socket_members); i++) {
		const struct member *m = &socket_members[i];
		int64_t value = m->size ? (int64_t)get(socket, m) : process;

		rc |= db_cell_bind(stmt, 1 + i, db_cell_optional(value || !m->optional, value));
	}
	return rc ? -ENOMEM : 0;
}

/* --- out ------------------------------------------------------------------------------------------ */

static void read_member(struct db_row *row, int column, const struct member *m, void *to)
{
	uint64_t max = m->size == sizeof(uint64_t)   ? UINT64_MAX
		       : m->size == sizeof(uint32_t) ? UINT32_MAX
						     : 1;

	set(to, m, db_row_optional(row, column, max, 0));
}

static void read_halves(struct db_row *row, const struct member *members, int count,
			struct flow_record *rec)
{
	rec->has_health = 1;
	for (int i = 0; i < 2 * count; i++)
		read_member(row, 1 + i, &members[i % count], &rec->health[i / count]);
}

void db_row_tcp(struct db_row *row, struct flow_record *rec)
{
	read_halves(row, tcp_members, COUNT(tcp_members), rec);
}

void db_row_rtt(struct db_row *row, struct flow_record *rec)
{
	read_halves(row, rtt_members, COUNT(rtt_members), rec);
}

void db_row_socket(struct db_row *row, struct flow_record *rec)
{
	struct flow_socket *socket = &rec->socket;

	socket->has = 1;
	for (int i = 0; i < COUNT(socket_members); i++) {
		const struct member *m = &socket_members[i];

		if (m->size)
			read_member(row, 1 + i, m, socket);
		else
			db_row_text(row, 1 + i, socket->process, sizeof(socket->process));
	}
}
