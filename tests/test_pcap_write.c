// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_pcap_write.c: captures as they are written: blocks of pcapng field by field, as
 * draft-ietf-opsawg-pcapng lays them out, and both formats as libpcap reads them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pcap_write.h"
#include "cli/pcapng.h"
#include "schema/flow.h"

#define TIME 1795264440123456789LL

static struct pcapng_block block;
static const uint8_t bytes[7] = {1, 2, 3, 4, 5, 6, 7};

/* A reader of what was made: each call takes what comes next. */
static size_t at;

static uint32_t take(size_t size)
{
	uint32_t value = 0;

	assert_true(at + size <= block.len);
	memcpy(&value, block.bytes + at, size); /* of this machine: little endian, or size is 4 */
	if (size == 2) {
		uint16_t half;

		memcpy(&half, block.bytes + at, size);
		value = half;
	}
	at += size;
	return value;
}

static void expect_head(uint32_t type)
{
	uint32_t last;

	at = 0;
	assert_int_equal(block.len % 4, 0);
	assert_int_equal(take(4), type);
	assert_int_equal(take(4), block.len);
	memcpy(&last, block.bytes + block.len - 4, 4);
	assert_int_equal(last, block.len);
}

/* An option with `len` bytes of value, padded with zeros. */
static void expect_option(uint32_t code, const void *value, size_t len)
{
	assert_int_equal(take(2), code);
	assert_int_equal(take(2), len);
	assert_true(at + len <= block.len);
	assert_memory_equal(block.bytes + at, value, len);
	for (at += len; at % 4; at++)
		assert_int_equal(block.bytes[at], 0);
}

static void expect_text(uint32_t code, const char *text)
{
	expect_option(code, text, strlen(text));
}

static void expect_end(void)
{
	assert_int_equal(take(4), 0); /* opt_endofopt */
	assert_int_equal(at, block.len - 4);
}

/* Section 4.1. */
static void test_section(void **state)
{
	(void)state;
	pcapng_section("program 1.2", &block);
	expect_head(0x0a0d0d0a);
	assert_int_equal(take(4), 0x1a2b3c4d);
	assert_int_equal(take(2), 1);
	assert_int_equal(take(2), 0);
	assert_int_equal(take(4), UINT32_MAX); /* section length: not said */
	assert_int_equal(take(4), UINT32_MAX);
	expect_text(4, "program 1.2"); /* shb_userappl */
	expect_end();
}

/* Section 4.2. */
static void test_interface(void **state)
{
	static const uint8_t resolution = 9;
	char filter[] = "tcp port 443", description[] = "rate 1/1000";
	struct pcap_iface iface = {
		.name = "eth0", .link = 1, .filter = filter, .description = description};

	(void)state;
	pcapng_interface(&iface, 128, &block);
	expect_head(1);
	assert_int_equal(take(2), 1); /* LINKTYPE_ETHERNET */
	assert_int_equal(take(2), 0);
	assert_int_equal(take(4), 128);
	expect_text(2, "eth0");
	expect_text(3, "rate 1/1000");
	expect_option(9, &resolution, 1);
	expect_option(11, "\0tcp port 443", 13);
	expect_end();

	iface = (struct pcap_iface){.link = 101};
	pcapng_interface(&iface, 9216, &block);
	expect_head(1);
	assert_int_equal(take(2), 101);
	assert_int_equal(take(2), 0);
	assert_int_equal(take(4), 9216);
	expect_option(9, &resolution, 1);
	expect_end();
}

/* Section 4.3. */
static void test_packet(void **state)
{
	struct pcap_iface iface = {.number = 5};
	struct pcap_packet packet = {
		.iface = &iface,
		.time_ns = TIME,
		.dir = FLOW_EGRESS,
		.captured = 7,
		.length = 1514,
		.data = bytes,
		.comment = "sampled 1/1000",
	};
	uint32_t outbound = 2, inbound = 1;

	(void)state;
	pcapng_packet(&packet, &block);
	expect_head(6);
	assert_int_equal(take(4), 5);
	assert_int_equal(take(4), (uint64_t)TIME >> 32);
	assert_int_equal(take(4), TIME & 0xffffffff);
	assert_int_equal(take(4), 7);
	assert_int_equal(take(4), 1514);
	assert_memory_equal(block.bytes + at, bytes, 7);
	assert_int_equal(block.bytes[at + 7], 0);
	at += 8;
	expect_option(2, &outbound, 4); /* epb_flags */
	expect_text(1, "sampled 1/1000");
	expect_end();

	packet.dir = FLOW_INGRESS;
	packet.captured = 0;
	packet.comment = "";
	pcapng_packet(&packet, &block);
	expect_head(6);
	at += 20;
	expect_option(2, &inbound, 4);
	expect_end();
}

/* Section 4.6. */
static void test_statistics(void **state)
{
	struct pcap_iface iface = {
		.number = 1, .lost = 3, .packets = 40, .first_ns = TIME - 5, .last_ns = TIME};
	uint32_t start[2] = {(uint32_t)((TIME - 5) >> 32), (uint32_t)(TIME - 5)};
	uint32_t end[2] = {(uint32_t)(TIME >> 32), (uint32_t)TIME};
	uint64_t lost = 3, packets = 40, none = 0;

	(void)state;
	pcapng_statistics(&iface, &block);
	expect_head(5);
	assert_int_equal(take(4), 1);
	assert_int_equal(take(4), end[0]);
	assert_int_equal(take(4), end[1]);
	expect_option(2, start, 8);    /* isb_starttime */
	expect_option(3, end, 8);      /* isb_endtime */
	expect_option(5, &lost, 8);    /* isb_ifdrop */
	expect_option(8, &packets, 8); /* isb_usrdeliv */
	expect_end();

	iface = (struct pcap_iface){.lost = PCAP_WRITE_UNKNOWN, .lost_note = "not known"};
	pcapng_statistics(&iface, &block);
	expect_head(5);
	at += 12;
	expect_option(8, &none, 8);
	expect_text(1, "not known");
	expect_end();
}

/* What comes from a database must not reach the terminal of who reads the capture. */
static void test_clean(void **state)
{
	static const uint8_t resolution = 9;
	char clear[] = "\xc2\x9bK"; /* C1's CSI */
	char filter[] = "tcp\x1b]0;x\a";
	struct pcap_iface iface = {.name = "\x1b[31mred\n", .description = clear, .filter = filter};
	struct pcap_packet packet = {
		.iface = &iface, .data = bytes, .comment = "at caf\xc3\xa9\x7f\t"};
	uint32_t inbound = 1;

	(void)state;
	pcapng_interface(&iface, 1, &block);
	expect_head(1);
	at += 8;
	expect_text(2, "?[31mred?");
	expect_text(3, "?K");
	expect_option(9, &resolution, 1);
	expect_option(11, "\0tcp?]0;x?", 10);
	pcapng_packet(&packet, &block);
	expect_head(6);
	at += 20;
	expect_option(2, &inbound, 4);
	expect_text(1, "at caf\xc3\xa9??");
}

/* Texts of any length and packets of any size stay within a block. */
static void test_limits(void **state)
{
	static uint8_t data[PCAPNG_PACKET + 9];
	static char text[100000];
	struct pcap_iface iface = {.filter = text, .description = text};
	struct pcap_packet packet = {.iface = &iface, .data = data, .comment = text};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memset(iface.name, 'y', sizeof(iface.name) - 1);
	pcapng_interface(&iface, 1, &block);
	expect_head(1);
	at += 8;
	expect_option(2, iface.name, sizeof(iface.name) - 1);
	expect_option(3, text, PCAPNG_TEXT);
	for (uint32_t size = PCAPNG_PACKET - 8; size <= sizeof(data); size++) {
		packet.captured = packet.length = size;
		pcapng_packet(&packet, &block);
		expect_head(6);
		at += 12;
		assert_int_equal(take(4), size < PCAPNG_PACKET ? size : PCAPNG_PACKET);
		assert_int_equal(take(4), size);
	}
}

/* --- read back -------------------------------------------------------------------------------------- */

static char *file_bytes;
static size_t file_size;

static void put_packets(struct pcap_writer *writer, struct pcap_iface *a, struct pcap_iface *b)
{
	struct pcap_iface *ifaces[] = {a, b};

	assert_int_equal(writer->format->open(writer), 0);
	for (int i = 0; i < 6; i++) {
		struct pcap_packet packet = {
			.iface = ifaces[i & 1],
			.time_ns = TIME + i,
			.dir = i & 1,
			.captured = (uint32_t)i,
			.length = (uint32_t)i * 100,
			.data = bytes,
			.comment = i & 2 ? "why" : "",
		};

		assert_int_equal(writer->format->packet(writer, &packet), 0);
	}
	assert_int_equal(writer->format->end(writer, ifaces, a == b ? 1 : 2), 0);
	writer->format->close(writer);
	assert_int_equal(fclose(writer->file), 0);
}

static pcap_t *open_back(void)
{
	char error[PCAP_ERRBUF_SIZE];
	FILE *file = fmemopen(file_bytes, file_size, "r");
	pcap_t *pcap =
		pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);

	if (!pcap)
		fail_msg("%s", error);
	return pcap;
}

static void check_format(const struct pcap_format *format, uint32_t link, int dlt, bool one)
{
	struct pcap_writer writer = {.format = format, .snaplen = 300};
	struct pcap_iface a = {.name = "eth0", .link = link}, b = {.name = "eth1", .link = link};
	struct pcap_pkthdr *header;
	const u_char *data;
	pcap_t *pcap;

	writer.file = open_memstream(&file_bytes, &file_size);
	put_packets(&writer, &a, one ? &a : &b);
	pcap = open_back();
	assert_int_equal(pcap_datalink(pcap), dlt);
	assert_int_equal(pcap_snapshot(pcap), 300);
	for (int i = 0; i < 6; i++) {
		if (pcap_next_ex(pcap, &header, &data) != 1)
			fail_msg("%s: %s", format->name, pcap_geterr(pcap));
		assert_int_equal(header->ts.tv_sec * 1000000000LL + header->ts.tv_usec, TIME + i);
		assert_int_equal(header->caplen, i);
		assert_int_equal(header->len, i * 100);
		assert_memory_equal(data, bytes, i);
	}
	assert_int_equal(pcap_next_ex(pcap, &header, &data), PCAP_ERROR_BREAK);
	pcap_close(pcap);
	free(file_bytes);
}

static void test_read_back(void **state)
{
	(void)state;
	for (int i = 0; pcap_formats[i]; i++) {
		check_format(pcap_formats[i], 1, DLT_EN10MB, false);
		check_format(pcap_formats[i], 101, DLT_RAW,
			     true); /* libpcap 1.10 refuses a second one */
	}
}

/* A capture without a packet is one. */
static void test_empty(void **state)
{
	(void)state;
	for (int i = 0; pcap_formats[i]; i++) {
		struct pcap_writer writer = {.format = pcap_formats[i], .snaplen = 128};
		struct pcap_iface iface = {.link = 101, .lost = PCAP_WRITE_UNKNOWN};
		struct pcap_iface *ifaces[] = {&iface};
		struct pcap_pkthdr *header;
		const u_char *data;
		pcap_t *pcap;

		writer.file = open_memstream(&file_bytes, &file_size);
		assert_int_equal(writer.format->open(&writer), 0);
		assert_int_equal(writer.format->end(&writer, ifaces, 1), 0);
		writer.format->close(&writer);
		fclose(writer.file);
		pcap = open_back();
		assert_int_equal(pcap_datalink(pcap), DLT_RAW);
		assert_int_equal(pcap_next_ex(pcap, &header, &data), PCAP_ERROR_BREAK);
		pcap_close(pcap);
		free(file_bytes);
	}
}

/* Who reads along sees the header before a packet, where the link type is known. */
static void test_early_head(void **state)
{
	struct pcap_writer writer = {.format = &pcap_format_pcap, .snaplen = 128, .link = 1};

	(void)state;
	writer.file = open_memstream(&file_bytes, &file_size);
	assert_int_equal(writer.format->open(&writer), 0);
	fflush(writer.file);
	assert_int_equal(file_size, 24);
	writer.format->close(&writer);
	fclose(writer.file);
	free(file_bytes);
}

/* Of a buffer, room for a header is what libpcap needs: else it closes the file. */
static void test_full(void **state)
{
	static char buffer[128];

	(void)state;
	for (int i = 0; pcap_formats[i]; i++) {
		struct pcap_writer writer = {.format = pcap_formats[i], .snaplen = 128};
		struct pcap_iface iface = {.link = 1};
		struct pcap_packet packet = {.iface = &iface, .data = bytes, .captured = 7};
		int err;

		writer.file = fopen("/dev/full", "w");
		assert_non_null(writer.file);
		setvbuf(writer.file, buffer, _IOFBF, sizeof(buffer));
		err = writer.format->open(&writer);
		for (int n = 0; !err && n < 100; n++)
			err = writer.format->packet(&writer, &packet);
		assert_int_equal(err, -ENOSPC);
		writer.format->close(&writer);
		fclose(writer.file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_section),	   cmocka_unit_test(test_interface),
		cmocka_unit_test(test_packet),	   cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_clean),	   cmocka_unit_test(test_limits),
		cmocka_unit_test(test_read_back),  cmocka_unit_test(test_empty),
		cmocka_unit_test(test_early_head), cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
