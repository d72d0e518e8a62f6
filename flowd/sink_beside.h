/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_beside.h: what sink_sqlite.c writes beside flows and books, in the same transaction: interfaces,
 * sockets, events, counters and samples. All that these return is 0 or SQLite's result code.
 */
#pragma once

#include <stdint.h>

#include "flowd/sink_batch.h"
#include "flowd/sink_sample.h"
#include "schema/db_word.h"

struct sqlite3_stmt;

struct sink_beside {
	struct sqlite3_stmt *iface;
	struct sqlite3_stmt *socket;
	struct sqlite3_stmt *event;
	struct sqlite3_stmt *counter;
	struct sink_sample sample;
	struct db_words words;
};

/* Statements are made once and kept. */
int sink_beside_prepare(struct sink_beside *b, struct sqlite3 *db);
void sink_beside_free(struct sink_beside *b);

/* The row of flow_socket of the flow of that id, where the record has one. */
int sink_beside_socket(struct sink_beside *b, const struct flow_record *rec, int64_t id);

/* The batch's interfaces, events, counters and samples. */
int sink_beside_write(struct sink_beside *b, const struct sink_batch *batch);

/* The transaction was rolled back. */
void sink_beside_forget(struct sink_beside *b);
