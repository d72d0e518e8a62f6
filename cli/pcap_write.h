/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcap_write.h: packets to a capture, in one of two formats. A format is a row of pcap_formats[]; that
 * of libpcap, with nanoseconds, is here, the other one in pcapng.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PCAP_WRITE_NAME 256 /* of an interface; a replay's is that of a file */
#define PCAP_WRITE_UNKNOWN UINT64_MAX

/* What packets are of. Filled in by who finds it; the format's own are the last ones. */
struct pcap_iface {
	char name[PCAP_WRITE_NAME]; /* empty: none */
	uint32_t link;		    /* LINKTYPE_ */
	char *filter;		    /* what samples were chosen by; NULL: by none, or unknown */
	char *description;	    /* NULL: none */
	uint64_t lost;		    /* samples, or PCAP_WRITE_UNKNOWN */
	const char *lost_note;	    /* what is to be known of that number; NULL: nothing */
	bool numbered;
	uint32_t number; /* in the file */
	uint64_t packets;
	int64_t first_ns, last_ns;
};

struct pcap_packet {
	struct pcap_iface *iface;
	int64_t time_ns; /* UTC */
	int dir;	 /* enum flow_dir */
	uint32_t captured, length;
	const uint8_t *data;
	const char *comment;
};

struct pcap_writer;

struct pcap_format {
	const char *name;
	bool one_link; /* all packets have writer->link, which is set by the first one */
	bool comments; /* are written */
	/* 0 or -errno: -EPIPE where nobody reads. After an error only close() is called. */
	int (*open)(struct pcap_writer *writer);
	int (*packet)(struct pcap_writer *writer, const struct pcap_packet *packet);
	/* What belongs to the end. `ifaces`: all that there are; one at least. */
	int (*end)(struct pcap_writer *writer, struct pcap_iface *const *ifaces, uint32_t count);
	void (*close)(struct pcap_writer *writer); /* frees; the file is its giver's */
};

struct pcap_writer {
	const struct pcap_format *format;
	FILE *file;	  /* with a buffer */
	uint32_t snaplen; /* no packet has more bytes */
	uint32_t link;	  /* where it has one alone: LINKTYPE_, 0: the first packet's */
	void *state;	  /* the format's */
};

extern const struct pcap_format pcap_format_pcap;   /* with nanoseconds, by libpcap */
extern const struct pcap_format pcap_format_pcapng; /* see pcapng.h */

/* Ends with NULL; the first one is the default. */
extern const struct pcap_format *const pcap_formats[];
