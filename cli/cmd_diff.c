/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_diff.c: what changed between two windows: the same groups of both, side by side. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_query.h"
#include "cli/coverage.h"
#include "cli/diff.h"
#include "cli/graph.h"
#include "cli/graph_axis.h"
#include "cli/graph_cover.h"
#include "cli/group_names.h"
#include "cli/group_row.h"
#include "cli/output.h"
#include "cli/plan.h"
#include "cli/say.h"
#include "cli/timearg.h"
#include "cli/total.h"

#define LIMIT_DEFAULT 10
#define MINUTE_MS 60000

static int set_by(struct args *args, const char *value)
{
	return group_pick_metric(group_metrics, value, &args->by);
}

static int set_group(struct args *args, const char *value)
{
	return group_pick_kind(CMD_KINDS, value, &args->group);
}

static int set_against(struct args *args, const char *value)
{
	args->against = value;
	return 0;
}

ARGS_FLAG(show_plan)

const struct args_option cmd_diff_options[] = {
	{"against", 0, "TIME",
	 "when the other window begins; 1h, 1d ...: the same window that much earlier (unless given: the "
	 "one before)",
	 set_against},
	{"by", 0, "WHAT",
	 "bytes (unless given), packets, flows, ip_bytes, retransmits, drops or rtt", set_by},
	{"group", 0, "KEY", "host (unless given) or another of: " CMD_KINDS, set_group},
	{"from", 0, "WHAT",
	 "auto (unless given), records, or rollups: flowd's sums of minutes and hours",
	 cmd_set_from},
	{"explain", 0, NULL, "say which of these answered", set_show_plan},
	{"limit", 'n', "N", "at most N rows, 10 unless given; 0: all", args_set_limit},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_diff_notes[] =
	"The window from --since to --until (unless given: now) is AFTER, BEFORE is the one of the same length\n"
	"that --against tells; rows are what changed most. new: not in BEFORE, gone: not in AFTER.\n"
	"Where flowd counted for longer in one of them than in the other, BEFORE and AFTER are still what was\n"
	"counted, and rates of the time that was counted in are what is compared.\n";

/* --- windows -------------------------------------------------------------------------------------- */

/* One of the two: its arguments, its query. */
struct side {
	struct args args;
	struct cmd_query query;
	struct plan plan;
};

/* 0 or the exit code. */
static int find_before(const struct args *args, int64_t *ret_since_ms)
{
	int64_t length = args->until_ms - args->since_ms, back;
	const char *text = args->against;

	*ret_since_ms = args->since_ms - length;
	if (text && !timearg_duration(text, &back))
		*ret_since_ms = args->since_ms - back;
	else if (text && timearg_parse(text, args->now_ms, ret_since_ms))
		return say_usage("--against '%s': neither a time nor a duration back; known: %s",
				 text, TIMEARG_HELP);
	if (*ret_since_ms < 0)
		return say_usage("--against%s%s%s: the window would begin before 1970",
				 text ? " '" : "", text ? text : "", text ? "'" : "");
	return 0;
}

static int find_windows(const struct args *args, struct side *before, struct side *after)
{
	int64_t length;
	int code;

	if (!args->since_ms)
		return say_usage("--since: diff needs to know where the window begins");
	after->args = *args;
	if (args->until_ms == INT64_MAX)
		after->args.until_ms = args->now_ms;
	length = after->args.until_ms - args->since_ms;
	if (length <= 0)
		return say_usage("--since: in the future");
	before->args = after->args;
	code = find_before(&after->args, &before->args.since_ms);
	before->args.until_ms = before->args.since_ms + length;
	return code;
}

/* For how long something was counted. */
static int measure(struct query *query, struct diff_side *side)
{
	struct graph graph = {
		.per_ms = MINUTE_MS,
		.start_ms = side->since_ms / MINUTE_MS * MINUTE_MS,
	};
	int err;

	graph.intervals = (size_t)((side->until_ms - 1 - graph.start_ms) / MINUTE_MS) + 1;
	graph.covered = calloc(graph.intervals, sizeof(*graph.covered));
	err = graph.covered ? graph_cover(query, &graph) : -ENOMEM;
	for (size_t i = 0; !err && i < graph.intervals; i++) {
		int64_t from = graph.start_ms + (int64_t)i * MINUTE_MS, to = from + MINUTE_MS;

		from = from < side->since_ms ? side->since_ms : from;
		to = to > side->until_ms ? side->until_ms : to;
		side->covered_ms += graph.covered[i] ? to - from : 0;
	}
	graph_free(&graph);
	return err;
}

/* The group stays the plan's. */
static int fill(struct side *from, const struct plan_ask *ask, struct diff_side *side)
{
	struct query *query = &from->query.query;
	int err;

	side->since_ms = query->options.since_ms;
	side->until_ms = query->options.until_ms;
	err = measure(query, side);
	if (!err)
		err = plan_read(query, ask, &from->plan);
	if (err)
		return err;
	side->entries = from->plan.group.used;
	side->group = from->plan.group;
	return 0;
}

/* --- rows ----------------------------------------------------------------------------------------- */

struct row {
	struct group_row row; /* the first */
	const struct diff *diff;
	uint64_t before, after;
	bool is_new, is_gone;
};

static void get_by(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct row *)row)->diff->by->name);
}

static void get_count(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	value->number = *c->name == 'b' ? r->before : r->after;
	value->kind = strcmp(r->diff->by->name, "rtt") ? OUT_NUMBER : OUT_MICROSECONDS;
}

static void get_rate(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	bool before =
		*(c->name ? c->name : c->title) == 'b' || *(c->name ? c->name : c->title) == 'B';
	uint64_t rate;

	if (!strcmp(r->diff->by->name, "rtt"))
		return;
	rate = graph_rate_of(r->diff->by, before ? r->before : r->after,
			     diff_ms(before ? &r->diff->before : &r->diff->after));
	value->kind = c->name ? OUT_REAL : OUT_TEXT;
	if (c->name)
		snprintf(value->text, sizeof(value->text), "%" PRIu64 ".%03" PRIu64, rate / 1000,
			 rate % 1000);
	else
		axis_text(rate, graph_unit_of(r->diff->by), value->text, sizeof(value->text));
}

static void get_change(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	bool less = r->after < r->before;
	char text[32];

	value->number = r->after - r->before;
	value->kind = OUT_SIGNED;
	if (c->name)
		return;
	out_count(less ? r->before - r->after : r->after - r->before, text);
	value->kind = OUT_TEXT;
	snprintf(value->text, sizeof(value->text), "%s%s%s", less ? "-" : "+", text,
		 strcmp(r->diff->by->name, "rtt") ? "" : " us");
}

static const char *state(const struct row *r)
{
	if (r->is_new || r->is_gone)
		return r->is_new ? "new" : "gone";
	return r->before == r->after ? "same" : "changed";
}

static void get_state(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, state(row));
}

static void print_percent(int64_t percent, const char *plus, char *buf, size_t size)
{
	uint64_t absolute = percent < 0 ? -(uint64_t)percent : (uint64_t)percent;

	snprintf(buf, size, "%s%" PRIu64 ".%02" PRIu64, percent < 0 ? "-" : plus, absolute / 100,
		 absolute % 100);
}

static void get_percent(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	int64_t percent;

	if (!c->name && (r->is_new || r->is_gone)) {
		out_set_text(value, state(row));
		return;
	}
	if (!diff_percent(r->diff, r->before, r->after, &percent))
		return;
	value->kind = c->name ? OUT_REAL : OUT_TEXT;
	print_percent(percent, c->name ? "" : "+", value->text, sizeof(value->text) - 2);
	if (!c->name)
		strcat(value->text, " %");
}

static const struct out_column columns[] = {
	{"group", NULL, true, 0, group_row_group, NULL},
	{"key", "KEY", true, 0, group_row_key, NULL},
	{"iface", NULL, true, 0, group_row_iface, NULL},
	{"ethertype", NULL, true, 0, group_row_field, NULL},
	{"vlan", NULL, true, 0, group_row_field, NULL},
	{"cvlan", NULL, true, 0, group_row_field, NULL},
	{"proto", NULL, true, 0, group_row_field, NULL},
	{"src", NULL, true, 0, group_row_field, NULL},
	{"dst", NULL, true, 0, group_row_field, NULL},
	{"sport", NULL, true, 0, group_row_field, NULL},
	{"dport", NULL, true, 0, group_row_field, NULL},
	{"port", NULL, false, 0, group_row_port, NULL},
	{"tunnel", NULL, true, 0, group_row_field, NULL},
	{"tunnel_id", NULL, false, 0, group_row_field, NULL},
	{"outer_src", NULL, true, 0, group_row_field, NULL},
	{"outer_dst", NULL, true, 0, group_row_field, NULL},
	{"by", NULL, true, 0, get_by, NULL},
	{"before", "BEFORE", false, 0, get_count, NULL},
	{"after", "AFTER", false, 0, get_count, NULL},
	{NULL, "BEFORE RATE", false, OUT_IF_ANY + 1, get_rate, NULL},
	{NULL, "AFTER RATE", false, OUT_IF_ANY + 1, get_rate, NULL},
	{"change", NULL, false, 0, get_change, NULL},
	{NULL, "CHANGE", false, 0, get_change, NULL},
	{"change_percent", NULL, false, 0, get_percent, NULL},
	{NULL, "PERCENT", false, 0, get_percent, NULL},
	{"state", NULL, true, 0, get_state, NULL},
	{"before_rate", NULL, false, 0, get_rate, NULL},
	{"after_rate", NULL, false, 0, get_rate, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

#define COLUMNS_MAX (sizeof(columns) / sizeof(columns[0]))

/* Rates have columns in text where they are what is compared. */
static void pick_columns(const struct diff *diff, struct out_column *to)
{
	for (const struct out_column *from = columns; from->get; from++) {
		if (from->name || from->get != get_rate || diff->uneven)
			*to++ = *from;
	}
	*to = (struct out_column){.name = NULL};
}

static const struct group_entry *entry_of(const struct diff_row *row)
{
	return row->after ? row->after : row->before;
}

/* Names of the rows that are shown. 0 or -errno. */
static int ask_names(struct naming *naming, const struct group_kind *kind, const struct diff *diff,
		     size_t count)
{
	int err = 0;

	if (naming_is_off(naming))
		return 0;
	for (size_t i = 0; !err && i < count; i++)
		err = group_names_want(naming, kind, &entry_of(&diff->row[i])->key);
	return err ? err : naming_ask(naming);
}

static int put_rows(const struct args *args, struct cmd_query *query, const struct diff *diff)
{
	struct out_column shown[COLUMNS_MAX + GROUP_NAMES_COLUMNS];
	struct out out = {.columns = shown, .file = stdout};
	struct row row = {.row = {.query = &query->query, .by = diff->by, .naming = &query->naming},
			  .diff = diff};
	size_t count = group_limit(args, diff->rows, LIMIT_DEFAULT);
	int err, end_err;

	row.row.kind = args->group ? args->group : &group_kinds[0];
	err = ask_names(&query->naming, row.row.kind, diff, count);
	if (err)
		return err;
	pick_columns(diff, shown);
	group_names_insert(shown, &query->naming);
	err = args->format->begin(&out);
	for (size_t i = 0; !err && i < count; i++) {
		const struct diff_row *r = &diff->row[i];

		row.row.entry = entry_of(r);
		row.before = diff_value(diff, r->before);
		row.after = diff_value(diff, r->after);
		row.is_new = !row.before;
		row.is_gone = !row.after;
		err = args->format->row(&out, &row);
	}
	end_err = args->format->end(&out);
	return err ? err : end_err;
}

/* --- sums ----------------------------------------------------------------------------------------- */

static void put_window(const struct diff_side *side, const struct group_metric *by,
		       const char *name, FILE *file)
{
	char first[40], last[40];

	timearg_local(side->since_ms, 0, first, sizeof(first));
	timearg_local(side->until_ms, 0, last, sizeof(last));
	fprintf(file, "%s %s to %s: ", name, first, strncmp(first, last, 10) ? last : last + 11);
	total_put_sums(&side->group.total, by, file);
	fputc('\n', file);
}

static void put_sums(const struct args *args, const struct query *query, const struct diff *diff)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	uint64_t before = group_value(&diff->before.group.total, diff->by);
	uint64_t after = group_value(&diff->after.group.total, diff->by);
	char count[32], percent[40];
	int64_t hundredths;

	put_window(&diff->before, diff->by, "before:", file);
	put_window(&diff->after, diff->by, "after: ", file);
	fprintf(file, "change: %s%s %s", after < before ? "-" : "+",
		out_count(after < before ? before - after : after - before, count),
		strcmp(diff->by->name, "rtt") ? diff->by->name : "us");
	if (diff_percent(diff, before, after, &hundredths)) {
		print_percent(hundredths, "+", percent, sizeof(percent));
		fprintf(file, ", %s %%", percent);
	}
	cmd_query_put_filter(args, query, " of ", file);
	if (!diff->before.covered_ms != !diff->after.covered_ms)
		fprintf(file, "; nothing was counted %s: what changed is not known",
			diff->before.covered_ms ? "after" : "before");
	else if (diff->uneven)
		fprintf(file,
			"; counted for %" PRId64 " s before and %" PRId64
			" s after: percents and the order are of rates",
			diff_ms(&diff->before) / 1000, diff_ms(&diff->after) / 1000);
	fputc('\n', file);
}

/* How far the sums of a window are exact, and what answered. */
static void put_plan(const struct args *args, const struct plan *plan,
		     const struct group_metric *by)
{
	FILE *file = args->format == &out_text ? stdout : stderr;

	plan_put_bounds(plan, by, file);
	if (args->show_plan)
		plan_explain(plan, file);
}

/* Both lines. The exit code. */
static int put_coverage(const struct args *args, struct side *before, struct side *after)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	int code;

	fputs("before: ", file);
	code = cmd_query_coverage(args, &before->query);
	if (code)
		return code;
	fputs("after:  ", file);
	return cmd_query_coverage(args, &after->query);
}

/* Both are open. The exit code. */
static int compare(const struct args *args, struct side *before, struct side *after)
{
	const struct group_kind *kind = args->group ? args->group : &group_kinds[0];
	struct diff diff = {.by = args->by ? args->by : &group_metrics[0]};
	struct plan_ask ask = {
		.kind = kind,
		.by = diff.by,
		.from = (enum plan_from)args->from,
		.events = strcmp(diff.by->name, "drops") ? 0 : 1U << EVENT_DROP,
		.geo = after->query.naming
			       .geo, /* of both: it has the names of what it was asked for */
	};
	struct side *at = before;
	int err = fill(before, &ask, &diff.before), code;

	if (!err) {
		at = after;
		err = fill(after, &ask, &diff.after);
	}
	if (!err)
		err = diff_join(&diff);
	if (!err)
		err = put_rows(args, &after->query, &diff);
	if (geo_problem(ask.geo))
		at = after;
	if (!err) {
		put_sums(args, &after->query.query, &diff);
		put_plan(args, &before->plan, diff.by);
		put_plan(args, &after->plan, diff.by);
	}
	code = err ? cmd_query_fail(&at->query, err) : put_coverage(args, before, after);
	diff.before.group = diff.after.group = (struct group){0};
	diff_free(&diff);
	return code;
}

int cmd_diff(const struct args *args)
{
	struct side before = {.args = {.db = NULL}}, after = {.args = {.db = NULL}};
	int code = find_windows(args, &before, &after);

	if (code)
		return code;
	code = cmd_query_open(&before.args, &before.query);
	if (!code)
		code = cmd_query_open(&after.args, &after.query);
	if (!code)
		code = compare(args, &before, &after);
	plan_free(&before.plan);
	plan_free(&after.plan);
	cmd_query_close(&before.query);
	cmd_query_close(&after.query);
	return code;
}
