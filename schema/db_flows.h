/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_flows.h: whole flow records, newest first. Table flow and those beside it have the same order, so
 * each is read once, side by side: what few flows have costs the others nothing.
 */
#pragma once

#include <stdint.h>

#include "flow_record.h"

struct sqlite3;
struct sqlite3_stmt;

enum db_beside {
	DB_BESIDE_TUNNEL,
	DB_BESIDE_TCP,
	DB_BESIDE_RTT,
	DB_BESIDE_SOCKET,
	DB_BESIDES,
};

struct db_flows {
	struct sqlite3_stmt *flow;
	struct sqlite3_stmt *beside[DB_BESIDES]; /* NULL: read to its end */
	int64_t beside_id[DB_BESIDES];		 /* flow of the current row */
	int64_t id;				 /* of the record read last */
};

/*
 * Records that ended at since_ms or later and before until_ms (INT64_MAX: no end). 0 or -errno, for
 * which sqlite3_errmsg() has the text. Close also after a failure.
 */
int db_flows_open(struct sqlite3 *db, int64_t since_ms, int64_t until_ms,
		  struct db_flows *ret_flows);
void db_flows_close(struct db_flows *flows);

/* 1: *ret_rec is the next; 0: the end; -EPROTO: a value of flow `id` has the wrong type; -errno. */
int db_flows_next(struct db_flows *flows, struct flow_record *ret_rec);
