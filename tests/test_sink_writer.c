/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_sink_writer.c: the memory of batches, and the writer thread with a sink that does as it is
 * told.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>

#include "flowd/sink.h"

#define DEADLINE_MS 60000

static int fill(struct sink_batch *batch, size_t records)
{
	struct sink_books book = {.iface = 1};
	struct flow_record rec = {.iface = 1};
	int err = 0;

	sink_batch_reset(batch);
	for (rec.end_ms = 0; !err && (size_t)rec.end_ms < records; rec.end_ms++)
		err = sink_batch_add_record(batch, &rec);
	for (int64_t i = 0; !err && i < rec.end_ms; i += 1000)
		assert_int_equal(batch->record[i].end_ms, i);
	return err ? err : sink_batch_add_book(batch, &book);
}

static void test_batch_memory(void **state)
{
	struct sink_batch batch = {0};
	size_t capacity;

	(void)state;
	assert_int_equal(fill(&batch, 100000), 0);
	assert_int_equal(batch.records, 100000);
	assert_int_equal(batch.books, 1);
	capacity = batch.record_capacity;
	sink_batch_reset(&batch);
	assert_int_equal(batch.records + batch.books, 0);
	assert_int_equal(batch.record_capacity, capacity);
	for (int i = 0; i < 10; i++)
		sink_batch_reset(&batch); /* a burst's memory goes */
	assert_true(batch.record_capacity <= 16384);
	assert_int_equal(fill(&batch, 20000), 0);
	sink_batch_free(&batch);
	assert_null(batch.record);
	sink_batch_free(&batch);
}

/* A sink that fails as often as it is told, and takes its time. */
struct fake {
	struct sink sink;
	int failures;
	int delay_ms;
	int writes;
	bool begun; /* by the writer's thread */
	uint64_t last;
};

static int fake_write(struct sink *sink, const struct sink_batch *batch, char *error, size_t size)
{
	struct fake *fake = (struct fake *)sink;

	__atomic_store_n(&fake->begun, true, __ATOMIC_RELEASE);
	poll(NULL, 0, fake->delay_ms);
	fake->writes++;
	if (fake->failures) {
		fake->failures--;
		snprintf(error, size, "no luck");
		return -EIO;
	}
	fake->last = batch->sweep;
	return 0;
}

static void fake_free(struct sink *sink)
{
	((struct fake *)sink)->writes = -1;
}

static const struct sink_ops fake_ops = {.name = "fake", .write = fake_write, .free = fake_free};

static void wait_news(struct sink_writer *writer)
{
	struct pollfd pfd = {.fd = sink_writer_fd(writer), .events = POLLIN};

	assert_int_equal(poll(&pfd, 1, DEADLINE_MS), 1);
}

static void wait_begun(const struct fake *fake)
{
	for (int ms = 0; !__atomic_load_n(&fake->begun, __ATOMIC_ACQUIRE); ms++) {
		assert_true(ms < DEADLINE_MS);
		poll(NULL, 0, 1);
	}
}

static void test_writer(void **state)
{
	struct fake fake = {.sink = {&fake_ops}};
	struct sink_batch batch = {.sweep = 9, .records = 4};
	struct sink_writer *writer;
	struct sink_stats stats;

	(void)state;
	assert_int_equal(sink_writer_start(&fake.sink, &writer), 0);
	assert_int_equal(sink_writer_collect(writer), 0);
	for (uint64_t sweep = 1; sweep < 1000; sweep++) {
		batch.sweep = sweep;
		assert_int_equal(sink_writer_submit(writer, &batch), 0);
		assert_int_equal(sink_writer_submit(writer, &batch), -EBUSY);
		wait_news(writer);
		assert_int_equal(sink_writer_submit(writer, &batch), -EBUSY);
		assert_int_equal(sink_writer_collect(writer), 1);
		assert_int_equal(sink_writer_collect(writer), 0);
		assert_int_equal(fake.last, sweep);
	}
	sink_writer_stats(writer, &stats);
	assert_int_equal(stats.commits, 999);
	assert_int_equal(stats.rows, 999 * 4);
	assert_int_equal(stats.failed, 0);
	assert_false(stats.in_flight);
	assert_true(sink_writer_stop(writer, 1000));
	assert_int_equal(sink_writer_submit(writer, &batch), -EBUSY);
	sink_writer_free(writer);
	assert_int_equal(fake.writes, -1);
	sink_writer_free(NULL);
}

/* A failed batch is told of, comes again by itself, and at once when the writer is stopped. */
static void test_retry(void **state)
{
	struct fake fake = {.sink = {&fake_ops}, .failures = 2};
	struct sink_batch batch = {.sweep = 9};
	struct sink_writer *writer;
	struct sink_stats stats;

	(void)state;
	assert_int_equal(sink_writer_start(&fake.sink, &writer), 0);
	assert_int_equal(sink_writer_submit(writer, &batch), 0);
	wait_news(writer);
	assert_int_equal(sink_writer_collect(writer), 0);
	sink_writer_stats(writer, &stats);
	assert_int_equal(stats.failed, 1);
	assert_true(stats.in_flight);
	assert_string_equal(stats.error, "no luck");
	wait_news(writer); /* a second later */
	assert_int_equal(sink_writer_collect(writer), 0);
	assert_true(sink_writer_stop(writer, 900)); /* less than the pause */
	assert_int_equal(sink_writer_collect(writer), 1);
	sink_writer_stats(writer, &stats);
	assert_int_equal(stats.failed, 2);
	assert_int_equal(stats.commits, 1);
	assert_string_equal(stats.error, "");
	sink_writer_free(writer);
}

static void test_stop_in_vain(void **state)
{
	struct fake fake = {.sink = {&fake_ops}, .failures = 1000000};
	struct fake slow = {.sink = {&fake_ops}, .delay_ms = 200};
	struct sink_batch batch = {.sweep = 9};
	struct sink_writer *writer;

	(void)state;
	assert_int_equal(sink_writer_start(&fake.sink, &writer), 0);
	assert_int_equal(sink_writer_submit(writer, &batch), 0);
	assert_false(sink_writer_stop(writer, 100));
	assert_int_equal(sink_writer_collect(writer), 0);
	sink_writer_free(writer);
	assert_int_equal(sink_writer_start(&slow.sink, &writer), 0);
	assert_int_equal(sink_writer_submit(writer, &batch), 0);
	wait_begun(&slow); /* it is not left in the middle */
	assert_true(sink_writer_stop(writer, 0));
	assert_int_equal(sink_writer_collect(writer), 1);
	sink_writer_free(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_memory),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_stop_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
