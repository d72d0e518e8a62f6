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

#include <stdint.h>

struct flow_facts;
struct flow_wrap;
struct pkt_meta;
struct replay_link;

/* NULL: a link type that is not known. `dlt` is libpcap's DLT_ number. */
const struct replay_link *replay_link_find(int dlt);

/* The names of all, for messages. */
extern const char replay_link_names[];

/*
 * As parse_packet(), of a frame with this link's header. `meta` has the whole frame's lengths and is
 * the caller's copy: direction and EtherType are filled in. A frame without an EtherType is a flow
 * under EtherType 0, marked short where its link header is cut or impossible.
 */
void replay_link_parse(const struct replay_link *link, const uint8_t *data, struct pkt_meta *meta,
		       struct flow_facts *f, struct flow_wrap *wrap);
