// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_cache_place.c: which way of its set a new key gets, and that it is found there first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/cache.h"

static void put(struct flow_set *set, __u32 way, const struct flow_key *key, __u32 tag, __u32 used)
{
	set->tag[way] = tag;
	set->used[way] = used;
	set->slot[way].key = *key;
}

/* A new key gets its first way, but for a free one, and for one whose flow is not idle for long. */
static void test_place(void **state)
{
	const __u32 now = 100, tag = 5U << 29 | 1;
	struct flow_key key = {.ethertype = 0x0800, .sport = 1};
	struct flow_set set = {};

	(void)state;
	assert_int_equal(cache_first(tag), 5);
	assert_int_equal(cache_place(&set, tag, now), 5);
	for (__u32 way = 0; way < FLOW_WAYS; way++)
		put(&set, way, &key, 1, cache_used(now - FLOW_IDLE_EPOCHS - (way == 2)));
	assert_int_equal(cache_place(&set, tag, now), 5);
	set.tag[6] = 0;
	assert_int_equal(cache_place(&set, tag, now), 6);
	set.tag[6] = 1;
	set.used[5] = cache_used(now - FLOW_IDLE_EPOCHS + 1);
	assert_int_equal(cache_place(&set, tag, now), 2);
	for (__u32 way = 0; way < FLOW_WAYS; way++)
		put(&set, way, &key, 1, cache_used(now));
	assert_int_equal(cache_place(&set, tag, now), 5);
	put(&set, 5, &key, 1, cache_used(FLOW_EPOCH_MASK));
	assert_int_equal(cache_place(&set, tag, FLOW_IDLE_EPOCHS), 5); /* epochs went round */
	assert_true(cache_holds(&set, 5, &key, 1));
	assert_false(cache_holds(&set, 5, &key, 3));
	key.marks ^= 1;
	assert_false(cache_holds(&set, 5, &key, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
