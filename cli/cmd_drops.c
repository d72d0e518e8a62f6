/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_drops.c: what the kernel dropped, by reason and place; then what its counters of drops and
 * errors gained, which know no flows and overlap: with each other, and with what was traced. In text
 * these are two tables, in JSON and CSV rows of one, told apart by `source`.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_query.h"
#include "cli/drops.h"
#include "cli/explain.h"
#include "cli/group_names.h"
#include "cli/group_row.h"
#include "cli/say.h"
#include "cli/timearg.h"

#define LIMIT_DEFAULT 20
#define PER_DEFAULT_MS 60000
#define PER_MAX_MS (366LL * 86400 * 1000)

static int set_by(struct args *args, const char *value)
{
	return group_pick_metric(group_drops_metrics, value, &args->by);
}

static int set_group(struct args *args, const char *value)
{
	char known[128] = "";

	args->drops_by = value;
	if (drops_kind_find(value))
		return 0;
	for (const struct drops_kind *kind = drops_kinds; kind->name; kind++) {
		strcat(known, *known ? ", " : "");
		strcat(known, kind->name);
	}
	return say_usage("--group '%s': unknown; known: %s", value, known);
}

static int set_per(struct args *args, const char *value)
{
	int64_t ms;

	if (timearg_duration(value, &ms) || ms <= 0 || ms > PER_MAX_MS)
		return say_usage("--per '%s': not a duration of a second to a year, as 10s, 1m, 1h",
				 value);
	args->per_ms = ms;
	return 0;
}

static int set_explain(struct args *args, const char *value)
{
	args->explain = value;
	return 0;
}

const struct args_option cmd_drops_options[] = {
	{"group", 0, "KEY",
	 "reason (unless given), place, flow, host, src, dst, pair, port, proto, iface, time, country or as",
	 set_group},
	{"per", 0, "TIME", "a row for each 10s, 1m, 1h ..., in the order of time", set_per},
	{"by", 0, "WHAT", "packets (unless given), bytes or skbs", set_by},
	{"explain", 0, "REASON", "say what that reason means and what to look at; all: of each",
	 set_explain},
	{"limit", 'n', "N", "at most N rows of a table, 20 unless given, all with --per; 0: all",
	 args_set_limit},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_drops_notes[] =
	"  PACKETS  as on the wire: segments of a large one count each; SKBS as the kernel counts\n"
	"  REASON   the kernel's own name; flowctl drops --explain REASON says more\n"
	"  PLACE    function in the kernel, and offset; the heaviest, +N: how many others\n"
	"  FOLDED   of these, packets whose flow found no room\n"
	"The second table has what the kernel's counters of drops and errors gained (link, ethtool, qdisc,\n"
	"softnet); they overlap with each other and with the first table, and know no flows: a FILTER or\n"
	"--tunnel leaves them out.\n";

/* What get() of the columns below is given. */
struct row {
	struct group_row row; /* the first */
	struct naming *naming;
	const struct drops *drops;
	bool counter;
};

static const struct group_drops *drops_of(const void *row)
{
	return ((const struct row *)row)->row.entry->sums.drops;
}

static const char *text_of(const void *row, uint32_t number)
{
	return intern_text(&((const struct row *)row)->drops->intern, number);
}

static void get_source(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct row *)row)->counter
				    ? text_of(row, drops_of(row)->place.of[0].name)
				    : "trace");
}

static void get_group(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	(void)c;
	out_set_text(value, r->counter ? "counter" : r->drops->kind->name);
}

static void get_time(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	(void)c;
	if (!r->drops->per_ms)
		return;
	value->kind = OUT_TIME;
	value->number = r->row.entry->time * 1000ULL;
}

/* The same for a column: seconds are all that it has. */
static void get_time_short(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[40];

	(void)c;
	timearg_local(((const struct row *)row)->row.entry->time * 1000LL, 0, text, sizeof(text));
	out_set_text(value, text);
}

static void get_key(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	const struct group_drops *drops = drops_of(row);
	const char *iface = text_of(row, drops->iface.of[0].name);
	char text[OUT_TEXT_SIZE];

	if (r->counter) {
		snprintf(text, sizeof(text), "%.200s%s%.64s", iface, *iface ? " " : "",
			 text_of(row, drops->reason.of[0].name));
		out_set_text(value, text);
	} else if (!r->drops->kind->name_of) {
		group_row_key(c, row, value);
	} else if (!strcmp(r->drops->kind->name, "time")) {
		get_time(c, row, value);
	} else {
		out_set_text(value,
			     r->row.entry->name ? text_of(row, r->row.entry->name) : "(none)");
	}
}

static void get_field(const struct out_column *c, const void *row, struct out_value *value)
{
	if (!((const struct row *)row)->counter)
		group_row_field(c, row, value);
}

static int compare_packets(const void *a, const void *b)
{
	const struct group_named_count *left = a, *right = b;

	if (left->packets != right->packets)
		return left->packets < right->packets ? 1 : -1;
	return left->name < right->name ? -1 : left->name > right->name;
}

/* The names of a tally, the heaviest first; how many. */
static int sort_tally(const struct group_tally *tally, struct group_named_count sorted[GROUP_TALLY])
{
	int count = 0;

	for (; count < GROUP_TALLY && tally->of[count].name; count++)
		sorted[count] = tally->of[count];
	qsort(sorted, (size_t)count, sizeof(*sorted), compare_packets);
	return count;
}

static const struct group_tally *tally_of(const struct out_column *c, const void *row)
{
	const struct group_drops *drops = drops_of(row);
	const char *name = c->name ? c->name : c->title;

	switch (name[0]) {
	case 'r':
	case 'R':
		return &drops->reason;
	case 'p':
	case 'P':
		return &drops->place;
	}
	return &drops->iface;
}

/* All of the names, with commas: reasons, places and interfaces have none. */
static void get_names(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_tally *tally = tally_of(c, row);
	struct group_named_count sorted[GROUP_TALLY];
	int count = sort_tally(tally, sorted);
	char text[OUT_TEXT_SIZE] = "";
	size_t len = 0;

	if (!count || (((const struct row *)row)->counter && *c->name != 'i'))
		return;
	for (int i = 0; i < count && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? "," : "",
					text_of(row, sorted[i].name));
	if (tally->more && len < sizeof(text))
		snprintf(text + len, sizeof(text) - len, ",...");
	out_set_text(value, text);
}

/* The heaviest, and how many more. */
static void get_heaviest(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_tally *tally = tally_of(c, row);
	struct group_named_count sorted[GROUP_TALLY];
	int count = sort_tally(tally, sorted);
	char text[OUT_TEXT_SIZE];

	if (!count)
		return;
	snprintf(text, sizeof(text), "%.200s", text_of(row, sorted[0].name));
	if (count > 1)
		snprintf(text + strlen(text), 32, " +%d%s", count - 1, tally->more ? ".." : "");
	out_set_text(value, text);
}

static void get_counter(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	if (((const struct row *)row)->counter)
		out_set_text(value, text_of(row, drops_of(row)->reason.of[0].name));
}

static void get_packets(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->kind = OUT_NUMBER;
	value->number = drops_of(row)->packets;
}

/* What a counter does not tell: bytes, skbs, folded. */
static void get_count(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_drops *drops = drops_of(row);

	if (((const struct row *)row)->counter)
		return;
	value->kind = OUT_NUMBER;
	value->number = !strcmp(c->name, "bytes")  ? drops->bytes
			: !strcmp(c->name, "skbs") ? drops->skbs
						   : drops->folded;
}

static void get_folded(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->number = drops_of(row)->folded;
	value->kind = value->number ? OUT_NUMBER : OUT_NONE;
}

/* Titles of text are put in by text_columns(). */
static const struct out_column columns[] = {
	{"source", NULL, true, 0, get_source, NULL},
	{"group", NULL, true, 0, get_group, NULL},
	{NULL, "TIME", true, 0, get_time_short, NULL},
	{"key", "KEY", true, 0, get_key, NULL},
	{"time", NULL, true, 0, get_time, NULL},
	{"ethertype", NULL, true, 0, get_field, NULL},
	{"proto", NULL, true, 0, get_field, NULL},
	{"src", NULL, true, 0, get_field, NULL},
	{"dst", NULL, true, 0, get_field, NULL},
	{"sport", NULL, true, 0, get_field, NULL},
	{"dport", NULL, true, 0, get_field, NULL},
	{"packets", "PACKETS", false, 0, get_packets, NULL},
	{"bytes", "BYTES", false, 0, get_count, NULL},
	{"skbs", "SKBS", false, 4, get_count, NULL},
	{NULL, "FOLDED", false, OUT_IF_ANY, get_folded, NULL},
	{"folded", NULL, false, 0, get_count, NULL},
	{NULL, "REASON", true, 0, get_heaviest, NULL},
	{"reason", NULL, true, 0, get_names, NULL},
	{NULL, "PLACE", true, 1, get_heaviest, NULL},
	{"place", NULL, true, 0, get_names, NULL},
	{NULL, "IFACE", true, 2, get_heaviest, NULL},
	{"iface", NULL, true, 0, get_names, NULL},
	{"counter", NULL, true, 0, get_counter, NULL},
	{"start", "FIRST", true, 5, group_row_start, NULL},
	{"end", "LAST", true, 3, group_row_end, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

static const struct out_column counter_columns[] = {
	{NULL, "TIME", true, 0, get_time_short, NULL},
	{NULL, "SOURCE", true, 0, get_source, NULL},
	{NULL, "IFACE", true, 0, get_heaviest, NULL},
	{NULL, "COUNTER", true, 0, get_counter, NULL},
	{NULL, "GAINED", false, 0, get_packets, NULL},
	{NULL, "FIRST", true, 5, group_row_start, NULL},
	{NULL, "LAST", true, 3, group_row_end, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

#define COLUMNS_MAX (sizeof(columns) / sizeof(columns[0]))

/* The key has the title of its kind, and what it is is no column of its own. */
static void title_columns(const struct out_column *from, const struct drops *drops,
			  struct out_column *to)
{
	const char *title = drops->kind->title;

	for (; from->get; from++, to++) {
		*to = *from;
		if (!from->title)
			continue;
		if (!strcmp(from->title, "TIME") && !drops->per_ms)
			to->title = NULL;
		else if (!strcmp(from->title, "KEY"))
			to->title = title;
		else if (title && !strcmp(from->title, title) && from->get == get_heaviest &&
			 drops->kind->name_of)
			to->title = NULL;
		if (!to->title && !to->name)
			to--;
	}
	*to = *from;
}

static int put_rows(const struct args *args, struct row *row, struct group *group, struct out *out)
{
	const struct group_metric *by = args->by ? args->by : &group_drops_metrics[0];
	size_t count =
		group_limit(args, group_sort(group, row->counter ? &group_drops_metrics[0] : by),
			    row->drops->per_ms ? 0 : LIMIT_DEFAULT);
	int err = group_names_ask(row->naming, row->row.kind, group->entry, count);

	for (size_t i = 0; !err && i < count; i++) {
		row->row.entry = &group->entry[i];
		err = args->format->row(out, row);
	}
	return err;
}

/* One table, in text of the one kind of rows or the other. */
static int put_table(const struct args *args, struct drops *drops, bool traced, bool counters)
{
	struct out_column shown[COLUMNS_MAX + GROUP_NAMES_COLUMNS];
	struct out out = {.columns = shown, .file = stdout};
	struct row row = {
		.row = {.kind = drops_group_kind(drops->kind),
			.query = drops->query,
			.naming = drops->naming},
		.naming = drops->naming,
		.drops = drops,
	};
	int err, end_err;

	title_columns(traced ? columns : counter_columns, drops, shown);
	if (traced)
		group_names_insert(shown, drops->naming);
	err = args->format->begin(&out);
	if (!err && traced)
		err = put_rows(args, &row, &drops->traced, &out);
	row.counter = true;
	if (!err && counters)
		err = put_rows(args, &row, &drops->counters, &out);
	end_err = args->format->end(&out);
	return err ? err : end_err;
}

/* Each packet once, whatever it was grouped under. */
static void put_total(const struct args *args, const struct drops *drops)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	static const struct group_drops none;
	const struct group_drops *total =
		drops->traced.total.drops ? drops->traced.total.drops : &none;
	char packets[32], bytes[32], skbs[32], folded[32];

	fprintf(file, "total: %s packets, %s bytes, %s skbs dropped by the kernel",
		out_count(total->packets, packets), out_count(total->bytes, bytes),
		out_count(total->skbs, skbs));
	if (total->folded)
		fprintf(file, ", %s packets of them of flows that found no room",
			out_count(total->folded, folded));
	cmd_query_put_filter(args, drops->query, "; of ", file);
	fputc('\n', file);
}

static int put_all(const struct args *args, struct drops *drops)
{
	bool is_text = args->format == &out_text;
	int err = put_table(args, drops, true, !is_text);

	if (err)
		return err;
	put_total(args, drops);
	if (!is_text)
		return 0;
	if (!drops_has_counters(drops->query)) {
		puts("counters of drops and errors know no flows and are left out");
		return 0;
	}
	puts("");
	if (drops->counters.entry || drops->counters.table.used)
		return put_table(args, drops, false, true);
	puts("no counter of drops or errors grew");
	return 0;
}

int cmd_drops(const struct args *args)
{
	struct cmd_query query;
	struct drops drops = {
		.query = &query.query,
		.kind = args->drops_by ? drops_kind_find(args->drops_by) : &drops_kinds[0],
		.per_ms = args->per_ms,
		.naming = &query.naming,
	};
	int code, err;

	if (args->explain)
		return explain_reason(args);
	if (!drops.per_ms && !strcmp(drops.kind->name, "time"))
		drops.per_ms = PER_DEFAULT_MS;
	code = cmd_query_open(args, &query);
	if (!code) {
		drops.traced.geo = query.naming.geo;
		err = drops_read(&drops);
		err = err ? err : put_all(args, &drops);
		code = err ? cmd_query_fail(&query, err) : cmd_query_coverage(args, &query);
	}
	drops_free(&drops);
	cmd_query_close(&query);
	return code;
}
