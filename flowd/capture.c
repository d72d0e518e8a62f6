/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* capture.c: see capture.h, and pcap-savefile(5) for what a plain file is. */
#include "flowd/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_BYTES (256 << 10) /* at a time */
#define RECORD_MAX (256 << 10) /* of data, for the short way */
#define BUFFER_BYTES (READ_BYTES + RECORD_MAX + sizeof(struct capture_record))

#define MAGIC_US 0xa1b2c3d4U
#define MAGIC_NS 0xa1b23c4dU
#define VERSION_MAJOR 2
#define VERSION_MINOR 4

struct file_header {
	uint32_t magic;
	uint16_t version_major, version_minor;
	uint32_t zone, sigfigs, snap, link;
};

/* What is left goes to the front, and more comes behind it. False: nothing came. */
static bool fill(struct capture *c)
{
	size_t left = c->filled - c->at, room;
	ssize_t got;

	memmove(c->buffer, c->buffer + c->at, left);
	c->at = 0;
	c->filled = left;
	room = BUFFER_BYTES - left;
	got = read(c->fd, c->buffer + left, room < READ_BYTES ? room : READ_BYTES);
	if (got <= 0)
		return false;
	c->filled += (size_t)got;
	return true;
}

/* A cookie_read_function_t. A read that failed is tried again, and what it says then is libpcap's to tell. */
static ssize_t read_behind(void *arg, char *data, size_t size)
{
	struct capture *c = arg;

	if (c->at == c->filled && !fill(c))
		return read(c->fd, data, size);
	if (size > c->filled - c->at)
		size = c->filled - c->at;
	memcpy(data, c->buffer + c->at, size);
	c->at += size;
	return (ssize_t)size;
}

int capture_open(struct capture *ret, const char *path)
{
	const cookie_io_functions_t functions = {.read = read_behind};

	*ret = (struct capture){.fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC)
							: fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)};
	if (ret->fd < 0)
		return -errno;
	ret->buffer = malloc(BUFFER_BYTES);
	ret->file = ret->buffer ? fopencookie(ret, "r", functions) : NULL;
	if (!ret->file) {
		capture_close(ret);
		return -ENOMEM;
	}
	__fsetlocking(ret->file, FSETLOCKING_BYCALLER); /* one thread alone reads it */
	return 0;
}

/* The header of a plain file, or all 0. Nothing is taken from the buffer. */
static struct file_header look_at_header(struct capture *c)
{
	struct file_header header = {.magic = 0};

	while (c->filled < sizeof(header) && fill(c))
		;
	if (c->filled < sizeof(header))
		return header;
	memcpy(&header, c->buffer, sizeof(header));
	if ((header.magic != MAGIC_US && header.magic != MAGIC_NS) ||
	    header.version_major != VERSION_MAJOR || header.version_minor != VERSION_MINOR)
		header = (struct file_header){.magic = 0};
	return header;
}

int capture_begin(struct capture *c, char error[PCAP_ERRBUF_SIZE])
{
	struct file_header header = look_at_header(c);
	int snap;

	/* of a plain file libpcap takes what it asks for and not a byte more */
	setvbuf(c->file, NULL, header.magic ? _IONBF : _IOFBF, READ_BYTES);
	c->pcap = pcap_fopen_offline_with_tstamp_precision(c->file, PCAP_TSTAMP_PRECISION_NANO,
							   error);
	if (!c->pcap)
		return -EINVAL;
	c->file = NULL; /* is the pcap_t's */
	snap = pcap_snapshot(c->pcap);
	if (!header.magic || snap <= 0)
		return 0;
	c->below = (snap < RECORD_MAX ? (uint32_t)snap : RECORD_MAX) + 1;
	c->scale = header.magic == MAGIC_US ? 1000 : 1;
	return 0;
}

void capture_close(struct capture *c)
{
	if (c->pcap)
		pcap_close(c->pcap);
	if (c->file)
		fclose(c->file);
	if (c->buffer && c->fd >= 0)
		close(c->fd);
	free(c->buffer);
	*c = (struct capture){.fd = -1};
}

enum ahead {
	AHEAD_WHOLE,
	AHEAD_CUT, /* the buffer ends within it */
	AHEAD_ODD,
};

/* What the next record is to the short way. */
static enum ahead look_ahead(const struct capture *c)
{
	size_t left = c->filled - c->at;
	struct capture_record record;

	if (!c->below)
		return AHEAD_ODD;
	if (left < sizeof(record))
		return AHEAD_CUT;
	memcpy(&record, c->buffer + c->at, sizeof(record));
	if (record.caplen >= c->below)
		return AHEAD_ODD;
	return record.caplen > left - sizeof(record) ? AHEAD_CUT : AHEAD_WHOLE;
}

int capture_read(struct capture *c, struct pcap_pkthdr *hdr, const uint8_t **ret_data)
{
	struct pcap_pkthdr *its;
	int rc;

	while (look_ahead(c) == AHEAD_CUT && fill(c))
		;
	if (look_ahead(c) == AHEAD_WHOLE)
		return capture_next(c, hdr, ret_data);
	rc = pcap_next_ex(c->pcap, &its, ret_data);
	if (rc == 1)
		*hdr = *its;
	return rc;
}
