/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_hostname_cache.c: the cache of host names: what is made of a name and of a file that anybody may
 * have written; and of a record, which port's service it has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

#include "cli/hostname_cache.h"
#include "cli/services.h"
#include "schema/flow_record.h"

#define NOW 1795255200
#define HEAD "wireledger-names 1 s\n"

static void parse_address(const char *text, bool *ret_ipv6, __be32 addr[4])
{
	memset(addr, 0, 16);
	*ret_ipv6 = strchr(text, ':') != NULL;
	assert_int_equal(inet_pton(*ret_ipv6 ? AF_INET6 : AF_INET, text, addr), 1);
}

/* The name, "" where it is known that there is none, NULL where nothing is known. */
static const char *look(const struct hostname_cache *cache, const char *address)
{
	const struct hostname_entry *entry;
	__be32 addr[4];
	bool ipv6;

	parse_address(address, &ipv6, addr);
	entry = hostname_cache_get(cache, ipv6, addr);
	return !entry ? NULL : entry->name ? entry->name : "";
}

static void put(struct hostname_cache *cache, const char *address, const char *name, int64_t until)
{
	__be32 addr[4];
	bool ipv6;

	parse_address(address, &ipv6, addr);
	assert_int_equal(hostname_cache_put(cache, ipv6, addr, name, until), 0);
}

/* Lines, each ended by a newline; how many made no sense. */
static size_t parse(struct hostname_cache *cache, const char *text, const char *stamp)
{
	char *copy = strdup(text); /* of the text's own size: a sanitizer sees what reads beyond */
	size_t bad;

	assert_non_null(copy);
	assert_int_equal(hostname_cache_parse(cache, copy, stamp, NOW, &bad), 0);
	free(copy);
	return bad;
}

static void test_clean(void **state)
{
	static const struct {
		const char *name, *clean; /* NULL: nothing is left */
	} cases[] = {
		{"host.example.org", "host.example.org"},
		{"Host-1_a.example.org.", "Host-1_a.example.org"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"a\033[31mb\r\nc.example", "a??31mb??c.example"},
		{"b\303\274cher.example", "b??cher.example"},
		{"a b,c\"d;e=f", "a?b?c?d?e?f"},
		{"-rf.example", "?rf.example"},
		{".example", "?example"},
		{"8.8.8.8", NULL},
		{"8.8.8.8.", NULL},
		{"2001-db8", "2001-db8"},
		{"", NULL},
		{".", NULL},
		{"-", NULL},
		{"\t\n\033", NULL},
		{"\342\200\256.", NULL},
	};
	char buf[HOSTNAME_SIZE], again[HOSTNAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool left = hostname_clean(cases[i].name, buf);

		assert_int_equal(left, cases[i].clean != NULL);
		if (!left)
			continue;
		assert_string_equal(buf, cases[i].clean);
		assert_true(hostname_clean(buf, again));
		assert_string_equal(again, buf);
	}
}

static void test_length(void **state)
{
	char name[300], buf[HOSTNAME_SIZE];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[253] = 0;
	assert_true(hostname_clean(name, buf));
	assert_int_equal(strlen(buf), 253);
	name[253] = 'a';
	name[254] = 0;
	assert_false(hostname_clean(name, buf));
	name[254] = 'a';
	name[299] = 0;
	assert_false(hostname_clean(name, buf));
}

static void test_parse(void **state)
{
	struct hostname_cache cache = {0};

	(void)state;
	assert_int_equal(parse(&cache,
			       HEAD "10.1.0.1 1795255201 host.example.org\n"
				    "2001:db8::1 1795300000 six.example.org\n"
				    "10.1.0.2 1795255300 -\n"
				    "10.1.0.3 1795255200 late.example.org\n",
			       "s"),
			 0);
	assert_string_equal(look(&cache, "10.1.0.1"), "host.example.org");
	assert_string_equal(look(&cache, "2001:db8::1"), "six.example.org");
	assert_string_equal(look(&cache, "10.1.0.2"), "");
	assert_null(look(&cache, "10.1.0.3")); /* expired */
	assert_null(look(&cache, "a01:1::"));  /* 10.1.0.1's bytes, of the other family */
	assert_int_equal(cache.used, 3);
	hostname_cache_free(&cache);
}

static void test_bad_lines(void **state)
{
	static const char *const lines[] = {
		"10.1.0.1",
		"10.1.0.1 1795255300",
		"10.1.0.1  host",
		"10.1.0.1 1795255300 ",
		"10.1.0.256 1795255300 host",
		"host 1795255300 host",
		" 10.1.0.1 1795255300 host",
		"10.1.0.1 soon host",
		"10.1.0.1 -1795255300 host",
		"10.1.0.1 +1795255300 host",
		"10.1.0.1 1795255300x host",
		"10.1.0.1 99999999999999999999 host",
		"10.1.0.1 1795955300 host", /* in a week */
		"10.1.0.1 1795255300 host\r",
		"10.1.0.1 1795255300 ho st",
		"10.1.0.1 1795255300 a\033[31mb",
		"10.1.0.1 1795255300 -host",
		"10.1.0.1 1795255300 8.8.8.8",
		"10.1.0.1 1795255300 host.",
		"wireledger-names 1 s",
	};
	struct hostname_cache cache = {0};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), HEAD "%s\n10.1.0.9 1795255300 good\n", lines[i]);
		assert_int_equal(parse(&cache, text, "s"), 1);
		assert_null(look(&cache, "10.1.0.1"));
		assert_string_equal(look(&cache, "10.1.0.9"), "good");
		hostname_cache_free(&cache);
	}
}

static void test_no_file_of_ours(void **state)
{
	static const char *const texts[] = {"", "\n", "wireledger-names",
					    "wireledger-names 2 s\n10.1.0.1 1795255300 host\n",
					    "10.1.0.1 1795255300 host\n"};
	struct hostname_cache cache = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(parse(&cache, texts[i], "s"), 1);
	/* Of another configuration: that is nothing bad. */
	assert_int_equal(parse(&cache, HEAD "10.1.0.1 1795255300 host\n", "t"), 0);
	assert_int_equal(parse(&cache, HEAD "10.1.0.1 1795255300 host\n", ""), 0);
	assert_int_equal(cache.used, 0);
	/* The last line has no end: it may have been cut. */
	assert_int_equal(parse(&cache, HEAD "10.1.0.1 1795255300 host", "s"), 1);
	assert_int_equal(cache.used, 0);
	hostname_cache_free(&cache);
}

static void test_put_again(void **state)
{
	struct hostname_cache cache = {0};

	(void)state;
	put(&cache, "10.1.0.1", "old", NOW + 1);
	put(&cache, "10.1.0.1", "new", NOW + 2);
	assert_string_equal(look(&cache, "10.1.0.1"), "new");
	put(&cache, "10.1.0.1", NULL, NOW + 3);
	assert_string_equal(look(&cache, "10.1.0.1"), "");
	assert_int_equal(cache.used, 1);
	hostname_cache_free(&cache);
	assert_null(look(&cache, "10.1.0.1"));
}

/* All that was put is there, is written, and is read again. */
static void test_round(void **state)
{
	struct hostname_cache cache = {0}, again = {0};
	char address[32], name[32], *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(address, sizeof(address), i % 2 ? "10.0.%d.%d" : "fd00::%x:%x", i / 250,
			 i % 250);
		snprintf(name, sizeof(name), "host-%d", i);
		put(&cache, address, i % 3 ? name : NULL, NOW + 100 + i);
	}
	put(&cache, "10.9.9.9", "expired", NOW);
	assert_int_equal(hostname_cache_write(&cache, "s", NOW, file), 0);
	fclose(file);
	assert_int_equal(parse(&again, text, "s"), 0);
	free(text);
	assert_int_equal(again.used, 5000);
	for (int i = 0; i < 5000; i++) {
		snprintf(address, sizeof(address), i % 2 ? "10.0.%d.%d" : "fd00::%x:%x", i / 250,
			 i % 250);
		snprintf(name, sizeof(name), "host-%d", i);
		assert_string_equal(look(&again, address), i % 3 ? name : "");
	}
	assert_null(look(&again, "10.9.9.9"));
	hostname_cache_free(&cache);
	hostname_cache_free(&again);
}

/* Of more than are kept, those that expire first are left out. */
static void test_too_many(void **state)
{
	struct hostname_cache cache = {0}, again = {0};
	char address[32], *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	for (int i = 0; i < HOSTNAME_CACHE_MAX + 7; i++) {
		snprintf(address, sizeof(address), "10.0.%d.%d", i / 250, i % 250);
		put(&cache, address, "host", NOW + 1 + i);
	}
	assert_int_equal(hostname_cache_write(&cache, "s", NOW, file), 0);
	fclose(file);
	assert_int_equal(parse(&again, text, "s"), 0);
	free(text);
	assert_int_equal(again.used, HOSTNAME_CACHE_MAX);
	assert_null(look(&again, "10.0.0.6"));
	assert_string_equal(look(&again, "10.0.0.7"), "host");
	hostname_cache_free(&cache);
	hostname_cache_free(&again);
}

static const char *service(struct services *services, uint8_t proto, int sport, int dport, int syn)
{
	struct flow_record rec = {.key = {.ethertype = ETH_P_IP,
					  .proto = proto,
					  .src = {htonl(0x0a000001)},
					  .dst = {htonl(0x0a000002)},
					  .sport = htons((uint16_t)sport),
					  .dport = htons((uint16_t)dport)}};
	const char *name;

	rec.half[0].tcp_syn = syn & 1;
	rec.half[1].tcp_syn = syn >> 1 & 1;
	name = services_of(services, &rec);
	return name ? name : "";
}

static void test_service(void **state)
{
	struct services *services;

	(void)state;
	assert_int_equal(services_new(&services), 0);
	assert_string_equal(service(services, IPPROTO_TCP, 40000, 443, 1), "https");
	assert_string_equal(service(services, IPPROTO_TCP, 40000, 443, 0), "https");
	assert_string_equal(service(services, IPPROTO_TCP, 443, 40000, 0), "https");
	/* The SYN tells it, whatever the ports are. */
	assert_string_equal(service(services, IPPROTO_TCP, 22, 443, 1), "https");
	assert_string_equal(service(services, IPPROTO_TCP, 22, 443, 2), "ssh");
	assert_string_equal(service(services, IPPROTO_TCP, 22, 443, 3), "ssh");
	/* By protocol: 514 is one thing here and another one there. */
	assert_string_equal(service(services, IPPROTO_TCP, 40000, 514, 1), "shell");
	assert_string_equal(service(services, IPPROTO_UDP, 40000, 514, 0), "syslog");
	assert_string_equal(service(services, IPPROTO_TCP, 40000, 40001, 1), "");
	assert_string_equal(service(services, IPPROTO_ICMP, 8, 0, 0), "");
	services_free(services);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),		cmocka_unit_test(test_length),
		cmocka_unit_test(test_parse),		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_no_file_of_ours), cmocka_unit_test(test_put_again),
		cmocka_unit_test(test_round),		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
