// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_segment.c: sampled GSO packets cut into what was on the wire. Headers are made here a second time,
 * for each packet from nothing, and compared byte by byte; and the packets count as the sample did.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/segment.h"
#include "schema/tunnel.h"
#include "segment_frame.h"

#define MSS 1400
#define FIN 0x01
#define PSH 0x08
#define ACK 0x10
#define CWR 0x80

static struct frame whole, part;
static struct segment segment;

static struct sample_record sample_of(const char *headers, uint32_t captured, uint32_t packets)
{
	return (struct sample_record){
		.link = *headers == 'E' ? 1 : 101,
		.length = whole.len,
		.captured = captured < whole.len ? captured : whole.len,
		.packets = packets,
		.gso_size = packets > 1 ? MSS : 0,
		.frame = whole.data,
	};
}

/* What schema/parse.h counts of it. */
static void count(const struct sample_record *sample, const struct segment_packet *packet,
		  struct flow_facts *ret_facts)
{
	struct pkt_meta meta = {.len = sample->length, .reach = sample->captured};
	struct flow_wrap wrap;

	meta.l3_proto = sample->link == 1 ? 0 : sample->frame[0] >> 4 == 4 ? 0x0800 : 0x86dd;
	if (packet) {
		meta.len = packet->length;
		meta.reach = packet->captured;
	} else {
		meta.segments = sample->packets;
		meta.gso_size = sample->gso_size;
	}
	parse_packet(packet ? packet->data : sample->frame, &meta, ret_facts, &wrap);
}

static void check_count(const struct sample_record *sample)
{
	uint32_t packets = 0, bytes = 0, ip_bytes = 0;
	struct segment_packet packet;
	struct flow_facts all, one;

	count(sample, NULL, &all);
	for (uint32_t i = 0; i < segment.count; i++) {
		segment_get(&segment, i, &packet);
		count(sample, &packet, &one);
		packets += one.packets;
		bytes += one.bytes;
		ip_bytes += one.ip_bytes;
		assert_memory_equal(&one.key, &all.key, sizeof(all.key));
	}
	assert_int_equal(packets, all.packets);
	assert_int_equal(bytes, all.bytes);
	assert_int_equal(ip_bytes, all.ip_bytes);
}

/* `sent`: the headers of the packets, where they are not those of the sample. */
static void check_as(const char *headers, const char *sent, uint32_t payload, uint32_t captured)
{
	uint32_t packets = (payload + MSS - 1) / MSS, head = size_of_all(headers);
	struct spec spec = {headers, payload, 0, 0, FIN | PSH | ACK | CWR, headers != sent};
	struct sample_record sample;
	struct segment_packet packet;

	make(&spec, &whole);
	sample = sample_of(headers, captured, packets);
	segment_begin(&sample, false, &segment);
	assert_false(segment.whole);
	assert_int_equal(segment.count, packets);
	for (uint32_t i = 0; i < packets; i++) {
		bool last = i + 1 == packets;
		struct spec want = {sent, last ? payload - i * MSS : MSS, i * MSS, (uint16_t)i, ACK,
				    false};
		uint32_t at_hand = captured < head ? captured : size_of_all(sent);

		if (last)
			want.flags |= FIN | PSH;
		if (!i)
			want.flags |= CWR;
		make(&want, &part);
		segment_get(&segment, i, &packet);
		assert_int_equal(packet.length, part.len);
		if (captured > head + i * MSS)
			at_hand += captured - head - i * MSS < want.payload
					   ? captured - head - i * MSS
					   : want.payload;
		assert_int_equal(packet.captured, at_hand);
		if (captured >= whole.len)
			assert_memory_equal(packet.data, part.data, packet.captured);
	}
	check_count(&sample);
}

static void check(const char *headers)
{
	static const uint32_t payloads[] = {MSS + 1, 3 * MSS, 3 * MSS + 700, 11 * MSS + 1};

	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++)
		check_as(headers, headers, payloads[i], UINT32_MAX);
}

static void test_plain(void **state)
{
	(void)state;
	check("E4t");
	check("E6t");
	check("E4u");
	check("E6u");
	check("EV4t");
	check("EVV6u");
	check("4t");
	check("6u");
}

static void test_labels(void **state)
{
	(void)state;
	check("EM4t");
	check("EP4t");
	check("EVP6u");
}

static void test_tunnels(void **state)
{
	(void)state;
	check("E4UXE4t");
	check("E4ZXE4t");
	check("E6UXE6t");
	check("E4ZXE4u");
	check("EV4ZXEV6t");
	check("E4UN6t");
	check("E4UNE4t");
	check("E4G4t");
	check("E4C6t");
	check("E6CE4t");
	check("E44t");
	check("E46t");
	check("E64u");
	check("E4UT4t");
	check("4ZXE4UNE6t");
}

/* The last address of a routing header is not known: the checksum stays what it was. */
static void test_routed(void **state)
{
	struct spec spec = {"E6Rt", 2 * MSS, 0, 0, ACK, false};
	struct segment_packet packet;
	struct sample_record sample;

	(void)state;
	make(&spec, &whole);
	sample = sample_of(spec.headers, UINT32_MAX, 2);
	segment_begin(&sample, false, &segment);
	assert_int_equal(segment.count, 2);
	segment_get(&segment, 1, &packet);
	assert_memory_equal(packet.data + 14 + 40 + 24 + 16, whole.data + 14 + 40 + 24 + 16, 2);
	assert_int_equal(packet.length, 14 + 40 + 24 + 32 + MSS);
}

/* BIG TCP: the length is in no header, and one that says it is not sent. */
static void test_big(void **state)
{
	(void)state;
	check_as("E6Jt", "E6t", 100 * MSS + 3, UINT32_MAX);
	check_as("EV6Jt", "EV6t", 70000, UINT32_MAX);
	check_as("6Jt", "6t", 70000, UINT32_MAX);
	check_as("E6t", "E6t\0", 70000, UINT32_MAX);
	check_as("E4t", "E4t\0", 70000, UINT32_MAX);
}

/* Cut anywhere: lengths are right, and no byte is there that was not captured. */
static void test_cut(void **state)
{
	uint32_t tcp = 14 + 20;

	(void)state;
	for (uint32_t captured = tcp + 20; captured < tcp + 32 + 3 * MSS + 5; captured++)
		check_as("E4t", "E4t", 3 * MSS + 5, captured);
	for (uint32_t captured = 14 + 40 + 8; captured < 200; captured++)
		check_as("E6u", "E6u", 2 * MSS + 5, captured);
	for (uint32_t captured = 14 + 20 + 8 + 8 + 14 + 20 + 20; captured < 300; captured++)
		check_as("E4ZXE4t", "E4ZXE4t", 2 * MSS + 5, captured);
}

/* Fields of a packet of which the payload was not captured. */
static void test_cut_fields(void **state)
{
	struct spec spec = {"E4t", 3 * MSS, 0, 0, FIN | PSH | ACK | CWR, false};
	struct segment_packet packet;
	struct sample_record sample;

	(void)state;
	make(&spec, &whole);
	sample = sample_of(spec.headers, 14 + 20 + 20, 3);
	segment_begin(&sample, false, &segment);
	for (uint32_t i = 0; i < 3; i++) {
		struct spec want = {"E4t", MSS, i * MSS, (uint16_t)i, ACK, false};

		want.flags |= i == 2 ? FIN | PSH : i ? 0 : CWR;
		make(&want, &part);
		segment_get(&segment, i, &packet);
		assert_int_equal(packet.captured, 54);
		assert_memory_equal(packet.data, part.data, 34 + 16);
	}
}

static void expect_whole(const char *headers, uint32_t captured, uint32_t packets)
{
	struct segment_packet packet;
	struct sample_record sample = sample_of(headers, captured, packets);

	segment_begin(&sample, false, &segment);
	assert_true(segment.whole);
	assert_int_equal(segment.count, 1);
	segment_get(&segment, 0, &packet);
	assert_int_equal(packet.length, sample.length);
	assert_int_equal(packet.captured, sample.captured);
	assert_ptr_equal(packet.data, sample.frame);
}

static void test_whole(void **state)
{
	struct spec spec = {"E4UXE4t", 3 * MSS, 0, 0, ACK, false};
	struct sample_record sample;

	(void)state;
	make(&spec, &whole);
	for (uint32_t captured = 0; captured < 14 + 20 + 16 + 14 + 20 + 20; captured++)
		expect_whole(spec.headers, captured, 3);
	expect_whole(spec.headers, UINT32_MAX, 2); /* not as many as its payload makes */
	expect_whole(spec.headers, UINT32_MAX, 4);
	spec.headers = "E4G";
	make(&spec, &whole);
	expect_whole(spec.headers, UINT32_MAX, 3); /* nothing known is in it */
	whole.data[0] = 0x10;
	expect_whole("4", UINT32_MAX, 3); /* raw, and not IP */
	spec.headers = "E4t";
	make(&spec, &whole);
	sample = sample_of(spec.headers, UINT32_MAX, 3);
	segment_begin(&sample, true, &segment); /* as asked for */
	assert_true(segment.whole);
	assert_int_equal(segment.count, 1);
	sample.gso_size = 1;
	sample.packets = SEGMENT_PACKETS;
	sample.length = size_of_all(spec.headers) + sample.packets;
	segment_begin(&sample, false, &segment);
	assert_int_equal(segment.count, SEGMENT_PACKETS);
	sample.packets++;
	sample.length++;
	segment_begin(&sample, false, &segment);
	assert_true(segment.whole);
	assert_int_equal(segment.count, 1);
	whole.data[20] |= 0x20; /* more fragments */
	expect_whole(spec.headers, UINT32_MAX, 3);
	sample = sample_of(spec.headers, UINT32_MAX, 1);
	segment_begin(&sample, false, &segment); /* no GSO at all */
	assert_false(segment.whole);
	assert_int_equal(segment.count, 1);
}

/* Whatever the bytes are. */
static void test_noise(void **state)
{
	static const char *const kinds[] = {"E4UXE4t", "E6Jt", "E4C6t", "EVP4u", "6UT6t", "E4UN6t"};
	struct segment_packet packet;
	uint32_t random = 1;

	(void)state;
	for (uint32_t run = 0; run < 20000; run++) {
		struct spec spec = {kinds[run % 6], 2 * MSS + 9, 0, 0, ACK, run & 8};
		struct sample_record sample;

		make(&spec, &whole);
		for (int i = 0; i < 4; i++) {
			random = random * 1664525 + 1013904223;
			whole.data[(random >> 8) % 140] = (uint8_t)(random >> 24);
		}
		sample = sample_of(spec.headers, random >> 4 & 1 ? UINT32_MAX : random % 200, 3);
		segment_begin(&sample, false, &segment);
		for (uint32_t i = 0; i < segment.count; i++) {
			segment_get(&segment, i, &packet);
			assert_true(packet.captured <= packet.length);
			assert_true(packet.length <= sample.length);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	   cmocka_unit_test(test_labels),
		cmocka_unit_test(test_tunnels),	   cmocka_unit_test(test_routed),
		cmocka_unit_test(test_big),	   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_fields), cmocka_unit_test(test_whole),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
