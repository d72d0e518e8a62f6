/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_sink_iface.c: rows of table interface that come with batches. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/sink_util.h"

/* A row of an interface comes with a batch, and changes; its number is given back. */
static void test_iface(void **state)
{
	struct sink_iface iface = {
		.id = 7,
		.ifindex = 12,
		.netns = 5,
		.generation = 99,
		.ifnum = 3,
		.name = "veth7",
		.mode = {"xdp-native", ""},
		.first_ms = 1000,
	};
	static const char sql[] =
		"SELECT format('%s %d %d %d %d %s %s %d %s', name, ifindex, netns, ifnum, generation, "
		"ingress, egress, first_ms, last_ms) FROM interface WHERE id = 7";
	struct sink_batch batch = {.sweep = 1};
	struct sqlite3 *db;
	struct sink *sink = open_sink(&db);

	(void)state;
	assert_int_equal(sink_batch_add_iface(&batch, &iface), 0);
	assert_write(sink, &batch);
	assert_query_text(db, sql, "veth7 12 5 3 99 xdp-native  1000 ");
	sink_batch_reset(&batch);
	assert_int_equal(batch.ifaces, 0);
	snprintf(iface.mode[0], sizeof(iface.mode[0]), "tcx");
	snprintf(iface.mode[1], sizeof(iface.mode[1]), "tcx");
	iface.last_ms = 2000;
	iface.ifnum = -3;
	assert_int_equal(sink_batch_add_iface(&batch, &iface), 0);
	assert_write(sink, &batch);
	assert_query_text(db, sql, "veth7 12 5 -3 99 tcx tcx 1000 2000");
	assert_int_equal(query_int(db, "SELECT count(*) FROM interface"), 1);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_iface, dir_setup, dir_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
