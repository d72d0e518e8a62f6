/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* graph_sums.c: the lines of a graph by a series (cli/series.h). See graph_fill.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/graph_fill.h"
#include "cli/query.h"
#include "cli/series.h"

const struct group_kind *graph_sums_kind(const struct graph *graph)
{
	return graph->kind ? graph->kind : group_kind_find("proto");
}

static int add_line(struct graph *graph, const struct graph_line *line)
{
	struct graph_line *grown =
		reallocarray(graph->line, graph->lines + 1, sizeof(*graph->line));

	if (!grown)
		return -ENOMEM;
	graph->line = grown;
	grown[graph->lines] = *line;
	grown[graph->lines].value = calloc(graph->intervals, sizeof(uint64_t));
	return grown[graph->lines++].value ? 0 : -ENOMEM;
}

/* The graph's interval of the series'. */
static size_t interval_of(const struct graph *graph, const struct series *series, size_t interval)
{
	int64_t i = (series_ms(series, interval) - graph->start_ms) / graph->per_ms;

	if (i < 0)
		return 0;
	return i < (int64_t)graph->intervals ? (size_t)i : graph->intervals - 1;
}

static int add_keys(struct graph *graph, const struct series *series)
{
	int err = 0;

	for (size_t key = 0; !err && key < series->keys; key++) {
		const struct group_entry *entry = &series->whole.group.entry[key];
		struct graph_line line = {.key = entry->key,
					  .sum = group_value(&entry->sums, graph->by)};

		if (!line.sum)
			continue;
		err = add_line(graph, &line);
		for (size_t i = 0; !err && i < series->intervals; i++)
			graph->line[graph->lines - 1].value[interval_of(graph, series, i)] +=
				group_value(&series_at(series, key, i)->sums, graph->by);
	}
	return err;
}

/* All, less what is in the other lines: of a graph without a group that is all. */
static int add_rest(struct graph *graph, const struct series *series)
{
	struct graph_line line = {.others = graph->kind != NULL};
	struct graph_line *rest;
	int err = add_line(graph, &line);

	if (err)
		return err;
	rest = &graph->line[graph->lines - 1];
	for (size_t i = 0; i < series->intervals; i++)
		rest->value[interval_of(graph, series, i)] +=
			group_value(&series->total[i], graph->by);
	for (size_t i = 0; i < graph->intervals; i++) {
		for (size_t l = 0; l + 1 < graph->lines; l++)
			rest->value[i] -= graph->line[l].value[i];
		rest->sum += rest->value[i];
	}
	if (!rest->sum && rest->others) {
		free(rest->value);
		graph->lines--;
	}
	return 0;
}

static int fill(struct graph *graph, struct series *series)
{
	int err = graph->kind ? add_keys(graph, series) : 0;

	if (!err && (!graph->kind || graph_is_whole(graph)))
		err = add_rest(graph, series);
	return err;
}

/* A try before this one may have left something. */
static void forget(struct graph *graph)
{
	for (size_t i = 0; i < graph->lines; i++)
		free(graph->line[i].value);
	graph->lines = 0;
	plan_free(&graph->plan);
}

int graph_read_sums(struct query *query, struct graph *graph)
{
	int64_t since_ms = query->options.since_ms, until_ms = query->options.until_ms;
	struct series_ask ask = {
		.plan = {.kind = graph_sums_kind(graph),
			 .by = graph->by,
			 .from = graph->from,
			 .geo = graph_geo(graph),
			 .events = strcmp(graph->by->name, "drops") ? 0 : 1U << EVENT_DROP,
			 .limit = graph->kind ? graph->limit : 1},
		.per_ms = graph->per_ms,
		.now_ms = graph->now_ms,
	};
	struct series series;
	int err;

	forget(graph);
	query->options.since_ms = graph->since_ms;
	query->options.until_ms = graph->until_ms;
	err = series_read(query, &ask, &series);
	query->options.since_ms = since_ms;
	query->options.until_ms = until_ms;
	if (!err)
		err = fill(graph, &series);
	if (!err) {
		graph->plan = series.whole;
		memset(&series.whole, 0, sizeof(series.whole));
		graph->total = graph->plan.group.total;
		graph->plan.has_tail &= graph->kind != NULL; /* the total is exact */
	}
	series_free(&series);
	return err;
}
