/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_query.h: what verbs with a FILTER share: from arguments to a query, and its end. */
#pragma once

#include <stdio.h>

#include "cli/filter.h"
#include "cli/naming.h"
#include "cli/query.h"

struct anonymize;
struct args;

struct cmd_query {
	struct query query;
	struct filter *filter, *event_filter;
	struct anonymize *anonymize;
	struct naming naming;
	bool open;
};

/* 0, or the exit code after the error was said; cmd_query_close in either case. */
int cmd_query_open(const struct args *args, struct cmd_query *ret_query);
void cmd_query_close(struct cmd_query *query);

/*
 * Of the line of sums: BEFORE and the filter, where there is one. Beside addresses that are anonymized it
 * would tell what they were, and is not shown.
 */
void cmd_query_put_filter(const struct args *args, const struct query *query, const char *before,
			  FILE *file);

/* The last line: standard output in text, else standard error. 0 or the exit code. */
int cmd_query_coverage(const struct args *args, struct cmd_query *query);

/* err of a query, an output or memory to an exit code; a broken pipe is no failure. */
int cmd_query_fail(struct cmd_query *query, int err);
