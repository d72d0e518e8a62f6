/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcap_export.h: samples to a capture, one after the other: each is cut into the packets that it was on
 * the wire, these are held against the filter, and what is left is written.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/args.h"
#include "cli/cmd_query.h"
#include "cli/follow.h"
#include "cli/packet_comment.h"
#include "cli/pcap_file.h"
#include "cli/pcap_source.h"
#include "cli/pcap_write.h"
#include "cli/sample_live.h"
#include "cli/sample_rows.h"
#include "cli/segment.h"

struct packet_filter;

struct pcap_export {
	const struct args *args;
	const volatile sig_atomic_t *stop; /* set: enough */
	struct args window;		   /* what the query is of: as *args, without the filter */
	struct cmd_query query;
	struct sample_rows samples;
	struct follow follow;
	struct packet_filter *filter; /* NULL: all */
	struct sample_live live;
	struct pcap_sources sources;
	struct pcap_file file;
	struct pcap_writer writer;
	uint64_t limit;	  /* of packets */
	uint64_t written; /* packets */
	uint64_t bytes;	  /* that these had on the wire */
	uint64_t filtered;
	uint64_t whole; /* GSO packets that were written as one */
	char comment[PACKET_COMMENT_SIZE];
	uint8_t *anonymized; /* bytes of a packet; to be freed */
	uint32_t room;	     /* of these */
	struct segment segment;
};

/*
 * Everything open, to the end: of the samples, of the limit, or until *stop or nobody reads. 0 or -errno:
 * -EPIPE nobody reads, -EINTR stopped before the end; else with query.query.error where the database
 * is to blame.
 */
int pcap_export_run(struct pcap_export *export);

/* The last lines. 0 or -errno with query.query.error. */
int pcap_export_tell(struct pcap_export *export, FILE *file);
