/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_query.c: see cmd_query.h. */
#include "cli/cmd_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/coverage.h"
#include "cli/output.h"
#include "cli/say.h"

int cmd_query_open(const struct args *args, struct cmd_query *ret_query)
{
	struct query_options options = {
		.db = args->db,
		.instance = args->instance,
		.socket = args->socket,
		.since_ms = args->since_ms,
		.until_ms = args->until_ms,
		.ifaces = args->ifaces,
		.iface_count = args->iface_count,
		.dir = args->dir,
		.stored = args->stored,
	};
	struct filter_error error = {""};
	int err;

	memset(ret_query, 0, sizeof(*ret_query));
	if (args->filter) {
		err = filter_compile(args->filter, &ret_query->filter, &error);
		if (err)
			return err == -EINVAL ? say_usage("%s", error.text)
					      : say_failed("%s", strerror(-err));
	}
	options.filter = ret_query->filter;
	ret_query->open = true;
	if (query_open(&options, &ret_query->query))
		return say_failed("%s", ret_query->query.error);
	return 0;
}

void cmd_query_close(struct cmd_query *query)
{
	if (query->open)
		query_close(&query->query);
	filter_free(query->filter);
	memset(query, 0, sizeof(*query));
}

int cmd_query_coverage(const struct args *args, struct cmd_query *query)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	struct coverage coverage;

	if (coverage_read(&query->query, &coverage))
		return say_failed("%s", query->query.error);
	coverage_print(&coverage, &query->query, file);
	return 0;
}

int cmd_query_fail(struct cmd_query *query, int err)
{
	if (err == -EPIPE)
		return EXIT_SUCCESS;
	if (query->query.error[0])
		return say_failed("%s", query->query.error);
	return say_failed("%s%s", err == -ENOMEM ? "" : "standard output: ", strerror(-err));
}
