/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wlwire.h: what the parts of wlwire share: what is done to one way of the wire and what was done
 * (wlwire.c), the command line (wlwire_options.c), and frames (wlwire_frame.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_net.h>

#define WIRE_FRAME_MAX (1U << 18) /* a GSO packet, BIG TCP included */
#define WIRE_NTHS_MAX 32
#define WIRE_FIRSTS_MAX 8

/* TCP data segment `first` of the way, counted from 1, and, unless 0, each `every`th after it */
struct wire_nth {
	uint64_t first;
	uint64_t every;
};

/* The first `left` frames of TCP without data that have these flags of SYN, ACK, FIN and RST */
struct wire_first {
	uint8_t flags;
	uint64_t left;
};

/* What is done to the frames of one way. One in N, by chance; 0: to none. */
struct wire_rules {
	int64_t delay_ns;
	int64_t hold_ns;  /* how much later a reordered one comes */
	uint64_t loss;	  /* of all frames */
	uint64_t dup;	  /* of all frames */
	uint64_t reorder; /* of TCP data segments */
	struct wire_nth nth[WIRE_NTHS_MAX];
	struct wire_first first[WIRE_FIRSTS_MAX];
	unsigned int nths;
	unsigned int firsts;
};

enum { WIRE_AB, WIRE_BA, WIRE_WAYS };

struct wire_options {
	const char *iface[WIRE_WAYS]; /* where each way begins */
	const char *pcap;	      /* NULL: none */
	uint64_t seed;
	struct wire_rules rules[WIRE_WAYS];
};

/* Ends the process where they are wrong. */
const struct wire_options *wire_options_parse(int argc, char **argv);

/* What wlwire has to know of a frame. */
struct wire_look {
	bool tcp; /* over IPv4 without being a fragment, or over IPv6 without extension headers */
	bool six;
	uint8_t flags;
	size_t l3, l4, payload; /* offsets */
	size_t data;		/* bytes of TCP payload */
};

void wire_look(const unsigned char *frame, size_t size, struct wire_look *ret_look);

/*
 * One frame for each that the wire would carry: the segments of a GSO packet of TCP, with their own
 * headers; checksums that were left to a NIC are filled in. `frame` is changed. False, and nothing
 * emitted: a GSO packet of another kind, or one that is not what its header says.
 */
typedef void wire_emit(void *arg, const unsigned char *frame, size_t size);
bool wire_split(unsigned char *frame, size_t size, const struct virtio_net_hdr *gso,
		wire_emit *emit, void *arg);
