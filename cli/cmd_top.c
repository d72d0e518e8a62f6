/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_top.c: the heaviest of what records are grouped by. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_query.h"
#include "cli/coverage.h"
#include "cli/group_fill.h"
#include "cli/group_row.h"
#include "cli/output.h"
#include "cli/say.h"

#define LIMIT_DEFAULT 10
#define COLUMNS_MAX 40

#define KINDS "host, src, dst, pair, port, proto, flow, iface, vlan, tunnel"

static int set_by(struct args *args, const char *value)
{
	return group_pick_metric(group_metrics, value, &args->by);
}

static int set_group(struct args *args, const char *value)
{
	return group_pick_kind(KINDS, value, &args->group);
}

const struct args_option cmd_top_options[] = {
	{"by", 0, "WHAT",
	 "bytes (unless given), packets, flows, ip_bytes, retransmits, drops or rtt", set_by},
	{"group", 0, "KEY",
	 "host (unless given), src, dst, pair, port, proto, flow, iface, vlan or tunnel",
	 set_group},
	{"limit", 'n', "N", "at most N rows, 10 unless given; 0: all", args_set_limit},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_top_notes[] =
	"Groups:\n"
	"  host, port      of either end: a record counts to both\n"
	"  src, dst, flow  of each direction\n"
	"  pair            two addresses, whoever began\n"
	"  proto, iface    IP protocol; interface\n"
	"  vlan            outer.inner; (unknown) where the NIC takes tags off\n"
	"  tunnel          kind, id and endpoints: vxlan 100 10.0.0.1 - 10.0.0.2; (none)\n"
	"FLOWS are records, BYTES of frames without FCS, SHARE is of the total, RATE in bits a second from\n"
	"the first to the last packet.\n"
	"By retransmits: TCP segments seen again on the wire. By drops: packets that the kernel of this\n"
	"host dropped, also of flows without a record. By rtt: the mean of the round trips.\n"
	"See also flowctl retransmits and flowctl drops.\n";

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

/* From the first packet of the group to its last; none where that is one moment. */
static void get_rate(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_sums *sums = &((const struct group_row *)row)->entry->sums;
	int64_t ms = sums->end_ms - sums->start_ms;

	(void)c;
	if (ms <= 0 || !sums->flows)
		return;
	value->kind = OUT_RATE;
	value->number = (uint64_t)((unsigned __int128)sums->bytes * 8000 / (uint64_t)ms);
}

static const struct out_column columns[COLUMNS_MAX] = {
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
	{"start", NULL, true, 0, group_row_start, NULL},
	{"end", NULL, true, 0, group_row_end, NULL},
	{"flows", "FLOWS", false, 2, get_metric, NULL},
	{"packets", "PACKETS", false, 1, get_metric, NULL},
	{"bytes", "BYTES", false, 0, get_metric, NULL},
	{"ip_bytes", NULL, false, 0, get_metric, NULL},
	{"share_percent", "SHARE", false, 0, get_share, NULL},
	{"bits_per_s", "RATE", false, 3, get_rate, NULL},
	{"tunnel", NULL, true, 0, group_row_field, NULL},
	{"tunnel_id", NULL, false, 0, group_row_field, NULL},
	{"outer_src", NULL, true, 0, group_row_field, NULL},
	{"outer_dst", NULL, true, 0, group_row_field, NULL},
	{"retransmits", NULL, false, 0, get_metric, NULL},
	{"drops", NULL, false, 0, get_metric, NULL},
	{"rtt_us", NULL, false, 0, group_row_rtt, NULL},
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

static void title_columns(struct out_column *shown, const struct group_metric *by)
{
	memcpy(shown, columns, sizeof(columns));
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		for (struct out_column *c = shown; c->get; c++) {
			if (!strcmp(by->name, titles[i].by) && !strcmp(c->name, titles[i].name))
				c->title = titles[i].title;
		}
	}
}

/* What has no records is there for what the kernel says of it alone. */
static bool is_shown(const struct group_row *row)
{
	return row->entry->sums.flows || group_value(&row->entry->sums, row->by);
}

static int put_rows(const struct args *args, struct group_row *row, struct group *group)
{
	struct out_column shown[COLUMNS_MAX];
	struct out out = {.columns = shown, .file = stdout};
	size_t count = group_limit(args, group_sort(group, row->by), LIMIT_DEFAULT);
	int err, end_err;

	title_columns(shown, row->by);
	err = args->format->begin(&out);
	for (size_t i = 0; !err && i < count; i++) {
		row->entry = &group->entry[i];
		if (is_shown(row))
			err = args->format->row(&out, row);
	}
	end_err = args->format->end(&out);
	return err ? err : end_err;
}

/* What all rows together are a part of; each packet once. */
static void put_total(const struct args *args, const struct group_row *row)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	const struct group_sums *total = &row->group->total;
	char flows[32], packets[32], bytes[32], more[32];

	fprintf(file, "total: %s flows, %s packets, %s bytes", out_count(total->flows, flows),
		out_count(total->packets, packets), out_count(total->bytes, bytes));
	if (!strcmp(row->by->name, "retransmits") || !strcmp(row->by->name, "drops"))
		fprintf(file, ", %s %s", out_count(group_value(total, row->by), more),
			row->by->name);
	cmd_query_put_filter(args, row->query, " of ", file);
	fputc('\n', file);
}

int cmd_top(const struct args *args)
{
	struct cmd_query query;
	struct group group = {0};
	struct group_row row = {
		.group = &group,
		.kind = args->group ? args->group : &group_kinds[0],
		.by = args->by ? args->by : &group_metrics[0],
		.query = &query.query,
	};
	bool is_text = args->format == &out_text;
	int code = cmd_query_open(args, &query), err;

	if (!code) {
		err = group_fill_records(&query.query, row.kind, NULL, &group);
		if (!err && (!is_text || !strcmp(row.by->name, "drops")))
			err = group_fill_events(&query.query, row.kind, 1U << EVENT_DROP, &group);
		if (!err)
			err = put_rows(args, &row, &group);
		if (!err)
			put_total(args, &row);
		code = err ? cmd_query_fail(&query, err) : cmd_query_coverage(args, &query);
	}
	group_free(&group);
	cmd_query_close(&query);
	return code;
}
