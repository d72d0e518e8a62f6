/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_sink_say.c: when a sink is slow or behind, since when, and that the log has a line for each change and no more. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flowd/sink_say.h"

#define S 1000000000ULL
#define PATH "/var/lib/x.db"

/* What is logged from now on goes to a file. */
static int log_to_file(int *ret_file)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);

	assert_non_null(file);
	assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
	*ret_file = dup(fileno(file));
	fclose(file);
	return saved;
}

/* Lines that have `what`; all of them are in `text`. */
static int lines(int file, const char *what)
{
	static char text[65536];
	ssize_t size = pread(file, text, sizeof(text) - 1, 0);
	int count = 0;

	assert_true(size >= 0);
	text[size] = '\0';
	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		count++;
	return count;
}

static void end_log(int saved, int file)
{
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(file);
}

static void test_behind(void **state)
{
	struct sink_stats stats = {.last_us = 1000};
	struct sink_said said = {0};
	int file, saved = log_to_file(&file);

	(void)state;
	sink_say(&said, &stats, PATH, 100 * S);
	assert_int_equal(said.state, SINK_STATE_WRITING);
	snprintf(stats.error, sizeof(stats.error), "x.db: database or disk is full");
	stats.failing_ns = 101 * S;
	for (uint64_t now = 101; now < 160; now++) {
		stats.outage_tries = ++stats.tries;
		stats.in_flight = true;
		stats.submitted_ns = 101 * S;
		/* the reason may be another each time */
		stats.error[0] = now % 2 ? 'x' : 'y';
		sink_say(&said, &stats, PATH, now * S);
		assert_int_equal(said.state, SINK_STATE_BEHIND);
		assert_int_equal(said.since_ns, 101 * S);
	}
	stats.error[0] = '\0';
	stats.tries = stats.failing_ns = stats.submitted_ns = 0;
	sink_say(&said, &stats, PATH, 160 * S);
	assert_int_equal(said.state, SINK_STATE_WRITING);
	assert_int_equal(said.since_ns, 160 * S);
	assert_int_equal(lines(file, "\n"), 2);
	assert_int_equal(lines(file, "disk is full: flows wait in the flow map\n"), 1);
	assert_int_equal(lines(file, "commits go on after 59 failed tries\n"), 1);
	end_log(saved, file);
}

static void test_slow(void **state)
{
	struct sink_stats stats = {.in_flight = true, .submitted_ns = 10 * S};
	struct sink_said said = {0};
	int file, saved = log_to_file(&file);

	(void)state;
	sink_say(&said, &stats, PATH, 10 * S + SINK_SLOW_NS - 1);
	assert_int_equal(said.state, SINK_STATE_WRITING);
	sink_say(&said, &stats, PATH, 10 * S + SINK_SLOW_NS);
	assert_int_equal(said.state, SINK_STATE_SLOW);
	/* in, and the next one is not there yet: it is slow still */
	stats = (struct sink_stats){.last_us = 3000000};
	sink_say(&said, &stats, PATH, 14 * S);
	assert_int_equal(said.state, SINK_STATE_SLOW);
	assert_int_equal(said.since_ns, 10 * S + SINK_SLOW_NS);
	stats.last_us = 20000;
	sink_say(&said, &stats, PATH, 15 * S);
	assert_int_equal(said.state, SINK_STATE_WRITING);
	assert_int_equal(lines(file, "\n"), 2);
	assert_int_equal(lines(file, "takes 2 s or longer"), 1);
	assert_int_equal(lines(file, "fast again"), 1);
	end_log(saved, file);
}

/* A disk that comes and goes does not fill the log, and what holds in the end is told. */
static void test_flutter(void **state)
{
	struct sink_stats stats = {0};
	struct sink_said said = {0};
	int file, saved = log_to_file(&file);
	uint64_t now;

	(void)state;
	for (now = 1000; now < 1050; now++) {
		for (int i = 0; i < 10; i++) {
			snprintf(stats.error, sizeof(stats.error), "%s", i % 2 ? "no luck" : "");
			sink_say(&said, &stats, PATH, now * S + (uint64_t)i);
			assert_int_equal(said.state,
					 i % 2 ? SINK_STATE_BEHIND : SINK_STATE_WRITING);
		}
	}
	assert_int_equal(lines(file, "\n"), SINK_SAY_LINES);
	snprintf(stats.error, sizeof(stats.error), "%s",
		 said.logged == SINK_STATE_BEHIND ? "" : "no luck");
	sink_say(&said, &stats, PATH, now * S);
	assert_int_equal(lines(file, "\n"), SINK_SAY_LINES);
	sink_say(&said, &stats, PATH, (now + 60) * S);
	assert_int_equal(lines(file, "\n"), SINK_SAY_LINES + 1);
	end_log(saved, file);
}

/* What the sink itself has to say is said once. */
static void test_note(void **state)
{
	struct sink_stats stats = {.notes = 1, .note = "a new one is made"};
	struct sink_said said = {0};
	int file, saved = log_to_file(&file);

	(void)state;
	for (uint64_t now = 1; now < 5; now++)
		sink_say(&said, &stats, PATH, now * S);
	assert_int_equal(lines(file, "a new one is made"), 1);
	end_log(saved, file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_flutter),
		cmocka_unit_test(test_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
