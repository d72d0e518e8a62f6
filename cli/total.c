/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* total.c: see total.h. */
#include "cli/total.h"

#include <string.h>

#include "cli/args.h"
#include "cli/cmd_query.h"
#include "cli/output.h"

void total_put_sums(const struct group_sums *total, const struct group_metric *by, FILE *file)
{
	char flows[32], packets[32], bytes[32], more[32];

	fprintf(file, "%s flows, %s packets, %s bytes", out_count(total->flows, flows),
		out_count(total->packets, packets), out_count(total->bytes, bytes));
	if (!strcmp(by->name, "retransmits") || !strcmp(by->name, "drops"))
		fprintf(file, ", %s %s", out_count(group_value(total, by), more), by->name);
}

void total_put(const struct args *args, const struct query *query, const struct group_sums *total,
	       const struct group_metric *by)
{
	FILE *file = args->format == &out_text && !(args->svg && !strcmp(args->svg, "-")) ? stdout
											  : stderr;

	fputs("total: ", file);
	total_put_sums(total, by, file);
	cmd_query_put_filter(args, query, " of ", file);
	fputc('\n', file);
}
