/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcap_file.h: where a capture is written to. A regular file gets its name when all is in it, and until
 * then is FILE.part-XXXXXX beside it; one that is followed is there from the beginning, and ends with a
 * whole packet, whatever happens. Pipes and devices are written to as they are, terminals are refused.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct pcap_file {
	FILE *file;
	char *buffer; /* its own */
	char *path;   /* for messages */
	char *part;   /* its name for the time being; NULL: it has no other */
	char *name;   /* the one that it gets */
	bool cut;     /* a followed one: where it fails it is cut off behind `whole` */
	off_t whole;
};

/*
 * `path` NULL or "-": standard output. 0 or -errno: -ENOTTY it is a terminal. Close also after a
 * failure.
 */
int pcap_file_open(const char *path, bool follow, struct pcap_file *ret_file);

/* What was written so far is whole packets, and goes out now. 0 or -errno. */
int pcap_file_flush(struct pcap_file *file);

/* Likewise, where it is time: after each packet, so that a followed file is cut off behind one. */
int pcap_file_mark(struct pcap_file *file);

/* All is written: 0 or -errno, for which it is as if it had not been begun. */
int pcap_file_finish(struct pcap_file *file);

/* What is not finished is removed, or cut off. */
void pcap_file_close(struct pcap_file *file);
