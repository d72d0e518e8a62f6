/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_query.c: see cmd_query.h. */
#include "cli/cmd_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/anonymize.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/coverage.h"
#include "cli/output.h"
#include "cli/say.h"

const char cmd_query_filter_notes[] =
	"FILTER is pcap-filter(7), and selects the packets that tcpdump(8) selects:\n"
	"  host, net, port, portrange, proto, tcp, udp, icmp, esp, arp, llc, ...\n"
	"                                        of the headers that make the flow: the outer ones, or\n"
	"                                        the inner ones where flowd counts those\n"
	"  vlan [ID], mpls [LABEL], pppoes [ID]  behind which the rest is looked for, as in tcpdump\n"
	"  tcp[tcpflags], icmp[icmptype], ...    header bytes that a record keeps; flags of all packets\n"
	"  geneve, vxlan, gre                    not in a filter: --tunnel KIND[:ID]\n"
	"  inbound, outbound, ifname             not in a filter: --dir, --iface\n"
	"  ether host, less, greater, ip[8], ... not kept: an error that says so\n";

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
		.hosts = args->hosts,
		.host_count = args->host_count,
		.dir = args->dir,
		.tunnel = args->tunnel,
		.community = args->community,
		.stored = args->stored,
		.devices = args->devices,
	};
	struct filter_error error = {""};
	int err;

	memset(ret_query, 0, sizeof(*ret_query));
	if (args->filter) {
		err = filter_compile(args->filter, &ret_query->filter, &error);
		err = err ? err : filter_compile(args->filter, &ret_query->event_filter, &error);
		if (err)
			return err == -EINVAL ? say_usage("%s", error.text)
					      : say_failed("filter '%s': %s", args->filter,
							   strerror(-err));
	}
	err = anonarg_open(args, &ret_query->anonymize);
	err = err ? err : namearg_open(args, ret_query->anonymize, &ret_query->naming);
	if (err)
		return err;
	options.anonymize = ret_query->anonymize;
	options.filter = ret_query->filter;
	options.event_filter = ret_query->event_filter;
	ret_query->open = true;
	if (query_open(&options, &ret_query->query))
		return say_failed("%s", ret_query->query.error);
	if (*ret_query->query.notice)
		say_notice("%s", ret_query->query.notice);
	return 0;
}

void cmd_query_close(struct cmd_query *query)
{
	if (query->open)
		query_close(&query->query);
	filter_free(query->filter);
	filter_free(query->event_filter);
	anonymize_free(query->anonymize);
	naming_close(&query->naming);
	memset(query, 0, sizeof(*query));
}

void cmd_query_put_filter(const struct args *args, const struct query *query, const char *before,
			  FILE *file)
{
	if (!args->filter)
		return;
	if (query->options.anonymize)
		fprintf(file, "%sa filter", before);
	else
		fprintf(file, "%s'%s'", before, args->filter);
}

int cmd_query_coverage(const struct args *args, struct cmd_query *query)
{
	bool is_text = args->format == &out_text && !(args->svg && !strcmp(args->svg, "-"));
	FILE *file = is_text ? stdout : stderr;
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
	if (geo_problem(query->naming.geo))
		return say_failed("%s", geo_problem(query->naming.geo));
	return say_failed("%s: %s", err == -ENOMEM ? query->query.options.db : "standard output",
			  strerror(-err));
}
