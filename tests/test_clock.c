/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_clock.c: the two clocks and what turns one into the other; and the log's lines, which leave
 * whole in one write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "flowd/clock.h"
#include "flowd/log.h"

#define MS 1000000LL

static void test_to_wall(void **state)
{
	struct clock_offset zero = {0}, utc = {.ns = 1700000000000 * MS + 999999};
	struct clock_offset past = {.ns = -5 * MS};

	(void)state;
	assert_int_equal(clock_to_wall(zero, (struct mono){0}).ms, 0);
	assert_int_equal(clock_to_wall(zero, (struct mono){MS - 1}).ms, 0);
	assert_int_equal(clock_to_wall(zero, (struct mono){MS}).ms, 1);
	assert_int_equal(clock_to_wall(utc, (struct mono){0}).ms, 1700000000000);
	assert_int_equal(clock_to_wall(utc, (struct mono){1}).ms, 1700000000001);
	assert_int_equal(clock_to_wall(past, (struct mono){0}).ms, -5);
	assert_int_equal(clock_to_wall(past, (struct mono){1}).ms, -5);
	assert_int_equal(clock_to_wall(past, (struct mono){5 * MS}).ms, 0);
}

static void test_step(void **state)
{
	struct clock_offset a = {.ns = 100 * MS}, b = {.ns = 100 * MS + MS - 1};
	struct clock_offset later = {.ns = 3700 * MS};

	(void)state;
	assert_int_equal(clock_step_ms(a, a), 0);
	assert_int_equal(clock_step_ms(a, b), 0); /* slewing */
	assert_int_equal(clock_step_ms(b, a), 0);
	assert_int_equal(clock_step_ms(a, later), 3600);
	assert_int_equal(clock_step_ms(later, a), -3600);
}

/* /proc/PID/timens_offsets, as kernels write it. */
static void test_namespace(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{"monotonic           0         0\nboottime            0         0\n", 0},
		{"monotonic      100000         5\nboottime            7         0\n",
		 100000000 * MS + 5},
		{"monotonic          -2 500000000\nboottime            7         0\n", -1500 * MS},
		{"boottime            7         0\n", 0},
		{"", 0},
	};
	char path[] = "/tmp/wireledger-test-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ssize_t size = (ssize_t)strlen(cases[i].text);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, cases[i].text, (size_t)size, 0), size);
		assert_int_equal(clock_namespace_ns(path), cases[i].ns);
	}
	close(fd);
	unlink(path);
	assert_int_equal(clock_namespace_ns(path), 0);
}

/* The conversion of "now" lies between two readings of the wall clock. */
static void test_measure(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct clock_offset offset = clock_measure();
		struct wall before = clock_wall();
		struct wall between = clock_to_wall(offset, clock_mono());
		struct wall after = clock_wall();

		assert_true(between.ms >= before.ms - 1);
		assert_true(between.ms <= after.ms + 1);
	}
}

static void test_now(void **state)
{
	struct timespec before, after;
	struct mono first = clock_mono(), second = clock_mono();
	int64_t between_ms;

	(void)state;
	assert_true(second.ns >= first.ns);
	clock_gettime(CLOCK_REALTIME, &before);
	between_ms = clock_wall().ms;
	clock_gettime(CLOCK_REALTIME, &after);
	assert_in_range(between_ms / 1000, before.tv_sec, after.tv_sec);
	assert_true(clock_step_ms(clock_measure(), clock_measure()) == 0);
}

/* What log_line() writes to standard error. */
static void log_to(char *text, size_t size, enum log_level level, const char *message)
{
	int saved = dup(STDERR_FILENO), fd = memfd_create("stderr", MFD_CLOEXEC);
	ssize_t n;

	dup2(fd, STDERR_FILENO);
	errno = ENOENT;
	log_line(level, "%s %m", message);
	assert_int_equal(errno, ENOENT);
	dup2(saved, STDERR_FILENO);
	n = pread(fd, text, size - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	close(saved);
}

static void test_log_lines(void **state)
{
	static char text[8192], big[5000];

	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_open(LOG_LEVEL_WARNING);
	log_to(text, sizeof(text), LOG_LEVEL_INFO, "left out");
	assert_string_equal(text, "");
	log_to(text, sizeof(text), LOG_LEVEL_WARNING, "a\nb\033c");
	assert_string_equal(text, "flowd: a b c No such file or directory\n");
	memset(big, 'x', sizeof(big) - 1);
	log_to(text, sizeof(text), LOG_LEVEL_ERR, big);
	assert_true(strlen(text) < 2048);
	assert_string_equal(text + strlen(text) - 5, "x...\n");
}

static void test_log_journal(void **state)
{
	struct stat st;
	char stream[64], text[256];
	int saved = dup(STDERR_FILENO), fd = memfd_create("journal", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(fd, STDERR_FILENO);
	log_open(LOG_LEVEL_INFO);
	dup2(saved, STDERR_FILENO);
	log_to(text, sizeof(text), LOG_LEVEL_WARNING, "eth0:");
	assert_string_equal(text, "<4>eth0: No such file or directory\n");
	log_open(LOG_LEVEL_INFO); /* standard error is another one now */
	log_to(text, sizeof(text), LOG_LEVEL_WARNING, "eth0:");
	assert_string_equal(text, "flowd: eth0: No such file or directory\n");
	unsetenv("JOURNAL_STREAM");
	close(fd);
	close(saved);
}

/* What ended before a step is told by what the clock was then. */
static void test_then(void **state)
{
	struct clock_steps steps = {.count = 0};
	struct clock_offset now = {1000};

	(void)state;
	assert_int_equal(clock_then(&steps, now, (struct mono){5}).ns, 1000);
	clock_stepped(&steps, (struct clock_offset){10}, (struct mono){100});
	clock_stepped(&steps, (struct clock_offset){20}, (struct mono){200});
	assert_int_equal(clock_then(&steps, now, (struct mono){5}).ns, 10);
	assert_int_equal(clock_then(&steps, now, (struct mono){100}).ns, 10);
	assert_int_equal(clock_then(&steps, now, (struct mono){101}).ns, 20);
	assert_int_equal(clock_then(&steps, now, (struct mono){201}).ns, 1000);
	for (int i = 3; i <= CLOCK_STEPS + 1; i++)
		clock_stepped(&steps, (struct clock_offset){i * 10},
			      (struct mono){(uint64_t)i * 100});
	assert_int_equal(steps.count, CLOCK_STEPS);
	assert_int_equal(clock_then(&steps, now, (struct mono){5}).ns, 20);
	assert_int_equal(clock_then(&steps, now, (struct mono){801}).ns, 90);
	assert_int_equal(clock_then(&steps, now, (struct mono){901}).ns, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_wall),	  cmocka_unit_test(test_step),
		cmocka_unit_test(test_then),	  cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_measure),	  cmocka_unit_test(test_now),
		cmocka_unit_test(test_log_lines), cmocka_unit_test(test_log_journal),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
