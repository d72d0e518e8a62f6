/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * capture.h: packets of a capture file. libpcap opens it and says what is wrong with it; whole records of plain
 * files (pcap of version 2.4 in this machine's byte order, by far most of what is not pcapng) are taken from
 * the buffer where they lie, in a quarter of the time that libpcap takes. All else libpcap reads, through the
 * same buffer, so that it goes on wherever the short way ended.
 */
#pragma once

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct capture {
	int fd;
	FILE *file; /* what libpcap reads: the buffer, and the file behind it */
	pcap_t *pcap;
	uint8_t *buffer;
	size_t at, filled;
	uint32_t
		below; /* so many bytes a record has; those of more are libpcap's, where it is 0 all */
	uint32_t scale; /* ns of a unit of a record's time */
};

/* A record as it stands in a plain file. */
struct capture_record {
	uint32_t s;
	uint32_t part; /* of the second */
	uint32_t caplen;
	uint32_t len;
};

/* path "-": standard input. The descriptor is ret->fd at once. 0, or -errno: there is no such file, or no memory. */
int capture_open(struct capture *ret, const char *path);

/* What kind of file it is. 0 or -EINVAL with a text. */
int capture_begin(struct capture *c, char error[PCAP_ERRBUF_SIZE]);

/* What is all 0 is closed. */
void capture_close(struct capture *c);

/* The next packet, by libpcap where need be: see capture_next(). */
int capture_read(struct capture *c, struct pcap_pkthdr *hdr, const uint8_t **ret_data);

/* As pcap_next_ex(), times in ns: 1, PCAP_ERROR_BREAK at the end, PCAP_ERROR with pcap_geterr(c->pcap). */
static inline int capture_next(struct capture *c, struct pcap_pkthdr *hdr, const uint8_t **ret_data)
{
	size_t left = c->filled - c->at;
	struct capture_record record;

	if (left < sizeof(record))
		return capture_read(c, hdr, ret_data);
	memcpy(&record, c->buffer + c->at, sizeof(record));
	if (record.caplen >= c->below || record.caplen > left - sizeof(record))
		return capture_read(c, hdr, ret_data);
	hdr->ts.tv_sec = record.s;
	hdr->ts.tv_usec = record.part * c->scale;
	hdr->caplen = record.caplen;
	hdr->len = record.len;
	*ret_data = c->buffer + c->at + sizeof(record);
	c->at += sizeof(record) + record.caplen;
	return 1;
}
