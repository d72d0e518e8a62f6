/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_sink_log.c: when a log is held by a reader, and how often its checkpoint is tried then. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flowd/sink_log.h"

#define S 1000000000ULL
#define PAGE 4096
#define FRAME (PAGE + 24)

/* It is copied, and begins anew: nobody holds it, however long a batch made it. */
static void test_nobody(void **state)
{
	struct sink_log log = {0};

	(void)state;
	for (uint64_t round = 0; round < 5; round++) {
		for (int frames = 100; frames < 50000; frames += 4000)
			sink_log_committed(&log, frames, PAGE, round * S);
		assert_true(sink_log_due(&log, round * S));
		sink_log_copied(&log, round * S, round * S + 1000);
		sink_log_committed(&log, 50, PAGE, round * S + 2000);
		assert_int_equal(log.held_ns, 0);
		assert_int_equal(log.bytes, 50 * FRAME);
		assert_true(sink_log_due(&log, round * S + 2000));
	}
	assert_int_equal(log.max_bytes, 48100LL * FRAME);
}

/* Commits go on behind what was copied. */
static void test_held(void **state)
{
	struct sink_log log = {0};
	int tries = 0;

	(void)state;
	sink_log_committed(&log, 5000, PAGE, 10 * S);
	sink_log_copied(&log, 10 * S, 10 * S);
	for (uint64_t ms = 1; ms <= 60000; ms += 100) {
		uint64_t now = 10 * S + ms * 1000000;

		sink_log_committed(&log, 5000 + (int)ms, PAGE, now);
		assert_int_equal(log.held_ns, 10 * S + 1000000);
		if (!sink_log_due(&log, now))
			continue;
		/* which takes 200 ms */
		sink_log_copied(&log, now - 200000000, now);
		tries++;
	}
	/* one in 4 s */
	assert_in_range(tries, 13, 17);
	sink_log_committed(&log, 40, PAGE, 80 * S);
	assert_int_equal(log.held_ns, 0);
	assert_true(sink_log_due(&log, 80 * S));
}

/* A reader that came and went between two commits is none. */
static void test_gone(void **state)
{
	struct sink_log log = {0};

	(void)state;
	sink_log_committed(&log, 5000, PAGE, S);
	sink_log_copied(&log, S, S);
	sink_log_committed(&log, 5100, PAGE, 2 * S);
	assert_int_equal(log.held_ns, 2 * S);
	/* copied once more: as long as before, it began anew */
	assert_true(sink_log_due(&log, 3 * S));
	sink_log_copied(&log, 3 * S, 3 * S);
	sink_log_committed(&log, 5100, PAGE, 4 * S);
	assert_int_equal(log.held_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
