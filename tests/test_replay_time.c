/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_replay_time.c: a replay's clock, and what ends and pairs by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pcap/dlt.h>

#include "replay_run.h"

static void no_linger(struct config *config)
{
	config->linger_ns = 0;
}

/* So they are wherever the next packet, and with it the sweep, comes; and nothing ends too early. */
static void test_pairing_later(void **state)
{
	(void)state;
	for (uint64_t gap = 500 * MS; gap < 3 * S; gap += 100 * MS) {
		for (int linger = 0; linger < 2; linger++) {
			capture_begin(DLT_EN10MB, 1, 0);
			add(START, 1, 2, 0x02);
			add(START + MS, 2, 1, 0x12);
			add(START + 2 * MS, 1, 2, 0x11);
			add(START + 3 * MS, 2, 1, 0x11);
			if (linger && gap < 2 * S)
				add(START + gap, 1, 2, 0x10); /* the last ACK */
			add(START + gap, 3, 4, 0);
			assert_int_equal(run(linger ? NULL : no_linger), 0);
			assert_int_equal(ask("SELECT count(*) FROM flow"), 2);
			assert_int_equal(ask("SELECT count(*) FROM flow WHERE rev_packets = 2"), 1);
		}
	}
}

/* Packets without a time, out of order by far, and of after 2038. */
static void test_times(void **state)
{
	(void)state;
	capture_begin(DLT_EN10MB, 1, 0);
	add(START, 1, 2, 0);
	add(0, 1, 2, 0);
	add(START + S, 1, 2, 0);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT packets FROM flow"), 3);
	assert_int_equal(ask("SELECT duration_ms FROM flow"), 1000);
	capture_begin(DLT_EN10MB, 1, 0);
	add(START, 1, 2, 0);
	add(START - 3600 * S, 1, 2, 0);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT sum(duration_ms) FROM flow"), 60000);
	capture_begin(DLT_EN10MB, 1, 0);
	add(2200000000 * S, 1, 2, 0);
	assert_int_equal(run(NULL), 0);
	assert_int_equal(ask("SELECT id >> 20 FROM flow"), 2200000000000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairing_later),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, dir_setup, teardown);
}
