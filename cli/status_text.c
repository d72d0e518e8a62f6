/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* status_text.c: a table of interfaces, and a line for each part of flowd that is there. */
#include "cli/status_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "cli/names.h"
#include "cli/output.h"
#include "cli/status_db.h"
#include "cli/status_nic.h"
#include "cli/text_clean.h"
#include "cli/timearg.h"

#define DATABASE "database  {path|s}, {bytes|M} and {log_bytes|M} of log; {rows} records"

#define LOG_HELD_S 10 /* that one does for an answer is nothing to tell of */

struct row {
	const json_t *iface;
	size_t dir;
};

/* "map.used" and the like. */
static const json_t *member(const json_t *root, const char *path)
{
	char name[64];
	const char *dot;

	for (; root && (dot = strchr(path, '.')); path = dot + 1) {
		snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
		root = json_object_get(root, name);
	}
	return json_object_get(root, path);
}

static const char *text_of(const json_t *root, const char *path)
{
	const char *text = json_string_value(member(root, path));

	return text ? text : "?";
}

static uint64_t number_of(const json_t *root, const char *path)
{
	double value = json_number_value(member(root, path));

	return value > 0 ? (uint64_t)value : 0;
}

static void put_member(const json_t *root, const char *name, char kind, FILE *file)
{
	char text[32];

	if (kind == 's')
		text_put(text_of(root, name), file);
	else if (kind == 'M')
		fprintf(file, "%.1f MB", (double)number_of(root, name) / 1e6);
	else if (kind == 'f')
		fprintf(file, "%.2f", json_number_value(member(root, name)));
	else
		fputs(out_count(number_of(root, name), text), file);
}

/*
 * A line from a pattern: {a.b} is a number with separators, {a.b|s} a text, {a.b|M} bytes in MB,
 * {a.b|f} seconds with hundredths.
 */
static void put_line(const json_t *root, const char *pattern, FILE *file)
{
	while (*pattern) {
		size_t plain = strcspn(pattern, "{"), len;
		char name[64], *bar;

		fwrite(pattern, 1, plain, file);
		pattern += plain;
		if (!*pattern)
			break;
		len = strcspn(++pattern, "}");
		snprintf(name, sizeof(name), "%.*s", (int)len, pattern);
		bar = strchr(name, '|');
		if (bar)
			*bar = 0;
		put_member(root, name, bar ? bar[1] : 0, file);
		pattern += len + 1;
	}
	fputc('\n', file);
}

/* A part of flowd's status and its line; left out where the part is not there. */
static const struct {
	const char *part;
	const char *pattern;
} lines[] = {
	{"sweep",
	 "sweep     every {sweep.interval_ms} ms; {sweep.count} done, last {sweep.last_us} us, "
	 "longest {sweep.max_us} us"},
	{"map", "map       {map.used} of {map.slots} slots on {map.cpus} CPUs, {map.bytes|M}"},
	{"cache",
	 "cache     {cache.created} keys, {cache.evicted} evicted, {cache.reused} reused, "
	 "{cache.ring_full} times the ring was full, {cache.outer_full} packets in tunnels "
	 "whose endpoints found no room, {cache.unasked} segments judged without a look at others"},
	{"ring", "ring      {ring.used} of {ring.size} bytes; {ring.absorbed} records taken"},
	{"table",
	 "table     {table.conversations} of {table.most} conversations, {table.memory_bytes|M}"},
	{"records",
	 "records   at most {records.rate} a second, 0 for any; {records.folded_flows} folded with "
	 "{records.folded_packets} packets, {records.waited} times one had to wait"},
	{"sink", "sink      {sink.commits} commits, {sink.rows} rows, {sink.failed} failed, last "
		 "{sink.last_ms} ms"},
	{"retention",
	 "retention {retention.records} records, {retention.minutes} rows of minutes and {retention.hours} of hours "
	 "gone, {retention.pages} pages given back; longest step {retention.max_us} us"},
	{"trace",
	 "events    {trace.rows} rows, {trace.folded} folded, {trace.missed} missed by nesting, "
	 "{trace.unclaimed} of no flow in hand, {trace.untold} drops of no known namespace; {trace.closes} connections closed, "
	 "{trace.closes_lost} not told, {trace.closes_without_flow} of no flow in hand"},
	{"samples",
	 "samples   {samples.chosen} packets chosen, {samples.passed} passed the filter, {samples.lost} of "
	 "these lost, {samples.stored} stored; ring {samples.ring_used} of {samples.ring_size} bytes"},
	{"sampling", "sampling  {sampling.samples} samples of the kernel's counters, "
		     "{sampling.failed} requests failed, last {sampling.last_us} us"},
	{"confined", "confined  {confined.text|s}"},
	{"control",
	 "control   {control.answered} requests answered, {control.refused} refused, {control.denied} not allowed; "
	 "{control.dropped} clients dropped, {control.pauses} pauses"},
	{"cpu",
	 "cost      {cpu.user_s|f} s user, {cpu.system_s|f} s system, {cpu.rss_kb} kB resident"},
	{NULL, NULL},
};

static void get_name(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[NAMES_SIZE];

	(void)c;
	names_iface(text_of(((const struct row *)row)->iface, "name"), text, sizeof(text));
	out_set_text(value, text);
}

static void get_dir(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct row *)row)->dir ? "out" : "in");
}

static void get_hook(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	const json_t *mode = member(r->iface, r->dir ? "egress" : "ingress");

	(void)c;
	if (json_is_string(mode))
		out_set_text(value, json_string_value(mode));
}

/* The column's name is the member: a pair of ingress and egress. */
static void get_pair(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	const json_t *number = json_array_get(member(r->iface, c->name), r->dir);
	json_int_t n = json_integer_value(number);

	if (!number)
		return;
	value->kind = OUT_NUMBER;
	value->number = (uint64_t)(n < 0 ? -n : n);
}

static const struct out_column columns[] = {
	{NULL, "IFACE", true, 0, get_name, NULL},
	{NULL, "DIR", true, 0, get_dir, NULL},
	{NULL, "HOOK", true, 0, get_hook, NULL},
	{"seen_packets", "SEEN", false, 0, get_pair, NULL},
	{"seen_bytes", "BYTES", false, 1, get_pair, NULL},
	{"recorded_packets", "RECORDED", false, 0, get_pair, NULL},
	{"held_packets", "HELD", false, 0, get_pair, NULL},
	{"short_packets", "SHORT", false, 2, get_pair, NULL},
	{"deep_packets", "DEEP", false, 3, get_pair, NULL},
	{"folded_packets", "FOLDED", false, 0, get_pair, NULL},
	{"catchall_packets", "CATCH-ALL", false, 0, get_pair, NULL},
	{"unaccounted_packets", "UNACCOUNTED", false, 0, get_pair, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

/* A replayed capture has an egress side only where its packets say so. */
static bool is_idle_replay(const json_t *iface)
{
	return !strcmp(text_of(iface, "ingress"), "replay") &&
	       !json_integer_value(json_array_get(member(iface, "seen_packets"), 1));
}

static int put_ifaces(const json_t *ifaces, FILE *file)
{
	struct out out = {.columns = columns, .file = file};
	const json_t *iface;
	int err = out_text.begin(&out), end_err;

	for (size_t i = 0; !err && (iface = json_array_get(ifaces, i)); i++) {
		for (size_t dir = 0; !err && dir < 2; dir++) {
			struct row row = {iface, dir};

			if (dir && is_idle_replay(iface))
				continue;
			err = out_text.row(&out, &row);
		}
	}
	end_err = out_text.end(&out);
	return err ? err : end_err;
}

static void put_note(const json_t *iface, const char *which, FILE *file)
{
	const char *note = json_string_value(member(iface, which));

	if (!note || !*note)
		return;
	text_put(text_of(iface, "name"), file);
	fputs(": ", file);
	text_put(note, file);
	fputc('\n', file);
}

static void put_notes(const json_t *ifaces, FILE *file)
{
	const json_t *iface;

	for (size_t i = 0; (iface = json_array_get(ifaces, i)); i++) {
		put_note(iface, "note", file);
		put_note(iface, "vlan_note", file);
	}
}

static void put_daemon(const json_t *root, FILE *file)
{
	const json_t *flowd = member(root, "flowd");
	uint64_t up = number_of(flowd, "uptime_s");

	if (!member(root, "socket") || json_is_null(member(root, "socket"))) {
		fprintf(file, "no flowd has counted into this database; last commit %s\n\n",
			text_of(root, "database.written"));
		return;
	}
	if (!json_is_object(flowd)) {
		put_line(root, "flowd does not run: {why|s}", file);
		fprintf(file, "last commit %s; what follows is from the database alone\n\n",
			text_of(root, "database.written"));
		return;
	}
	fputs("flowd ", file);
	text_put(text_of(flowd, "version"), file);
	fputs(", instance ", file);
	text_put(text_of(flowd, "instance"), file);
	fprintf(file,
		", process %" PRIu64 ", up %" PRIu64 "d %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64
		", socket ",
		number_of(flowd, "pid"), up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
	text_put(text_of(root, "socket"), file);
	fputs("\n\n", file);
}

/* A reader that does not end has the log grow. */
static void put_log(const json_t *flowd, FILE *file)
{
	if (json_is_true(member(flowd, "sink.log.held")) &&
	    number_of(flowd, "sink.log.held_s") >= LOG_HELD_S)
		put_line(
			flowd,
			"          a reader holds the database's log, for {sink.log.held_s} s: {sink.log.bytes|M}, "
			"until it ends",
			file);
}

/* Why not everything is written, and what waits for it. */
static void put_sink(const json_t *flowd, FILE *file)
{
	const char *state = json_string_value(member(flowd, "sink.state"));
	const char *error = json_string_value(member(flowd, "sink.error"));
	char since[32];

	if (!state || !strcmp(state, "writing"))
		return;
	timearg_local(json_integer_value(member(flowd, "sink.since_ms")), false, since,
		      sizeof(since));
	fputs("          the sink is ", file);
	text_put(state, file);
	fprintf(file, " since %s, for %" PRIu64 " s", since, number_of(flowd, "sink.for_s"));
	if (error && *error)
		put_line(flowd, ", {sink.tries} tries: {sink.error|s}", file);
	else
		put_line(flowd, "; the last commit took {sink.last_ms} ms", file);
	put_line(
		flowd,
		"          waiting for it: {sink.waiting.records} records of a batch, {sink.waiting.conversations} "
		"conversations, {sink.waiting.ring_percent} % of the ring; {sink.waiting.folded} times folded for "
		"want of room",
		file);
}

int status_text(const json_t *root, FILE *file)
{
	const json_t *flowd = member(root, "flowd"), *part, *ifaces;
	int err;

	put_daemon(root, file);
	part = json_is_object(flowd) ? flowd : member(root, "database");
	ifaces = member(part, "interfaces");
	err = put_ifaces(ifaces, file);
	if (err)
		return err;
	put_notes(ifaces, file);
	err = status_nic_text(part, file);
	if (err)
		return err;
	fputc('\n', file);
	for (size_t i = 0; lines[i].part; i++) {
		if (member(flowd, lines[i].part))
			put_line(flowd, lines[i].pattern, file);
	}
	if (json_is_true(member(flowd, "samples.drops.on")))
		put_line(flowd,
			 "          of dropped packets: {samples.drops.chosen} chosen, "
			 "{samples.drops.lost} lost, {samples.drops.stored} stored",
			 file);
	if (*text_of(flowd, "samples.note") && member(flowd, "samples.note"))
		put_line(flowd, "          samples: {samples.note|s}", file);
	if (*text_of(flowd, "pins.note") && member(flowd, "pins.note"))
		put_line(flowd, "pins      {pins.note|s}", file);
	put_sink(flowd, file);
	put_log(flowd, file);
	if (*text_of(flowd, "retention.note") && member(flowd, "retention.note"))
		put_line(flowd, "          retention: {retention.note|s}", file);
	put_line(member(root, "database"),
		 number_of(root, "database.rows") ? DATABASE
			 ", the first of {first|s}, the last of {last|s}"
						  : DATABASE,
		 file);
	return out_check(file);
}
