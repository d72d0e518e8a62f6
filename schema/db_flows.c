/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_flows.c: see db_flows.h. */
#include "schema/db_flows.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "schema/db_cell.h"
#include "schema/db_row.h"

#define NO_ID INT64_MIN /* before any row of a window */

#define WINDOW(id) " WHERE " id " >= ?1 AND " id " < ?2 ORDER BY " id " DESC"

static const char flow_sql[] = "SELECT " DB_FLOW_COLUMNS " FROM flow" WINDOW("id");

static const struct beside {
	const char *sql;
	void (*read)(struct db_row *row, struct flow_record *rec);
} besides[DB_BESIDES] = {
	[DB_BESIDE_TUNNEL] = {"SELECT " DB_TUNNEL_COLUMNS " FROM flow_tunnel" WINDOW("flow"),
			      db_row_tunnel},
	[DB_BESIDE_TCP] = {"SELECT " DB_TCP_COLUMNS " FROM flow_tcp" WINDOW("flow"), db_row_tcp},
	[DB_BESIDE_RTT] = {"SELECT " DB_RTT_COLUMNS " FROM flow_rtt" WINDOW("flow"), db_row_rtt},
	[DB_BESIDE_SOCKET] = {"SELECT " DB_SOCKET_COLUMNS(
				      "text") " FROM flow_socket LEFT JOIN word "
					      "ON word.id = process" WINDOW("flow"),
			      db_row_socket},
};

void db_row_tunnel(struct db_row *row, struct flow_record *rec)
{
	uint16_t src, dst;

	rec->key.tunnel_kind = (uint8_t)db_row_uint(row, 1, FLOW_TUNNEL_MAX - 1);
	if (!rec->key.tunnel_kind)
		return;
	rec->key.tunnel_id = (uint32_t)db_row_uint(row, 2, UINT32_MAX);
	rec->rev_tunnel_id = (uint32_t)db_row_uint(row, 3, UINT32_MAX);
	src = db_row_address(row, 4, rec->outer_src);
	dst = db_row_address(row, 5, rec->outer_dst);
	rec->outer_ethertype = src;
	if (src != dst)
		row->err = -EPROTO;
}

/* The next row of a table beside. */
static int step_beside(struct db_flows *flows, int i)
{
	sqlite3_stmt *stmt = flows->beside[i];
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW) {
		flows->beside_id[i] = sqlite3_column_int64(stmt, 0);
		return 0;
	}
	flows->beside_id[i] = NO_ID;
	flows->beside[i] = NULL;
	rc = sqlite3_finalize(stmt);
	return rc ? -EIO : 0;
}

static int open_one(struct sqlite3 *db, const char *sql, int64_t since, int64_t until,
		    struct sqlite3_stmt **ret_stmt)
{
	int rc = sqlite3_prepare_v2(db, sql, -1, ret_stmt, NULL);

	if (!rc)
		rc = sqlite3_bind_int64(*ret_stmt, 1, since);
	if (!rc)
		rc = sqlite3_bind_int64(*ret_stmt, 2, until);
	return rc ? db_errno(db, rc) : 0;
}

static int64_t first_id(int64_t ms)
{
	return ms > INT64_MAX >> DB_ID_SHIFT ? INT64_MAX : ms * (1LL << DB_ID_SHIFT);
}

int db_flows_open(struct sqlite3 *db, int64_t since_ms, int64_t until_ms,
		  struct db_flows *ret_flows)
{
	int64_t since = first_id(since_ms), until = first_id(until_ms);
	int err;

	memset(ret_flows, 0, sizeof(*ret_flows));
	err = open_one(db, flow_sql, since, until, &ret_flows->flow);
	for (int i = 0; !err && i < DB_BESIDES; i++) {
		err = open_one(db, besides[i].sql, since, until, &ret_flows->beside[i]);
		if (!err)
			err = step_beside(ret_flows, i);
	}
	return err;
}

void db_flows_close(struct db_flows *flows)
{
	sqlite3_finalize(flows->flow);
	for (int i = 0; i < DB_BESIDES; i++)
		sqlite3_finalize(flows->beside[i]);
	memset(flows, 0, sizeof(*flows));
}

/* What there is beside the flow of that id. */
static int read_beside(struct db_flows *flows, struct flow_record *rec)
{
	for (int i = 0; i < DB_BESIDES; i++) {
		struct db_row row = {.stmt = flows->beside[i]};
		int err = 0;

		while (!err && flows->beside_id[i] > flows->id)
			err = step_beside(flows, i);
		if (!err && flows->beside_id[i] == flows->id)
			besides[i].read(&row, rec);
		if (err || row.err)
			return err ? err : row.err;
	}
	return 0;
}

int db_flows_next(struct db_flows *flows, struct flow_record *ret_rec)
{
	struct flow_record rec;
	int rc = sqlite3_step(flows->flow), err;

	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW)
		return -EIO;
	flows->id = sqlite3_column_int64(flows->flow, DB_COL_ID);
	err = db_flow_read(flows->flow, &rec);
	if (!err)
		err = read_beside(flows, &rec);
	if (err)
		return err;
	*ret_rec = rec;
	return 1;
}
