/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_community.c: Community IDs that were computed by the words of the specification with other tools. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/community.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Of ICMP: type and code. */
static const struct {
	uint8_t proto;
	const char *src, *dst;
	uint16_t sport, dport;
	const char *id;
} cases[] = {
	{6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{1, "192.168.0.1", "192.168.0.89", 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{132, "192.168.170.8", "192.168.170.56", 7, 80, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
	{6, "10.0.0.1", "10.0.0.1", 40000, 80, "1:VSepksiL0eg8U15xNTOfjO9fI8M="},
	{6, "10.0.0.1", "10.0.0.1", 80, 40000, "1:VSepksiL0eg8U15xNTOfjO9fI8M="},
	{6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
	 "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
	{58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0,
	 "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 0,
	 "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{1, "192.168.0.89", "192.168.0.1", 3, 1, "1:LXCfhMUFbYXe+CEMrQuZCbiLY3o="},
	{1, "192.168.0.1", "192.168.0.89", 11, 0, "1:5ppgsucJbrpJCp1T8kvBKS94Ib0="},
	{58, "fe80::1", "fe80::2", 1, 4, "1:PQpOWBr5/ICePGOnTMaFJZeK2us="},
	{47, "10.1.2.3", "10.1.2.1", 0, 0, "1:XXxMQeQWhUDuhExBmOW0AgazzGM="},
	{89, "10.1.2.1", "224.0.0.5", 0, 0, "1:oW0jQbJ+HrSzNsivNBob6xh0NGs="},
};

static struct flow_key make_key(size_t i)
{
	struct flow_key key = {
		.ethertype = strchr(cases[i].src, ':') ? 0x86dd : 0x0800,
		.proto = cases[i].proto,
		.sport = htons(cases[i].sport),
		.dport = htons(cases[i].dport),
	};
	int family = key.ethertype == 0x0800 ? AF_INET : AF_INET6;

	assert_int_equal(inet_pton(family, cases[i].src, key.src), 1);
	assert_int_equal(inet_pton(family, cases[i].dst, key.dst), 1);
	return key;
}

static void test_known(void **state)
{
	char id[COMMUNITY_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct flow_key key = make_key(i);

		assert_true(community_id(&key, id));
		if (strcmp(id, cases[i].id) != 0)
			fail_msg("%s > %s, protocol %u: %s, not %s", cases[i].src, cases[i].dst,
				 cases[i].proto, id, cases[i].id);
		assert_true(community_id_is(id));
	}
}

/* Interface, direction, tags and tunnels do not matter. */
static void test_rest(void **state)
{
	struct flow_key key = make_key(0);
	char id[COMMUNITY_ID_SIZE];

	(void)state;
	key.vlan = 5;
	key.ifnum = 3;
	key.dir = 1;
	key.tunnel_kind = 3;
	key.tunnel_id = 7;
	key.marks = FLOW_MARK_VLAN_UNKNOWN;
	assert_true(community_id(&key, id));
	assert_string_equal(id, cases[0].id);
	key.marks = FLOW_MARK_FOLDED;
	assert_false(community_id(&key, id));
	key.marks = 0;
	key.ethertype = 0x0806;
	assert_false(community_id(&key, id));
}

static void test_form(void **state)
{
	(void)state;
	assert_true(community_id_is("1:LQU9qZlK+B5F3KDmev6m5PMibrg="));
	assert_false(community_id_is("2:LQU9qZlK+B5F3KDmev6m5PMibrg="));
	assert_false(community_id_is("1:LQU9qZlK+B5F3KDmev6m5PMibrg"));
	assert_false(community_id_is("1:LQU9qZlK+B5F3KDmev6m5PMibr=g"));
	assert_false(community_id_is("1:LQU9qZlK-B5F3KDmev6m5PMibrg="));
	assert_false(community_id_is(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_form),
	};

	return cmocka_run_group_tests_name("community", tests, NULL, NULL);
}
