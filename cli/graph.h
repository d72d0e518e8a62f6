/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * graph.h: sums over time, of all or by key: what `flowctl graph` draws. A record counts in the interval in
 * which it ended, with all that it counts, so that the sums of intervals are the total.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/group.h"
#include "cli/plan.h"

struct naming;
struct query;

#define GRAPH_INTERVALS_MAX 500000

struct graph_line {
	struct flow_key key; /* of the kind, as in struct group_entry */
	bool others;	     /* what the other lines leave */
	uint64_t sum;
	uint64_t *value;       /* of each interval */
	size_t first, entries; /* of the sorted group: for graph_read */
};

struct graph {
	const struct group_kind *kind; /* NULL: all in one line */
	const struct group_metric *by;
	size_t limit;	/* of lines, beside the others; 0: none */
	int64_t per_ms; /* of an interval; 0: chosen, such that there are `points` at most */
	unsigned points;
	int64_t now_ms;
	enum plan_from from;
	struct naming *naming;	    /* of the keys; NULL: none */
	int64_t since_ms, until_ms; /* the window */
	int64_t start_ms;	    /* of the first interval, a multiple of per_ms */
	size_t intervals;	    /* at least 1 */
	bool *covered;		    /* of each: something was counted in it, be it nothing */
	struct graph_line *line;    /* the heaviest first, the others last */
	size_t lines;
	struct group_sums total; /* each record once */
	struct plan plan;	 /* where sums of minutes answered: how far they are exact */
};

/*
 * Fill one of which the members up to `naming` are set. 0 or -errno with query->error; -E2BIG: more
 * intervals than GRAPH_INTERVALS_MAX. graph_free also after a failure.
 */
int graph_read(struct query *query, struct graph *graph);

/* NULL where the graph has no names; what groups country and as are made by. */
struct geo *graph_geo(const struct graph *graph);
void graph_free(struct graph *graph);

/* In bits for bytes, in what it counts for the rest: thousandths a second, and the unit. */
uint64_t graph_rate_of(const struct group_metric *by, uint64_t value, int64_t ms);
const char *graph_unit_of(const struct group_metric *by);

/* The same of an interval. */
uint64_t graph_rate(const struct graph *graph, uint64_t value);
const char *graph_unit(const struct graph *graph);

/* From the beginning of the first interval to the end of the last; at least a millisecond. */
int64_t graph_span_ms(const struct graph *graph);

/* Of all lines: the highest of their rates. */
uint64_t graph_max(const struct graph *graph);

/* The line's name, for a legend: the key, and what it is called where that is known. */
void graph_name(const struct graph *graph, const struct graph_line *line, const struct query *query,
		char *buf, size_t size);

/* "bits a second by host, 1 minute each" */
void graph_title(const struct graph *graph, char *buf, size_t size);
