/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pcapng.c: see pcapng.h. Blocks are made in memory, and written whole. */
#include "cli/pcapng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/pcap_write.h"
#include "cli/text_clean.h"
#include "schema/flow.h"

enum pcapng_type {
	TYPE_SECTION = 0x0a0d0d0a,
	TYPE_INTERFACE = 1,
	TYPE_STATISTICS = 5,
	TYPE_PACKET = 6,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define OPTION_END 0
#define OPTION_COMMENT 1
#define SECTION_APPLICATION 4
#define INTERFACE_NAME 2
#define INTERFACE_DESCRIPTION 3
#define INTERFACE_RESOLUTION 9
#define INTERFACE_FILTER 11
#define PACKET_FLAGS 2
#define PACKET_INBOUND 1
#define PACKET_OUTBOUND 2
#define STATISTICS_START 2
#define STATISTICS_END 3
#define STATISTICS_DROPPED 5   /* isb_ifdrop */
#define STATISTICS_DELIVERED 8 /* isb_usrdeliv */
#define RESOLUTION_NS 9	       /* 10^-9 */
#define FILTER_EXPRESSION 0    /* libpcap's syntax */
#define TAIL 8		       /* end of options, and the length again */

/* --- blocks ----------------------------------------------------------------------------------------- */

static void put(struct pcapng_block *block, const void *bytes, size_t len)
{
	static const uint8_t zeros[4];

	memcpy(block->bytes + block->len, bytes, len);
	block->len += len;
	memcpy(block->bytes + block->len, zeros, -len & 3);
	block->len += -len & 3;
}

static void put16(struct pcapng_block *block, uint16_t value)
{
	memcpy(block->bytes + block->len, &value, sizeof(value));
	block->len += sizeof(value);
}

static void put32(struct pcapng_block *block, uint32_t value)
{
	put(block, &value, sizeof(value));
}

/* A time is its upper half, then its lower one, in either byte order. */
static void put_time(struct pcapng_block *block, int64_t ns)
{
	put32(block, (uint32_t)((uint64_t)ns >> 32));
	put32(block, (uint32_t)ns);
}

static void begin(struct pcapng_block *block, enum pcapng_type type)
{
	block->len = 0;
	put32(block, type);
	put32(block, 0);
}

static void put_option(struct pcapng_block *block, uint16_t code, const void *value, size_t len)
{
	if (block->len + 4 + len + 4 + TAIL > sizeof(block->bytes))
		return;
	put16(block, code);
	put16(block, (uint16_t)len);
	put(block, value, len);
}

/* Who reads it may print it as it is, as capinfos does. */
static void put_text(struct pcapng_block *block, uint16_t code, const char *text)
{
	char clean[PCAPNG_TEXT + 1];

	if (!text || !*text)
		return;
	snprintf(clean, sizeof(clean), "%s", text);
	text_clean(clean, clean);
	put_option(block, code, clean, strlen(clean));
}

/* As an option has it. */
static void put_time_option(struct pcapng_block *block, uint16_t code, int64_t ns)
{
	uint32_t halves[2] = {(uint32_t)((uint64_t)ns >> 32), (uint32_t)ns};

	put_option(block, code, halves, sizeof(halves));
}

static void end(struct pcapng_block *block)
{
	uint32_t total;

	put16(block, OPTION_END);
	put16(block, 0);
	total = (uint32_t)block->len + 4;
	put32(block, total);
	memcpy(block->bytes + 4, &total, sizeof(total));
}

void pcapng_section(const char *application, struct pcapng_block *ret_block)
{
	static const uint64_t unknown = UINT64_MAX; /* how long the section is */

	begin(ret_block, TYPE_SECTION);
	put32(ret_block, BYTE_ORDER_MAGIC);
	put16(ret_block, 1); /* version 1.0 */
	put16(ret_block, 0);
	put(ret_block, &unknown, sizeof(unknown));
	put_text(ret_block, SECTION_APPLICATION, application);
	end(ret_block);
}

void pcapng_interface(const struct pcap_iface *iface, uint32_t snaplen,
		      struct pcapng_block *ret_block)
{
	static const uint8_t resolution = RESOLUTION_NS;
	char filter[PCAPNG_TEXT + 2] = {FILTER_EXPRESSION};

	begin(ret_block, TYPE_INTERFACE);
	put16(ret_block, (uint16_t)iface->link);
	put16(ret_block, 0);
	put32(ret_block, snaplen);
	put_text(ret_block, INTERFACE_NAME, iface->name);
	put_text(ret_block, INTERFACE_DESCRIPTION, iface->description);
	put_option(ret_block, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	if (iface->filter) {
		snprintf(filter + 1, PCAPNG_TEXT + 1, "%s", iface->filter);
		text_clean(filter + 1, filter + 1);
		put_option(ret_block, INTERFACE_FILTER, filter, strlen(filter + 1) + 1);
	}
	end(ret_block);
}

void pcapng_packet(const struct pcap_packet *packet, struct pcapng_block *ret_block)
{
	uint32_t flags = packet->dir == FLOW_EGRESS ? PACKET_OUTBOUND : PACKET_INBOUND;
	uint32_t captured = packet->captured < PCAPNG_PACKET ? packet->captured : PCAPNG_PACKET;

	begin(ret_block, TYPE_PACKET);
	put32(ret_block, packet->iface->number);
	put_time(ret_block, packet->time_ns);
	put32(ret_block, captured);
	put32(ret_block, packet->length);
	put(ret_block, packet->data, captured);
	put_option(ret_block, PACKET_FLAGS, &flags, sizeof(flags));
	put_text(ret_block, OPTION_COMMENT, packet->comment);
	end(ret_block);
}

void pcapng_statistics(const struct pcap_iface *iface, struct pcapng_block *ret_block)
{
	begin(ret_block, TYPE_STATISTICS);
	put32(ret_block, iface->number);
	put_time(ret_block, iface->last_ns);
	if (iface->packets) {
		put_time_option(ret_block, STATISTICS_START, iface->first_ns);
		put_time_option(ret_block, STATISTICS_END, iface->last_ns);
	}
	if (iface->lost != PCAP_WRITE_UNKNOWN)
		put_option(ret_block, STATISTICS_DROPPED, &iface->lost, sizeof(iface->lost));
	put_option(ret_block, STATISTICS_DELIVERED, &iface->packets, sizeof(iface->packets));
	put_text(ret_block, OPTION_COMMENT, iface->lost_note);
	end(ret_block);
}

/* --- the format ------------------------------------------------------------------------------------- */

struct pcapng {
	uint32_t ifaces;
	struct pcapng_block block;
};

static int write_block(struct pcap_writer *writer)
{
	struct pcapng *state = writer->state;

	fwrite(state->block.bytes, 1, state->block.len, writer->file);
	return out_check(writer->file);
}

static int open_pcapng(struct pcap_writer *writer)
{
	struct pcapng *state = calloc(1, sizeof(*state));

	writer->state = state;
	if (!state)
		return -ENOMEM;
	pcapng_section("flowctl " WIRELEDGER_VERSION " (wireledger)", &state->block);
	return write_block(writer);
}

static int put_interface(struct pcap_writer *writer, struct pcap_iface *iface)
{
	struct pcapng *state = writer->state;

	if (iface->numbered)
		return 0;
	iface->numbered = true;
	iface->number = state->ifaces++;
	pcapng_interface(iface, writer->snaplen, &state->block);
	return write_block(writer);
}

static int put_packet(struct pcap_writer *writer, const struct pcap_packet *packet)
{
	struct pcap_iface *iface = packet->iface;
	int err = put_interface(writer, iface);

	if (err)
		return err;
	if (!iface->packets++)
		iface->first_ns = packet->time_ns;
	iface->last_ns = packet->time_ns;
	pcapng_packet(packet, &((struct pcapng *)writer->state)->block);
	return write_block(writer);
}

/*
 * An interface without a packet is left out, for its link type may be another one; but a file without any
 * interface is none to libpcap.
 */
static int end_pcapng(struct pcap_writer *writer, struct pcap_iface *const *ifaces, uint32_t count)
{
	struct pcapng *state = writer->state;
	int err = count && !state->ifaces ? put_interface(writer, ifaces[0]) : 0;

	for (uint32_t i = 0; !err && i < count; i++) {
		if (!ifaces[i]->numbered)
			continue;
		pcapng_statistics(ifaces[i], &state->block);
		err = write_block(writer);
	}
	return err;
}

static void close_pcapng(struct pcap_writer *writer)
{
	free(writer->state);
	writer->state = NULL;
}

const struct pcap_format pcap_format_pcapng = {
	.name = "pcapng",
	.comments = true,
	.open = open_pcapng,
	.packet = put_packet,
	.end = end_pcapng,
	.close = close_pcapng,
};
