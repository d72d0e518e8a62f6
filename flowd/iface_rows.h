/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface_rows.h: interfaces in the database. All of it while the database is the caller's thread's. */
#pragma once

#include "flowd/flowd.h"

/* The numbers that keys in these maps (by generation) may have, with their rows and books. 0 or -EIO. */
int iface_rows_load(struct flowd *flowd);

/* Counters as a predecessor on these maps left them (meta.counters). 0 or -EIO. */
int iface_rows_counters(struct flowd *flowd);

/* What it folded (meta.moved), once the interfaces have their ids. 0 or -EIO. */
int iface_rows_moved(struct flowd *flowd);

/*
 * Numbers that the maps know and this database does not. opening: another one kept their books, and what is still in
 * the maps comes here as an opening entry; else a predecessor was killed before their rows were committed, and all of
 * what was counted is still there. 0 or -EIO.
 */
int iface_rows_adopt(struct flowd *flowd, bool opening);

/* Store the opening books of those (books_open), from which a successor goes on. 0 or -EIO. */
int iface_rows_open(struct flowd *flowd);

/*
 * Write the rows of numbers that differ from the database's, as a batch would, all or none. 0; -EIO with SQLite's word
 * on it, and the transaction is left to the database's end.
 */
int iface_rows_write(struct flowd *flowd);

/* Note that counting has ended. */
void iface_rows_closed(struct flowd *flowd);
