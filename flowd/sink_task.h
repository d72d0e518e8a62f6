/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_task.h: of flowd/sink_retain.h, what is to be done next. All that these return is 0 or SQLite's code. */
#pragma once

#include <stdint.h>

#include "flowd/sink_retain.h"

/* What a step has to go by. */
struct sink_plan {
	int64_t now_ms;	   /* by which rows are old */
	int64_t rolled_ms; /* from which on records are not in the rollups */
	struct db_retain_room room;
	int64_t oldest_ms[DB_RETAIN_LEVELS];
	int64_t over; /* bytes */
};

enum sink_what {
	SINK_NOTHING,
	SINK_OLD,    /* rows older than ms */
	SINK_FUTURE, /* rows of ms and later */
	SINK_VACUUM,
	SINK_CHECKPOINT,
	SINK_HOURLY,
};

struct sink_task {
	enum sink_what what;
	enum db_retain_level level;
	int64_t ms;    /* OLD: until, FUTURE: from */
	int64_t bytes; /* that are to go; INT64_MAX: all */
};

int sink_task_plan(struct sink_retain *r, struct sink_plan *ret_plan);
int sink_task_find(struct sink_retain *r, const struct sink_plan *plan, struct sink_task *ret_task);
