/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_sqlite.h: the SQLite sink's own state, for its two files: sink_sqlite.c writes, sink_file.c keeps a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/sink.h"
#include "flowd/sink_beside.h"
#include "flowd/sink_clock.h"
#include "flowd/sink_heir.h"
#include "flowd/sink_look.h"
#include "flowd/sink_order.h"
#include "flowd/sink_retain.h"
#include "flowd/sink_rollup.h"
#include "schema/db.h"

enum sink_statement {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_ROLLBACK,
	STMT_ROW, /* of each table, one and many */
	STMT_ROWS = STMT_ROW + DB_TABLES,
	STMT_LEDGER = STMT_ROWS + DB_TABLES,
	STMT_BOOKS,
	STMT_META,
	STMT_NUMBER,
	STMT_MAX,
};

struct sink_sqlite {
	struct sink sink;
	struct sqlite3 *db; /* NULL: lost, and no new one could be made yet */
	int lock_fd;
	struct sqlite3_stmt *stmt[STMT_MAX];
	struct db_rows rows;
	struct sink_beside beside;
	struct sink_retain retain;
	struct sink_clock clock;
	struct sink_rollup rollup;
	struct sink_heir heir;
	char *path; /* where a new file is made; NULL: nowhere */
	bool full_sync;
	int corrupt; /* tries in a row that found the file so */
	int dead;    /* tries in a row that the disk let fail */
	bool closed; /* for the disk's sake: what is at `path` is ours, or the disk is not there */
	bool reopened; /* since the last write: a commit that failed may be in the log, and be one now */
	int rotten; /* likewise steps of the retention */
	struct sink_look look;
	struct sink_order order;
};

/* What sink_sqlite_new() made goes, the database stays open. */
void sink_sqlite_drop(struct sink *sink);
