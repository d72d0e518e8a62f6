/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_filter_tunnel.c: filters over records of tunnels, and of NICs that take VLAN tags off. */
#include <errno.h>

#include "filter_util.h"

/* What tcpdump says of the inner packet in a frame of its own; of the tunnel nothing is left. */
static const struct inner {
	const char *vector, *expression;
	int want;
} inners[] = {
	{"vxlan", "host 10.1.0.1 and udp port 5201", 1},
	{"vxlan", "udp port 4789 or host 192.0.2.1", 0},
	{"vxlan", "ip and not vlan", 1},
	{"vxlan at 8472, a tag inside", "vlan and udp", 1},
	{"gre", "host 10.1.0.2", 1},
	{"gre", "ip proto 47", 0},
	{"6in4", "ip6 and udp dst port 5201", 1},
	{"6in4", "ip proto 41", 0},
	{"gtp-u", "src host 10.1.0.1", 1},
	{"esp in vxlan: the VNI stays", "esp", 1},
	{"gre, mpls", "mpls", 0},
	{"gre, mpls", "host 10.1.0.1", 1},
};

static void test_inner(void **state)
{
	struct flow_record rec;
	struct flow_facts facts;
	struct flow_wrap wrap;
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(inners); i++) {
		const struct vector *v = vector_of(inners[i].vector);
		struct pkt_meta meta = {.len = v->size, .reach = v->size, .inner = 1};

		assert_true(v->inner);
		parse_packet(v->frame, &meta, &facts, &wrap);
		rec = (struct flow_record){.key = facts.key, .half = {{.packets = 1}}};
		if (match(inners[i].expression, &rec, 0, text) != inners[i].want)
			fail_msg("%s: '%s' is not %d (%s)", v->name, inners[i].expression,
				 inners[i].want, text);
	}
}

/* The two directions have SPIs and labels of their own. */
static void test_own_ids(void **state)
{
	struct flow_record rec;
	char text[512];

	(void)state;
	record_of_vector("esp4", &rec);
	rec.rev_tunnel_id = 0x12345678;
	rec.half[1].packets = 1;
	assert_int_equal(match("ip[20:4] = 0x9c401451", &rec, 0, text), 1);
	assert_int_equal(match("ip[20:4] = 0x9c401451", &rec, 1, text), 0);
	assert_int_equal(match("esp and ip[20:4] = 0x12345678", &rec, 1, text), 1);
	record_of_vector("mpls, ip", &rec);
	rec.rev_tunnel_id = 3U << FLOW_MPLS_SHIFT | 99;
	rec.half[1].packets = 1;
	assert_int_equal(match("mpls 16 and src host 10.1.0.1", &rec, 0, text), 1);
	assert_int_equal(match("mpls 99 and src host 10.1.0.1", &rec, 1, text), 0);
	assert_int_equal(match("mpls 99 and src host 10.1.0.2", &rec, 1, text), 0);
	assert_int_equal(match("mpls 99 and mpls", &rec, 1, text), 1);
}

/* An authentication header of IPv6 is seen through, and found where it is asked for. */
static void test_ah6(void **state)
{
	static const struct {
		const char *expression;
		int want;
	} cases[] = {
		{"ah", 1},
		{"not ah", 0},
		{"ip6 proto 51", 1},
		{"ip6[6] = 51", 1},
		{"ah and ip6[44:4] = 0x100", 1},
		{"ah and ip6[44:4] = 0x101", 0},
		{"ip6 protochain 51", 1},
		{"ip6 protochain 17", 1},
		{"ip6 protochain 6", 0},
		{"not ip6 protochain 17", 0},
		{"udp", 1},
		{"not udp", 0},
		{"udp dst port 5201", 1},
		{"tcp", 0},
		{"ah or tcp", 1},
		{"tcp or port 51", 0},
		{"src host 2001:db8::1", 1},
		{"ip proto 51", 0},
	};
	struct flow_record rec;
	char text[512];

	(void)state;
	record_of_vector("udp6", &rec);
	rec.key.tunnel_kind = FLOW_TUNNEL_AH;
	rec.key.tunnel_id = 0x100;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int got = match(cases[i].expression, &rec, 0, text);

		if (got != cases[i].want)
			fail_msg("'%s': %d, wanted %d (%s)", cases[i].expression, got,
				 cases[i].want, text);
	}
}

/* Of a link without EtherTypes: what is no IP is left out where more is asked for. */
static void test_no_type(void **state)
{
	struct flow_record rec = {.half = {{.packets = 1}}};
	char text[512];

	(void)state;
	assert_int_equal(match("ip", &rec, 0, text), 0);
	assert_int_equal(match("not ip and not ip6 and not arp", &rec, 0, text), 1);
	assert_int_equal(match("tcp port 80", &rec, 0, text), 0);
	assert_int_equal(match("not mpls", &rec, 0, text), 1);
	assert_int_equal(undecided("vlan", &rec), 1);
	rec.key.marks = FLOW_MARK_SHORT; /* may not even have an EtherType */
	assert_int_equal(undecided("ip", &rec), 1);
	assert_int_equal(undecided("not ip", &rec), 1);
	assert_int_equal(undecided("ether[0] >= 0", &rec), 1);
}

/* 1 or 0 as filter_match, 2: left out since the NIC may have taken a tag off. */
static void test_vlan_unknown(void **state)
{
	static const struct {
		const char *expression;
		int want;
	} cases[] = {
		{"udp", 1},
		{"host 10.1.0.1", 1},
		{"tcp", 0},
		{"vlan", 2},
		{"vlan 5", 2},
		{"not vlan", 2},
		{"not vlan 5", 2},
		{"vlan and udp", 2},
		{"vlan and tcp", 0},
		{"tcp and not vlan", 0},
		{"vlan and vlan", 0}, /* a NIC takes one off */
		{"udp or (vlan and udp)", 1},
		{"ether[12:2] = 0x8100", 2},
		{"ether[12:2] = 0x88a8", 2},
		{"udp port 33024", 0}, /* 0x8100, and no EtherType */
		{"udp or vlan 5", 2},
	};
	struct filter_error error;
	struct flow_record rec;
	struct filter *filter;

	(void)state;
	record_of_vector("udp4", &rec);
	rec.key.marks |= FLOW_MARK_VLAN_UNKNOWN;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int got;

		assert_int_equal(filter_compile(cases[i].expression, &filter, &error), 0);
		got = filter_match(filter, &rec, 0);
		if (filter_vlan_undecided(filter))
			got = got ? -1 : 2;
		if (got != cases[i].want)
			fail_msg("'%s': %d, wanted %d", cases[i].expression, got, cases[i].want);
		filter_free(filter);
	}
}

/* XDP does not know the tags of what came in; those of what went out are in the record. */
static void test_vlan_of_egress(void **state)
{
	static const struct {
		const char *expression;
		int in, out; /* 2: left out */
	} cases[] = {
		{"vlan 5", 2, 1},	{"vlan 6", 2, 0}, {"vlan", 2, 1},
		{"not vlan", 2, 0},	{"udp", 1, 0},	  {"tcp", 0, 0},
		{"vlan and udp", 2, 1}, {"not ip", 0, 1}, {"vlan 5 and src port 40000", 2, 0},
	};
	struct filter_error error;
	struct flow_record rec;
	struct filter *filter;

	(void)state;
	record_of_vector("udp4", &rec);
	rec.key.marks |= FLOW_MARK_VLAN_UNKNOWN;
	rec.key.vlan = FLOW_VLAN_TAGGED | 5;
	rec.key.dir = FLOW_INGRESS;
	rec.half[1].packets = 1;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int in, out;

		assert_int_equal(filter_compile(cases[i].expression, &filter, &error), 0);
		in = filter_match(filter, &rec, 0);
		if (filter_vlan_undecided(filter))
			in = in ? -1 : 2;
		out = filter_match(filter, &rec, 1);
		if (in != cases[i].in || out != cases[i].out)
			fail_msg("'%s': in %d, out %d", cases[i].expression, in, out);
		filter_free(filter);
	}
}

/* What asks for a tunnel is told of --tunnel, be it known to libpcap or not. */
static void test_tunnel_words(void **state)
{
	static const struct {
		const char *expression, *part;
	} bad[] = {
		{"geneve", "--tunnel geneve:ID"}, {"geneve 100 and tcp", "--tunnel geneve"},
		{"vxlan", "--tunnel vxlan"},	  {"udp and vxlan 100", "--tunnel vxlan"},
		{"gtp", "--tunnel gtpu"},	  {"not gre", "--tunnel gre"},
		{"vxlan 5", "udp port 4789"},	  {"4in6", "ip6 proto 4"},
		{"ifname eth0", "--iface NAME"},  {"tcp and on eth0", "--iface NAME"},
	};
	static const char *const good[] = {"ip proto \\gre", "port 4789", "esp", "mpls 5"};
	struct filter_error error;
	struct filter *filter;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(filter_compile(bad[i].expression, &filter, &error), -EINVAL);
		if (!strstr(error.text, bad[i].part) || !strstr(error.text, bad[i].expression))
			fail_msg("'%s': '%s'", bad[i].expression, error.text);
	}
	for (size_t i = 0; i < COUNT(good); i++) {
		if (filter_compile(good[i], &filter, &error))
			fail_msg("%s", error.text);
		filter_free(filter);
	}
	assert_int_equal(filter_compile("port nowhere", &filter, &error), -EINVAL);
	assert_null(strstr(error.text, "--"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inner),	     cmocka_unit_test(test_own_ids),
		cmocka_unit_test(test_ah6),	     cmocka_unit_test(test_no_type),
		cmocka_unit_test(test_vlan_unknown), cmocka_unit_test(test_vlan_of_egress),
		cmocka_unit_test(test_tunnel_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
