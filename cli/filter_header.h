/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_header.h: the packet headers that a flow key stands for, as far as the key knows them.
 *
 *   byte   | ?? x 12 | TPID ?TCI | ... | EtherType | 4? ... proto ... src dst | ports ... |
 *   known  |   00    |  ff  0fff |     |    ff     | f0 00  ff   00   ff  ff  |  ff   00  |
 *
 * Bits that are not known are 0 in byte[]. What lies beyond `len` is unknown too, unless the packet
 * is known to have been cut there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/flow.h"

/* Ethernet, two tags, IPv6, fragment header, TCP; and room for a word read at the end. */
#define FILTER_HEADER_BYTES 96

struct filter_header {
	uint8_t byte[FILTER_HEADER_BYTES];
	uint8_t known[FILTER_HEADER_BYTES]; /* bits of byte[] */
	uint32_t len;
	uint32_t net_off;	/* of the layer that the EtherType names */
	uint32_t transport_off; /* 0: there is none */
	uint32_t size_off;	/* of the 802.3 length field, which is at most 1500; 0: none */
	uint32_t offset_off;	/* of the half word with a fragment's offset, known not to be 0 */
	uint16_t offset_mask;	/* its bits; 0: no fragment */
	uint16_t ethertype;
	uint8_t proto;
	bool cut;   /* the packet had no more than `len` bytes of headers */
	bool lossy; /* the record itself has lost detail: folded, catch-all, cut short, too deep */
};

/*
 * The headers of a packet with this key and these TCP flags. src_lost, dst_lost: the address and
 * port of that side were given up in folding.
 */
void filter_header_build(const struct flow_key *key, uint8_t tcp_flags, bool src_lost,
			 bool dst_lost, struct filter_header *ret_header);

/* What stands at `off` of such a packet, as in "IPv4 time to live". */
const char *filter_header_name(const struct filter_header *header, uint32_t off);
