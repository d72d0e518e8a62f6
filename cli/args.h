/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * args.h: the command line. Options are rows of tables; a verb names the tables that it takes, and
 * its usage is printed from them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/anonarg.h"
#include "cli/args_option.h"
#include "cli/namearg.h"
#include "cli/tunnelarg.h"

struct cmd;
struct group_kind;
struct group_metric;
struct out_ops;
struct pcap_format;

#define ARGS_IFACES 64
#define ARGS_TABLES 5
#define ARGS_HOSTS 256

struct args {
	int64_t now_ms;
	const char *db;
	bool db_given;
	const char *instance; /* NULL: not given */
	const char *socket;   /* NULL: not given */
	int64_t since_ms;     /* 0: from the beginning */
	int64_t until_ms;     /* INT64_MAX: to the end */
	const char *ifaces[ARGS_IFACES];
	const char *hosts[ARGS_HOSTS]; /* of a merged database; merge: NAME=FILE */
	uint32_t iface_count;	       /* 0: all */
	uint32_t host_count;	       /* 0: all */
	int dir;		       /* enum flow_dir, or -1: both */
	struct tunnelarg tunnel;
	struct anonarg anonarg;
	struct namearg namearg;
	bool stored;
	bool devices; /* pcap: an interface may be one that is not counted, which samples alone have */
	bool uniflow;
	bool health;	       /* flows: all of its columns */
	bool id;	       /* flows: a column of ids */
	bool community_id;     /* flows: a field of Community IDs */
	const char *community; /* those of this Community ID; NULL: all */
	const char *explain;   /* drops: a reason, NULL: none */
	const char *drops_by;  /* drops: --group as given, NULL: not */
	int64_t per_ms;	       /* drops, ledger, top, graph: 0: not given */
	int from;	       /* top: enum plan_from */
	bool show_plan;	       /* top, graph, diff: --explain */
	bool check;	       /* ledger */
	bool ascii;	       /* graph */
	bool force;	       /* merge */
	const char *against;   /* diff: NULL: not given */
	const char *svg;       /* graph: a file, "-", NULL: none */
	const char *output;    /* merge: NULL: not given */
	bool dry_run;	       /* retention */
	bool try_xdp;	       /* doctor */
	bool help;
	bool version;
	bool limited; /* -n was given */
	uint64_t limit;
	const struct out_ops *format;
	const struct group_kind *group;
	const struct group_metric *by;
	const char *sample_first, *sample_triggers; /* sample: NULL: not given */
	const char *sample_snaplen, *sample_drops;  /* likewise */
	char *filter; /* or other words that are no options; NULL: none; to be freed */
	char **word;  /* the same, one by one */
	uint32_t words;
	uint32_t why;			       /* pcap: of enum sample_why, those wanted; 0: all */
	const char *write;		       /* pcap: a file, "-" or NULL: standard output */
	const struct pcap_format *pcap_format; /* pcap: NULL: not given */
	bool gso_whole;			       /* pcap */
	bool follow;			       /* pcap */
	int64_t flow;			       /* pcap: flow.id, 0: of any */
};

/* Ends with a NULL name. */
extern const struct args_option args_global[]; /* --db, --instance, --socket, --help */
extern const struct args_option args_books[];  /* of these, what the books can be asked by */
extern const struct args_option args_window[]; /* --since, --until, --iface, --dir, --tunnel, ... */
extern const struct args_option args_packets[]; /* the same of packets, with times of their own */
extern const struct args_option args_format[];	/* --json, --csv */
extern const struct args_option
	args_anonymize[];		      /* of verbs that hand out addresses: cli/anonarg.h */
extern const struct args_option args_names[]; /* of those that show them: cli/namearg.h */

/*
 * Options before the verb (cmd NULL) or behind it, in any order with the filter's words, which are
 * joined by spaces; "--" ends the options. argv[0] is skipped. *ret_rest: how many entries of argv
 * were taken, where cmd is NULL. 0, or the exit code after an error was said.
 */
int args_parse(struct args *args, const struct cmd *cmd, int argc, char **argv, int *ret_rest);

void args_print_options(const struct args_option *options, FILE *file);
