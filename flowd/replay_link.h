/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay_link.h: the link types of captures, a row each: what is in front of the packet that parse.h
 * knows. Pure. Their layouts: https://www.tcpdump.org/linktypes.html
 *
 *   Ethernet          frame
 *   raw IP            packet
 *   SLL, SLL2         header with EtherType and direction | packet
 *   NULL, LOOP        address family | packet
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/quick.h"
#include "schema/tunnel.h"

/* What a link header leads to. */
enum replay_found {
	REPLAY_FOUND_PACKET, /* of meta->l3_proto, or an Ethernet frame */
	REPLAY_FOUND_OTHER,  /* of no EtherType */
	REPLAY_FOUND_SHORT,  /* nobody knows: the header is cut or impossible */
};

struct replay_link {
	int dlt;
	uint32_t header; /* bytes in front of the packet */
	/* meta->reach bytes are at data, header of them at least. NULL: there is nothing to be read. */
	enum replay_found (*read)(const uint8_t *data, struct pkt_meta *meta);
};

/* NULL: a link type that is not known. `dlt` is libpcap's DLT_ number. */
const struct replay_link *replay_link_find(int dlt);

/* The names of all, for messages. */
extern const char replay_link_names[];

/*
 * As parse_packet(), of a frame with this link's header. `meta` has the whole frame's lengths and is
 * the caller's copy: direction and EtherType are filled in. A frame without an EtherType is a flow
 * under EtherType 0, marked short where its link header is cut or impossible.
 */
void replay_link_walk(const struct replay_link *link, const uint8_t *data, struct pkt_meta *meta,
		      struct flow_facts *f, struct flow_wrap *wrap);

/* The same, nearly every packet at one look: true, and the hash of its key is there. Of others it is not yet. */
static inline bool replay_link_parse(const struct replay_link *link, const uint8_t *data,
				     struct pkt_meta *meta, const __u64 *seed, struct flow_facts *f,
				     struct flow_wrap *wrap, struct cache_hash *ret_hash)
{
	struct pkt pkt = {.pos = data, .end = data + meta->reach};

	if (!link->read && quick_packet(&pkt, meta, seed, f, ret_hash))
		return true;
	replay_link_walk(link, data, meta, f, wrap);
	return false;
}
