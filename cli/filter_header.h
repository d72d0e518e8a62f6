/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_header.h: the packet headers that a flow key stands for, as far as the key knows them.
 *
 *   byte   | ?? x 12 | TPID ?TCI | ... | EtherType | 4? ... proto ... src dst | ports ... |
 *   known  |   00    |  ff  0fff |     |    ff     | f0 00  ff   00   ff  ff  |  ff   00  |
 *
 * Bits that are not known are 0 in byte[]. What lies beyond `len` is unknown too, and so is whether
 * the packet has it: where headers were cut short by a length in them, the frame may go on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/flow.h"

/* Ethernet, two tags, eight MPLS entries, IPv6, fragment header, TCP; and some room. */
#define FILTER_HEADER_BYTES 136
#define FILTER_IPV4_HEADER 20 /* no options */

/* What a load of `size` bytes at `off`, cut out by `mask`, is known not to be. size 0: nothing. */
struct filter_never {
	uint32_t off;
	uint16_t size;
	uint16_t mask;
	uint16_t value[6]; /* all of them used */
};

struct filter_header {
	uint8_t byte[FILTER_HEADER_BYTES];
	uint8_t known[FILTER_HEADER_BYTES]; /* bits of byte[] */
	uint32_t len;
	uint32_t net_off;	/* of the layer that the EtherType names */
	uint32_t transport_off; /* 0: there is none */
	uint32_t size_off;	/* of the 802.3 length field, which is at most 1500; 0: none */
	uint32_t offset_off;	/* of the half word with a fragment's offset, known not to be 0 */
	uint16_t offset_mask;	/* its bits; 0: no fragment */
	uint16_t ethertype;	/* of the record: what labels are around */
	uint8_t proto;
	uint8_t label; /* enum flow_tunnel: what is between link and net_off, 0: nothing */
	bool closed;   /* what is at net_off is not known */
	uint32_t label_off;
	struct filter_never never;
	bool lossy; /* the record itself has lost detail: folded, catch-all, cut short, too deep */
};

/*
 * The headers of a packet with this key and these TCP flags; where the key has a tag and also
 * FLOW_MARK_VLAN_UNKNOWN, the tag's id is unknown. src_lost, dst_lost: the address and
 * port of that side were given up in folding.
 */
void filter_header_build(const struct flow_key *key, uint8_t tcp_flags, bool src_lost,
			 bool dst_lost, struct filter_header *ret_header);

/*
 * What stays the same in the headers of many keys: all but addresses, ports and TCP flags, of IP packets of
 * which nothing was lost.
 */
struct filter_shape {
	uint16_t ethertype, vlan, cvlan;
	uint8_t proto, marks;
	uint8_t tunnel_kind, pad[3];
	uint32_t tunnel_id;
};

/* False: the key has none. */
bool filter_header_shape(const struct flow_key *key, struct filter_shape *ret_shape);

/* From the header of a key to that of another of the same shape. */
void filter_header_change(const struct flow_key *key, uint8_t tcp_flags,
			  struct filter_header *header);

/* What stands at `off` of such a packet, as in "IPv4 time to live". */
const char *filter_header_name(const struct filter_header *header, uint32_t off);
