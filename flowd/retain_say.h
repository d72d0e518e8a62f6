/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* retain_say.h: retention in the log and in `status`. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct sink_retain_stats;

/* What was logged and holds still. */
struct retain_said {
	bool disk_low, stuck, failing;
	int clock;
};

/* Each once when it begins and once when it ends. `path`: of the database. */
void retain_say_log(const struct sink_retain_stats *stats, const char *path,
		    struct retain_said *said);

/* Object "retention" of `status`. */
json_t *retain_say_status(const struct sink_retain_stats *stats);
