/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter.h: pcap-filter(7) over flow records. libpcap compiles the expression for Ethernet, and it
 * runs over the headers that a direction of a record stands for; so it matches the packets that
 * tcpdump(8) matches. Where the outcome depends on something that a record does not keep, there is
 * no answer, and the error says what that is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/fields.h"

struct filter;

struct filter_error {
	char text[512]; /* "filter 'EXPRESSION': what is wrong" */
};

/* 0, or -EINVAL with libpcap's own message in *ret_error, or -ENOMEM. */
int filter_compile(const char *expression, struct filter **ret_filter,
		   struct filter_error *ret_error);
void filter_free(struct filter *filter);

/* Another one, for another thread, that has left out nothing yet; 0 or -ENOMEM. */
int filter_copy(const struct filter *filter, struct filter **ret_filter);

/* What the other one has left out, this one has too. */
void filter_add_undecided(struct filter *filter, const struct filter *other);

/*
 * What came in of a record with FLOW_MARK_VLAN_UNKNOWN is matched as untagged where the expression
 * does not ask for tags. Where it does, and a tag would make a difference, filter_match gives 0 and
 * filter_vlan_undecided counts.
 *
 * 1: packets of that direction (0 the initiator's, 1 the reverse) match, 0: they do not, -ENODATA:
 * the record does not say, see filter_explain. A record that has lost detail (folded, catch-all,
 * headers cut short or nested too deep) never gives -ENODATA but 0, and filter_undecided counts it.
 */
int filter_match(struct filter *filter, const struct flow_record *rec, int which);

/* What filter_match says of one direction it says of the other, too. */
bool filter_same_ways(const struct filter *filter, const struct flow_record *rec);

/* The error of the last -ENODATA. */
void filter_explain(const struct filter *filter, struct filter_error *ret_error);

/* Packets left out since the record that they are in has lost what the filter asks for. */
uint64_t filter_undecided(const struct filter *filter);

/* Packets left out since the NIC took tags off, and the outcome depends on whether there was one. */
uint64_t filter_vlan_undecided(const struct filter *filter);
