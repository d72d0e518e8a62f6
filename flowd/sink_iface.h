/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_iface.h: rows of table interface that a batch has. */
#pragma once

#include "flowd/sink_batch.h"

struct sqlite3_stmt;

/* A new row, or what has changed of the one with that id. */
extern const char sink_iface_sql[];

/* Write one by a statement of sink_iface_sql. 0 or SQLite's result code. */
int sink_iface_write(struct sqlite3_stmt *stmt, const struct sink_iface *iface);
