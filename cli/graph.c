/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* graph.c: see graph.h. Which intervals are covered is graph_cover.c's. */
#include "cli/graph.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/graph_axis.h"
#include "cli/graph_cover.h"
#include "cli/graph_fill.h"
#include "cli/group_names.h"
#include "cli/group_row.h"
#include "cli/naming.h"
#include "cli/query.h"

#define MINUTE_MS 60000
#define HOUR_MS (60 * MINUTE_MS)
#define RATE_MAX 10000000000000000000U /* 10 Pbit/s: an axis to its next tick is still a number */

/* Kinds under which each packet counts once, so that there is a rest. */
#define WHOLE_KINDS "src, dst, pair, service, proto, flow, iface, vlan, tunnel, dir, exporter"

bool graph_is_whole(const struct graph *graph)
{
	const struct group_kind *kind = graph->kind;
	bool flows = !strcmp(graph->by->name, "flows");

	/* of these, a record is a flow in each direction */
	if (kind && flows && group_has_word("src, dst, flow, dir, tunnel", kind->name))
		return false;
	return kind && group_has_word(WHOLE_KINDS, kind->name);
}

/* --- intervals ------------------------------------------------------------------------------------ */

static int set_intervals(struct query *query, struct graph *graph)
{
	int64_t first_ms, last_ms;
	int err = graph_cover_span(query, graph->now_ms, &first_ms, &last_ms);

	if (err)
		return err;
	if (!graph->per_ms)
		graph->per_ms = axis_interval(last_ms - first_ms, graph->points);
	graph->since_ms = first_ms;
	graph->until_ms = last_ms;
	graph->start_ms = first_ms / graph->per_ms * graph->per_ms;
	graph->intervals = (size_t)((last_ms - 1 - graph->start_ms) / graph->per_ms) + 1;
	if (graph->intervals > GRAPH_INTERVALS_MAX)
		return -E2BIG;
	graph->covered = calloc(graph->intervals, sizeof(*graph->covered));
	return graph->covered ? graph_cover(query, graph) : -ENOMEM;
}

/* Without a group there is one line, also of nothing. */
static int one_line(struct graph *graph)
{
	if (graph->kind || graph->lines)
		return 0;
	free(graph->line); /* of keys that have nothing */
	graph->line = calloc(1, sizeof(*graph->line));
	if (!graph->line)
		return -ENOMEM;
	graph->lines = 1;
	graph->line->value = calloc(graph->intervals, sizeof(uint64_t));
	return graph->line->value ? 0 : -ENOMEM;
}

/* Where they can answer, sums of minutes are quicker than one pass over the records; where not, they are not. */
static bool is_for_sums(const struct query *query, const struct graph *graph)
{
	const struct plan_ask ask = {.kind = graph_sums_kind(graph), .by = graph->by};

	if (graph->from == PLAN_RECORDS || graph->per_ms % MINUTE_MS)
		return false;
	return graph->from == PLAN_ROLLUPS || !plan_refusal(query, &ask);
}

/* Of what is left in hours alone, intervals are hours at least; of sums, minutes. */
static int lengthen(struct query *query, struct graph *graph, int64_t unit_ms)
{
	free(graph->covered);
	graph->covered = NULL;
	graph->per_ms = (graph->per_ms + unit_ms - 1) / unit_ms * unit_ms;
	return set_intervals(query, graph);
}

/* Sums alone are to answer: intervals of parts of a minute are none of theirs. */
static int fit_sums(struct query *query, struct graph *graph, bool chosen)
{
	if (graph->from != PLAN_ROLLUPS || !(graph->per_ms % MINUTE_MS))
		return 0;
	if (!chosen)
		return lengthen(query, graph, MINUTE_MS);
	snprintf(query->error, sizeof(query->error),
		 "--from rollups: intervals of whole minutes alone have sums");
	return -EINVAL;
}

struct geo *graph_geo(const struct graph *graph)
{
	return graph->naming ? graph->naming->geo : NULL;
}

static int ask_names(struct graph *graph)
{
	int err = 0;

	if (!graph->kind || !graph->naming || naming_is_off(graph->naming))
		return 0;
	for (size_t l = 0; !err && l < graph->lines; l++)
		err = group_names_want(graph->naming, graph->kind, &graph->line[l].key);
	return err ? err : naming_ask(graph->naming);
}

int graph_read(struct query *query, struct graph *graph)
{
	bool chosen = graph->per_ms != 0;
	int err = set_intervals(query, graph);

	err = err ? err : fit_sums(query, graph, chosen);
	if (!err && is_for_sums(query, graph)) {
		err = graph_read_sums(query, graph);
		if (err == -ENODATA && !chosen && graph->per_ms % HOUR_MS) {
			err = lengthen(query, graph, HOUR_MS);
			err = err ? err : graph_read_sums(query, graph);
		}
	} else if (!err) {
		err = graph_read_records(query, graph);
	}
	err = err ? err : one_line(graph);
	return err ? err : ask_names(graph);
}

void graph_free(struct graph *graph)
{
	for (size_t i = 0; i < graph->lines; i++)
		free(graph->line[i].value);
	free(graph->line);
	free(graph->covered);
	group_sums_free(&graph->total);
	graph->plan.group.total = (struct group_sums){0}; /* as above */
	plan_free(&graph->plan);
	memset(graph, 0, sizeof(*graph));
}

/* --- what is drawn of them ------------------------------------------------------------------------ */

static bool is_bytes(const struct group_metric *by)
{
	return group_has_word("bytes, ip_bytes", by->name);
}

uint64_t graph_rate_of(const struct group_metric *by, uint64_t value, int64_t ms)
{
	unsigned __int128 thousandths = (unsigned __int128)value * 1000 * 1000;

	if (is_bytes(by))
		thousandths *= 8;
	thousandths /= (uint64_t)ms;
	return thousandths > RATE_MAX ? RATE_MAX : (uint64_t)thousandths;
}

const char *graph_unit_of(const struct group_metric *by)
{
	if (is_bytes(by))
		return "bit/s";
	return !strcmp(by->name, "flows") ? "flows/s" : "packets/s";
}

uint64_t graph_rate(const struct graph *graph, uint64_t value)
{
	return graph_rate_of(graph->by, value, graph->per_ms);
}

const char *graph_unit(const struct graph *graph)
{
	return graph_unit_of(graph->by);
}

int64_t graph_span_ms(const struct graph *graph)
{
	int64_t span_ms = (int64_t)graph->intervals * graph->per_ms;

	return span_ms > 0 ? span_ms : 1;
}

uint64_t graph_max(const struct graph *graph)
{
	uint64_t max = 0;

	for (size_t l = 0; l < graph->lines; l++) {
		for (size_t i = 0; i < graph->intervals; i++) {
			if (graph->line[l].value[i] > max)
				max = graph->line[l].value[i];
		}
	}
	return graph_rate(graph, max);
}

void graph_name(const struct graph *graph, const struct graph_line *line, const struct query *query,
		char *buf, size_t size)
{
	struct group_entry entry = {.key = line->key};
	struct group_row row = {
		.entry = &entry, .kind = graph->kind, .query = query, .naming = graph->naming};
	struct out_value value = {.kind = OUT_NONE};
	char name[OUT_TEXT_SIZE];

	if (!graph->kind || line->others) {
		snprintf(buf, size, "%s", line->others ? "(others)" : "total");
		return;
	}
	group_row_key(NULL, &row, &value);
	name[0] = 0;
	if (graph->naming)
		group_names_text(&row, name, sizeof(name));
	if (*name)
		snprintf(buf, size, "%s (%s)", value.text, name);
	else
		snprintf(buf, size, "%s", value.text);
}

void graph_title(const struct graph *graph, char *buf, size_t size)
{
	static const struct {
		const char *by, *text;
	} titles[] = {
		{"bytes", "traffic"},
		{"ip_bytes", "traffic, IP bytes"},
		{"packets", "packets"},
		{"flows", "flows that ended"},
		{"retransmits", "retransmitted segments"},
		{"drops", "packets dropped by the kernel"},
	};
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}};
	const char *text = graph->by->name;
	size_t i = 0;

	for (size_t t = 0; t < sizeof(titles) / sizeof(titles[0]); t++) {
		if (!strcmp(titles[t].by, graph->by->name))
			text = titles[t].text;
	}
	while (i < 3 && graph->per_ms % units[i].ms)
		i++;
	snprintf(buf, size, "%s%s%s, intervals of %" PRId64 " %s%s", text,
		 graph->kind ? " by " : "", graph->kind ? graph->kind->name : "",
		 graph->per_ms / units[i].ms, units[i].name,
		 graph->per_ms == units[i].ms ? "" : "s");
}
