/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_top.c: the heaviest of what records are grouped by. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_query.h"
#include "cli/coverage.h"
#include "cli/group_names.h"
#include "cli/group_row.h"
#include "cli/output.h"
#include "cli/plan.h"
#include "cli/say.h"
#include "cli/series.h"
#include "cli/timearg.h"
#include "cli/total.h"

#define LIMIT_DEFAULT 10
#define COLUMNS_MAX 40

/* What get() of a column is given. */
struct row {
	struct group_row row;
	bool is_rest;	 /* of all keys that are not known by name */
	int64_t time_ms; /* of --per: start of the interval */
	int64_t per_ms;	 /* 0: not by time */
};

static int set_by(struct args *args, const char *value)
{
	return group_pick_metric(group_metrics, value, &args->by);
}

static int set_group(struct args *args, const char *value)
{
	return group_pick_kind(CMD_KINDS, value, &args->group);
}

static int set_per(struct args *args, const char *value)
{
	if (series_per(value, &args->per_ms))
		return say_usage(
			"--per '%s': not whole minutes that divide a day, or days: 1m, 5m, "
			"15m, 1h, 1d",
			value);
	return 0;
}

int cmd_set_from(struct args *args, const char *value)
{
	enum plan_from from;

	if (plan_from_of(value, &from))
		return say_usage("--from '%s': unknown; known: auto, records, rollups", value);
	args->from = from;
	return 0;
}

ARGS_FLAG(show_plan)

const struct args_option cmd_top_options[] = {
	{"by", 0, "WHAT",
	 "bytes (unless given), packets, flows, ip_bytes, retransmits, drops or rtt", set_by},
	{"group", 0, "KEY", "host (unless given) or another of: " CMD_KINDS, set_group},
	{"limit", 'n', "N", "at most N keys, 10 unless given; 0: all", args_set_limit},
	{"per", 0, "TIME", "what they did in each 1m, 5m, 15m, 1h, 1d ... of the window", set_per},
	{"from", 0, "WHAT",
	 "auto (unless given), records, or rollups: flowd's sums of minutes and hours",
	 cmd_set_from},
	{"explain", 0, NULL, "say which of these answered", set_show_plan},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_top_notes[] =
	"Groups:\n"
	"  host, port      of either end: a record counts to both\n"
	"  src, dst, flow  of each direction; dir: ingress and egress\n"
	"  pair            two addresses, whoever began\n"
	"  service         IP protocol and the port of who did not send the SYN; without one, the lower\n"
	"  proto, iface    IP protocol; interface; exporter: host whose flowd counted, in a merged database\n"
	"  vlan            outer.inner; (unknown) where the NIC takes tags off\n"
	"  tunnel          kind, id and endpoints: vxlan 100 10.0.0.1 - 10.0.0.2; (none)\n"
	"  country, as     of either end: a record counts to both, once where they are the same;\n"
	"                  (unknown) where the database has no such address, as private ones\n"
	"FLOWS are records, BYTES of frames without FCS, SHARE is of the total, RATE in bits a second from\n"
	"the first to the last packet.\n"
	"By retransmits: TCP segments seen again on the wire. By drops: packets that the kernel of this\n"
	"host dropped, also of flows without a record. By rtt: the mean of the round trips.\n"
	"See also flowctl retransmits and flowctl drops.\n"
	"\n"
	"--per: the N keys that are heaviest in the whole window, by the time of their records' ends, in\n"
	"UTC; RATE is of the interval then. Where a key did nothing JSON and CSV have a row of 0, text none.\n"
	"\n"
	"Whole minutes and hours come from flowd's sums where these can tell: of host, pair, service,\n"
	"proto, iface and vlan, without a filter or --dir; the rest from records. Where flowd had more\n"
	"keys than it keeps, a row (other) has what they did, and a line says how exact the others are.\n";

/* The metric of the column's own name. */
static void get_metric(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_metric *m = group_metrics;

	while (m->name && strcmp(m->name, c->name))
		m++;
	value->kind = OUT_NUMBER;
	value->number = m->name ? group_value(&((const struct group_row *)row)->entry->sums, m) : 0;
}

static void get_share(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_row *r = row;

	(void)c;
	if (!strcmp(r->by->name, "rtt")) /* means have no sum */
		return;
	value->kind = OUT_PERCENT;
	value->number = coverage_percent(group_value(&r->entry->sums, r->by),
					 group_value(&r->group->total, r->by));
}

/* Of an interval; else from the first packet of the group to its last: none where that is one moment. */
static void get_rate(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	const struct group_sums *sums = &r->row.entry->sums;
	int64_t ms = r->per_ms ? r->per_ms : sums->end_ms - sums->start_ms;

	(void)c;
	if (ms <= 0 || (!sums->flows && !r->per_ms))
		return;
	value->kind = OUT_RATE;
	value->number = (uint64_t)((unsigned __int128)sums->bytes * 8000 / (uint64_t)ms);
}

static void get_key(const struct out_column *c, const void *row, struct out_value *value)
{
	if (((const struct row *)row)->is_rest)
		out_set_text(value, "(other)");
	else
		group_row_key(c, row, value);
}

static void get_field(const struct out_column *c, const void *row, struct out_value *value)
{
	if (!((const struct row *)row)->is_rest)
		group_row_field(c, row, value);
}

/* An end of what did nothing is no time. */
static void get_end(const struct out_column *c, const void *row, struct out_value *value)
{
	if (!((const struct group_row *)row)->entry->sums.end_ms)
		return;
	if (!strcmp(c->name, "start"))
		group_row_start(c, row, value);
	else
		group_row_end(c, row, value);
}

static void get_time(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	(void)c;
	if (!r->per_ms)
		return;
	value->kind = OUT_TIME;
	value->number = (uint64_t)r->time_ms;
}

/* The same for a column: minutes are all that it has. */
static void get_time_short(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[40];

	(void)c;
	timearg_local(((const struct row *)row)->time_ms, 0, text, sizeof(text));
	text[16] = 0;
	out_set_text(value, text);
}

static void get_port(const struct out_column *c, const void *row, struct out_value *value)
{
	if (!((const struct row *)row)->is_rest)
		group_row_port(c, row, value);
}

/* Of a mean nobody knows, where there is something that it lacks. */
static void get_error(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	(void)c;
	if (!strcmp(r->row.by->name, "rtt") && r->row.entry->lacks)
		return;
	value->kind = OUT_NUMBER;
	value->number = r->row.entry->lacks;
}

static const struct out_column columns[COLUMNS_MAX] = {
	{NULL, "TIME", true, 0, get_time_short, NULL},
	{"group", NULL, true, 0, group_row_group, NULL},
	{"key", "KEY", true, 0, get_key, NULL},
	{"iface", NULL, true, 0, group_row_iface, NULL},
	{"ethertype", NULL, true, 0, get_field, NULL},
	{"vlan", NULL, true, 0, get_field, NULL},
	{"cvlan", NULL, true, 0, get_field, NULL},
	{"proto", NULL, true, 0, get_field, NULL},
	{"src", NULL, true, 0, get_field, NULL},
	{"dst", NULL, true, 0, get_field, NULL},
	{"sport", NULL, true, 0, get_field, NULL},
	{"dport", NULL, true, 0, get_field, NULL},
	{"start", NULL, true, 0, get_end, NULL},
	{"end", NULL, true, 0, get_end, NULL},
	{"flows", "FLOWS", false, 2, get_metric, NULL},
	{"packets", "PACKETS", false, 1, get_metric, NULL},
	{"bytes", "BYTES", false, 0, get_metric, NULL},
	{"ip_bytes", NULL, false, 0, get_metric, NULL},
	{"share_percent", "SHARE", false, 0, get_share, NULL},
	{"bits_per_s", "RATE", false, 3, get_rate, NULL},
	{"tunnel", NULL, true, 0, get_field, NULL},
	{"tunnel_id", NULL, false, 0, get_field, NULL},
	{"outer_src", NULL, true, 0, get_field, NULL},
	{"outer_dst", NULL, true, 0, get_field, NULL},
	{"retransmits", NULL, false, 0, get_metric, NULL},
	{"drops", NULL, false, 0, get_metric, NULL},
	{"rtt_us", NULL, false, 0, group_row_rtt, NULL},
	{"port", NULL, false, 0, get_port, NULL},
	{"time", NULL, true, 0, get_time, NULL},
	{"error", NULL, false, 0, get_error, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

/* In text, what is asked for by --by. */
static const struct {
	const char *by, *name, *title;
} titles[] = {
	{"retransmits", "retransmits", "RETRANS"},
	{"drops", "drops", "DROPS"},
	{"rtt", "rtt_us", "RTT"},
};

static void title_columns(struct out_column *shown, const struct row *row)
{
	const char *by = row->row.by->name;

	memcpy(shown, columns, sizeof(columns));
	for (struct out_column *c = shown; c->get; c++) {
		if (!c->name) /* TIME */
			c->title = row->per_ms ? c->title : NULL;
		for (size_t i = 0; c->name && i < sizeof(titles) / sizeof(titles[0]); i++) {
			if (!strcmp(by, titles[i].by) && !strcmp(c->name, titles[i].name))
				c->title = titles[i].title;
		}
	}
}

/* What has no records is there for what the kernel says of it alone. */
static bool is_shown(const struct group_row *row)
{
	return row->entry->sums.flows || group_value(&row->entry->sums, row->by);
}

static int put_row(const struct args *args, struct out *out, struct row *row,
		   const struct group_entry *entry)
{
	row->row.entry = entry;
	return args->format->row(out, row);
}

/* What is under no name, behind all that are. */
static int put_rest(const struct args *args, struct out *out, struct row *row,
		    const struct group_sums *tail)
{
	struct group_entry entry = {.sums = *tail};
	int err;

	if (!tail->end_ms)
		return 0;
	row->is_rest = true;
	err = put_row(args, out, row, &entry);
	row->is_rest = false;
	row->row.entry = NULL;
	return err;
}

static int put_group(const struct args *args, struct out *out, struct row *row,
		     const struct plan *plan)
{
	int err = 0;

	for (size_t i = 0; !err && i < plan->group.used; i++) {
		row->row.entry = &plan->group.entry[i];
		if (is_shown(&row->row))
			err = args->format->row(out, row);
	}
	return err ? err : put_rest(args, out, row, &plan->tail);
}

/* Keys of an interval: a cell, and where it is in the order of its interval. */
struct cell {
	const struct series_cell *cell;
	uint64_t value;
	size_t key;
};

static int compare_cells(const void *a, const void *b)
{
	const struct cell *left = a, *right = b;

	if (left->value != right->value)
		return left->value < right->value ? 1 : -1;
	return left->key < right->key ? -1 : left->key > right->key;
}

static int put_interval(const struct args *args, struct out *out, struct row *row,
			const struct series *series, size_t interval, struct cell *cells)
{
	struct group group = {.total = series->total[interval]};
	int err = 0;

	for (size_t key = 0; key < series->keys; key++) {
		const struct series_cell *cell = series_at(series, key, interval);

		cells[key] = (struct cell){cell, group_value(&cell->sums, row->row.by), key};
	}
	if (series->keys)
		qsort(cells, series->keys, sizeof(*cells), compare_cells);
	row->row.group = &group;
	row->time_ms = series_ms(series, interval);
	for (size_t i = 0; !err && i < series->keys; i++) {
		struct group_entry entry = series->whole.group.entry[cells[i].key];

		entry.sums = cells[i].cell->sums;
		entry.lacks = cells[i].cell->lacks;
		row->row.entry = &entry;
		if (args->format != &out_text || is_shown(&row->row))
			err = args->format->row(out, row);
	}
	err = err ? err : put_rest(args, out, row, &series->tail[interval]);
	row->row.group = &series->whole.group;
	row->row.entry = NULL;
	return err;
}

static int put_series(const struct args *args, struct out *out, struct row *row,
		      const struct series *series)
{
	struct cell *cells = calloc(series->keys + 1, sizeof(*cells));
	int err = cells ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < series->intervals; i++)
		err = put_interval(args, out, row, series, i, cells);
	free(cells);
	return err;
}

/* The rows, and the lines below them. Without --per series->whole is all that there is. */
static int put(const struct args *args, struct row *row, struct naming *naming,
	       const struct series *series)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	const struct plan *whole = &series->whole;
	struct out_column shown[COLUMNS_MAX + GROUP_NAMES_COLUMNS];
	struct out out = {.columns = shown, .file = stdout};
	int err, end_err;

	row->row.group = &whole->group;
	row->row.naming = naming;
	err = group_names_ask(naming, row->row.kind, whole->group.entry, whole->group.used);
	if (err)
		return err;
	title_columns(shown, row);
	group_names_insert(shown, naming);
	err = args->format->begin(&out);
	if (!err && row->per_ms)
		err = put_series(args, &out, row, series);
	else if (!err)
		err = put_group(args, &out, row, whole);
	end_err = args->format->end(&out);
	if (err || end_err)
		return err ? err : end_err;
	total_put(args, row->row.query, &whole->group.total, row->row.by);
	plan_put_bounds(whole, row->row.by, file);
	if (args->show_plan)
		plan_explain(whole, file);
	return 0;
}

/* What is in table flow alone does for all others. */
static bool asks_health(const struct group_metric *by)
{
	return !strcmp(by->name, "retransmits") || !strcmp(by->name, "rtt");
}

static void set_ask(const struct args *args, const struct row *row, struct series_ask *ask)
{
	bool events = args->format != &out_text || !strcmp(row->row.by->name, "drops");

	*ask = (struct series_ask){
		.plan = {.kind = row->row.kind,
			 .by = row->row.by,
			 .from = (enum plan_from)args->from,
			 .plain = args->format == &out_text && !asks_health(row->row.by),
			 .events = events ? 1U << EVENT_DROP : 0,
			 .limit = args->limited ? args->limit : LIMIT_DEFAULT},
		.per_ms = args->per_ms,
		.now_ms = args->now_ms,
	};
}

/* The window that was answered for is what the coverage is of. */
static int put_coverage(const struct args *args, struct cmd_query *query, const struct plan *plan)
{
	query->query.options.since_ms = plan->window.at[0];
	query->query.options.until_ms = plan->window.at[PLAN_PARTS];
	return cmd_query_coverage(args, query);
}

int cmd_top(const struct args *args)
{
	struct cmd_query query;
	struct series_ask ask;
	struct series series = {0};
	struct row row = {
		.row = {.kind = args->group ? args->group : &group_kinds[0],
			.by = args->by ? args->by : &group_metrics[0],
			.query = &query.query},
		.per_ms = args->per_ms,
	};
	int code = cmd_query_open(args, &query), err;

	set_ask(args, &row, &ask);
	ask.plan.geo = query.naming.geo;
	if (!code) {
		err = row.per_ms ? series_read(&query.query, &ask, &series)
				 : plan_read(&query.query, &ask.plan, &series.whole);
		if (!err)
			err = put(args, &row, &query.naming, &series);
		code = err ? cmd_query_fail(&query, err)
			   : put_coverage(args, &query, &series.whole);
	}
	series_free(&series);
	cmd_query_close(&query);
	return code;
}
