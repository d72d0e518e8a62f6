/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_top.c: the heaviest of what records are grouped by. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_query.h"
#include "cli/coverage.h"
#include "cli/group.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/say.h"

#define LIMIT_DEFAULT 10
#define KNOWN_SIZE 256

struct row {
	const struct group_entry *entry;
	const struct group *group;
	const struct group_kind *kind;
	const struct group_metric *by;
	const struct query *query;
};

static void append_known(char *known, const char *name)
{
	size_t len = strlen(known);

	snprintf(known + len, KNOWN_SIZE - len, "%s%s", len ? ", " : "", name);
}

static int set_by(struct args *args, const char *value)
{
	char known[KNOWN_SIZE] = "";

	for (const struct group_metric *m = group_metrics; m->name; m++) {
		append_known(known, m->name);
		if (!strcmp(m->name, value)) {
			args->by = m;
			return 0;
		}
	}
	return say_usage("--by '%s': unknown; known: %s", value, known);
}

static int set_group(struct args *args, const char *value)
{
	char known[KNOWN_SIZE] = "";

	for (const struct group_kind *k = group_kinds; k->name; k++) {
		append_known(known, k->name);
		if (!strcmp(k->name, value)) {
			args->group = k;
			return 0;
		}
	}
	return say_usage("--group '%s': unknown; known: %s", value, known);
}

const struct args_option cmd_top_options[] = {
	{"by", 0, "WHAT", "bytes (unless given), packets, flows or ip_bytes", set_by},
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
	"the first to the last packet.\n";

static void get_group(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct row *)row)->kind->name);
}

static void get_key(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	const struct flow_key *key = &r->entry->key;
	const struct query_iface *iface = key->outer ? query_iface(r->query, key->outer) : NULL;
	char text[OUT_TEXT_SIZE];

	(void)c;
	r->kind->text(key, text, sizeof(text));
	out_set_text(value, iface ? iface->name : text);
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (; *words; words += strspn(words, " ")) {
		size_t here = strcspn(words, " ");

		if (here == len && !memcmp(words, word, len))
			return true;
		words += here;
	}
	return false;
}

/* The group's own part of a record, under the field's name; null in other groups. */
static void get_field(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	struct flow_record rec = {.key = r->entry->key, .outer_ethertype = r->entry->key.ethertype};
	const struct field *field = field_find(c->name);
	char text[OUT_TEXT_SIZE];

	if (!field || !has_word(r->kind->fields, c->name))
		return;
	memcpy(rec.outer_src, rec.key.src, sizeof(rec.outer_src)); /* group tunnel has them there */
	memcpy(rec.outer_dst, rec.key.dst, sizeof(rec.outer_dst));
	if ((rec.key.marks & FLOW_MARK_SHORT) && !rec.key.proto) /* a stand-in */
		return;
	if (field->text && field->text(&rec, text, sizeof(text)))
		out_set_text(value, text);
	else if (field->number && field->number(&rec, &value->number))
		value->kind = OUT_PLAIN;
}

static void get_iface(const struct out_column *c, const void *row, struct out_value *value)
{
	if (((const struct row *)row)->entry->key.outer)
		get_key(c, row, value);
}

static void get_start(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->kind = OUT_TIME;
	value->number = (uint64_t)((const struct row *)row)->entry->sums.start_ms;
}

static void get_end(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->kind = OUT_TIME;
	value->number = (uint64_t)((const struct row *)row)->entry->sums.end_ms;
}

/* The metric of the column's own name. */
static void get_metric(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_metric *m = group_metrics;

	while (m->name && strcmp(m->name, c->name))
		m++;
	value->kind = OUT_NUMBER;
	value->number = m->name ? group_value(&((const struct row *)row)->entry->sums, m) : 0;
}

static void get_share(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	(void)c;
	value->kind = OUT_PERCENT;
	value->number = coverage_percent(group_value(&r->entry->sums, r->by),
					 group_value(&r->group->total, r->by));
}

/* From the first packet of the group to its last; none where that is one moment. */
static void get_rate(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_sums *sums = &((const struct row *)row)->entry->sums;
	int64_t ms = sums->end_ms - sums->start_ms;

	(void)c;
	if (ms <= 0)
		return;
	value->kind = OUT_RATE;
	value->number = (uint64_t)((unsigned __int128)sums->bytes * 8000 / (uint64_t)ms);
}

static const struct out_column columns[] = {
	{"group", NULL, true, 0, get_group, NULL},
	{"key", "KEY", true, 0, get_key, NULL},
	{"iface", NULL, true, 0, get_iface, NULL},
	{"ethertype", NULL, true, 0, get_field, NULL},
	{"vlan", NULL, true, 0, get_field, NULL},
	{"cvlan", NULL, true, 0, get_field, NULL},
	{"proto", NULL, true, 0, get_field, NULL},
	{"src", NULL, true, 0, get_field, NULL},
	{"dst", NULL, true, 0, get_field, NULL},
	{"sport", NULL, true, 0, get_field, NULL},
	{"dport", NULL, true, 0, get_field, NULL},
	{"start", NULL, true, 0, get_start, NULL},
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
	{NULL, NULL, false, 0, NULL, NULL},
};

static int sum_up(struct query *query, const struct group_kind *kind, struct group *group)
{
	struct flow_record rec;
	unsigned match;
	int have, err;

	while ((have = query_next(query, &rec, &match)) > 0) {
		const struct query_iface *iface = query_iface(query, rec.iface);

		if (iface)
			rec.iface = iface->same;
		err = group_record(group, kind, &rec, match);
		if (err)
			return err;
	}
	return have;
}

static int put_rows(const struct args *args, struct row *row, struct group *group)
{
	struct out out = {.columns = columns, .file = stdout};
	uint64_t limit = args->limited ? args->limit : LIMIT_DEFAULT;
	size_t count = group_sort(group, row->by);
	int err = args->format->begin(&out), end_err;

	for (size_t i = 0; !err && i < count && (!limit || i < limit); i++) {
		row->entry = &group->entry[i];
		err = args->format->row(&out, row);
	}
	end_err = args->format->end(&out);
	return err ? err : end_err;
}

/* What all rows together are a part of; each packet once. */
static void put_total(const struct args *args, const struct group *group)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	char flows[32], packets[32], bytes[32];

	fprintf(file, "total: %s flows, %s packets, %s bytes%s%s%s\n",
		out_count(group->total.flows, flows), out_count(group->total.packets, packets),
		out_count(group->total.bytes, bytes), args->filter ? " of '" : "",
		args->filter ? args->filter : "", args->filter ? "'" : "");
}

int cmd_top(const struct args *args)
{
	struct cmd_query query;
	struct group group = {0};
	struct row row = {
		.group = &group,
		.kind = args->group ? args->group : &group_kinds[0],
		.by = args->by ? args->by : &group_metrics[0],
		.query = &query.query,
	};
	int code = cmd_query_open(args, &query), err;

	if (!code) {
		err = sum_up(&query.query, row.kind, &group);
		if (!err)
			err = put_rows(args, &row, &group);
		if (!err)
			put_total(args, &group);
		code = err ? cmd_query_fail(&query, err) : cmd_query_coverage(args, &query);
	}
	group_free(&group);
	cmd_query_close(&query);
	return code;
}
