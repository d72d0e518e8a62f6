/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_graph.c: what happened over time: drawn in characters or as SVG, or the figures themselves. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_query.h"
#include "cli/graph.h"
#include "cli/graph_svg.h"
#include "cli/graph_text.h"
#include "cli/group_names.h"
#include "cli/group_row.h"
#include "cli/output.h"
#include "cli/pcap_file.h"
#include "cli/say.h"
#include "cli/timearg.h"
#include "cli/total.h"

#define LIMIT_DEFAULT 5
#define LIMIT_MAX (GRAPH_LINES_MAX - 1) /* and the others */
#define POINTS 120			/* intervals, unless it is said how long they are */
#define PER_MAX_MS (366LL * 86400 * 1000)

#define METRICS "bytes, packets, flows, ip_bytes, retransmits, drops"

static int set_by(struct args *args, const char *value)
{
	if (!group_has_word(METRICS, value))
		return say_usage("--by '%s': unknown; known: %s", value, METRICS);
	return group_pick_metric(group_metrics, value, &args->by);
}

static int set_group(struct args *args, const char *value)
{
	return group_pick_kind(CMD_KINDS, value, &args->group);
}

static int set_per(struct args *args, const char *value)
{
	int64_t ms;

	args->per_ms = 0;
	if (!strcmp(value, "auto"))
		return 0;
	if (timearg_duration(value, &ms) || ms <= 0 || ms > PER_MAX_MS)
		return say_usage(
			"--per '%s': neither auto nor a duration of a second to a year, as 10s, 1m, 1h",
			value);
	args->per_ms = ms;
	return 0;
}

static int set_svg(struct args *args, const char *value)
{
	if (!*value)
		return say_usage("--svg '%s': not a file's name", value);
	args->svg = value;
	return 0;
}

ARGS_FLAG(ascii)
ARGS_FLAG(show_plan)

const struct args_option cmd_graph_options[] = {
	{"by", 0, "WHAT", "bytes (unless given), packets, flows, ip_bytes, retransmits or drops",
	 set_by},
	{"group", 0, "KEY", "a line each for the heaviest: " CMD_KINDS, set_group},
	{"limit", 'n', "N",
	 "of the N heaviest, 5 unless given; drawn are at most 11; 0 (--json, --csv): all",
	 args_set_limit},
	{"per", 0, "TIME", "intervals of 1s, 1m, 5m, 1h, 1d ...; auto (unless given): what fits",
	 set_per},
	{"from", 0, "WHAT",
	 "auto (unless given), records, or rollups: flowd's sums of minutes and hours",
	 cmd_set_from},
	{"explain", 0, NULL, "say which of these answered", set_show_plan},
	{"ascii", 0, NULL, "no characters beyond ASCII", set_ascii},
	{"svg", 0, "FILE", "draw into a file as SVG; -: standard output", set_svg},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_graph_notes[] =
	"A record counts in the interval in which it ended, with all that it counts, so that the intervals add\n"
	"up to the total: what a long flow did is up to the active timeout (a minute unless configured) later\n"
	"than it was. Rates are of whole intervals. Where nothing was counted, as flowd did not run, the lines\n"
	"have a gap and the time axis is broken; where nothing passed they are at zero.\n"
	"(others) is what the lines above leave; of host, port, country and as there is none: a record counts to\n"
	"both ends. With --names and the like the legend has the name behind the key.\n";

/* --- figures -------------------------------------------------------------------------------------- */

struct row {
	struct group_row row; /* the first */
	const struct graph *graph;
	const struct graph_line *line;
	size_t i;
};

static void get_time(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	(void)c;
	value->kind = OUT_TIME;
	value->number = (uint64_t)(r->graph->start_ms + (int64_t)r->i * r->graph->per_ms);
}

static void get_seconds(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->kind = OUT_REAL;
	snprintf(value->text, sizeof(value->text), "%g",
		 (double)((const struct row *)row)->graph->per_ms / 1000);
}

static void get_by(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct row *)row)->graph->by->name);
}

static void get_group(const struct out_column *c, const void *row, struct out_value *value)
{
	if (((const struct row *)row)->graph->kind)
		group_row_group(c, row, value);
}

static void get_key(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	char text[OUT_TEXT_SIZE];

	if (r->graph->kind && !r->line->others) {
		group_row_key(c, row, value);
		return;
	}
	graph_name(r->graph, r->line, r->row.query, text, sizeof(text));
	out_set_text(value, text);
}

static void get_iface(const struct out_column *c, const void *row, struct out_value *value)
{
	if (!((const struct row *)row)->line->others)
		group_row_iface(c, row, value);
}

static void get_field(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	if (r->graph->kind && !r->line->others)
		group_row_field(c, row, value);
}

static void get_port(const struct out_column *c, const void *row, struct out_value *value)
{
	if (!((const struct row *)row)->line->others)
		group_row_port(c, row, value);
}

/* Nothing is known of an interval in which nothing was counted. */
static bool is_known(const struct row *r)
{
	return r->graph->covered[r->i] || r->line->value[r->i];
}

static void get_value(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	(void)c;
	if (!is_known(r))
		return;
	value->kind = OUT_NUMBER;
	value->number = r->line->value[r->i];
}

static void get_rate(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	uint64_t rate = graph_rate(r->graph, r->line->value[r->i]);

	(void)c;
	if (!is_known(r))
		return;
	value->kind = OUT_REAL;
	snprintf(value->text, sizeof(value->text), "%" PRIu64 ".%03" PRIu64, rate / 1000,
		 rate % 1000);
}

static void get_unit(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, graph_unit(((const struct row *)row)->graph));
}

static const struct out_column columns[] = {
	{"time", NULL, true, 0, get_time, NULL},
	{"seconds", NULL, false, 0, get_seconds, NULL},
	{"by", NULL, true, 0, get_by, NULL},
	{"group", NULL, true, 0, get_group, NULL},
	{"key", NULL, true, 0, get_key, NULL},
	{"iface", NULL, true, 0, get_iface, NULL},
	{"ethertype", NULL, true, 0, get_field, NULL},
	{"vlan", NULL, true, 0, get_field, NULL},
	{"cvlan", NULL, true, 0, get_field, NULL},
	{"proto", NULL, true, 0, get_field, NULL},
	{"src", NULL, true, 0, get_field, NULL},
	{"dst", NULL, true, 0, get_field, NULL},
	{"sport", NULL, true, 0, get_field, NULL},
	{"dport", NULL, true, 0, get_field, NULL},
	{"port", NULL, false, 0, get_port, NULL},
	{"tunnel", NULL, true, 0, get_field, NULL},
	{"tunnel_id", NULL, false, 0, get_field, NULL},
	{"outer_src", NULL, true, 0, get_field, NULL},
	{"outer_dst", NULL, true, 0, get_field, NULL},
	{"value", NULL, false, 0, get_value, NULL},
	{"rate", NULL, false, 0, get_rate, NULL},
	{"unit", NULL, true, 0, get_unit, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

static int put_figures(const struct args *args, const struct query *query,
		       const struct graph *graph)
{
	struct out_column shown[sizeof(columns) / sizeof(columns[0]) + GROUP_NAMES_COLUMNS];
	struct out out = {.columns = shown, .file = stdout};
	struct group_entry entry = {.time = 0};
	struct row row = {.row = {.entry = &entry, .query = query, .naming = graph->naming},
			  .graph = graph};
	int err, end_err;

	memcpy(shown, columns, sizeof(columns));
	group_names_insert(shown, graph->naming);
	err = args->format->begin(&out);
	row.row.kind = graph->kind ? graph->kind : &group_named;
	for (row.i = 0; !err && row.i < graph->intervals; row.i++) {
		for (size_t l = 0; !err && l < graph->lines; l++) {
			row.line = &graph->line[l];
			entry.key = row.line->key;
			err = args->format->row(&out, &row);
		}
	}
	end_err = args->format->end(&out);
	return err ? err : end_err;
}

/* --- drawings ------------------------------------------------------------------------------------- */

/* The exit code. */
static int put_svg(const struct args *args, const struct query *query, const struct graph *graph)
{
	struct pcap_file file;
	char title[300] = "";
	int err = pcap_file_open(args->svg, false, &file);

	if (args->filter && query->options.anonymize)
		snprintf(title, sizeof(title), " of a filter");
	else if (args->filter)
		snprintf(title, sizeof(title), " of '%.280s'", args->filter);
	if (err == -ENOTTY) {
		pcap_file_close(&file);
		return say_usage("--svg '-': standard output is a terminal");
	}
	if (!err)
		err = graph_svg(graph, query, title, file.file);
	if (!err)
		err = pcap_file_finish(&file);
	pcap_file_close(&file);
	if (err == -EPIPE)
		return EXIT_SUCCESS;
	return err ? say_failed("--svg '%s': %s", args->svg, strerror(-err)) : 0;
}

static int put_text(const struct args *args, const struct query *query, const struct graph *graph)
{
	struct graph_screen screen;

	graph_screen_find(stdout, args->ascii, &screen);
	return graph_text(graph, query, &screen);
}

/* How far it is exact, and what answered. */
static void put_plan(const struct args *args, const struct graph *graph)
{
	bool is_text = args->format == &out_text && !(args->svg && !strcmp(args->svg, "-"));
	FILE *file = is_text ? stdout : stderr;

	if (!graph->plan.until_ms) {
		if (args->show_plan)
			fputs("answered from: records\n", file);
		return;
	}
	plan_put_bounds(&graph->plan, graph->by, file);
	if (args->show_plan)
		plan_explain(&graph->plan, file);
}

/* The exit code. */
static int put_graph(const struct args *args, struct cmd_query *query, const struct graph *graph)
{
	int err, code;

	if (args->svg) {
		code = put_svg(args, &query->query, graph);
		if (code)
			return code;
	} else {
		err = args->format == &out_text ? put_text(args, &query->query, graph)
						: put_figures(args, &query->query, graph);
		if (err)
			return cmd_query_fail(query, err);
	}
	total_put(args, &query->query, &graph->total, graph->by);
	put_plan(args, graph);
	return cmd_query_coverage(args, query);
}

/* What cannot be drawn. 0 or the exit code. */
static int check(const struct args *args)
{
	if (args->svg && args->format != &out_text)
		return say_usage("--svg: the format is --%s already", args->format->name);
	if (args->limited && !args->group)
		return say_usage("-n: without --group there is one line");
	if (args->limited && args->format == &out_text && (!args->limit || args->limit > LIMIT_MAX))
		return say_usage("-n '%" PRIu64 "': lines that are drawn are 1 to %d", args->limit,
				 LIMIT_MAX);
	return 0;
}

static unsigned points(const struct args *args)
{
	return args->svg ? GRAPH_SVG_POINTS : POINTS;
}

int cmd_graph(const struct args *args)
{
	struct cmd_query query;
	struct graph graph = {
		.kind = args->group,
		.by = args->by ? args->by : &group_metrics[0],
		.limit = args->limited ? args->limit : LIMIT_DEFAULT,
		.per_ms = args->per_ms,
		.points = points(args),
		.now_ms = args->now_ms,
		.from = (enum plan_from)args->from,
	};
	int code = check(args), err;

	if (code)
		return code;
	code = cmd_query_open(args, &query);
	if (!code) {
		graph.naming = &query.naming;
		err = graph_read(&query.query, &graph);
		if (err == -E2BIG)
			code = say_failed("--per: the window has %zu intervals, more than %d",
					  graph.intervals, GRAPH_INTERVALS_MAX);
		else
			code = err ? cmd_query_fail(&query, err) : put_graph(args, &query, &graph);
	}
	graph_free(&graph);
	cmd_query_close(&query);
	return code;
}
