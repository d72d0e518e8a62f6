/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * segment.h: the packets on the wire that a sampled GSO packet stands for: its headers again in front
 * of each part of its payload, with lengths, identification, sequence number, flags and checksums as
 * Linux' segmentation makes them (net/ipv4/af_inet.c, tcp_offload.c, udp_offload.c). Pure.
 *
 *   sample    | headers        | payload  gso_size | gso_size | rest |
 *   packets   | headers | gso_size |   | headers | gso_size |   | headers | rest |
 *
 * What was not captured is not invented: a packet has its length, and of its bytes those at hand.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/sample_record.h"

#define SEGMENT_LAYERS 24
#define SEGMENT_PACKETS \
	65535 /* Linux' GSO_MAX_SEGS: what says more is nothing that the kernel made */
#define SEGMENT_BYTES (96 << 10) /* headers within 16 kB, and the greatest gso_size */

enum segment_kind {
	SEGMENT_IPV4,
	SEGMENT_IPV6,
	SEGMENT_TCP,
	SEGMENT_UDP,
	SEGMENT_GRE,
	SEGMENT_GTPU,
	SEGMENT_PPPOE,
};

/* A header with something in it that differs between packets. */
struct segment_layer {
	enum segment_kind kind;
	uint32_t off;
	int ip; /* TCP, UDP: number of the IP header that it is behind; -1: its checksum is not known */
};

struct segment {
	const struct sample_record *sample;
	uint32_t count; /* of packets */
	bool whole; /* GSO, but kept as it was captured: its headers are not all there, or not known */
	uint32_t header; /* bytes that each packet repeats */
	uint32_t
		gone; /* of these, bytes of a header that only the sample has, at gone_off (BIG TCP) */
	uint32_t gone_off;
	struct segment_layer layer[SEGMENT_LAYERS];
	uint32_t layers;
	uint8_t data[SEGMENT_BYTES];
};

struct segment_packet {
	const uint8_t *data;
	uint32_t captured;
	uint32_t length;
};

/* What the sample stands for; where that is one packet, or with `whole`, it is the sample itself. */
void segment_begin(const struct sample_record *sample, bool whole, struct segment *ret_segment);

/* One of segment->count, from 0. Its bytes stay until the next call. */
void segment_get(struct segment *segment, uint32_t number, struct segment_packet *ret_packet);
