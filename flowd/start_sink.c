/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* start_sink.c: see start_sink.h. */
#include "flowd/start_sink.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "flowd/clock.h"
#include "flowd/flowd.h"
#include "flowd/log.h"
#include "flowd/sink_sqlite.h"
#include "schema/db.h"

#define NS_PER_MS 1000000

int start_database(struct flowd *flowd)
{
	const struct config *config = flowd->config;
	bool is_new = access(config->db, F_OK) != 0;
	char aside[DB_ASIDE_MAX];
	struct db_error error;
	int err = db_open_writer_anew(config->db, config->durability_full, &flowd->db,
				      &flowd->db_lock_fd, aside, &error);

	if (err)
		log_err("%s", error.text);
	else if (aside[0])
		log_err("%s: it is now '%s', and a new one is made", error.text, aside);
	else if (error.text[0])
		log_info("%s", error.text);
	flowd->db_new = (is_new || aside[0]) && !err;
	return err;
}

static struct db_retain_limits limits_of(const struct config *config)
{
	struct db_retain_limits limits = {
		.size_bytes = (int64_t)config->retain_size_bytes,
		.free_bytes = (int64_t)config->retain_free_bytes,
	};

	for (int level = 0; level < DB_RETAIN_LEVELS; level++)
		limits.age_ms[level] = (int64_t)(config->retain_ns[level] / NS_PER_MS);
	return limits;
}

static int64_t wall_ms(void)
{
	return clock_wall().ms;
}

static int set_up(struct flowd *flowd, struct sink *sink)
{
	const struct config *config = flowd->config;
	struct db_retain_limits limits = limits_of(config);
	const struct sink_rollup_config rollup = {
		.keys = config->rollup_keys,
		.late_ms = (int64_t)(config->idle_ns / NS_PER_MS) + SINK_ROLLUP_LATE_MS,
		.now_ms = wall_ms,
	};
	int err = sink_sqlite_heir(sink, config->durability_full);

	if (err)
		return err;
	sink_sqlite_retain(sink, (int64_t)config->sample_age_ns,
			   (int64_t)config->sample_size_bytes);
	sink_sqlite_rollup(sink, &rollup);
	sink_sqlite_keep(sink, &limits);
	return sink_writer_start(sink, &flowd->writer);
}

int start_sink(struct flowd *flowd)
{
	struct sink *sink = sink_sqlite_new(flowd->db, flowd->db_lock_fd);
	int err = sink ? set_up(flowd, sink) : -ENOMEM;

	if (err && sink)
		sink_sqlite_drop(sink);
	if (err)
		log_err("writer thread: %s", strerror(-err));
	return err;
}
