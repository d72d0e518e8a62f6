/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_iface_want.c: names, patterns, and what is left out of these. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "flowd/config.h"
#include "flowd/iface_want.h"

static struct config made_of(const char *const *word)
{
	struct config config = {.interfaces = 0};

	for (; *word; word++)
		snprintf(config.interface[config.interfaces++], CONFIG_IFACE_MAX, "%s", *word);
	return config;
}

static void names_and_patterns(void **state)
{
	static const char *const words[] = {"eth0",    "veth*",	  "tap[0-9]", "wg?",
					    "!veth9*", "!veth-b", NULL};
	static const struct {
		const char *name;
		enum iface_wish wish;
	} want[] = {
		{"eth0", IFACE_BY_NAME},     {"eth00", IFACE_UNWANTED},
		{"eth", IFACE_UNWANTED},     {"veth", IFACE_BY_PATTERN},
		{"veth1", IFACE_BY_PATTERN}, {"xveth1", IFACE_UNWANTED},
		{"veth9", IFACE_UNWANTED},   {"veth91", IFACE_UNWANTED},
		{"veth-b", IFACE_UNWANTED},  {"veth-bb", IFACE_BY_PATTERN},
		{"tap7", IFACE_BY_PATTERN},  {"tapx", IFACE_UNWANTED},
		{"wg0", IFACE_BY_PATTERN},   {"wg10", IFACE_UNWANTED},
		{"", IFACE_UNWANTED},
	};
	struct config config = made_of(words);

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(iface_wanted(&config, want[i].name), want[i].wish);
	assert_true(iface_any_wanted(&config));
	assert_true(iface_any_pattern(&config));
}

/* What is left out is left out of patterns, whatever the order; a name is meant. */
static void a_name_is_meant(void **state)
{
	static const char *const words[] = {"!eth*", "eth1", "*", NULL},
				 *const out[] = {"!lo", NULL}, *const name[] = {"eth0", NULL};
	struct config config = made_of(words);

	(void)state;
	assert_int_equal(iface_wanted(&config, "eth1"), IFACE_BY_NAME);
	assert_int_equal(iface_wanted(&config, "eth2"), IFACE_UNWANTED);
	assert_int_equal(iface_wanted(&config, "lo"), IFACE_BY_PATTERN);
	config = made_of(out);
	assert_false(iface_any_wanted(&config));
	assert_false(iface_any_pattern(&config));
	assert_int_equal(iface_wanted(&config, "eth1"), IFACE_UNWANTED);
	config = made_of(name);
	assert_true(iface_any_wanted(&config));
	assert_false(iface_any_pattern(&config));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_patterns),
		cmocka_unit_test(a_name_is_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
