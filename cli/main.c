/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* main.c: flowctl. The verbs, usage from their tables, and the way to one of them. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cmd.h"
#include "cli/group.h"
#include "cli/output.h"
#include "cli/say.h"
#include "schema/db.h"

static const struct cmd cmds[] = {
	{"top",
	 "who and what is heaviest",
	 CMD_FILTER,
	 cmd_top_notes,
	 {cmd_top_options, args_window, args_format, args_anonymize, args_names},
	 cmd_top},
	{"graph",
	 "traffic, flows, retransmits or drops over time, drawn",
	 CMD_FILTER,
	 cmd_graph_notes,
	 {cmd_graph_options, args_window, args_format, args_anonymize, args_names},
	 cmd_graph},
	{"diff",
	 "what changed between two windows",
	 CMD_FILTER,
	 cmd_diff_notes,
	 {cmd_diff_options, args_window, args_format, args_anonymize, args_names},
	 cmd_diff},
	{"flows",
	 "flow records, newest first",
	 CMD_FILTER,
	 cmd_flows_notes,
	 {cmd_flows_options, args_window, args_format, args_anonymize, args_names},
	 cmd_flows},
	{"retransmits",
	 "who sends TCP segments again, by the wire and by the kernel",
	 CMD_FILTER,
	 cmd_retransmits_notes,
	 {cmd_retransmits_options, args_window, args_format, args_anonymize, args_names},
	 cmd_retransmits},
	{"drops",
	 "what the kernel of this host drops, why and where",
	 CMD_FILTER,
	 cmd_drops_notes,
	 {cmd_drops_options, args_window, args_format, args_anonymize, args_names},
	 cmd_drops},
	{"sample",
	 "what packets flowd keeps whole, or their beginning; and change that",
	 "[1/N | off] [filter EXPR | none]",
	 cmd_sample_notes,
	 {cmd_sample_options, args_format},
	 cmd_sample},
	{"pcap",
	 "sampled packets, as a capture",
	 "[-w FILE|-] [FILTER...]",
	 cmd_pcap_notes,
	 {cmd_pcap_options, args_packets, args_anonymize},
	 cmd_pcap},
	{"ledger",
	 "the books by interval and interface, and whether they balance",
	 NULL,
	 cmd_ledger_notes,
	 {cmd_ledger_options, args_books, args_format},
	 cmd_ledger},
	{"merge",
	 "databases of several hosts into one",
	 "-o FILE [FILE...]",
	 cmd_merge_notes,
	 {cmd_merge_options, args_format},
	 cmd_merge},
	{"retention",
	 "what is kept for how long, and what goes next",
	 NULL,
	 cmd_retention_notes,
	 {cmd_retention_options, args_format},
	 cmd_retention},
	{"sql",
	 "statements on the database, which is only read",
	 "[STATEMENT...]",
	 cmd_sql_notes,
	 {args_format, args_anonymize},
	 cmd_sql},
	{"status",
	 "interfaces, the books, losses and flowd's own cost",
	 NULL,
	 NULL,
	 {cmd_status_options},
	 cmd_status},
	{"doctor",
	 "what works on this host and what does not, and how to mend it",
	 NULL,
	 cmd_doctor_notes,
	 {cmd_doctor_options, args_format},
	 cmd_doctor},
	{"detach",
	 "have flowd write every flow, remove its hooks and end",
	 NULL,
	 NULL,
	 {NULL},
	 cmd_detach},
	{"debug",
	 "have flowd try what it is not to be able to do",
	 "WHAT [PATH]",
	 cmd_debug_notes,
	 {NULL},
	 cmd_debug},
	{NULL, NULL, NULL, NULL, {NULL}, NULL},
};

static const struct cmd *find_cmd(const char *name)
{
	for (const struct cmd *cmd = cmds; cmd->name; cmd++) {
		if (!strcmp(cmd->name, name))
			return cmd;
	}
	return NULL;
}

static int say_unknown_verb(const char *name)
{
	char known[256] = "";

	for (const struct cmd *cmd = cmds; cmd->name; cmd++) {
		strcat(known, cmd->name);
		strcat(known, ", ");
	}
	return say_usage("verb '%s': unknown; known: %shelp", name, known);
}

static void print_usage(FILE *file)
{
	fputs("usage: flowctl [--db FILE] VERB [OPTION...] [FILTER...]\n\n", file);
	for (const struct cmd *cmd = cmds; cmd->name; cmd++)
		fprintf(file, "  %-22s  %s\n", cmd->name, cmd->summary);
	fprintf(file, "  %-22s  %s\n\n", "help [VERB]", "print usage");
	args_print_options(args_global, file);
	fputs("\nFILTER is pcap-filter(7), as for tcpdump. See flowctl(1).\n", file);
}

static void print_cmd_usage(const struct cmd *cmd, FILE *file)
{
	fprintf(file, "usage: flowctl %s [OPTION...]%s%s\n\n%s\n\n", cmd->name,
		cmd->words ? " " : "", cmd->words ? cmd->words : "", cmd->summary);
	for (int i = 0; i < ARGS_TABLES && cmd->options[i]; i++)
		args_print_options(cmd->options[i], file);
	args_print_options(args_global, file);
	if (cmd->notes)
		fprintf(file, "\n%s", cmd->notes);
	if (cmd->words && !strcmp(cmd->words, CMD_FILTER))
		fprintf(file, "\n%s", cmd_query_filter_notes);
}

static int help(int argc, char **argv)
{
	const struct cmd *cmd;

	if (argc < 2) {
		print_usage(stdout);
		return 0;
	}
	cmd = find_cmd(argv[1]);
	if (!cmd)
		return say_unknown_verb(argv[1]);
	print_cmd_usage(cmd, stdout);
	return 0;
}

static int run(struct args *args, int argc, char **argv)
{
	const struct cmd *cmd;
	int rest, err = args_parse(args, NULL, argc, argv, &rest);

	if (err)
		return err;
	argc -= rest;
	argv += rest;
	if (args->version)
		return printf("flowctl %s\n", WIRELEDGER_VERSION) < 0;
	if (args->help || (argc && !strcmp(argv[0], "help")))
		return help(args->help ? 0 : argc, argv);
	if (!argc) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	cmd = find_cmd(argv[0]);
	if (!cmd)
		return say_unknown_verb(argv[0]);
	err = args_parse(args, cmd, argc, argv, NULL);
	if (err)
		return err;
	if (args->help) {
		print_cmd_usage(cmd, stdout);
		return 0;
	}
	return args->version ? printf("flowctl %s\n", WIRELEDGER_VERSION) < 0 : cmd->run(args);
}

/* Who reads our output may stop at any time (head, less); that is no failure. */
static int finish_output(int code)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	if (out_broken_pipe() || errno == EPIPE)
		return code;
	return code ? code : say_failed("standard output: %s", strerror(errno ? errno : EIO));
}

int main(int argc, char **argv)
{
	struct args args = {
		.db = DB_PATH_DEFAULT, .until_ms = INT64_MAX, .dir = -1, .format = &out_text};
	struct timespec now;
	int code;

	signal(SIGPIPE, SIG_IGN);
	clock_gettime(CLOCK_REALTIME, &now);
	args.now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	code = run(&args, argc, argv);
	free(args.filter);
	return finish_output(code);
}
