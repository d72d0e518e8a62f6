/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay_run.h: for tests of replays: the capture in memory into a database. Include after cmocka.h. */
#pragma once

#include <errno.h>
#include <unistd.h>

#include "db_util.h"
#include "flowd/config.h"
#include "flowd/replay.h"
#include "replay_util.h"

static struct replay_stats stats;
static struct sqlite3 *db;

static inline struct config config_of(const char *path, const char *to)
{
	struct config config = {
		.slots = CONFIG_SLOTS,
		.sweep_ns = S,
		.idle_ns = 15 * S,
		.active_ns = 60 * S,
		.linger_ns = 2 * S,
		.fragments_track = true,
	};

	snprintf(config.read, sizeof(config.read), "%s", path);
	snprintf(config.db, sizeof(config.db), "%s", to);
	return config;
}

static inline void close_db(void)
{
	sqlite3_close(db);
	db = NULL;
}

static inline int64_t ask(const char *sql)
{
	return query_int(db, sql);
}

/* The ledger: each minute's row goes on from the last, and the last holds nothing. */
static inline void check_books(void)
{
	assert_int_equal(ask("SELECT count(*) FROM (SELECT held_packets AS h, held_bytes AS hb, "
			     "sum(seen_packets - recorded_packets) OVER w AS s, "
			     "sum(seen_bytes - recorded_bytes) OVER w AS sb FROM ledger "
			     "WINDOW w AS (PARTITION BY iface, dir ORDER BY minute_ms)) "
			     "WHERE h != s OR hb != sb"),
			 0);
	assert_int_equal(
		ask("SELECT count(*) FROM books_sum WHERE seen_packets != recorded_packets "
		    "OR seen_bytes != recorded_bytes"),
		0);
	assert_int_equal(ask("SELECT ifnull(sum(unaccounted_packets), 0) FROM ledger"), 0);
	assert_int_equal(ask("SELECT ifnull(sum(packets + rev_packets), 0) FROM flow"),
			 ask("SELECT ifnull(sum(seen_packets), 0) FROM ledger"));
	assert_int_equal(ask("SELECT ifnull(sum(bytes + rev_bytes), 0) FROM flow"),
			 ask("SELECT ifnull(sum(seen_bytes), 0) FROM ledger"));
	assert_int_equal(ask("SELECT count(*) FROM flow WHERE duration_ms < 0"), 0);
}

/* Replay cap into a new database, which is left open, and its books checked. */
static inline int run(void (*change)(struct config *))
{
	struct config config = config_of(in_dir("in.pcap"), in_dir("out.db"));
	struct db_error error;
	int err;

	if (change)
		change(&config);
	close_db();
	unlink(config.db);
	write_file(in_dir("in.pcap"), cap.data, cap.size);
	err = replay(&config, &stats);
	if (access(config.db, F_OK))
		return err;
	if (db_open_reader(config.db, &db, &error))
		fail_msg("%s", error.text);
	check_books();
	return err;
}

static inline int teardown(void **state)
{
	close_db();
	return dir_teardown(state);
}
