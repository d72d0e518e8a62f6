/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_replay_link.c: each link type's header, cut at each byte, and what has no EtherType. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pcap/dlt.h>
#include <string.h>

#include "flowd/replay_link.h"
#include "schema/tunnel.h"

/* IPv4 10.0.0.1 > 10.0.0.2, UDP 1 > 2, without payload. */
static const uint8_t v4[28] = {0x45, 0, 0,  28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
			       0,    1, 10, 0,	0, 2, 0, 1, 0,	2,  0, 8, 0,  0};
static const uint8_t v6[48] = {0x60, 0, 0, 0, 0, 8, 17, 64, [23] = 1, [39] = 2, 0, 1, 0, 2, 0, 8};

struct row {
	const char *name;
	int dlt;
	uint8_t header;
	uint8_t bytes[20];
	uint16_t ethertype; /* of the flow */
	uint8_t version;    /* of the IP packet behind it, 0: 28 bytes of zeros */
	uint8_t dir;
};

#define SLL(type, arphrd, proto)                                                              \
	16,                                                                                   \
	{                                                                                     \
		0, type, (arphrd) >> 8, (arphrd)&255, [14] = (proto) >> 8, [15] = (proto)&255 \
	}
#define SLL2(type, arphrd, proto)                                                               \
	20,                                                                                     \
	{                                                                                       \
		(proto) >> 8, (proto)&255, [8] = (arphrd) >> 8, [9] = (arphrd)&255, [10] = type \
	}

static const struct row rows[] = {
	{"raw 4", DLT_RAW, 0, {0}, 0x0800, 4, 0},
	{"raw 6", DLT_RAW, 0, {0}, 0x86dd, 6, 0},
	{"raw 12", 12, 0, {0}, 0x0800, 4, 0},
	{"raw 14", 14, 0, {0}, 0x0800, 4, 0},
	{"raw 101", 101, 0, {0}, 0x86dd, 6, 0},
	{"IPv4", DLT_IPV4, 0, {0}, 0x0800, 4, 0},
	{"IPv6", DLT_IPV6, 0, {0}, 0x86dd, 6, 0},
	{"NULL, little", DLT_NULL, 4, {2, 0, 0, 0}, 0x0800, 4, 0},
	{"NULL, big", DLT_NULL, 4, {0, 0, 0, 2}, 0x0800, 4, 0},
	{"NULL, Linux", DLT_NULL, 4, {10, 0, 0, 0}, 0x86dd, 6, 0},
	{"NULL, NetBSD", DLT_NULL, 4, {0, 0, 0, 24}, 0x86dd, 6, 0},
	{"NULL, FreeBSD", DLT_NULL, 4, {28, 0, 0, 0}, 0x86dd, 6, 0},
	{"NULL, Darwin", DLT_NULL, 4, {30, 0, 0, 0}, 0x86dd, 6, 0},
	{"NULL, other", DLT_NULL, 4, {7, 0, 0, 0}, 0, 0, 0},
	{"LOOP", DLT_LOOP, 4, {0, 0, 0, 2}, 0x0800, 4, 0},
	{"LOOP, little", DLT_LOOP, 4, {2, 0, 0, 0}, 0, 0, 0},
	{"SLL", DLT_LINUX_SLL, SLL(0, 1, 0x0800), 0x0800, 4, 0},
	{"SLL out", DLT_LINUX_SLL, SLL(4, 1, 0x86dd), 0x86dd, 6, 1},
	{"SLL, GRE device", DLT_LINUX_SLL, SLL(3, 778, 0x0800), 0x0800, 4, 0},
	{"SLL, netlink", DLT_LINUX_SLL, SLL(4, 824, 0x0800), 0, 4, 1},
	{"SLL, Frame Relay", DLT_LINUX_SLL, SLL(0, 770, 0x0800), 0, 4, 0},
	{"SLL, 802.11", DLT_LINUX_SLL, SLL(0, 803, 4), 0, 0, 0},
	{"SLL, CAN", DLT_LINUX_SLL, SLL(0, 280, 0x000c), 0, 0, 0},
	{"SLL, 802.2", DLT_LINUX_SLL, SLL(0, 1, 4), FLOW_ETH_LLC, 0, 0},
	{"SLL, 802.3", DLT_LINUX_SLL, SLL(0, 1, 1), FLOW_ETH_LLC, 0, 0},
	{"SLL2", DLT_LINUX_SLL2, SLL2(1, 1, 0x0800), 0x0800, 4, 0},
	{"SLL2 out", DLT_LINUX_SLL2, SLL2(4, 1, 0x86dd), 0x86dd, 6, 1},
	{"SLL2, netlink", DLT_LINUX_SLL2, SLL2(4, 824, 0), 0, 0, 1},
};

static void parse(int dlt, const uint8_t *data, uint32_t reach, uint32_t len, struct flow_facts *f)
{
	const struct replay_link *link = replay_link_find(dlt);
	struct pkt_meta meta = {.len = len, .reach = reach};
	struct flow_wrap wrap;

	assert_non_null(link);
	replay_link_parse(link, data, &meta, NULL, f, &wrap, NULL);
}

/* The row's frame; its length. */
static uint32_t make(const struct row *row, uint8_t *frame)
{
	uint32_t len = row->version == 6 ? sizeof(v6) : sizeof(v4);

	memset(frame, 0, 128);
	memcpy(frame, row->bytes, row->header);
	if (row->version)
		memcpy(frame + row->header, row->version == 6 ? v6 : v4, len);
	return row->header + len;
}

static void check_row(const struct row *row)
{
	int ip = row->ethertype == 0x0800 || row->ethertype == 0x86dd;
	uint8_t frame[128];
	uint32_t len = make(row, frame);
	struct flow_facts f;

	parse(row->dlt, frame, len, len, &f);
	if (f.key.ethertype != row->ethertype || f.key.dir != row->dir)
		fail_msg("%s: EtherType %#x, direction %d", row->name, f.key.ethertype, f.key.dir);
	assert_int_equal(f.verdict, VERDICT_FLOW);
	assert_int_equal(f.key.marks, 0);
	assert_int_equal(f.packets, 1);
	assert_int_equal(f.bytes, len);
	assert_int_equal(f.ip_bytes, ip ? len - row->header : 0);
	assert_int_equal(f.key.dport, ip ? PARSE_SWAP16(2) : 0);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

/* Any length captured: a flow, whose bytes are the frame's; a link header that is cut is short. */
static void test_cut(void **state)
{
	uint8_t frame[128];
	struct flow_facts f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t len = make(&rows[i], frame);

		for (uint32_t reach = 0; reach < len; reach++) {
			parse(rows[i].dlt, frame, reach, len, &f);
			assert_int_equal(f.bytes, len);
			assert_int_equal(f.packets, 1);
			if (reach >= rows[i].header)
				continue;
			assert_int_equal(f.verdict, VERDICT_SHORT);
			assert_int_equal(f.key.marks, FLOW_MARK_SHORT);
			assert_int_equal(f.key.ethertype, 0);
		}
	}
}

static void test_raw_neither(void **state)
{
	static const uint8_t data[40];
	struct flow_facts f;

	(void)state;
	parse(DLT_RAW, data, sizeof(data), sizeof(data), &f);
	assert_int_equal(f.key.ethertype, 0);
	assert_int_equal(f.verdict, VERDICT_SHORT);
}

/* A TPID in the protocol field: tag and EtherType follow. */
static void test_sll_tag(void **state)
{
	uint8_t frame[64] = {[2] = 0, [3] = 1, [14] = 0x81, [15] = 0, 0, 5, 0x08, 0};
	struct flow_facts f;

	(void)state;
	memcpy(frame + 20, v4, sizeof(v4));
	parse(DLT_LINUX_SLL, frame, 48, 48, &f);
	assert_int_equal(f.key.vlan, FLOW_VLAN_TAGGED | 5);
	assert_int_equal(f.key.ethertype, 0x0800);
	assert_int_equal(f.key.dport, PARSE_SWAP16(2));
	assert_int_equal(f.bytes, 48);
	assert_int_equal(f.ip_bytes, 28);
}

static void test_unknown(void **state)
{
	(void)state;
	assert_null(replay_link_find(DLT_IEEE802_11));
	assert_null(replay_link_find(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	    cmocka_unit_test(test_cut),
		cmocka_unit_test(test_raw_neither), cmocka_unit_test(test_sll_tag),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
