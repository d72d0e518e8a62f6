/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcapng.h: blocks of a pcapng file (draft-ietf-opsawg-pcapng), in the byte order of this machine.
 *
 *   section header            once: who wrote it
 *   interface description     before its first packet: name, filter, nanoseconds
 *   enhanced packet ...       time, direction, both lengths, a comment
 *   interface statistics      at the end: packets, samples lost; of those that had packets
 *
 *   block     | type | length | body, in fours | options | length |
 *   option    | code (2) | length (2) | value, padded to fours |          ends with 0, 0
 *
 * All interfaces have one SnapLen: libpcap reads no file in which they differ.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct pcap_iface;
struct pcap_packet;

/* Options that do not fit are left out. */
#define PCAPNG_OPTIONS 12288
#define PCAPNG_TEXT 4096	 /* of an option; longer ones are cut */
#define PCAPNG_PACKET (96 << 10) /* bytes of a packet; more are left out */
#define PCAPNG_BLOCK (PCAPNG_PACKET + PCAPNG_OPTIONS)

struct pcapng_block {
	size_t len;
	uint8_t bytes[PCAPNG_BLOCK];
};

/* Each makes *ret_block anew; what is to be written is its first `len` bytes. */
void pcapng_section(const char *application, struct pcapng_block *ret_block);
void pcapng_interface(const struct pcap_iface *iface, uint32_t snaplen,
		      struct pcapng_block *ret_block);
void pcapng_packet(const struct pcap_packet *packet, struct pcapng_block *ret_block);
void pcapng_statistics(const struct pcap_iface *iface, struct pcapng_block *ret_block);
