/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_file.h: the file that the SQLite sink writes to, where it is lost under it.
 *
 *   removed, renamed      its log goes into it, and a new one is made at its path, unless there is something else:
 *                         that is left alone, and the batch waits until it is gone
 *   log removed, renamed  what it says goes into the file, which is opened again
 *   overwritten, cut      where what was committed is not there any more (sink_look.h), before the next write: set
 *                         aside at once
 *   corrupt               where SQLite says so some times in a row, and a check does not find it whole: it is
 *                         set aside (db_set_aside) and a new one made. Never for an error of the disk
 *
 * The new one goes on with the books of the lost one (sink_heir.h); the batch in hand goes there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sink_sqlite;

/* Before a write: 0, or -errno with a text that names the file. */
int sink_file_ready(struct sink_sqlite *s, char *error, size_t size);

/* Before it is closed: what was committed is made sure of. True: more may be written. */
bool sink_file_end(struct sink_sqlite *s);

/* Somebody took it away, and what is written is found by nobody. */
bool sink_file_moved(const struct sink_sqlite *s);

/* After each write, with its result and -errno: a disk that does not get well is to be opened again. */
void sink_file_failed(struct sink_sqlite *s, int rc, int err);

/* After a write that failed with that result: the file is to be replaced. */
bool sink_file_broken(struct sink_sqlite *s, int rc);

/* Likewise after a step of the retention. */
bool sink_file_rotten(struct sink_sqlite *s, int rc);

/* Set it aside and make a new one; `error` says what was wrong, and then what is. 0 or -errno. */
int sink_file_replace(struct sink_sqlite *s, char *error, size_t size);

/* Of sink_sqlite.c: all that was made for the database, which is not closed. */
void sink_sqlite_put_down(struct sink_sqlite *s);
