/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_config_sample.c: the keys of the configuration by which packets are sampled: defaults, values, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "flowd/config.h"
#include "flowd/config_key.h"
#include "schema/sample.h"

static struct config config;

static int set(const char *key, const char *value, char *error)
{
	const struct config_key *row = config_key_find(key);

	assert_non_null(row);
	return config_key_set(row, &config, value, error);
}

static void test_defaults(void **state)
{
	char error[CONFIG_ERROR_MAX];

	(void)state;
	for (const struct config_key *key = config_keys; key->name; key++) {
		if (!strncmp(key->name, "sample", 6))
			assert_int_equal(config_key_set(key, &config, key->initial, error), 0);
	}
	assert_true(!config.sample_rate && !config.sample_first && !config.sample_triggers);
	assert_int_equal(config.sample_snaplen, SAMPLE_SNAPLEN);
	assert_string_equal(config.sample_filter, "");
	assert_int_equal(config.sample_ring_bytes, 8 << 20);
	assert_true(config.sample_age_ns == 7 * 86400 * 1000000000ULL);
	assert_true(config.sample_size_bytes == 256 << 20);
	assert_false(config.sample_drops);
}

/* What is told is what was given, or says the same. */
static void test_values(void **state)
{
	static const char *const values[][3] = {
		{"sample", "off", "off"},
		{"sample", "1/1", "1/1"},
		{"sample", "1/16777216", "1/16777216"},
		{"sample_first", "1000000", "1000000"},
		{"sample_triggers", "malformed,reset", "reset,malformed"},
		{"sample_triggers", "none", "none"},
		{"sample_snaplen", "9216", "9216"},
		{"sample_filter", "tcp[13] & 4 != 0", "tcp[13] & 4 != 0"},
		{"sample_filter", "none", "none"},
		{"sample_ring", "65536", "64K"},
		{"sample_age", "90m", "5400s"},
		{"sample_age", "2d", "172800s"},
		{"sample_size", "3000000", "3000000"},
		{"sample_size", "1G", "1G"},
		{"sample_drops", "yes", "yes"},
	};
	char error[CONFIG_ERROR_MAX], value[CONFIG_VALUE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_int_equal(set(values[i][0], values[i][1], error), 0);
		config_key_get(config_key_find(values[i][0]), &config, 0, value);
		assert_string_equal(value, values[i][2]);
	}
}

static void test_errors(void **state)
{
	static const char *const wrong[][3] = {
		{"sample", "1/0", "not off or 1/N, N a number from 1 to 16777216"},
		{"sample", "10", "not off or 1/N"},
		{"sample_first", "1000001", "not in 0 to 1000000"},
		{"sample_first", "-1", "not a number"},
		{"sample_first", "64K", "not a number"},
		{"sample_triggers", "reset,rst", "not none or a list of reset, retransmit"},
		{"sample_triggers", "", "not none or a list of"},
		{"sample_snaplen", "63", "not in 64 to 9216"},
		{"sample_snaplen", "9217", "not in 64 to 9216"},
		{"sample_filter", "", "empty"},
		{"sample_filter", "tcp ; udp", "holds ' ;', which begins a comment"},
		{"sample_ring", "3M", "not a power of two"},
		{"sample_ring", "4K", "not in 64K to 1G"},
		{"sample_age", "59s", "not in 60s to 315360000s"},
		{"sample_age", "1w", "not a duration"},
		{"sample_size", "1023K", "not in 1M to 1024G"},
		{"sample_size", "2000G", "not in 1M to 1024G"},
		{"sample_drops", "on", "not one of yes|no"},
	};
	char error[CONFIG_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(set(wrong[i][0], wrong[i][1], error), -EINVAL);
		if (strncmp(error, wrong[i][2], strlen(wrong[i][2])) != 0)
			fail_msg("%s '%s': told '%s', not '%s'", wrong[i][0], wrong[i][1], error,
				 wrong[i][2]);
	}
}

/* The longest one still fits a line of the file. */
static void test_longest_filter(void **state)
{
	char error[CONFIG_ERROR_MAX], text[256], line[512];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[183] = '\0';
	assert_int_equal(set("sample_filter", text, error), 0);
	assert_int_equal(snprintf(line, sizeof(line), "sample_filter = %s\n", text), 200);
	text[183] = 'x';
	text[184] = '\0';
	assert_int_equal(set("sample_filter", text, error), -EINVAL);
	assert_string_equal(error, "too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_longest_filter),
	};

	return cmocka_run_group_tests_name("config_sample", tests, NULL, NULL);
}
