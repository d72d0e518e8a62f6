/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_pcap.c: sampled packets to a file or a pipe. What is written where is decided here; see pcap_export.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/packet_filter.h"
#include "cli/pcap_export.h"
#include "cli/say.h"
#include "schema/sample_text.h"

static volatile sig_atomic_t stopped;

static int set_write(struct args *args, const char *value)
{
	if (!*value)
		return say_usage("-w '': not a file");
	args->write = value;
	return 0;
}

static int set_format(struct args *args, const char *value)
{
	for (int i = 0; pcap_formats[i]; i++) {
		if (!strcmp(pcap_formats[i]->name, value)) {
			args->pcap_format = pcap_formats[i];
			return 0;
		}
	}
	return say_usage("--format '%s': unknown; known: pcap, pcapng", value);
}

static int set_flow(struct args *args, const char *value)
{
	long long id;
	char *end;

	errno = 0;
	id = strtoll(value, &end, 10);
	if (*value < '1' || *value > '9' || *end || errno)
		return say_usage(
			"--flow '%s': not the id of a record, as flowctl flows --id has it", value);
	args->flow = id;
	return 0;
}

ARGS_FLAG(follow)

static int set_gso(struct args *args, const char *value)
{
	if (strcmp(value, "segments") != 0 && strcmp(value, "whole") != 0)
		return say_usage("--gso '%s': unknown; known: segments, whole", value);
	args->gso_whole = *value == 'w';
	return 0;
}

static int set_why(struct args *args, const char *value)
{
	if (sample_why_parse(value, &args->why))
		return say_usage("--why '%s': " SAMPLE_WHY_SYNTAX, value);
	return 0;
}

const struct args_option cmd_pcap_options[] = {
	{"write", 'w', "FILE", "to FILE; - is standard output, which it is unless given",
	 set_write},
	{"format", 0, "FORMAT", "pcap (with nanoseconds; unless given) or pcapng (with comments)",
	 set_format},
	{"flow", 0, "ID",
	 "packets of one record, both ways, in its time: id as flowctl flows has it", set_flow},
	{"follow", 0, NULL,
	 "from now on, or --since; packets as they are stored, until interrupted", set_follow},
	{"gso", 0, "HOW", "segments (as on the wire; unless given) or whole (as captured)",
	 set_gso},
	{"why", 0, "LIST",
	 "kept for being one of rate, first, reset, retransmit, zero-window, malformed, drop; !LIST: another",
	 set_why},
	{"limit", 'n', "N", "at most N packets; 0, or not given: all", args_set_limit},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_pcap_notes[] =
	"Packets that `flowctl sample` had kept, sorted by time, for tcpdump -r, tshark and the like. Standard\n"
	"output must not be a terminal. A regular file gets its name when all is in it, but with --follow.\n"
	"\n"
	"FILTER is pcap-filter(7), and runs over the bytes of each packet, as in tcpdump -r.\n"
	"\n"
	"With --anonymize it is asked of the packet as it is; then addresses are others, and what is behind the\n"
	"transport header is cut off. flowctl(1), ANONYMIZATION, says what becomes of the rest.\n";

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

/*
 * As tcpdump does: under nohup a hangup is none. What waits, as poll does, is interrupted; but a reader that
 * takes nothing may keep us from writing to the end, and then a second signal is the last.
 */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = stop, .sa_flags = SA_RESETHAND}, before;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!sigaction(SIGHUP, NULL, &before) && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
}

/* What can be told without a database. */
static int check(const struct args *args)
{
	bool to_stdout = !args->write || !strcmp(args->write, "-");

	if (to_stdout && isatty(STDOUT_FILENO))
		return say_usage("standard output is a terminal: -w FILE, or a pipe, as in "
				 "flowctl pcap -w - | tcpdump -r -");
	if (args->follow && args->flow)
		return say_usage("--follow: not with --flow, whose packets were");
	if (args->follow && args->until_ms != INT64_MAX)
		return say_usage("--follow: not with --until");
	return 0;
}

static int open_filter(struct pcap_export *e)
{
	struct packet_filter_error error;
	int err = e->args->filter ? packet_filter_compile(e->args->filter, &e->filter, &error) : 0;

	if (err == -EINVAL)
		return say_usage("%s", error.text);
	return err ? say_failed("filter '%s': %s", e->args->filter, strerror(-err)) : 0;
}

static int fail(struct pcap_export *e, int err)
{
	const char *error = e->query.query.error;

	if (err == -EPIPE)
		return EXIT_SUCCESS;
	if (*error)
		return say_failed("%s", error);
	if (err == -EINTR)
		return say_failed("interrupted before the end");
	return say_failed("%s: %s", e->args->db, strerror(-err));
}

/* Of the window and interfaces; filters are this verb's own. */
static int open_samples(struct pcap_export *e)
{
	struct args *args = &e->window;
	int code, err;

	*args = *e->args;
	args->stored = true;
	args->devices = true;
	args->filter = NULL;
	if (args->follow && !args->since_ms)
		args->since_ms = args->now_ms;
	code = cmd_query_open(args, &e->query);
	if (code)
		return code;
	if (args->follow && follow_open(e->query.query.db, &e->follow))
		return say_failed("%s: cannot be followed", args->db);
	err = sample_rows_open(&e->query.query, args->flow, args->follow, &e->samples);
	e->samples.why = args->why;
	e->samples.stop = &stopped;
	return err ? fail(e, err) : 0;
}

/* The most bytes that a packet can have: by what there is, and by what flowd is told; of what comes, any. */
static int find_snaplen(struct pcap_export *e)
{
	uint32_t captured = 0, told = sample_live_snaplen(&e->live);
	int err = e->args->follow ? 0 : sample_rows_captured(&e->samples, &captured);

	if (err)
		return fail(e, err);
	e->writer.snaplen = captured > told ? captured : told;
	if (e->args->follow)
		e->writer.snaplen = SAMPLE_SNAPLEN_MAX;
	else if (!e->writer.snaplen)
		e->writer.snaplen = SAMPLE_SNAPLEN;
	return 0;
}

static bool is_named(const struct args *args, const char *name)
{
	for (uint32_t i = 0; i < args->iface_count; i++) {
		if (!strcmp(args->ifaces[i], name))
			return true;
	}
	return !args->iface_count;
}

/* Where all that is sampled has one link type, who reads along need not wait for the first packet. */
static uint32_t find_link(const struct pcap_export *e)
{
	uint32_t link = 0;

	for (uint32_t i = 0; e->args->follow && i < e->live.ifaces; i++) {
		const struct sample_live_iface *iface = &e->live.iface[i];

		if (!is_named(e->args, iface->name))
			continue;
		if (link && link != iface->link)
			return 0;
		link = iface->link;
	}
	return link;
}

static int open_output(struct pcap_export *e)
{
	int code, err;

	sample_live_ask(&e->query.query, &e->live);
	code = find_snaplen(e);
	if (code)
		return code;
	err = pcap_file_open(e->args->write, e->args->follow, &e->file);
	if (err == -ENOTTY)
		return say_usage("%s: is a terminal", e->file.path);
	if (err)
		return say_failed("%s: %s", e->file.path ? e->file.path : "file", strerror(-err));
	e->writer.format = e->args->pcap_format ? e->args->pcap_format : pcap_formats[0];
	e->writer.file = e->file.file;
	e->writer.link = find_link(e);
	return 0;
}

/* Something is not in the capture that should be: that is no success. */
static int say_left_out(const struct pcap_export *e)
{
	int code = 0;

	for (uint32_t i = 0; i < e->sources.count; i++) {
		const struct pcap_source *source = e->sources.of[i];
		const struct pcap_iface *iface = &source->iface;

		if (source->unfit)
			code = say_failed("%s: %llu packets of %s left out: a pcap file has one "
					  "link type, here %s; --format pcapng has all, --iface "
					  "or --dir choose",
					  iface->name, (unsigned long long)source->unfit,
					  pcap_source_link(iface->link),
					  pcap_source_link(e->writer.link));
		if (source->unjudged)
			code = say_failed("%s: %llu packets left out: %s", iface->name,
					  (unsigned long long)source->unjudged,
					  packet_filter_why(e->filter, iface->link));
	}
	return code;
}

static int export(struct pcap_export *e)
{
	int err = pcap_export_run(e);

	if (err && err != -EPIPE && err != -EINTR && !*e->query.query.error)
		return say_failed("%s: %s", e->file.path, strerror(-err));
	if (err)
		return fail(e, err);
	err = pcap_export_tell(e, stderr);
	return err ? fail(e, err) : say_left_out(e);
}

static void close_all(struct pcap_export *e)
{
	if (e->writer.state)
		e->writer.format->close(&e->writer);
	pcap_file_close(&e->file);
	sample_rows_close(&e->samples);
	follow_close(&e->follow);
	cmd_query_close(&e->query);
	packet_filter_free(e->filter);
	sample_live_free(&e->live);
	pcap_sources_free(&e->sources);
	free(e->anonymized);
}

int cmd_pcap(const struct args *args)
{
	struct pcap_export *e;
	int code = check(args);

	if (code)
		return code;
	e = calloc(1, sizeof(*e));
	if (!e)
		return say_failed("pcap: %s", strerror(ENOMEM));
	e->args = args;
	e->stop = &stopped;
	e->limit = args->limited && args->limit ? args->limit : UINT64_MAX;
	code = open_filter(e);
	if (!code)
		code = open_samples(e);
	if (!code)
		code = open_output(e);
	if (!code) {
		catch_signals();
		code = export(e);
	}
	close_all(e);
	free(e);
	return code;
}
