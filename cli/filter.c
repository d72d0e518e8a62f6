/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter.c: compile by libpcap, build the headers, run, and say what was missing. */
#include "cli/filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/filter_header.h"
#include "cli/filter_vm.h"

#define SNAPLEN 262144 /* tcpdump's */

struct filter {
	struct bpf_program program;
	char *expression;
	uint64_t undecided;
	uint32_t from; /* of the last -ENODATA */
	struct filter_header header;
};

static int compile(struct filter *filter, struct filter_error *ret_error)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	int err = 0;

	if (!pcap)
		return -ENOMEM;
	if (pcap_compile(pcap, &filter->program, filter->expression, 1, PCAP_NETMASK_UNKNOWN)) {
		snprintf(ret_error->text, sizeof(ret_error->text), "filter '%s': %s",
			 filter->expression, pcap_geterr(pcap));
		err = -EINVAL;
	}
	pcap_close(pcap);
	return err;
}

int filter_compile(const char *expression, struct filter **ret_filter,
		   struct filter_error *ret_error)
{
	struct filter *filter = calloc(1, sizeof(*filter));
	int err;

	if (!filter || asprintf(&filter->expression, "%s", expression) < 0) {
		free(filter);
		return -ENOMEM;
	}
	err = compile(filter, ret_error);
	if (err) {
		filter_free(filter);
		return err;
	}
	*ret_filter = filter;
	return 0;
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	pcap_freecode(&filter->program);
	free(filter->expression);
	free(filter);
}

int filter_match(struct filter *filter, const struct flow_record *rec, int which)
{
	bool folded = rec->key.marks & FLOW_MARK_FOLDED;
	const struct flow_key *key = &rec->key;
	struct flow_key reverse;

	if (which) {
		flow_key_reverse(&rec->key, &reverse);
		key = &reverse;
	}
	filter_header_build(key, rec->half[which].tcp_flags, folded && !which, folded && which,
			    &filter->header);
	switch (filter_vm_run(filter->program.bf_insns, filter->program.bf_len, &filter->header,
			      &filter->from)) {
	case FILTER_ACCEPT:
		return 1;
	case FILTER_REJECT:
		return 0;
	case FILTER_UNKNOWN:
		break;
	}
	if (!filter->header.lossy)
		return -ENODATA;
	filter->undecided += rec->half[which].packets;
	return 0;
}

/* Loads from here on are of no byte: SKF_AD_OFF, SKF_NET_OFF (linux/filter.h). */
#define FILTER_FROM_KERNEL 0xffe00000U

void filter_explain(const struct filter *filter, struct filter_error *ret_error)
{
	char what[160];

	if (filter->from == FILTER_FROM_LENGTH)
		snprintf(what, sizeof(what), "a flow record does not keep the length of a packet");
	else if (filter->from == FILTER_FROM_WORK)
		snprintf(what, sizeof(what),
			 "too long to follow through what a flow record does not keep");
	else if (filter->from >= FILTER_FROM_KERNEL)
		snprintf(
			what, sizeof(what),
			"a flow record does not keep what the kernel tells beside a packet (of its "
			"direction and interface, --dir and --iface ask)");
	else
		snprintf(what, sizeof(what),
			 "a flow record does not keep the byte at offset %u (%s)", filter->from,
			 filter_header_name(&filter->header, filter->from));
	snprintf(ret_error->text, sizeof(ret_error->text), "filter '%.300s': %s",
		 filter->expression, what);
}

uint64_t filter_undecided(const struct filter *filter)
{
	return filter->undecided;
}
