/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * anonymize_frame.h: the bytes of a captured frame, so that they name nobody. Pure.
 *
 *   kept        headers as flowd walks them (schema/parse.h, label.h, tunnel.h), tunnels entered
 *   changed     MAC and IP addresses, also in ARP, ICMP errors and redirects, the packets that these
 *               quote, neighbour discovery, MLD, IGMP and routing headers
 *   cleared     options of IP and TCP but the common ones, which have no addresses
 *   cut off     what is behind the innermost transport header; what is behind the last header that was
 *               understood; padding; a frame behind MPLS that only begins as IP does
 *
 * A checksum is right where all that it covers is left, else it is 0, and where that is not allowed (UDP
 * over IPv6, UDP-Lite) all ones.
 */
#pragma once

#include <stdint.h>

struct anonymize;

#define ANONYMIZE_ETHERNET 1 /* LINKTYPE_ETHERNET */
#define ANONYMIZE_RAW 101    /* LINKTYPE_RAW: IPv4 or IPv6 */

/*
 * Of *captured bytes of a frame that had `length`, in place. *captured shrinks or stays; what was behind
 * it is as it was, and not to be handed out. Of a link of another kind nothing is kept.
 */
void anonymize_frame(struct anonymize *anon, uint32_t link, uint8_t *bytes, uint32_t *captured,
		     uint32_t length);
