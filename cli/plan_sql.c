/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_sql.c: rows by SQLite; see plan_source.h. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "cli/plan_source.h"

#define POINTER "plan_sql" /* type of the pointer that is bound to our function's statements */
#define SQL_SIZE 512
#define FIRST 5 /* argument of the function: behind the pointer, id, src, dst and what */

const char *const plan_column_name[PLAN_COLUMNS] = {
	[PLAN_FLOWS] = "flows",
	[PLAN_PACKETS] = "packets",
	[PLAN_BYTES] = "bytes",
	[PLAN_L2_BYTES] = "l2_bytes",
	[PLAN_REV_PACKETS] = "rev_packets",
	[PLAN_REV_BYTES] = "rev_bytes",
	[PLAN_REV_L2_BYTES] = "rev_l2_bytes",
	[PLAN_RETRANSMITS] = "retransmits",
	[PLAN_REV_RETRANSMITS] = "rev_retransmits",
	[PLAN_DROPS] = "drops",
	[PLAN_REV_DROPS] = "rev_drops",
	[PLAN_RTT_COUNT] = "rtt_count",
	[PLAN_RTT_SUM_US] = "rtt_sum_us",
	[PLAN_FIRST_MS] = "first_ms",
	[PLAN_LAST_MS] = "last_ms",
};

static int read_int(sqlite3_value *value, int64_t *ret_value)
{
	int type = sqlite3_value_type(value);

	*ret_value = sqlite3_value_int64(value);
	return type == SQLITE_INTEGER || type == SQLITE_NULL ? 0 : -EPROTO;
}

static int read_address(sqlite3_value *value, uint64_t addr[2], uint32_t *ret_is)
{
	switch (sqlite3_value_type(value)) {
	case SQLITE_NULL:
		return 0;
	case SQLITE_INTEGER:
		addr[0] = (uint32_t)sqlite3_value_int64(value);
		*ret_is = PLAN_ADDRESS_IPV4;
		return 0;
	case SQLITE_BLOB:
		if (sqlite3_value_bytes(value) != 16)
			return -EPROTO;
		memcpy(addr, sqlite3_value_blob(value), 16);
		*ret_is = PLAN_ADDRESS_IPV6;
		return 0;
	default:
		return -EPROTO;
	}
}

static int read_row(const struct plan_wanted *wanted, sqlite3_value **value)
{
	struct plan_key key = {.src_is = PLAN_ADDRESS_NONE};
	int64_t number[PLAN_COLUMNS], what;
	int err = read_address(value[2], key.src, &key.src_is);

	err = err ? err : read_address(value[3], key.dst, &key.dst_is);
	err = err ? err : read_int(value[4], &what);
	for (int i = 0; !err && i < wanted->count; i++)
		err = read_int(value[FIRST + i], &number[i]);
	if (err)
		return err;
	key.what = (uint64_t)what;
	return wanted->take(wanted->to, sqlite3_value_int64(value[1]), &key, number);
}

/* The function. */
static void on_row(sqlite3_context *context, int count, sqlite3_value **value)
{
	struct plan_sql *sql = sqlite3_value_pointer(value[0], POINTER);

	(void)count;
	sql->err = read_row(sql->wanted, value);
	if (!sql->err)
		return;
	sql->wrong = sqlite3_value_int64(value[1]);
	sqlite3_result_error_code(context, SQLITE_ABORT);
}

static void on_end(sqlite3_context *context)
{
	sqlite3_result_null(context);
}

/* The function is made where the connection has none; it stays, and is told each time who asks. */
static int prepare(struct plan_sql *sql, enum plan_level level)
{
	char text[SQL_SIZE];
	size_t len =
		(size_t)snprintf(text, sizeof(text), "SELECT plan_rows(?1, id, src, dst, what");

	for (int i = 0; i < sql->wanted->count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ", %s",
					plan_column_name[sql->wanted->column[i]]);
	snprintf(text + len, sizeof(text) - len, ") FROM %s WHERE id >= ?2 AND id <= ?3",
		 plan_level_table[level]);
	for (int try = 0; try < 2; try++) {
		if (!sqlite3_prepare_v2(sql->db, text, -1, &sql->stmt[level], NULL))
			return sqlite3_bind_pointer(sql->stmt[level], 1, sql, POINTER, NULL)
				       ? -ENOMEM
				       : 0;
		if (!try && sqlite3_create_function(sql->db, "plan_rows", -1,
						    SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, NULL,
						    on_row, on_end))
			break;
	}
	return -EIO;
}

int plan_sql_read(struct plan_sql *sql, enum plan_level level, const struct db_tree_range *range)
{
	int err = sql->stmt[level] ? 0 : prepare(sql, level);
	struct sqlite3_stmt *stmt = sql->stmt[level];

	if (err)
		return err;
	sqlite3_bind_int64(stmt, 2, range->first);
	sqlite3_bind_int64(stmt, 3, range->last);
	if (sqlite3_step(stmt) != SQLITE_ROW)
		err = sql->err ? sql->err : -EIO;
	sqlite3_reset(stmt);
	return err;
}

void plan_sql_close(struct plan_sql *sql)
{
	for (int level = 0; level < PLAN_LEVELS; level++)
		sqlite3_finalize(sql->stmt[level]);
	memset(sql->stmt, 0, sizeof(sql->stmt));
}
