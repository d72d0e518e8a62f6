/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd.h: a verb of flowctl. cmds[] in main.c is the one list of them. */
#pragma once

#include "cli/args.h"

#define CMD_FILTER "[FILTER...]" /* words that are a filter */

/* What top, graph and diff group by. */
#define CMD_KINDS                                                                                \
	"host, src, dst, pair, port, service, proto, flow, iface, dir, exporter, vlan, tunnel, " \
	"country, as"

/* The set() of --from, which more verbs than top have. */
int cmd_set_from(struct args *args, const char *value);

struct cmd {
	const char *name;
	const char *summary; /* one line */
	const char *words;   /* that it takes beside options, as in usage; NULL: none */
	const char *notes;   /* of usage: what rows and columns are */
	const struct args_option *options[ARGS_TABLES]; /* beside the global ones */
	/* The exit code, errors said. */
	int (*run)(const struct args *args);
};

extern const struct args_option cmd_top_options[];
extern const struct args_option cmd_flows_options[];
extern const struct args_option cmd_retransmits_options[];
extern const struct args_option cmd_doctor_options[];
extern const struct args_option cmd_drops_options[];
extern const struct args_option cmd_sample_options[];
extern const struct args_option cmd_pcap_options[];
extern const struct args_option cmd_diff_options[];
extern const struct args_option cmd_graph_options[];
extern const struct args_option cmd_ledger_options[];
extern const struct args_option cmd_merge_options[];
extern const struct args_option cmd_retention_options[];
extern const struct args_option cmd_status_options[];

extern const char cmd_top_notes[];
extern const char cmd_flows_notes[];
extern const char cmd_retransmits_notes[];
extern const char cmd_doctor_notes[];
extern const char cmd_drops_notes[];
extern const char cmd_sample_notes[];
extern const char cmd_pcap_notes[];
extern const char cmd_diff_notes[];
extern const char cmd_graph_notes[];
extern const char cmd_ledger_notes[];
extern const char cmd_merge_notes[];
extern const char cmd_retention_notes[];
extern const char cmd_debug_notes[];
extern const char cmd_sql_notes[];
extern const char cmd_query_filter_notes[]; /* what a FILTER can ask for */

int cmd_top(const struct args *args);
int cmd_flows(const struct args *args);
int cmd_retransmits(const struct args *args);
int cmd_drops(const struct args *args);
int cmd_sample(const struct args *args);
int cmd_pcap(const struct args *args);
int cmd_diff(const struct args *args);
int cmd_graph(const struct args *args);
int cmd_ledger(const struct args *args);
int cmd_merge(const struct args *args);
int cmd_retention(const struct args *args);
int cmd_sql(const struct args *args);
int cmd_status(const struct args *args);
int cmd_doctor(const struct args *args);
int cmd_detach(const struct args *args);
int cmd_debug(const struct args *args);
