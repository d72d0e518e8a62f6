/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_look.h: does who opens the database now find what was committed? The writer itself goes on from its cache
 * where file or log were cut, overwritten or taken away under it, and commits what nobody can read.
 *
 * So they are opened by their names, as a reader does, and the number of the last commit is read there. That one may
 * have been committed behind a hole: file and log are not to be shorter than they were.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/db_pages.h"

struct sqlite3;

struct sink_look {
	struct db_extent extent;
	ino_t beside[2]; /* the log and its index, as they were first seen; 0: not yet */
	uint64_t next_ns;
};

enum sink_look_state {
	SINK_LOOK_SAME, /* or it was too soon to look again, or it cannot be told */
	SINK_LOOK_LOG, /* the log or its index was removed or renamed: the writer alone has what it says */
	SINK_LOOK_BROKEN, /* what was committed is not there */
};

/* Between transactions. `error`: what was found, unless all is the same. */
enum sink_look_state sink_look(struct sink_look *look, struct sqlite3 *db, char *error,
			       size_t size);
