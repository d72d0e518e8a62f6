/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_ledger.c: the books, and whether they balance. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_query.h"
#include "cli/group_row.h"
#include "cli/ledger.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/timearg.h"

#define LIMIT_DEFAULT 40
#define MINUTE_MS 60000
#define PER_MAX_MS (366LL * 86400000)

static int set_per(struct args *args, const char *value)
{
	int64_t ms;

	if (timearg_duration(value, &ms) || ms < MINUTE_MS || ms % MINUTE_MS || ms > PER_MAX_MS)
		return say_usage("--per '%s': not minutes up to a year, as 1m, 5m, 1h, 1d", value);
	args->per_ms = ms;
	return 0;
}

ARGS_FLAG(check)

const struct args_option cmd_ledger_options[] = {
	{"per", 0, "TIME", "a row for so long: 1m (unless given), 5m, 1h, 1d", set_per},
	{"check", 0, NULL, "rows that do not balance alone; exit 1 where there is one", set_check},
	{"limit", 'n', "N", "at most N rows, the latest, 40 unless given; 0: all", args_set_limit},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_ledger_notes[] =
	"Of each interval, interface and direction, in packets; JSON and CSV have the bytes as well:\n"
	"  BEFORE + SEEN = RECORDED + HELD\n"
	"  BEFORE      held when it began: counted, and in no record yet; HELD the same at the end\n"
	"  SEEN        by the hook's own counter; of these SHORT (headers cut), DEEP (nested), FOLDED and\n"
	"              CATCH-ALL (detail given up for want of room)\n"
	"  NIC         what the NIC counted meanwhile, where that is known\n"
	"  BOOKS       balanced, or by how many packets and bytes they are off\n";

struct row {
	const struct ledger_row *row;
	const struct query *query;
};

static void get_time(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->kind = OUT_TIME;
	value->number = (uint64_t)((const struct row *)row)->row->start_ms;
}

static void get_iface(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	const struct query_iface *iface = query_iface(r->query, r->row->iface);
	char text[NAMES_SIZE];

	snprintf(text, sizeof(text), "#%u", r->row->iface);
	if (iface && c->name)
		out_set_text(value, iface->name);
	else if (iface)
		names_iface(iface->name, text, sizeof(text));
	if (!iface || !c->name)
		out_set_text(value, text);
}

static void get_dir(const struct out_column *c, const void *row, struct out_value *value)
{
	bool out = ((const struct row *)row)->row->dir == FLOW_EGRESS;

	if (c->name)
		out_set_text(value, out ? "egress" : "ingress");
	else
		out_set_text(value, out ? "out" : "in");
}

/* Each name, as of packets and of bytes. */
static void get_count(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct ledger_row *r = ((const struct row *)row)->row;
	const struct {
		const char *name, *title;
		const struct flow_count *count;
	} counts[] = {
		{"opening", "BEFORE", &r->opening},
		{"seen", "SEEN", &r->seen},
		{"recorded", "RECORDED", &r->recorded},
		{"held", "HELD", &r->held},
		{"short", "SHORT", &r->verdict[VERDICT_SHORT]},
		{"deep", "DEEP", &r->verdict[VERDICT_DEEP]},
		{"folded", "FOLDED", &r->verdict[VERDICT_FOLDED]},
		{"catchall", "CATCH-ALL", &r->verdict[VERDICT_CATCHALL]},
		{"nic", "NIC", r->has_nic ? &r->nic : NULL},
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		size_t size = strlen(counts[i].name);

		if (c->name ? strncmp(c->name, counts[i].name, size) || c->name[size] != '_'
			    : strcmp(c->title, counts[i].title))
			continue;
		if (!counts[i].count)
			return;
		value->kind = OUT_NUMBER;
		value->number = c->name && !strcmp(c->name + size, "_bytes")
					? counts[i].count->bytes
					: counts[i].count->packets;
	}
}

/* What is missing; less than nothing: what is too much. */
static struct ledger_gap off_by(const struct ledger_row *r)
{
	return (struct ledger_gap){r->gap.packets + r->unaccounted.packets,
				   r->gap.bytes + r->unaccounted.bytes};
}

static void get_off(const struct out_column *c, const void *row, struct out_value *value)
{
	struct ledger_gap off = off_by(((const struct row *)row)->row);

	value->kind = OUT_SIGNED;
	value->number = (uint64_t)(!strcmp(c->name, "off_bytes") ? off.bytes : off.packets);
}

static void get_books(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct ledger_row *r = ((const struct row *)row)->row;
	struct ledger_gap off = off_by(r);
	char text[80] = "balanced";

	if (r->is_back && !c->name)
		snprintf(text, sizeof(text), "balanced; the clock was set back");

	if (!ledger_balances(r) && c->name)
		snprintf(text, sizeof(text), "off");
	else if (!ledger_balances(r))
		snprintf(text, sizeof(text), "off by %+" PRId64 " packets, %+" PRId64 " bytes",
			 off.packets, off.bytes);
	out_set_text(value, text);
}

#define BOTH(name)                                             \
	{name "_packets", NULL, false, 0, get_count, NULL},    \
	{                                                      \
		name "_bytes", NULL, false, 0, get_count, NULL \
	}

static const struct out_column columns[] = {
	{"time", "TIME", true, 0, get_time, NULL},
	{"iface", NULL, true, 0, get_iface, NULL},
	{NULL, "IFACE", true, 0, get_iface, NULL},
	{"dir", NULL, true, 0, get_dir, NULL},
	{NULL, "DIR", true, 0, get_dir, NULL},
	BOTH("opening"),
	BOTH("seen"),
	BOTH("recorded"),
	BOTH("held"),
	BOTH("short"),
	BOTH("deep"),
	BOTH("folded"),
	BOTH("catchall"),
	BOTH("nic"),
	{"off_packets", NULL, false, 0, get_off, NULL},
	{"off_bytes", NULL, false, 0, get_off, NULL},
	{"books", NULL, true, 0, get_books, NULL},
	{NULL, "BEFORE", false, 0, get_count, NULL},
	{NULL, "SEEN", false, 0, get_count, NULL},
	{NULL, "RECORDED", false, 0, get_count, NULL},
	{NULL, "HELD", false, 0, get_count, NULL},
	{NULL, "SHORT", false, 4, get_count, NULL},
	{NULL, "DEEP", false, 3, get_count, NULL},
	{NULL, "FOLDED", false, 2, get_count, NULL},
	{NULL, "CATCH-ALL", false, 1, get_count, NULL},
	{NULL, "NIC", false, 5, get_count, NULL},
	{NULL, "BOOKS", true, 0, get_books, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

/* The first of the rows that are shown: the latest. */
static size_t first_row(const struct args *args, const struct ledger *ledger)
{
	size_t count = args->check ? ledger->off : ledger->rows, i = ledger->rows;
	size_t left = group_limit(args, count, args->check ? 0 : LIMIT_DEFAULT);

	while (i && left) {
		i--;
		left -= !args->check || !ledger_balances(&ledger->row[i]);
	}
	return i;
}

static int put_rows(const struct args *args, const struct ledger *ledger, const struct query *query)
{
	struct out out = {.columns = columns, .file = stdout};
	int err = args->format->begin(&out), end_err;

	for (size_t i = first_row(args, ledger); !err && i < ledger->rows; i++) {
		struct row row = {&ledger->row[i], query};

		if (!args->check || !ledger_balances(row.row))
			err = args->format->row(&out, &row);
	}
	end_err = args->format->end(&out);
	return err ? err : end_err;
}

static void print_total(const struct args *args, const struct ledger *ledger)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	const struct ledger_row *total = &ledger->total;
	struct ledger_gap off = off_by(total);
	char text[5][32];

	fprintf(file, "total: %s held before + %s seen = %s recorded + %s held",
		out_count(total->opening.packets, text[0]), out_count(total->seen.packets, text[1]),
		out_count(total->recorded.packets, text[2]),
		out_count(total->held.packets, text[3]));
	if (ledger->off)
		fprintf(file, " %+" PRId64 " packets; %s of %zu rows do not balance\n", off.packets,
			out_count(ledger->off, text[4]), ledger->rows);
	else
		fprintf(file, " packets: balanced%s\n",
			ledger->is_back ? ", but for what was held when the clock was set back"
					: "");
}

int cmd_ledger(const struct args *args)
{
	struct cmd_query query;
	struct ledger ledger = {.row = NULL};
	int code, err;

	if (args->filter)
		return say_usage("ledger '%s': takes no filter", args->filter);
	code = cmd_query_open(args, &query);
	if (!code) {
		err = ledger_read(&query.query, args->per_ms ? args->per_ms : MINUTE_MS, &ledger);
		err = err ? err : put_rows(args, &ledger, &query.query);
		code = err ? cmd_query_fail(&query, err) : 0;
		if (!err) {
			print_total(args, &ledger);
			code = cmd_query_coverage(args, &query);
		}
		if (!code && args->check && ledger.off)
			code = EXIT_FAILURE;
	}
	ledger_free(&ledger);
	cmd_query_close(&query);
	return code;
}
