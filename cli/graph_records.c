/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* graph_records.c: the lines of a graph by one pass over the records of its window. See graph_fill.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/events.h"
#include "cli/graph_fill.h"
#include "cli/group_fill.h"
#include "cli/query.h"

/* The interval's number; what a clock that was set put outside counts at the edge. */
static uint32_t interval_of(const struct graph *graph, int64_t ms)
{
	int64_t i = (ms - graph->start_ms) / graph->per_ms;

	if (ms < graph->start_ms)
		return 0;
	return i < (int64_t)graph->intervals ? (uint32_t)i : (uint32_t)graph->intervals - 1;
}

/* --- sums ----------------------------------------------------------------------------------------- */

static int add_record(const struct graph *graph, const struct group_kind *kind,
		      const struct flow_record *rec, unsigned match, struct group *group)
{
	struct group_part part;
	struct group_item item = {.rec = rec,
				  .match = match,
				  .sums = &part.sums,
				  .time = interval_of(graph, rec->end_ms)};
	int err;

	group_sums_of(&item, match, &part);
	err = group_sums_add(&group->total, &part.sums);
	return err ? err : kind->add(group, &item);
}

static int add_records(struct query *query, const struct graph *graph,
		       const struct group_kind *kind, struct group *group)
{
	struct flow_record rec;
	unsigned match;
	int have, err;

	while ((have = query_next(query, &rec, &match)) > 0) {
		rec.iface = group_fill_iface(query, kind, rec.iface);
		err = add_record(graph, kind, &rec, match, group);
		if (err)
			return err;
	}
	return have;
}

static int add_drops(struct query *query, const struct graph *graph, const struct group_kind *kind,
		     struct group *group)
{
	struct event_record event;
	struct events events;
	int have = events_open(query, 1U << EVENT_DROP, &events), err = have;

	while (!err && (have = events_next(&events, &event)) > 0) {
		struct group_event item = {.event = &event,
					   .time = interval_of(graph, event.end_ms)};

		event.iface = group_fill_iface(query, kind, event.iface);
		err = group_event(group, kind, &item);
	}
	events_close(&events);
	return err ? err : have;
}

/* --- lines ---------------------------------------------------------------------------------------- */

static int compare_key(const void *a, const void *b)
{
	return memcmp(&((const struct group_entry *)a)->key, &((const struct group_entry *)b)->key,
		      sizeof(struct flow_key));
}

static int compare_sum(const void *a, const void *b)
{
	const struct graph_line *left = a, *right = b;

	if (left->sum != right->sum)
		return left->sum < right->sum ? 1 : -1;
	return memcmp(&left->key, &right->key, sizeof(left->key));
}

/* A line for each key of the sorted entries, with its sum alone. */
static int make_lines(struct graph *graph, const struct group *group, size_t count)
{
	size_t room = 0;

	for (size_t i = 0; i < count; i++) {
		const struct group_entry *entry = &group->entry[i];

		if (!i || compare_key(entry, entry - 1)) {
			if (graph->lines + 1 >= room) { /* one more for the others */
				size_t more = room ? 2 * room : 64;
				struct graph_line *grown =
					reallocarray(graph->line, more, sizeof(*grown));

				if (!grown)
					return -ENOMEM;
				graph->line = grown;
				room = more;
			}
			graph->line[graph->lines++] =
				(struct graph_line){.key = entry->key, .first = i};
		}
		graph->line[graph->lines - 1].sum += group_value(&entry->sums, graph->by);
		graph->line[graph->lines - 1].entries++;
	}
	return 0;
}

/* The heaviest alone, and a line of what they leave. */
static int cut_lines(struct graph *graph)
{
	size_t kept = 0;

	qsort(graph->line, graph->lines, sizeof(*graph->line), compare_sum);
	while (kept < graph->lines && graph->line[kept].sum &&
	       (!graph->limit || kept < graph->limit))
		kept++;
	if (kept < graph->lines && graph->line[kept].sum && graph_is_whole(graph))
		graph->line[kept++] = (struct graph_line){.others = true};
	graph->lines = kept;
	for (size_t i = 0; i < graph->lines; i++) {
		graph->line[i].value = calloc(graph->intervals, sizeof(uint64_t));
		if (!graph->line[i].value)
			return -ENOMEM;
	}
	return 0;
}

/* The others have what all have, less what is in the other lines. */
static void fill_lines(struct graph *graph, const struct group *group, size_t count)
{
	struct graph_line *others = graph->lines ? &graph->line[graph->lines - 1] : NULL;

	if (others && !others->others)
		others = NULL;
	for (size_t i = 0; others && i < count; i++) {
		uint64_t value = group_value(&group->entry[i].sums, graph->by);

		others->sum += value;
		others->value[group->entry[i].time] += value;
	}
	for (size_t l = 0; l < graph->lines; l++) {
		const struct graph_line *line = &graph->line[l];

		for (size_t i = line->first; i < line->first + line->entries; i++) {
			const struct group_entry *entry = &group->entry[i];
			uint64_t value = group_value(&entry->sums, graph->by);

			line->value[entry->time] += value;
			if (!others)
				continue;
			others->sum -= value;
			others->value[entry->time] -= value;
		}
	}
}

int graph_read_records(struct query *query, struct graph *graph)
{
	const struct group_kind *kind = graph->kind ? graph->kind : &group_named;
	struct group group = {.geo = graph_geo(graph)};
	size_t count = 0;
	int err = add_records(query, graph, kind, &group);
	if (!err && !strcmp(graph->by->name, "drops"))
		err = add_drops(query, graph, kind, &group);
	if (!err) {
		count = group_sort(&group, graph->by);
		if (count)
			qsort(group.entry, count, sizeof(*group.entry), compare_key);
		err = make_lines(graph, &group, count);
	}
	if (!err && graph->lines)
		err = cut_lines(graph);
	if (!err)
		fill_lines(graph, &group, count);
	graph->total = group.total;
	memset(&group.total, 0, sizeof(group.total));
	group_free(&group);
	return err;
}
