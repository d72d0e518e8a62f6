/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_timearg.c: times of the command line, with a fixed zone and a fixed now. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "cli/timearg.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* 2026-11-21T12:34:56.789Z; in the test's zone (UTC+1) 13:34:56. `date -d ... +%s` says the rest. */
#define NOW 1795264496789

static const struct {
	const char *text;
	int64_t ms;
} good[] = {
	{"now", NOW},
	{"0s", NOW},
	{"90s", NOW - 90000},
	{"10m", NOW - 600000},
	{"2h", NOW - 7200000},
	{"1d", NOW - 86400000},
	{"1w", NOW - 604800000},
	{"1h30m", NOW - 5400000},
	{"1d2h3m4s", NOW - 93784000},
	{"99999d", 0}, /* before 1970: all there is */
	{"@0", 0},
	{"@1795264496", NOW - 789},
	{"@1795264496.5", NOW - 289},
	{"2026-11-21T12:34:56.789Z", NOW},
	{"2026-11-21t12:34:56.789z", NOW},
	{"2026-11-21 12:34:56.789Z", NOW},
	{"2026-11-21T13:34:56.789+01:00", NOW},
	{"2026-11-21T07:04:56.7899-05:30", NOW},
	{"2026-11-21T07:34:56.789-0500", NOW},
	{"2026-11-21T12:34Z", NOW - 56789},
	{"2026-11-21 13:34:56", NOW - 789},
	{"2026-11-21 13:34", NOW - 56789},
	{"2026-11-21T13:34", NOW - 56789},
	{"2026-11-21", 1795215600000},
	{"13:34", NOW - 56789},
	{"13:34:56", NOW - 789},
	{"9:00", 1795248000000},
	{"00:00", 1795215600000},
	{"23:59:59", 1795301999000},
	{"2024-02-29", 1709161200000},
	{"1970-01-01T00:00:00Z", 0},
};

static const char *const bad[] = {
	"",
	"garbage",
	"10",
	"-5m",
	"5x",
	"10 m",
	"m",
	"1.5h",
	"@",
	"@-5",
	"@12x",
	"25:00",
	"10:60",
	"10:0",
	"2026-13-01",
	"2026-02-30",
	"2026-1-1",
	"2026-11-21T",
	"2026-11-21X10:00",
	"2026-11-21 10:00:00.",
	"2026-11-21T10:00:00+1",
	"2026-11-21T10:00:00Q",
	"now ",
	"10:00Z",
	"20261121",
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		int64_t ms = -1;
		int err = timearg_parse(good[i].text, NOW, &ms);

		if (err || ms != good[i].ms)
			fail_msg("'%s': %d, %" PRId64 ", wanted %" PRId64, good[i].text, err, ms,
				 good[i].ms);
	}
}

static void test_bad(void **state)
{
	int64_t ms = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (timearg_parse(bad[i], NOW, &ms) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	}
	assert_int_equal(timearg_parse("@99999999999", NOW, &ms), -ERANGE);
	assert_int_equal(timearg_parse("9999-01-01", NOW, &ms), -ERANGE);
	assert_int_equal(timearg_parse("1950-01-01", NOW, &ms), -ERANGE);
	assert_int_equal(ms, 42);
}

static void test_print(void **state)
{
	char buf[40];

	(void)state;
	timearg_rfc3339(NOW, buf, sizeof(buf));
	assert_string_equal(buf, "2026-11-21T12:34:56.789Z");
	timearg_rfc3339(5, buf, sizeof(buf));
	assert_string_equal(buf, "1970-01-01T00:00:00.005Z");
	timearg_local(NOW, 1, buf, sizeof(buf));
	assert_string_equal(buf, "2026-11-21 13:34:56.789");
	timearg_local(NOW, 0, buf, sizeof(buf));
	assert_string_equal(buf, "2026-11-21 13:34:56");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_print),
	};

	setenv("TZ", "WLT-1", 1); /* UTC+1, no daylight saving */
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
