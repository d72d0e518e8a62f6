/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_aside.h: a database that is broken: is it, and out of the way with it. */
#pragma once

struct db_error;
struct sqlite3;

#define DB_ASIDE_MAX 640 /* bytes of a name */

/* Rename a database that nobody has open to FILE.corrupt-TIME, and its log. 0 or -errno. */
int db_set_aside(const char *path, char ret_name[DB_ASIDE_MAX]);

/* Read both ends of each table, where new rows go and old ones are: is it broken there? SQLite's code. */
int db_touch(struct sqlite3 *db);

/* The file goes, with its log and the index of that: one that was made for nothing. */
void db_remove(const char *path);
