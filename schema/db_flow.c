/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_flow.c: a row of table flow as a flow record, and the meta values. See db_rows.c for the way in.
 */
#include "schema/db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "schema/db_pack.h"
#include "schema/db_row.h"
#include "schema/db_sqlite.h"

static void read_halves(struct db_row *row, struct flow_half *half)
{
	db_unpack_tcp_flags(db_row_optional(row, DB_COL_TCP_FLAGS, DB_TCP_FLAGS_MAX, 0), half);
	for (int i = 0; i < 2; i++) {
		enum db_column column = i ? DB_COL_REV_PACKETS : DB_COL_PACKETS;

		half[i].packets = db_row_uint(row, column, UINT64_MAX);
		half[i].bytes = db_row_uint(row, column + 1, UINT64_MAX);
		half[i].ip_bytes = db_unpack_ip_bytes(&half[i], db_row_int(row, column + 2));
	}
}

int db_flow_read(struct sqlite3_stmt *stmt, struct flow_record *ret_rec)
{
	struct db_row row = {.stmt = stmt};
	struct flow_record rec;
	int32_t ethertype;

	memset(&rec, 0, sizeof(rec));
	rec.end_ms = sqlite3_column_int64(stmt, DB_COL_ID) >> DB_ID_SHIFT;
	rec.start_ms = rec.end_ms - (int64_t)db_row_uint(&row, DB_COL_DURATION, UINT64_MAX);
	rec.iface = (uint32_t)db_row_uint(&row, DB_COL_IFACE, UINT32_MAX);
	db_unpack_how(db_row_uint(&row, DB_COL_HOW, DB_HOW_MAX), &rec);
	ethertype = db_unpack_l2(db_row_optional(&row, DB_COL_L2, DB_L2_MAX, 0), &rec.key);
	db_row_ends(&row, DB_COL_PROTO, ethertype, &rec.key);
	read_halves(&row, rec.half);
	if (!row.err)
		*ret_rec = rec;
	return row.err;
}

/* A statement on one key of meta, or NULL. */
static sqlite3_stmt *meta_prepare(struct sqlite3 *db, const char *sql, const char *key,
				  int *ret_err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (!rc)
		rc = sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	if (!rc)
		return stmt;
	*ret_err = db_errno(db, rc);
	sqlite3_finalize(stmt);
	return NULL;
}

static int meta_step(struct sqlite3 *db, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 0;
	return rc == SQLITE_DONE ? -ENOENT : db_errno(db, rc);
}

#define META_SELECT "SELECT value FROM meta WHERE key = ?1 AND value IS NOT NULL"
#define META_REPLACE "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)"

int db_meta_get_int(struct sqlite3 *db, const char *key, int64_t *ret_value)
{
	int err = 0;
	sqlite3_stmt *stmt = meta_prepare(db, META_SELECT, key, &err);

	if (!stmt)
		return err;
	err = meta_step(db, stmt);
	if (!err)
		*ret_value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return err;
}

int db_meta_get_text(struct sqlite3 *db, const char *key, char *buf, size_t size)
{
	int err = 0;
	sqlite3_stmt *stmt = meta_prepare(db, META_SELECT, key, &err);
	const char *text;

	if (!stmt)
		return err;
	err = meta_step(db, stmt);
	text = err ? NULL : (const char *)sqlite3_column_text(stmt, 0);
	if (text)
		snprintf(buf, size, "%s", text);
	else if (!err)
		err = -ENOMEM;
	sqlite3_finalize(stmt);
	return err;
}

int db_meta_find_int(struct sqlite3 *db, const char *key, int64_t *value)
{
	int err = db_meta_get_int(db, key, value);

	return err == -ENOENT ? 0 : err;
}

int db_meta_find_text(struct sqlite3 *db, const char *key, char *buf, size_t size)
{
	int err = db_meta_get_text(db, key, buf, size);

	return err == -ENOENT ? 0 : err;
}

static int meta_run(struct sqlite3 *db, sqlite3_stmt *stmt, int bound)
{
	int err = bound ? db_errno(db, bound) : meta_step(db, stmt);

	sqlite3_finalize(stmt);
	return err == -ENOENT ? 0 : err;
}

int db_meta_set_int(struct sqlite3 *db, const char *key, int64_t value)
{
	int err = 0;
	sqlite3_stmt *stmt = meta_prepare(db, META_REPLACE, key, &err);

	return stmt ? meta_run(db, stmt, sqlite3_bind_int64(stmt, 2, value)) : err;
}

int db_meta_set_text(struct sqlite3 *db, const char *key, const char *value)
{
	int err = 0;
	sqlite3_stmt *stmt = meta_prepare(db, META_REPLACE, key, &err);

	return stmt ? meta_run(db, stmt, sqlite3_bind_text(stmt, 2, value, -1, SQLITE_STATIC))
		    : err;
}
