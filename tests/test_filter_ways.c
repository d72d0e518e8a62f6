/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_filter_ways.c: where a filter is said to say the same of both directions of a record, it does: of random
 * records, with filters of the grammar and with some that ask for either end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/filter.h"
#include "cli/filter_ways.h"
#include "tests/fuzz_filter_grammar.h"
#include "tests/random_flow.h"

#define FILTERS 3000
#define RECORDS 60

static const char *const same[] = {
	"port 53",
	"host 10.0.0.1 or port 5201",
	"net 10.0.0.0/8 and not port 53",
	"tcp port 53 || udp portrange 1-32000",
	"ip6 and (tcp or udp)",
	"net 0.0.0.0/1",
	"net 128.0.0.0 mask 128.0.0.0 && !tcp",
	"ip host 10.1.2.3",
	"host 2001:db8::1 or net 8000::/1",
	"not ip",
	"",
};

static const char *const other[] = {
	"src port 53",
	"dst net 10.0.0.0/8",
	"tcp[13] & 2 != 0",
	"icmp",
	"vlan 7 and port 53",
	"ether host 02:00:00:00:00:01",
	"host localhost",
	"ip proto 6",
	"arp",
	"port domain",
	"inbound",
	"ip[8] < 5",
	"greater 100",
};

/* How many records that has been held for. */
static unsigned compare(const char *expression)
{
	struct filter_error error;
	struct filter *filter;
	unsigned count = 0;

	if (filter_compile(expression, &filter, &error))
		return 0;
	for (int i = 0; i < RECORDS; i++) {
		struct flow_record rec;

		random_record(&rec);
		if (random_below(2))
			rec.key.marks = 0;
		if (random_below(2))
			rec.key.vlan = rec.key.cvlan = 0;
		if (random_below(2))
			rec.key.sport = htons(random_below(2) ? 53 : 5201);
		if (!filter_same_ways(filter, &rec))
			continue;
		count++;
		assert_int_equal(filter_match(filter, &rec, 0), filter_match(filter, &rec, 1));
		assert_int_equal(filter_undecided(filter) + filter_vlan_undecided(filter), 0);
	}
	filter_free(filter);
	return count;
}

static void test_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		unsigned count = 0;

		assert_true(filter_ways_same(same[i]));
		for (int k = 0; k < 100; k++)
			count += compare(same[i]);
		assert_true(count > RECORDS);
	}
}

static void test_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_false(filter_ways_same(other[i]));
}

static void test_grammar(void **state)
{
	unsigned count = 0;

	(void)state;
	for (int i = 0; i < FILTERS; i++) {
		char text[GRAMMAR_TEXT];
		uint64_t bytes[8];

		for (size_t n = 0; n < sizeof(bytes) / sizeof(bytes[0]); n++)
			bytes[n] = random_u64();
		grammar_make((const uint8_t *)bytes, sizeof(bytes), text);
		count += compare(text);
	}
	assert_true(count > RECORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_other),
		cmocka_unit_test(test_grammar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
