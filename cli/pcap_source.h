/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcap_source.h: what the samples of an export are of, an interface and link type each: what a format
 * writes of it, and what the last lines say.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/pcap_write.h"

struct sample_live;
struct sample_record;

#define PCAP_SOURCE_RATES 4

struct pcap_source {
	struct pcap_iface iface; /* the first member */
	uint64_t rated;		 /* samples chosen by rate */
	uint32_t rate[PCAP_SOURCE_RATES];
	uint32_t rates;	   /* of them; one more: there are others */
	uint64_t unjudged; /* packets of a link type that the filter says nothing of */
	uint64_t unfit;	   /* packets of a link type that the file does not have */
};

struct pcap_sources {
	struct pcap_source **of;
	uint32_t count;
	uint64_t samples;
	uint64_t packets;   /* on the wire, that these are */
	uint64_t chosen[8]; /* samples, by the bits of enum sample_why */
};

/* Counts the sample. NULL: no memory. */
struct pcap_source *pcap_source_take(struct pcap_sources *sources, const char *name,
				     const struct sample_record *sample,
				     const struct sample_live *live);
void pcap_sources_free(struct pcap_sources *sources);

/* "Ethernet", "raw IP". */
const char *pcap_source_link(uint32_t link);

/* "by rate 1/1000 on eth0, first of flows 12, resets 3"; nothing where there are no samples. */
void pcap_sources_print(const struct pcap_sources *sources, FILE *file);
