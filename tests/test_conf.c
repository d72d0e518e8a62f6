/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_conf.c: a configuration file that cannot be read: whether it is the path's fault or the host's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "schema/conf.h"

static char told[256]; /* by the last try() */
static int keys;

static int set(void *user, const char *iface, const char *name, const char *value,
	       char ret_error[CONF_ERROR_MAX])
{
	(void)user, (void)iface, (void)name, (void)value, (void)ret_error;
	keys++;
	return 0;
}

static void complain(const char *text)
{
	snprintf(told, sizeof(told), "%s", text);
}

static int try(const char *path, bool required)
{
	const struct conf_reader reader = {set, complain, NULL};

	told[0] = '\0';
	keys = 0;
	return conf_read(path, required, &reader);
}

static void test_missing(void **state)
{
	(void)state;
	assert_int_equal(try("/nonexistent/x", false), 0);
	assert_string_equal(told, "");
	assert_int_equal(try("/nonexistent/x", true), -EINVAL);
	assert_string_equal(told, "/nonexistent/x: cannot be read: No such file or directory");
}

static void test_not_a_file(void **state)
{
	(void)state;
	assert_int_equal(try("/tmp", false), -EINVAL);
	assert_string_equal(told, "/tmp: cannot be read: Is a directory");
}

/* No wrong configuration: flowd is to be started again (RestartPreventExitStatus= of its unit). */
static void test_no_descriptor(void **state)
{
	struct rlimit limit, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(try("/dev/null", false), -EMFILE);
	assert_string_equal(told, "/dev/null: cannot be read: Too many open files");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(try("/dev/null", true), 0);
	assert_int_equal(keys, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_not_a_file),
		cmocka_unit_test(test_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
