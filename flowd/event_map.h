/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event_map.h: read and clear the cells that the trace programs count into. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "flowd/event_rows.h"
#include "trace/trace_hook.h"

struct event_map {
	const struct trace *trace;
	struct event_key *key;	   /* of a batch */
	struct event_count *value; /* [batch * cpus] */
};

/* 0 or -ENOMEM. */
int event_map_open(const struct trace *trace, struct event_map *ret_map);
void event_map_close(struct event_map *map);

/* Every key with the sum over the CPUs, of whichever generation. 0 or -errno: some may be missing. */
typedef void event_map_visit(void *arg, const struct event_key *key,
			     const struct event_count *count);
int event_map_each(struct event_map *map, event_map_visit *visit, void *arg);

/* Rows of a generation, with what was folded by the programs. 0 or -errno. */
int event_map_rows(struct event_map *map, uint32_t generation, struct event_rows *rows);

/* Clear a generation that no program counts into any more. 0 or -errno. */
int event_map_clear(struct event_map *map, uint32_t generation);
