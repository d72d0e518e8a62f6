/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink_clock.h: minutes that come a second time, since the wall clock was set back: what was held at the end of one
 * of them is of the later time. Which they are is noted in table meta, for who holds minutes against each other.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sqlite3;

struct sink_clock {
	int64_t last_ms; /* minute that was written last */
	bool known;
};

/*
 * Rows of that minute are about to be written, in the transaction at hand. SQLite's result. After one that fails,
 * or a transaction that does, sink_clock_forget().
 */
int sink_clock_turn(struct sink_clock *clock, struct sqlite3 *db, int64_t minute_ms);
void sink_clock_forget(struct sink_clock *clock);
