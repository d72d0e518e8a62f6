/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_filter.c: filters over records against libpcap's own verdict over the packets. Every frame
 * of vectors.h goes through a capture file; what the parser makes of it becomes a record; for each
 * expression filter_match must say what pcap_offline_filter says of the frame.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "cli/filter.h"
#include "filter_expressions.h"
#include "filter_known.h"
#include "filter_util.h"

/* Frames as a capture would hold them: whole ones, each for itself, tags in the bytes. */
static bool usable(const struct vector *v)
{
	return !v->vlan_proto && !v->l3_proto && !v->reach && v->segments < 2 && !v->gso_size &&
	       !v->inner && v->verdict == VERDICT_FLOW;
}

/* A capture of every usable vector, in a temporary file. */
static FILE *write_capture(unsigned *ret_frames)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	FILE *file = tmpfile();
	pcap_dumper_t *dump = pcap_dump_fopen(pcap, fdopen(dup(fileno(file)), "w"));
	static uint8_t frame[16384];

	*ret_frames = 0;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];
		uint32_t len = v->len ? v->len : v->size;
		struct pcap_pkthdr header = {.caplen = len, .len = len};

		if (!usable(v))
			continue;
		memset(frame, 0, sizeof(frame));
		memcpy(frame, v->frame, v->size);
		pcap_dump((u_char *)dump, &header, frame);
		++*ret_frames;
	}
	pcap_dump_close(dump);
	pcap_close(pcap);
	rewind(file);
	return file;
}

static unsigned compare(const char *expression, FILE *file)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_fopen_offline(fdopen(dup(fileno(file)), "r"), text);
	struct filter_error error = {""};
	struct pcap_pkthdr *header;
	struct bpf_program program;
	struct flow_record rec;
	struct filter *filter;
	const u_char *frame;
	unsigned bad = 0;

	assert_non_null(pcap);
	if (filter_compile(expression, &filter, &error))
		fail_msg("%s", error.text);
	assert_int_equal(pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN), 0);
	while (pcap_next_ex(pcap, &header, &frame) == 1) {
		int want = pcap_offline_filter(&program, header, frame) != 0, got;
		uint64_t undecided = filter_undecided(filter);

		if (filter_known(frame, header->caplen, &program))
			continue;
		record_of(frame, header->caplen, &rec);
		got = filter_match(filter, &rec, 0);
		if (got == want || filter_undecided(filter) != undecided)
			continue;
		bad++;
		filter_explain(filter, &error);
		print_error("'%s': got %d, libpcap says %d (%s) of a frame of %u bytes, type %#x\n",
			    expression, got, want, got < 0 ? error.text : "", header->len,
			    rec.key.ethertype);
	}
	pcap_freecode(&program);
	filter_free(filter);
	pcap_close(pcap);
	rewind(file);
	return bad;
}

static void test_agrees_with_libpcap(void **state)
{
	unsigned frames, bad = 0;
	FILE *file = write_capture(&frames);

	(void)state;
	assert_true(frames > 50);
	for (size_t i = 0; i < COUNT(filter_expressions); i++)
		bad += compare(filter_expressions[i], file);
	fclose(file);
	assert_int_equal(bad, 0);
}

/* What a record does not keep, and how the error names it. */
static const struct unknown {
	const char *expression, *vector, *part;
} unknowns[] = {
	{"ip[8] > 64", "udp4", "the byte at offset 22 (IPv4 time to live)"},
	{"ip[1] != 0", "udp4", "offset 15 (IPv4 type of service)"},
	{"ip[2:2] > 100", "udp4", "offset 16 (IPv4 total length)"},
	{"ip[4:2] = 0x1234", "udp4", "offset 18 (IPv4 identification)"},
	{"ip[6] & 0x40 != 0", "udp4", "offset 20 (IPv4 fragment flags and offset)"},
	{"ip[6:2] & 0x1fff = 185", "ip4 middle fragment", "offset 20 (IPv4 fragment flags"},
	{"ip[10:2] = 0", "udp4", "offset 24 (IPv4 checksum)"},
	{"ip[0] & 0xf > 5", "udp4", "offset 14 (IPv4 header length)"},
	{"vlan and ip[8] = 1", "vlan 100", "offset 26 (IPv4 time to live)"},
	{"ip6[7] = 255", "udp6", "offset 21 (IPv6 hop limit)"},
	{"ip6[4:2] > 100", "udp6", "offset 18 (IPv6 payload length)"},
	{"ip6[0:4] & 0xfffff != 0", "udp6", "offset 14 (IPv6 traffic class and flow label)"},
	{"tcp[4:4] = 1", "tcp4 syn", "offset 38 (TCP sequence number)"},
	{"tcp[12] & 0xf0 > 0x50", "tcp4 syn", "offset 46 (TCP header length)"},
	{"tcp[14:2] = 0", "tcp4 syn", "offset 48 (TCP window)"},
	{"tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420", "tcp4 syn",
	 "offset 46 (TCP header length)"},
	{"udp[4:2] > 100", "udp4", "offset 38 (UDP length)"},
	{"udp[8] = 1", "udp4", "offset 42 (payload)"},
	{"icmp[4:2] = 7", "icmp4 echo request", "offset 38 (rest of the ICMP header)"},
	{"ether host 2:0:0:0:0:1", "udp4", "offset 0 (Ethernet destination address)"},
	{"ether broadcast", "arp request", "(Ethernet destination address)"},
	{"ether[14] & 0xe0 = 0xe0", "vlan 100", "offset 14 (VLAN priority)"},
	{"ether[12:2] = 38", "stp", "offset 12 (802.3 length)"},
	{"greater 100", "udp4", "the length of a packet"},
	{"len = 60", "arp request", "the length of a packet"},
	{"arp[8] = 2", "arp request", "(ARP sender hardware address)"},
	{"ether[14] = 2", "lldp", "offset 14 (payload)"},
	{"ether[100] = 2", "ospf4", "offset 100 (payload)"},
	{"inbound", "udp4", "--dir and --iface ask"},
	{"mpls 1048575 and mpls 2", "mpls of 3 entries, ip6",
	 "offset 18 (MPLS label and traffic class)"},
	{"mpls and ether[17] = 64", "mpls, ip", "offset 17 (MPLS time to live)"},
	{"ether[12:2] = 0x8864 and ether[18:2] = 30", "pppoe, ip", "offset 18 (PPPoE length)"},
	{"ether[12:2] = 0x8864 and ether[20:2] = 0xc021", "pppoe, lcp", "offset 20 (PPP protocol)"},
	{"mpls and ip and ip[8] = 1", "mpls, ip", "offset 26 (IPv4 time to live)"},
	{"esp and ip[24:4] = 1", "esp4", "offset 38 (ESP sequence number)"},
	{"ether[17] = 1", "fabricpath", "offset 17 (payload)"},
	{"ip protochain 17", "ah4", "offset 34 (AH next header)"},
	{"ipx", "ipx in raw 802.3", "offset 18 (payload)"},
};

static void test_unknown_bits(void **state)
{
	struct flow_record rec;
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(unknowns); i++) {
		const struct unknown *u = &unknowns[i];

		record_of_vector(u->vector, &rec);
		if (match(u->expression, &rec, 0, text) != -ENODATA)
			fail_msg("'%s' is decided", u->expression);
		if (!strstr(text, u->part) || !strstr(text, u->expression))
			fail_msg("'%s': error '%s', wanted '%s'", u->expression, text, u->part);
	}
}

/* A bit that is unknown and does not matter does no harm. */
static void test_unknown_and_irrelevant(void **state)
{
	static const struct {
		const char *expression;
		int want;
	} cases[] = {
		{"ip[8] > 64 or udp port 5201", 1},
		{"udp port 5201 or ip[8] > 64", 1},
		{"ip[8] > 64 and tcp", 0},
		{"tcp and ip[8] > 64", 0},
		{"ip[8] >= 0", 1},
		{"greater 0", 1},
		{"ip[8] & 0 = 0", 1},
		{"ip[8] < 256", 1},
		{"ip[8] | 1 != 0", 1},
		{"ip[2:2] >> 16 = 0", 1},
		{"ip[8] = 300", 0},
		{"ether[14] & 0x40 != 0", 1},
	};
	struct flow_record rec;
	char text[512];

	(void)state;
	record_of_vector("udp4", &rec);
	for (size_t i = 0; i < COUNT(cases); i++) {
		int got = match(cases[i].expression, &rec, 0, text);

		if (got != cases[i].want)
			fail_msg("'%s': %d, wanted %d (%s)", cases[i].expression, got,
				 cases[i].want, text);
	}
}

static void test_reverse_direction(void **state)
{
	struct flow_record rec;
	char text[512];

	(void)state;
	record_of_vector("tcp4 syn", &rec);
	rec.half[1] = (struct flow_half){.packets = 1, .tcp_flags = 0x12};
	assert_int_equal(match("src host 10.1.0.2", &rec, 0, text), 0);
	assert_int_equal(match("src host 10.1.0.2", &rec, 1, text), 1);
	assert_int_equal(match("dst port 40000 and tcp[tcpflags] = tcp-syn|tcp-ack", &rec, 1, text),
			 1);
	record_of_vector("icmp4 echo request", &rec);
	assert_int_equal(match("icmp[icmptype] = icmp-echoreply", &rec, 1, text), 1);
	assert_int_equal(match("icmp[icmptype] = icmp-echoreply", &rec, 0, text), 0);
}

/* Records that have lost detail match where it does not matter, and are counted where it does. */
static void test_lost_detail(void **state)
{
	struct filter_error error;
	struct flow_record rec;
	struct filter *filter;
	char text[512];

	(void)state;
	record_of_vector("udp4", &rec);
	rec.key.marks |= FLOW_MARK_FOLDED;
	rec.key.src[0] = 0;
	rec.key.sport = 0;
	rec.half[0].packets = 7;
	assert_int_equal(match("dst host 10.1.0.2 and udp dst port 5201", &rec, 0, text), 1);
	assert_int_equal(match("tcp", &rec, 0, text), 0);
	assert_int_equal(filter_compile("src host 10.1.0.1", &filter, &error), 0);
	assert_int_equal(filter_match(filter, &rec, 0), 0);
	assert_int_equal(filter_undecided(filter), 7);
	filter_free(filter);
	memset(&rec.key, 0, sizeof(rec.key));
	rec.key.marks = FLOW_MARK_CATCHALL;
	assert_int_equal(match("ip", &rec, 0, text), 0);
	assert_int_equal(match("not ip", &rec, 0, text), 0);
}

/* Whether the frame ended there, or a length in a header said so, is not known. */
static void test_cut_short(void **state)
{
	struct flow_record rec;
	char text[512];

	(void)state;
	record_of_vector("ip4 ports cut by the frame", &rec);
	assert_int_equal(match("udp", &rec, 0, text), 1);
	assert_int_equal(match("host 10.1.0.2", &rec, 0, text), 1);
	assert_int_equal(undecided("port 0", &rec), 1);
	assert_int_equal(undecided("not port 0", &rec), 1);
	assert_int_equal(undecided("tcp", &rec), 0);
	record_of_vector("ip4 without a header", &rec);
	assert_int_equal(match("ip", &rec, 0, text), 1);
	assert_int_equal(undecided("host 0.0.0.0", &rec), 1);
	record_of_vector("ip6 extension cut by the frame", &rec);
	assert_int_equal(undecided("ip6 proto 60", &rec), 1);
	record_of_vector("mpls cut in its second entry", &rec);
	assert_int_equal(match("mpls 100", &rec, 0, text), 1);
	assert_int_equal(match("mpls 5", &rec, 0, text), 0);
	assert_int_equal(undecided("mpls and ip", &rec), 1);
	record_of_vector("pppoe of another version", &rec);
	assert_int_equal(undecided("pppoes 7", &rec), 1);
	record_of_vector("pppoe of another version", &rec);
	rec.key.tunnel_kind = FLOW_TUNNEL_PPPOE; /* the PPP protocol was cut off */
	rec.key.tunnel_id = 7;
	rec.key.marks |= FLOW_MARK_SHORT;
	assert_int_equal(match("pppoes 7", &rec, 0, text), 1);
	assert_int_equal(undecided("pppoes and ip", &rec), 1);
	assert_int_equal(undecided("pppoes and not ip", &rec), 1);
	record_of_vector("udp4", &rec); /* a header with an impossible length */
	rec.key.marks |= FLOW_MARK_SHORT;
	rec.key.sport = rec.key.dport = 0;
	assert_int_equal(undecided("ip[6:2] & 0x1fff != 0", &rec), 1);
	assert_int_equal(undecided("ip[6:2] & 0x1fff = 0", &rec), 1);
}

static void test_syntax(void **state)
{
	static const char *const bad[] = {"host",	 "tcp port",	"port 99999",
					  "(tcp",	 "foo bar baz", "vlan 5000",
					  "tcp and udp", "ip broadcast"};
	struct filter_error error;
	struct filter *filter = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		error.text[0] = 0;
		assert_int_equal(filter_compile(bad[i], &filter, &error), -EINVAL);
		assert_null(filter);
		assert_memory_equal(error.text, "filter '", 8);
		assert_non_null(strstr(error.text, bad[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_libpcap),
		cmocka_unit_test(test_unknown_bits),
		cmocka_unit_test(test_unknown_and_irrelevant),
		cmocka_unit_test(test_reverse_direction),
		cmocka_unit_test(test_lost_detail),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_syntax),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
