/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_retransmits.c: who sends again, as seen on the wire (flow records) and by the kernel's own word
 * (events of this host's connections), beside each other under the same key. What was on the wire
 * belongs to the direction that sent it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_query.h"
#include "cli/coverage.h"
#include "cli/group_fill.h"
#include "cli/group_names.h"
#include "cli/group_row.h"
#include "schema/fields.h"

#define LIMIT_DEFAULT 20
#define KINDS "flow, host, src, dst, pair, port, proto, iface, country, as"
#define EVENTS (1U << EVENT_RETRANSMIT | 1U << EVENT_RESET_SENT | 1U << EVENT_RESET_RECEIVED)

static int set_by(struct args *args, const char *value)
{
	return group_pick_metric(group_health_metrics, value, &args->by);
}

static int set_group(struct args *args, const char *value)
{
	return group_pick_kind(KINDS, value, &args->group);
}

const struct args_option cmd_retransmits_options[] = {
	{"by", 0, "WHAT",
	 "retransmits (unless given), ratio, kernel, bytes, out_of_order, dup_acks, zero_windows, "
	 "resets, syn_repeats, keep_alives, rtt, rtt_max or packets",
	 set_by},
	{"group", 0, "KEY",
	 "flow (unless given), host, src, dst, pair, port, proto, iface, country or as", set_group},
	{"limit", 'n', "N", "at most N rows, 20 unless given; 0: all", args_set_limit},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_retransmits_notes[] =
	"Rows are what sent again, or has what --by asks for. Seen on the wire, of the direction that sent:\n"
	"  PACKETS    TCP segments; RETRANS those of them that were there before, RATIO their part\n"
	"  OOO        out of order; DUP ACK duplicate acknowledgements; ZERO WIN windows of 0\n"
	"  SYN AGAIN  of RETRANS, those with SYN; RESETS, KEEP-ALIVE segments of that kind\n"
	"  RTT        mean round trip of the packets of this direction and their answers, least and\n"
	"             greatest; SETUP of SYN, or SYN with ACK, and its answer\n"
	"By the word of this host's kernel, of its own connections:\n"
	"  KERNEL     segments that it sent again; KINDS of these: fast (recovery), timeout (the timer),\n"
	"             probe (tail loss), syn, syn-ack, other\n";

/* A count of TCP's health, by the column's name; of rows without records there is none. */
static void get_wire(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_sums *sums = &((const struct group_row *)row)->entry->sums;
	static const struct group_health none;
	const struct group_health *health = sums->health ? sums->health : &none;
	const struct {
		const char *name;
		uint64_t value;
	} wire[] = {
		{"flows", sums->flows},
		{"packets", sums->packets},
		{"bytes", sums->bytes},
		{"retransmits", health->retransmits},
		{"retransmitted_bytes", health->retransmitted_bytes},
		{"out_of_order", health->out_of_order},
		{"dup_acks", health->dup_acks},
		{"zero_windows", health->zero_windows},
		{"resets", health->resets},
		{"syn_repeats", health->syn_repeats},
		{"keep_alives", health->keep_alives},
		{"rtt_samples", health->rtt_count},
	};

	for (size_t i = 0; i < sizeof(wire) / sizeof(wire[0]); i++) {
		if (strcmp(wire[i].name, c->name) || !(sums->flows || wire[i].value))
			continue;
		value->kind = OUT_NUMBER;
		value->number = wire[i].value;
	}
}

static void get_ratio(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_sums *sums = &((const struct group_row *)row)->entry->sums;

	(void)c;
	if (!sums->packets)
		return;
	value->kind = OUT_PERCENT;
	value->number = group_ratio(sums, 10000);
}

static void get_kernel(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->kind = OUT_NUMBER;
	value->number = group_kernel(((const struct group_row *)row)->entry->sums.health);
}

/* kernel_KIND, where '-' of a kind's name is '_'. */
static void get_kernel_kind(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_health *health = ((const struct group_row *)row)->entry->sums.health;
	static const char *const names[EVENT_RETRANSMIT_MAX] = {
		[EVENT_RETRANSMIT_OTHER] = "kernel_other",
		[EVENT_RETRANSMIT_SYN] = "kernel_syn",
		[EVENT_RETRANSMIT_SYN_ACK] = "kernel_syn_ack",
		[EVENT_RETRANSMIT_FAST] = "kernel_fast",
		[EVENT_RETRANSMIT_TIMEOUT] = "kernel_timeout",
		[EVENT_RETRANSMIT_PROBE] = "kernel_probe",
	};

	value->kind = OUT_NUMBER;
	value->number = 0;
	for (int i = 0; health && i < EVENT_RETRANSMIT_MAX; i++) {
		if (!strcmp(names[i], c->name))
			value->number = health->kernel[i];
	}
}

/* "fast 3, timeout 1"; false: nothing. */
static bool kinds_text(const struct group_health *health, char *buf, size_t size)
{
	char count[32];
	size_t len = 0;

	for (int i = EVENT_RETRANSMIT_MAX - 1; health && i >= 0 && len < size; i--) {
		if (health->kernel[i])
			len += (size_t)snprintf(buf + len, size - len, "%s%s %s", len ? ", " : "",
						event_retransmit_name[i],
						out_count(health->kernel[i], count));
	}
	return len > 0;
}

static void get_kinds(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[OUT_TEXT_SIZE];

	(void)c;
	if (kinds_text(((const struct group_row *)row)->entry->sums.health, text, sizeof(text)))
		out_set_text(value, text);
}

/* resets_sent_kernel, resets_received_kernel */
static void get_resets(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_health *health = ((const struct group_row *)row)->entry->sums.health;

	value->kind = OUT_NUMBER;
	if (health)
		value->number = strcmp(c->name, "resets_sent_kernel") ? health->resets_received
								      : health->resets_sent;
}

/* Least and greatest round trip, and that of the handshake. */
static void get_rtt(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct group_health *health = ((const struct group_row *)row)->entry->sums.health;
	bool handshake = !strcmp(c->name, "handshake_us");

	if (!health || !(handshake ? health->handshakes : health->rtt_count))
		return;
	value->kind = OUT_MICROSECONDS;
	if (handshake)
		value->number = health->handshake_sum_us / health->handshakes;
	else
		value->number =
			strcmp(c->name, "rtt_min_us") ? health->rtt_max_us : health->rtt_min_us;
}

static const struct out_column columns[] = {
	{"group", NULL, true, 0, group_row_group, NULL},
	{"key", "KEY", true, 0, group_row_key, NULL},
	{"iface", NULL, true, 0, group_row_iface, NULL},
	{"ethertype", NULL, true, 0, group_row_field, NULL},
	{"proto", NULL, true, 0, group_row_field, NULL},
	{"src", NULL, true, 0, group_row_field, NULL},
	{"dst", NULL, true, 0, group_row_field, NULL},
	{"sport", NULL, true, 0, group_row_field, NULL},
	{"dport", NULL, true, 0, group_row_field, NULL},
	{"start", NULL, true, 0, group_row_start, NULL},
	{"end", NULL, true, 0, group_row_end, NULL},
	{"flows", NULL, false, 0, get_wire, NULL},
	{"packets", "PACKETS", false, 0, get_wire, NULL},
	{"bytes", NULL, false, 0, get_wire, NULL},
	{"retransmits", "RETRANS", false, 0, get_wire, NULL},
	{"retransmits_percent", "RATIO", false, 0, get_ratio, NULL},
	{"retransmitted_bytes", NULL, false, 0, get_wire, NULL},
	{"retransmits_kernel", "KERNEL", false, 0, get_kernel, NULL},
	{NULL, "KINDS", true, 4, get_kinds, NULL},
	{"kernel_fast", NULL, false, 0, get_kernel_kind, NULL},
	{"kernel_timeout", NULL, false, 0, get_kernel_kind, NULL},
	{"kernel_probe", NULL, false, 0, get_kernel_kind, NULL},
	{"kernel_syn", NULL, false, 0, get_kernel_kind, NULL},
	{"kernel_syn_ack", NULL, false, 0, get_kernel_kind, NULL},
	{"kernel_other", NULL, false, 0, get_kernel_kind, NULL},
	{"out_of_order", "OOO", false, 3, get_wire, NULL},
	{"dup_acks", "DUP ACK", false, 7, get_wire, NULL},
	{"zero_windows", "ZERO WIN", false, 6, get_wire, NULL},
	{"resets", "RESETS", false, 8, get_wire, NULL},
	{"resets_sent_kernel", NULL, false, 0, get_resets, NULL},
	{"resets_received_kernel", NULL, false, 0, get_resets, NULL},
	{"syn_repeats", "SYN AGAIN", false, 5, get_wire, NULL},
	{"keep_alives", "KEEP-ALIVE", false, 12, get_wire, NULL},
	{"rtt_us", "RTT", false, 1, group_row_rtt, NULL},
	{"rtt_min_us", "LEAST", false, 9, get_rtt, NULL},
	{"rtt_max_us", "GREATEST", false, 10, get_rtt, NULL},
	{"rtt_samples", NULL, false, 0, get_wire, NULL},
	{"handshake_us", "SETUP", false, 11, get_rtt, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static bool is_tcp(const struct flow_record *rec)
{
	return flow_key_is_ip(&rec->key) && rec->key.proto == IPPROTO_TCP;
}

static bool is_shown(const struct group_sums *sums, const struct group_metric *by)
{
	return group_value(sums, by) ||
	       (sums->health && (sums->health->retransmits || group_kernel(sums->health)));
}

static int put_rows(const struct args *args, struct group_row *row, struct naming *naming,
		    struct group *group)
{
	struct out_column shown[COLUMNS + GROUP_NAMES_COLUMNS];
	struct out out = {.columns = shown, .file = stdout};
	const struct group_order order = {.by = row->by,
					  .limit = group_limit(args, SIZE_MAX, LIMIT_DEFAULT),
					  .shown = is_shown};
	ssize_t count = group_top(group, &order);
	int err, end_err;

	err = count < 0 ? (int)count
			: group_names_ask(naming, row->kind, group->entry, (size_t)count);
	if (err)
		return err;
	row->naming = naming;
	memcpy(shown, columns, sizeof(columns));
	group_names_insert(shown, naming);
	err = args->format->begin(&out);
	for (ssize_t i = 0; !err && i < count; i++) {
		row->entry = &group->entry[i];
		err = args->format->row(&out, row);
	}
	end_err = args->format->end(&out);
	return err ? err : end_err;
}

/* Each segment once, whatever it was grouped under. */
static void put_total(const struct args *args, const struct query *query, const struct group *group)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	static const struct group_health none;
	const struct group_health *health = group->total.health ? group->total.health : &none;
	uint64_t percent = group_ratio(&group->total, 10000);
	char packets[32], wire[32], kernel[32], order[32], syn[32], kinds[OUT_TEXT_SIZE];

	fprintf(file, "total: %s TCP segments, %s retransmits on the wire (%d.%02d %%)",
		out_count(group->total.packets, packets), out_count(health->retransmits, wire),
		(int)(percent / 100), (int)(percent % 100));
	fprintf(file, ", %s of them SYN, %s out of order, %s retransmits by this host's kernel",
		out_count(health->syn_repeats, syn), out_count(health->out_of_order, order),
		out_count(group_kernel(health), kernel));
	if (kinds_text(health, kinds, sizeof(kinds)))
		fprintf(file, ": %s", kinds);
	cmd_query_put_filter(args, query, "; of ", file);
	fputc('\n', file);
}

int cmd_retransmits(const struct args *args)
{
	struct cmd_query query;
	struct group group = {0};
	struct group_row row = {
		.group = &group,
		.kind = args->group ? args->group : group_kind_find("flow"),
		.by = args->by ? args->by : &group_health_metrics[0],
		.query = &query.query,
	};
	int code = cmd_query_open(args, &query), err;

	if (!code) {
		group.geo = query.naming.geo;
		err = group_fill_records(&query.query, row.kind, is_tcp, &group);
		err = err ? err : group_fill_events(&query.query, row.kind, EVENTS, &group);
		err = err ? err : put_rows(args, &row, &query.naming, &group);
		if (!err)
			put_total(args, &query.query, &group);
		code = err ? cmd_query_fail(&query, err) : cmd_query_coverage(args, &query);
	}
	group_free(&group);
	cmd_query_close(&query);
	return code;
}
