/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * graph_cover.h: when something was counted, as opposed to when there was nothing to count. An interface is
 * counted from first_ms to last_ms of its row; where that is open, up to now if a flowd answers, else to
 * its last minute in the ledger.
 */
#pragma once

#include <stdint.h>

struct graph;
struct query;

/*
 * The window: as asked for, but not beyond now where there is nothing beyond; else what there is. At
 * least a millisecond. 0 or -errno with
 * query->error.
 */
int graph_cover_span(struct query *query, int64_t now_ms, int64_t *ret_first_ms,
		     int64_t *ret_last_ms);

/* Set graph->covered. Likewise. */
int graph_cover(struct query *query, struct graph *graph);

/* What a span of time covers; pure. */
void graph_cover_add(struct graph *graph, int64_t from_ms, int64_t to_ms);
