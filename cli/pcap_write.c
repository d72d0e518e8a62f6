/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcap_write.c: see pcap_write.h. The header of a file says the link type, so it waits for the first
 * packet where that is not known before.
 */
#include "cli/pcap_write.h"

#include <errno.h>
#include <pcap/pcap.h>

#include "cli/output.h"
#include "schema/sample_record.h"

#define NS_PER_S 1000000000

/* libpcap's name for it, which is the file's but for raw IP. */
static int dlt_of(uint32_t link)
{
	return link == SAMPLE_LINK_IP ? DLT_RAW : (int)link;
}

/*
 * The dumper is the file itself, which its giver closes; libpcap does where it cannot write the header,
 * but a file with a buffer takes that.
 */
static int put_head(struct pcap_writer *writer)
{
	pcap_t *pcap = pcap_open_dead_with_tstamp_precision(
		dlt_of(writer->link), (int)writer->snaplen, PCAP_TSTAMP_PRECISION_NANO);

	if (!pcap)
		return -ENOMEM;
	errno = 0;
	writer->state = pcap_dump_fopen(pcap, writer->file);
	pcap_close(pcap);
	return writer->state ? 0 : errno ? -errno : -EIO;
}

static int open_pcap(struct pcap_writer *writer)
{
	writer->state = NULL;
	return writer->link ? put_head(writer) : 0;
}

static int put_packet(struct pcap_writer *writer, const struct pcap_packet *packet)
{
	struct pcap_pkthdr header = {
		.ts = {.tv_sec = (time_t)(packet->time_ns / NS_PER_S),
		       .tv_usec = (suseconds_t)(packet->time_ns % NS_PER_S)},
		.caplen = packet->captured,
		.len = packet->length,
	};
	int err = 0;

	if (!writer->state) {
		writer->link = packet->iface->link;
		err = put_head(writer);
	}
	if (err)
		return err;
	pcap_dump(writer->state, &header, packet->data);
	return out_check(writer->file);
}

/* Without a packet there is the header alone. */
static int end_pcap(struct pcap_writer *writer, struct pcap_iface *const *ifaces, uint32_t count)
{
	if (writer->state)
		return 0;
	writer->link = count ? ifaces[0]->link : SAMPLE_LINK_ETHERNET;
	return put_head(writer);
}

static void close_pcap(struct pcap_writer *writer)
{
	writer->state = NULL;
}

const struct pcap_format pcap_format_pcap = {
	.name = "pcap",
	.one_link = true,
	.open = open_pcap,
	.packet = put_packet,
	.end = end_pcap,
	.close = close_pcap,
};

const struct pcap_format *const pcap_formats[] = {&pcap_format_pcap, &pcap_format_pcapng, NULL};
