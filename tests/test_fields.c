/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_fields.c: the table of fields, what each shows of every kind of record, and records turned
 * round and split.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schema/fields.h"
#include "tests/random_flow.h"

#define ROUNDS 200000

/* The fields from `from` on, up to `to`, that the record has, as "name=value name=value". */
static const char *render_part(const struct flow_record *rec, const char *from, const char *to)
{
	static char line[4096];
	char text[128];
	uint64_t number;
	size_t len = 0;

	line[0] = '\0';
	for (const struct field *f = field_find(from); f->name && f != field_find(to); f++) {
		if (f->text && f->text(rec, text, sizeof(text)))
			len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s=%s",
						len ? " " : "", f->name, text);
		if (f->number && f->number(rec, &number))
			len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s=%" PRIu64,
						len ? " " : "", f->name, number);
	}
	return line;
}

static const char *render(const struct flow_record *rec)
{
	return render_part(rec, "start", "retransmits");
}

static const char *render_health(const struct flow_record *rec)
{
	return render_part(rec, "retransmits", "");
}

static struct flow_record make(uint16_t ethertype, uint8_t proto, const char *src, const char *dst,
			       uint16_t sport, uint16_t dport)
{
	struct flow_record rec = {
		.start_ms = 1000, .end_ms = 2500, .iface = 3, .end_reason = END_IDLE};
	int family = ethertype == ETH_P_IPV6 ? AF_INET6 : AF_INET;

	rec.key.ethertype = ethertype;
	rec.key.proto = proto;
	rec.key.sport = htons(sport);
	rec.key.dport = htons(dport);
	if (src)
		assert_int_equal(inet_pton(family, src, rec.key.src), 1);
	if (dst)
		assert_int_equal(inet_pton(family, dst, rec.key.dst), 1);
	rec.half[0] = (struct flow_half){.packets = 3, .bytes = 180, .ip_bytes = 138};
	return rec;
}

static void test_table(void **state)
{
	static const char order[] =
		"start end dir ethertype vlan cvlan proto src dst sport dport arp_spa arp_tpa packets "
		"bytes ip_bytes tcp_flags rev_packets rev_bytes rev_ip_bytes rev_tcp_flags marks "
		"end_reason duration_ms tunnel tunnel_id rev_tunnel_id outer_src outer_dst "
		"retransmits rev_retransmits retransmitted_bytes rev_retransmitted_bytes "
		"out_of_order rev_out_of_order dup_acks rev_dup_acks zero_windows rev_zero_windows "
		"resets rev_resets keep_alives rev_keep_alives syn_repeats rev_syn_repeats "
		"retransmits_kernel rev_retransmits_kernel drops rev_drops drop_bytes rev_drop_bytes "
		"handshake_us rev_handshake_us rtt_us rev_rtt_us rtt_min_us rev_rtt_min_us "
		"rtt_max_us rev_rtt_max_us rtt_samples rev_rtt_samples process pid srtt_us "
		"min_rtt_us cwnd delivery_rate ";
	char names[2048] = "";

	(void)state;
	for (const struct field *f = fields; f->name; f++) {
		strcat(strcat(names, f->name), " ");
		assert_ptr_equal(field_find(f->name), f);
		assert_true(!f->number != !f->text);
		assert_int_equal(f->kind == FIELD_TEXT, f->text != NULL);
		assert_non_null(f->help);
		assert_non_null(f->title);
		assert_int_equal(!strncmp(f->name, "rev_", 4), f->reverse);
		if (f->reverse)
			assert_int_equal(f->ipfix, field_find(f->name + 4)->ipfix);
	}
	assert_string_equal(names, order);
	assert_null(field_find("no_such"));
	assert_null(field_find(""));
}

static void test_tcp(void **state)
{
	struct flow_record rec = make(ETH_P_IP, 6, "10.1.0.2", "192.0.2.255", 40000, 443);

	(void)state;
	rec.half[0].tcp_flags = 0x1b;
	rec.half[1] = (struct flow_half){
		.packets = UINT64_MAX, .bytes = 2, .ip_bytes = 1, .tcp_flags = 0x12};
	rec.key.dir = FLOW_EGRESS;
	rec.key.vlan = FLOW_VLAN_TAGGED | 7;
	rec.key.cvlan = FLOW_VLAN_TAGGED;
	rec.key.marks = FLOW_MARK_STAG | FLOW_MARK_MIRRORED;
	assert_string_equal(
		render(&rec),
		"start=1000 end=2500 dir=egress ethertype=ipv4 vlan=7 cvlan=0 proto=6 "
		"src=10.1.0.2 dst=192.0.2.255 sport=40000 dport=443 packets=3 bytes=180 "
		"ip_bytes=138 tcp_flags=27 rev_packets=18446744073709551615 rev_bytes=2 "
		"rev_ip_bytes=1 rev_tcp_flags=18 marks=stag,mirrored end_reason=idle "
		"duration_ms=1500");
}

static void test_ipv6(void **state)
{
	struct flow_record rec = make(ETH_P_IPV6, 58, "fe80::1", "2001:db8::", 128, 0);

	(void)state;
	rec.end_reason = END_ACTIVE_NOW;
	assert_string_equal(render(&rec),
			    "start=1000 end=2500 dir=ingress ethertype=ipv6 proto=58 src=fe80::1 "
			    "dst=2001:db8:: sport=128 dport=0 packets=3 bytes=180 ip_bytes=138 "
			    "rev_packets=0 rev_bytes=0 rev_ip_bytes=0 duration_ms=1500");
}

static void test_not_ip(void **state)
{
	struct flow_record arp = make(ETH_P_ARP, 0, "10.0.0.1", "10.0.0.2", 1, 0);
	struct flow_record llc = make(FLOW_ETH_LLC, 0, NULL, NULL, 0x4242, 0);
	struct flow_record other = make(0x88f7, 0, NULL, NULL, 0, 0);

	(void)state;
	arp.end_reason = END_FORCED;
	assert_string_equal(
		render(&arp),
		"start=1000 end=2500 dir=ingress ethertype=arp arp_spa=10.0.0.1 "
		"arp_tpa=10.0.0.2 packets=3 bytes=180 ip_bytes=138 rev_packets=0 rev_bytes=0 "
		"rev_ip_bytes=0 end_reason=forced duration_ms=1500");
	assert_non_null(strstr(render(&llc), " ethertype=llc packets="));
	assert_non_null(strstr(render(&other), " ethertype=0x88f7 packets="));
}

static void test_unknown(void **state)
{
	struct flow_record folded = make(ETH_P_IP, 17, NULL, "10.0.0.2", 0, 53), back;
	struct flow_record catchall = make(0, 0, NULL, NULL, 0, 0);

	(void)state;
	folded.key.marks = FLOW_MARK_FOLDED;
	assert_non_null(strstr(render(&folded), " proto=17 dst=10.0.0.2 dport=53 packets="));
	flow_record_split(&folded, 1, &back);
	assert_non_null(strstr(render(&back), " proto=17 src=10.0.0.2 sport=53 packets="));
	catchall.key.marks = FLOW_MARK_CATCHALL;
	catchall.end_reason = END_RESOURCES;
	assert_string_equal(render(&catchall),
			    "start=1000 end=2500 dir=ingress packets=3 bytes=180 ip_bytes=138 "
			    "rev_packets=0 rev_bytes=0 rev_ip_bytes=0 marks=catchall "
			    "end_reason=resources duration_ms=1500");
}

/* Small buffers are filled and ended, never passed. */
static void test_small_buffers(void **state)
{
	struct flow_record rec = make(ETH_P_IPV6, 6, "2001:db8::1", "2001:db8::2", 1, 2);

	(void)state;
	rec.key.marks = 0x7f;
	for (const struct field *f = fields; f->name; f++) {
		for (size_t size = 1; f->text && size < 80; size++) {
			char buf[81];

			memset(buf, 'x', sizeof(buf));
			if (f->text(&rec, buf, size))
				assert_true(strnlen(buf, size) < size);
			assert_int_equal(buf[size], 'x');
		}
	}
}

#define NO_COUNTS                                                                          \
	"retransmits=0 rev_retransmits=0 retransmitted_bytes=0 rev_retransmitted_bytes=0 " \
	"out_of_order=0 rev_out_of_order=0 dup_acks=0 rev_dup_acks=0 zero_windows=0 "      \
	"rev_zero_windows=0 resets=0 rev_resets=0 keep_alives=0 rev_keep_alives=0 "        \
	"syn_repeats=0 rev_syn_repeats=0 retransmits_kernel=0 rev_retransmits_kernel=0 " NO_DROPS
#define NO_DROPS "drops=0 rev_drops=0 drop_bytes=0 rev_drop_bytes=0"

/* Counts of TCP are numbers where it is TCP, drops everywhere; the rest only where it was seen. */
static void test_health_none(void **state)
{
	struct flow_record tcp = make(ETH_P_IP, 6, "10.1.0.2", "192.0.2.255", 40000, 443);
	struct flow_record udp = make(ETH_P_IPV6, 17, "::1", "::2", 40000, 443);
	struct flow_record arp = make(ETH_P_ARP, 0, "10.0.0.1", "10.0.0.2", 1, 0);

	(void)state;
	assert_string_equal(render_health(&tcp), NO_COUNTS);
	assert_string_equal(render_health(&udp), NO_DROPS);
	assert_string_equal(render_health(&arp), NO_DROPS);
	tcp.socket.has = 1;
	assert_string_equal(render_health(&tcp), NO_COUNTS);
	tcp.socket = (struct flow_socket){.pid = 1, .cwnd = 2, .process = "init"};
	assert_string_equal(render_health(&tcp), NO_COUNTS);
}

static void fill_half(struct half_health *h, uint32_t n)
{
	h->count = (struct flow_health_count){
		.retransmits = n,
		.retransmitted_bytes = UINT64_MAX - n,
		.out_of_order = n + 1,
		.dup_acks = n + 2,
		.zero_windows = n + 3,
		.resets = n + 4,
		.keep_alives = n + 5,
		.syn_repeats = n + 6,
		.rtt_count = 3,
		.rtt_sum_us = 3 * n + 2,
	};
	h->retransmits_kernel = n + 7;
	h->drops = n + 8;
	h->drop_bytes = n + 9;
	h->handshake_us = n + 10;
	h->rtt_min_us = 0;
	h->rtt_max_us = n + 11;
}

static void test_health(void **state)
{
	struct flow_record rec = make(ETH_P_IP, 6, "10.1.0.2", "192.0.2.255", 40000, 443);

	(void)state;
	rec.has_health = 1;
	fill_half(&rec.health[0], 100);
	fill_half(&rec.health[1], 200);
	rec.socket = (struct flow_socket){
		.has = 1,
		.delivery_rate = 1ULL << 40,
		.pid = 1,
		.srtt_us = 2,
		.min_rtt_us = 3,
		.cwnd = 4,
	};
	memset(rec.socket.process, 'x', sizeof(rec.socket.process)); /* no NUL */
	assert_string_equal(
		render_health(&rec),
		"retransmits=100 rev_retransmits=200 retransmitted_bytes=18446744073709551515 "
		"rev_retransmitted_bytes=18446744073709551415 out_of_order=101 rev_out_of_order=201 "
		"dup_acks=102 rev_dup_acks=202 zero_windows=103 rev_zero_windows=203 resets=104 "
		"rev_resets=204 keep_alives=105 rev_keep_alives=205 syn_repeats=106 "
		"rev_syn_repeats=206 retransmits_kernel=107 rev_retransmits_kernel=207 drops=108 "
		"rev_drops=208 drop_bytes=109 rev_drop_bytes=209 handshake_us=110 "
		"rev_handshake_us=210 rtt_us=100 rev_rtt_us=200 rtt_min_us=0 rev_rtt_min_us=0 "
		"rtt_max_us=111 rev_rtt_max_us=211 rtt_samples=3 rev_rtt_samples=3 "
		"process=xxxxxxxxxxxxxxxx pid=1 srtt_us=2 min_rtt_us=3 cwnd=4 "
		"delivery_rate=1099511627776");
}

static void test_split_health(void **state)
{
	static const struct half_health none;

	(void)state;
	for (int i = 0; i < ROUNDS / 10; i++) {
		struct flow_record rec, half;

		random_record(&rec);
		random_health(&rec);
		for (int which = 0; which < 2; which++) {
			flow_record_split(&rec, which, &half);
			assert_memory_equal(&half.health[0], &rec.health[which], sizeof(none));
			assert_memory_equal(&half.health[1], &none, sizeof(none));
			assert_int_equal(half.has_health,
					 memcmp(&half.health[0], &none, sizeof(none)) != 0);
			if (rec.socket.has)
				assert_int_equal(half.socket.side, rec.socket.side != which);
			half.socket.side = rec.socket.side;
			assert_memory_equal(&half.socket, &rec.socket, sizeof(rec.socket));
		}
	}
}

static uint16_t turned(uint16_t ethertype, uint8_t proto, uint8_t marks, uint16_t sport)
{
	struct flow_record rec = make(ethertype, proto, NULL, NULL, sport, 0);
	struct flow_key rev;

	rec.key.marks = marks;
	flow_key_reverse(&rec.key, &rev);
	return ntohs(rev.sport);
}

static void test_reverse_types(void **state)
{
	static const struct {
		uint16_t ethertype;
		uint8_t proto;
		uint8_t marks;
		uint16_t from, to;
	} pairs[] = {
		{ETH_P_IP, 1, 0, 8, 0},
		{ETH_P_IP, 1, 0, 13, 14},
		{ETH_P_IP, 1, 0, 17, 18},
		{ETH_P_IP, 1, 0, 3, 3},
		{ETH_P_IP, 58, 0, 128, 129},
		{ETH_P_IPV6, 58, 0, 128, 129},
		{ETH_P_IPV6, 58, 0, 133, 134},
		{ETH_P_IPV6, 58, 0, 135, 136},
		{ETH_P_IPV6, 58, 0, 1, 1},
		{ETH_P_IP, 1, FLOW_MARK_FRAGMENT, 0, 0},
		{ETH_P_IP, 1, FLOW_MARK_SHORT, 0, 0},
		{ETH_P_IP, 1, FLOW_MARK_FOLDED, 0, 0},
		{ETH_P_IP, 1, FLOW_MARK_STAG, 8, 0},
		{ETH_P_ARP, 0, 0, 1, 2},
		{ETH_P_RARP, 0, 0, 3, 4},
		{ETH_P_ARP, 0, 0, 0, 0},
		{FLOW_ETH_LLC, 0, 0, 0x4242, 0x4242},
		{FLOW_ETH_LLC, 0, 0, 0xf004, 0x04f0},
		{FLOW_ETH_LLC, 0, 0, 0xe0ff, 0xfee1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_int_equal(
			turned(pairs[i].ethertype, pairs[i].proto, pairs[i].marks, pairs[i].from),
			pairs[i].to);
		assert_int_equal(
			turned(pairs[i].ethertype, pairs[i].proto, pairs[i].marks, pairs[i].to),
			pairs[i].from);
	}
}

static void test_reverse_twice(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct flow_record rec;
		struct flow_key rev, again;

		random_record(&rec);
		rec.key.ifnum = (uint16_t)random_u64();
		flow_key_reverse(&rec.key, &rev);
		assert_int_not_equal(rev.dir, rec.key.dir);
		assert_memory_equal(rev.src, rec.key.dst, sizeof(rev.src));
		assert_memory_equal(rev.dst, rec.key.src, sizeof(rev.dst));
		flow_key_reverse(&rev, &again);
		assert_memory_equal(&again, &rec.key, sizeof(again));
		flow_key_reverse(&rev, &rev); /* in place */
		assert_memory_equal(&rev, &rec.key, sizeof(rev));
	}
}

static void test_split(void **state)
{
	static const struct flow_half nothing;

	(void)state;
	for (int i = 0; i < ROUNDS / 10; i++) {
		struct flow_record rec, half[2];
		struct flow_key rev;

		random_record(&rec);
		flow_key_reverse(&rec.key, &rev);
		if (rec.key.marks & FLOW_MARK_MIRRORED)
			rev.dir = rec.key.dir;
		for (int which = 0; which < 2; which++) {
			flow_record_split(&rec, which, &half[which]);
			assert_memory_equal(&half[which].half[0], &rec.half[which],
					    sizeof(nothing));
			assert_memory_equal(&half[which].half[1], &nothing, sizeof(nothing));
			assert_int_equal(half[which].start_ms, rec.start_ms);
			assert_int_equal(half[which].end_ms, rec.end_ms);
			assert_int_equal(half[which].iface, rec.iface);
			assert_int_equal(half[which].end_reason, rec.end_reason);
		}
		assert_memory_equal(&half[0].key, &rec.key, sizeof(rev));
		assert_memory_equal(&half[1].key, &rev, sizeof(rev));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	      cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_ipv6),	      cmocka_unit_test(test_not_ip),
		cmocka_unit_test(test_unknown),	      cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_reverse_types), cmocka_unit_test(test_reverse_twice),
		cmocka_unit_test(test_split),	      cmocka_unit_test(test_health_none),
		cmocka_unit_test(test_health),	      cmocka_unit_test(test_split_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
