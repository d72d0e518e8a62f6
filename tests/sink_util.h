/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_util.h: a SQLite sink in the test's folder. Include after cmocka.h. */
#pragma once

#include "flowd/sink.h"
#include "tests/db_util.h"

static inline struct sink *open_sink(struct sqlite3 **ret_db)
{
	struct db_error error;
	struct sink *sink;
	int fd;

	if (db_open_writer(in_dir("sink.db"), false, ret_db, &fd, &error))
		fail_msg("%s", error.text);
	sink = sink_sqlite_new(*ret_db, fd);
	assert_non_null(sink);
	return sink;
}

static inline void assert_write(struct sink *sink, const struct sink_batch *batch)
{
	char error[SINK_ERROR_MAX] = "";

	if (sink->ops->write(sink, batch, error, sizeof(error)))
		fail_msg("%s", error);
}
