/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_beside.h: what lies beside a database goes into it: a journal or log of a user who may make files in the folder, but
 * is neither root, this one nor the database's owner, would be believed.
 */
#pragma once

struct db_error;

/* Journal, log and the log's index of the database at `path`. 0, or -EPERM with a text: one is somebody else's. */
int db_check_beside(const char *path, const char *shown, struct db_error *ret_error);

/*
 * For who writes, before the first database is opened: SQLite goes on with a log and an index that are there though
 * the folder is shared (open_shared.h), where they pass db_check_beside(), now. It would ask for O_CREAT, be refused, and
 * take the database for one that cannot be written to.
 */
void db_share_beside(void);
