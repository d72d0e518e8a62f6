/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* graph_fill.h: how graph.c gets its lines, the intervals being set: from records, or from flowd's sums. */
#pragma once

#include <stdbool.h>

#include "cli/graph.h"

/* Both: the lines, their values and the total. 0 or -errno with query->error. */
int graph_read_records(struct query *query, struct graph *graph);
/* Also: graph->plan. -ENODATA: of some of the window only sums of longer intervals are left. */
int graph_read_sums(struct query *query, struct graph *graph);

/* What sums are asked for by: the graph's kind, or one of few keys where it has none. */
const struct group_kind *graph_sums_kind(const struct graph *graph);

/* Each packet counts under one key, so that there is a rest. */
bool graph_is_whole(const struct graph *graph);
