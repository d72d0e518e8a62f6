/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet_filter.h: pcap-filter(7) over packets, of whatever link type each of them is. It selects what
 * tcpdump(8) selects of a capture: bytes that were not captured match nothing.
 */
#pragma once

#include <stdint.h>

#define PACKET_FILTER_LINKS 2

struct packet_filter_error {
	char text[512]; /* "filter 'EXPRESSION': what is wrong" */
};

struct packet_filter;

/*
 * 0, or -EINVAL: it can be compiled for no link type, with libpcap's message for Ethernet in *ret_error;
 * or -ENOMEM.
 */
int packet_filter_compile(const char *expression, struct packet_filter **ret_filter,
			  struct packet_filter_error *ret_error);
void packet_filter_free(struct packet_filter *filter);

/* 1: it matches, 0: it does not, -EINVAL: it says nothing about that link type (LINKTYPE_). */
int packet_filter_match(const struct packet_filter *filter, uint32_t link, const uint8_t *data,
			uint32_t length, uint32_t captured);

/* Why, after -EINVAL. */
const char *packet_filter_why(const struct packet_filter *filter, uint32_t link);
