// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wltraf_frames.c: the modes of wltraf that deal in whole frames: sent by AF_PACKET from bytes, a
 * pcap file or the vector table, or counted in a pcap file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <pcap/pcap.h>

#include "open_packet.h"
#include "vectors.h"
#include "wltraf.h"

#define FRAME_MAX 65535

static void send_frame(int fd, const void *frame, size_t size, struct sent *sent)
{
	while (send(fd, frame, size, 0) != (ssize_t)size) {
		if (errno != ENOBUFS && errno != EINTR)
			die("send", "frame");
	}
	count_sent(sent, 1, size);
}

static void send_pcap(int fd, const char *path, struct sent *sent)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, error);
	struct pcap_pkthdr *header;
	const u_char *frame;

	if (!pcap) {
		fprintf(stderr, "wltraf: %s\n", error);
		exit(1);
	}
	while (pcap_next_ex(pcap, &header, &frame) == 1)
		send_frame(fd, frame, header->caplen, sent);
	pcap_close(pcap);
}

static size_t read_hex(const char *hex, uint8_t *frame, size_t max)
{
	size_t size = 0;

	while (hex[0] && hex[1] && size < max && sscanf(hex, "%2hhx", &frame[size]) == 1) {
		size++;
		hex += 2;
	}
	if (*hex) {
		fprintf(stderr, "wltraf: --hex: not bytes in hexadecimal from '%.8s'\n", hex);
		exit(2);
	}
	return size;
}

void run_raw(const struct options *opt, struct sent *sent)
{
	static uint8_t frame[FRAME_MAX];
	int fd = open_packet(opt->iface);
	size_t size = opt->hex ? read_hex(opt->hex, frame, sizeof(frame)) : 0;

	if (size < opt->size)
		size = opt->size;
	for (unsigned long i = 0; i < opt->count; i++) {
		if (i)
			wait_ms(opt->interval_ms);
		if (opt->pcap)
			send_pcap(fd, opt->pcap, sent);
		else
			send_frame(fd, frame, size, sent);
	}
	close(fd);
}

/* The kernel drops a frame whose tag is cut, before TC sees it. */
static bool tag_is_cut(const struct vector *v)
{
	return v->size < 20 && (v->frame[12] == 0x81 || v->frame[12] == 0x88) && vector_len(v) < 20;
}

/* A wire has no metadata, and the kernel wants a link header and no more than the MTU. */
void run_vectors(const struct options *opt, struct sent *sent)
{
	int fd = open_packet(opt->iface);

	for (size_t i = 0; i < VECTORS; i++) {
		static uint8_t frame[1514];
		const struct vector *v = &vectors[i];
		__u32 len = vector_len(v);

		if (len < 15 || len > sizeof(frame) || v->gso_size || v->vlan_proto ||
		    v->l3_proto || tag_is_cut(v))
			continue;
		memset(frame, 0, sizeof(frame));
		memcpy(frame, v->frame, v->size);
		for (unsigned long n = 0; n < opt->count; n++)
			send_frame(fd, frame, len, sent);
	}
	close(fd);
}

void run_count(const struct options *opt, struct sent *sent)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(opt->pcap, error);
	struct pcap_pkthdr *header;
	const u_char *frame;

	if (!pcap) {
		fprintf(stderr, "wltraf: %s\n", error);
		exit(1);
	}
	while (pcap_next_ex(pcap, &header, &frame) == 1) {
		sent->packets++;
		sent->bytes += header->len;
		sent->end_ms = header->ts.tv_sec * 1000LL + header->ts.tv_usec / 1000;
		if (!sent->start_ms)
			sent->start_ms = sent->end_ms;
	}
	pcap_close(pcap);
}
