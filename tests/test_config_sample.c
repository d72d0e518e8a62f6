/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_config_sample.c: the keys of the configuration by which packets are sampled: defaults, values, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flowd/config.h"
#include "flowd/config_key.h"
#include "flowd/config_section.h"
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
	assert_true(!config.sample.rate && !config.sample.first && !config.sample.triggers);
	assert_int_equal(config.sample.snaplen, SAMPLE_SNAPLEN);
	assert_string_equal(config.sample.filter, "");
	assert_int_equal(config.sample_ring_bytes, 8 << 20);
	assert_true(config.sample_age_ns == 7 * 86400 * 1000000000ULL);
	assert_true(config.sample_size_bytes == 256 << 20);
	assert_false(config.drops_sample);
}

/* What is told is what was given, or says the same. */
static void test_values(void **state)
{
	static const char *const values[][3] = {
		{"sample", "off", "off"},
		{"sample", "1/1", "1/1"},
		{"sample", "1/16777216", "1/16777216"},
		{"sample.first", "1000000", "1000000"},
		{"sample.triggers", "malformed,reset", "reset,malformed"},
		{"sample.triggers", "none", "none"},
		{"sample.snaplen", "9216", "9216"},
		{"sample.filter", "tcp[13] & 4 != 0", "tcp[13] & 4 != 0"},
		{"sample.filter", "none", "none"},
		{"sample.ring", "65536", "64K"},
		{"sample.age", "90m", "5400s"},
		{"sample.age", "2d", "2d"},
		{"sample.size", "3000000", "3000000"},
		{"sample.size", "1G", "1G"},
		{"rollup.keys", "0", "0"},
		{"rollup.keys", "1000000", "1000000"},
		{"drops.sample", "yes", "yes"},
		{"drops.sample", "off", "no"},
		{"drops.sample", "on", "yes"},
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
		{"sample.first", "1000001", "not in 0 to 1000000"},
		{"sample.first", "-1", "not a number"},
		{"sample.first", "64K", "not a number"},
		{"sample.triggers", "reset,rst", "not none or a list of reset, retransmit"},
		{"sample.triggers", "", "not none or a list of"},
		{"sample.snaplen", "63", "not in 64 to 9216"},
		{"sample.snaplen", "9217", "not in 64 to 9216"},
		{"sample.filter", "", "empty"},
		{"sample.filter", "tcp ; udp", "holds ' ;', which begins a comment"},
		{"sample.ring", "3M", "not a power of two"},
		{"sample.ring", "4K", "not in 64K to 1G"},
		{"sample.age", "59s", "not in 60s to 10y"},
		{"sample.age", "1w", "not a duration"},
		{"sample.size", "1023K", "not in 1M to 1024G"},
		{"sample.size", "2000G", "not in 1M to 1024G"},
		{"rollup.keys", "1000001", "not in 0 to 1000000"},
		{"rollup.keys", "5K", "not a number"},
		{"drops.sample", "maybe", "not one of yes|no"},
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
	assert_int_equal(set("sample.filter", text, error), 0);
	assert_int_equal(snprintf(line, sizeof(line), "sample.filter = %s\n", text), 200);
	text[183] = 'x';
	text[184] = '\0';
	assert_int_equal(set("sample.filter", text, error), -EINVAL);
	assert_string_equal(error, "too long");
}

static int load(const char *text, struct config *ret_config)
{
	char path[] = "/tmp/wlsection.XXXXXX";
	char flowd[] = "flowd", config_flag[] = "--config", check[] = "-n";
	char *argv[] = {flowd, config_flag, path, check, NULL};
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	err = config_load(4, argv, ret_config);
	unlink(path);
	return err;
}

/* What differs for an interface, and what does not; and printed, it says the same. */
static void test_sections(void **state)
{
	static const char text[] = "[flowd]\nsample = 1/10\nsample.first = 3\nsample.filter = udp\n"
				   "[interface eth0]\nsample = off\nsample.filter = none\n"
				   "[interface\teth1.100 ]\nsample.snaplen = 9000\n"
				   "[flowd]\nsample = 1/20\n"
				   "[interface eth0]\nsample.triggers = reset\n";
	static struct config c, again;
	struct config_sample sample;
	char *printed;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	assert_int_equal(load(text, &c), 0);
	assert_int_equal(c.sections, 2);
	assert_null(config_section_find(&c, "eth2"));
	sample = config_section_sample(&c, config_section_find(&c, "eth2"));
	assert_true(sample.rate == 20 && sample.first == 3 && !sample.triggers);
	assert_string_equal(sample.filter, "udp");
	sample = config_section_sample(&c, config_section_find(&c, "eth0"));
	assert_true(!sample.rate && sample.first == 3 && sample.triggers == SAMPLE_RESET);
	assert_true(!sample.filter[0] && sample.snaplen == SAMPLE_SNAPLEN);
	sample = config_section_sample(&c, config_section_find(&c, "eth1.100"));
	assert_true(sample.rate == 20 && sample.snaplen == 9000);
	assert_string_equal(sample.filter, "udp");
	config_print(&c, out);
	fclose(out);
	assert_int_equal(load(printed, &again), 0);
	assert_memory_equal(&c, &again, sizeof(c));
	free(printed);
}

static void test_bad_sections(void **state)
{
	static const char *const wrong[] = {
		"[interface]\nsample = 1/2\n",
		"[interface ]\nsample = 1/2\n",
		"[interfaceeth0]\nsample = 1/2\n",
		"[interface 1234567890123456]\nsample = 1/2\n",
		"[interface eth0]\nidle = 5s\n",
		"[interface eth0]\nsample.ring = 1M\n",
		"[interface eth0]\ndrops.sample = yes\n",
		"[interface eth0]\nsample.snaplen = 5\n",
		"[interface eth0]\ncolour = blue\n",
		"[interface eth0]\nsample.filter = tcp por 443\n",
	};
	static struct config c;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(load(wrong[i], &c), -EINVAL);
}

/* As many as there can be interfaces. */
static void test_many_sections(void **state)
{
	char error[CONFIG_ERROR_MAX], name[16];
	static struct config c;

	(void)state;
	for (int i = 0; i < FLOW_IFACES - 1; i++) {
		snprintf(name, sizeof(name), "eth%d", i);
		assert_int_equal(config_section_set(&c, name, "sample", "1/2", error), 0);
	}
	assert_int_equal(config_section_set(&c, "eth7", "sample.first", "1", error), 0);
	assert_int_equal(config_section_set(&c, "onemore", "sample", "1/2", error), -EINVAL);
	assert_string_equal(error, "in more than 255 sections of interfaces");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),      cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),	      cmocka_unit_test(test_longest_filter),
		cmocka_unit_test(test_sections),      cmocka_unit_test(test_bad_sections),
		cmocka_unit_test(test_many_sections),
	};

	return cmocka_run_group_tests_name("config_sample", tests, NULL, NULL);
}
