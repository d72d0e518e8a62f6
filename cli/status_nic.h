/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * status_nic.h: what NICs, drivers, queues and CPUs counted beside the packets' path, of the status
 * object: from the database, and as tables to read.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct sqlite3;

/*
 * Give an interface its "nic_packets", "nic_seen_packets" and "nic_difference_packets": [in, out],
 * null where the ledger has none, and "counters": [{"source", "name", "gained", "last_minute"}].
 * Iface 0 is the host, of counters alone. A database that has no such columns or tables yet leaves
 * them null and empty. 0 or SQLite's code.
 */
int status_nic_read(struct sqlite3 *db, int64_t iface, json_t *object);

/* `root`: flowd's part, or the database's. 0 or -errno. */
int status_nic_text(const json_t *root, FILE *file);
