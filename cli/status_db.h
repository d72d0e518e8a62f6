/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* status_db.h: what the database itself says, in the shape of flowd's status. */
#pragma once

#include <jansson.h>
#include <stddef.h>

struct sqlite3;

/*
 * {"path", "bytes", "log_bytes", "rows", "first", "last", "written", "instance", "interfaces": [{
 * "name", "id", "ingress", "egress", "seen_packets": [in, out], ...}], "host_counters"}, with what
 * status_nic.h adds; times RFC 3339, null where
 * there is none. NULL with a message in *error.
 */
json_t *status_db(struct sqlite3 *db, const char *path, char *error, size_t error_size);

/* A text of the database, cleaned (jansson takes nothing but UTF-8); NULL: null. */
json_t *status_db_text(const char *text);

/* The parts of the books, as in "seen"; ends with NULL. Each is NAME_packets and NAME_bytes. */
extern const char *const status_parts[];
