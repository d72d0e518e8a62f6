/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_sink_sample.c: samples in a batch's memory, and how long they stay in the database: by age, by
 * size, step by step; and that the sum of what they take is right whatever happens.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "flowd/clock.h"
#include "schema/db_sample.h"
#include "tests/random_flow.h"
#include "tests/sink_util.h"

#define STEP 2048 /* rows dropped by a batch beside as many as it brings */
#define SECOND_NS 1000000000LL
#define PACKET 128

static struct sqlite3 *db;
static struct sink *sink;
static struct sink_batch batch;

static int setup(void **state)
{
	int err = dir_setup(state);

	sink = open_sink(&db);
	return err;
}

static int teardown(void **state)
{
	sink->ops->free(sink);
	sink_batch_free(&batch);
	return dir_teardown(state);
}

static int64_t now_ns(void)
{
	return clock_wall().ms * 1000000;
}

static void add(int64_t time_ns, uint32_t captured)
{
	static const uint8_t frame[SAMPLE_SNAPLEN_MAX] = {1, 2, 3};
	struct sample_record sample = {.time_ns = time_ns,
				       .link = 1,
				       .length = captured,
				       .captured = captured,
				       .packets = 1,
				       .rate = 1000,
				       .why = SAMPLE_RATE,
				       .iface = 1,
				       .device = "eth0",
				       .frame = frame};

	sample.key.ethertype = random_below(4) ? ETH_P_IP : ETH_P_IPV6;
	sample.key.proto = 6;
	sample.key.sport = htons(40000);
	sample.key.dport = htons(443);
	sample.key.src[0] = sample.key.dst[0] = (__be32)random_u64();
	assert_int_equal(sink_batch_add_sample(&batch, &sample), 0);
}

static int64_t stored_bytes(void)
{
	int64_t bytes = -2;

	return db_meta_get_int(db, "sample_bytes", &bytes) ? -1 : bytes;
}

static int64_t rows(void)
{
	return query_int(db, "SELECT count(*) FROM sample");
}

/* By every row. */
static int64_t true_bytes(void)
{
	struct sample_record sample;
	struct db_samples samples;
	int64_t bytes = 0;
	int have;

	assert_int_equal(db_samples_open(db, INT64_MIN, INT64_MAX, 0, &samples), 0);
	while ((have = db_samples_next(&samples, &sample)) > 0)
		bytes += db_sample_bytes(sample.captured);
	assert_int_equal(have, 0);
	db_samples_close(&samples);
	return bytes;
}

/* Write a batch of that many packets from a time on, a microsecond apart. */
static void write_batch(int64_t time_ns, size_t count, uint32_t captured)
{
	sink_batch_reset(&batch);
	for (size_t i = 0; i < count; i++)
		add(time_ns + (int64_t)i * 1000, captured);
	assert_write(sink, &batch);
	assert_int_equal(stored_bytes(), true_bytes());
}

static void reopen(int64_t age_ns, int64_t bytes)
{
	sink->ops->free(sink);
	sink = open_sink(&db);
	sink_sqlite_retain(sink, age_ns, bytes);
}

/* Frames stay those of their samples while the memory grows under them, and after it has shrunk. */
static void test_batch_memory(void **state)
{
	static uint8_t frame[SAMPLE_SNAPLEN_MAX];
	size_t burst = 0;

	(void)state;
	for (int round = 0; round < 12; round++) {
		size_t count = round ? 100 : 40000;

		sink_batch_reset(&batch);
		assert_int_equal(batch.samples + batch.frame_bytes, 0);
		for (size_t i = 0; i < count; i++) {
			struct sample_record sample = {.frame = frame,
						       .captured = (uint32_t)(i * 31 % 300)};

			memset(frame, (int)i, sample.captured);
			assert_int_equal(sink_batch_add_sample(&batch, &sample), 0);
			memset(frame, 0, sample.captured);
		}
		for (size_t i = 0; i < count; i++) {
			memset(frame, (int)i, batch.sample[i].captured);
			assert_int_equal(batch.sample[i].captured, i * 31 % 300);
			assert_memory_equal(batch.sample[i].frame, frame, i * 31 % 300);
		}
		burst = round ? burst : batch.frame_capacity;
	}
	assert_true(burst > 5000000 && batch.frame_capacity < burst / 4);
	assert_true(batch.sample_capacity <= 16384);
}

/* Nothing that could be a sample but what has none. */
static void test_empty_frames(void **state)
{
	struct sample_record sample = {.frame = NULL};

	(void)state;
	assert_int_equal(sink_batch_add_sample(&batch, &sample), 0);
	assert_int_equal(sink_batch_add_sample(&batch, &sample), 0);
	assert_write(sink, &batch);
	assert_int_equal(query_int(db, "SELECT count(*) FROM sample WHERE frame = x''"), 2);
	assert_int_equal(stored_bytes(), 2 * db_sample_bytes(0));
}

/* Without limits nothing goes, and a batch without samples leaves the sum alone. */
static void test_unlimited(void **state)
{
	(void)state;
	assert_write(sink, &batch);
	assert_int_equal(stored_bytes(), -1);
	write_batch(0, 5000, PACKET);
	write_batch(-1000 * SECOND_NS, 5000, PACKET);
	sink_batch_reset(&batch);
	assert_write(sink, &batch);
	assert_int_equal(rows(), 10000);
}

/* What was too old goes by steps, oldest first, with batches that bring nothing too. */
static void test_age(void **state)
{
	int64_t now = now_ns(), left = 10000;

	(void)state;
	write_batch(now - 3600 * SECOND_NS, 10000, PACKET);
	write_batch(now - 1800 * SECOND_NS, 10, PACKET);
	reopen(1900 * SECOND_NS, 0);
	for (int i = 0; left > 0; i++) {
		size_t count = i % 2 ? 100 : 0;

		write_batch(now + i * SECOND_NS, count, PACKET);
		left = left > STEP + (int64_t)count ? left - STEP - (int64_t)count : 0;
		assert_int_equal(query_int(db, "SELECT count(*) FROM sample WHERE id < "
					       "(strftime('%s') - 1900) * 1000000000"),
				 left);
	}
	write_batch(now + 100 * SECOND_NS, 0, 0);
	assert_int_equal(rows(), 10 + 200);
	assert_true(query_int(db, "SELECT min(id) FROM sample") == now - 1800 * SECOND_NS);
}

/* At the limit as many go as come; far above it, it shrinks with each batch, however many that brings. */
static void test_size(void **state)
{
	const int64_t row = db_sample_bytes(PACKET), limit = 5000 * row;
	int64_t time = 0, before;

	(void)state;
	for (int i = 0; i < 4; i++, time += SECOND_NS)
		write_batch(time, 10000, PACKET);
	reopen(0, limit);
	for (int i = 0; i < 4; i++, time += SECOND_NS) {
		before = stored_bytes();
		write_batch(time, 3000, PACKET);
		assert_int_equal(stored_bytes(), before - STEP * row);
	}
	while (stored_bytes() > limit) {
		before = stored_bytes();
		write_batch(time, 0, 0);
		assert_true(stored_bytes() == before - STEP * row || stored_bytes() == limit);
	}
	for (int i = 0; i < 4; i++, time += SECOND_NS) {
		write_batch(time, 1000, PACKET);
		assert_int_equal(stored_bytes(), limit);
	}
	assert_true(query_int(db, "SELECT max(id) FROM sample") == time - SECOND_NS + 999000);
	assert_int_equal(rows(), 5000);
}

/* Large ones push out as many small ones as they need, so that it does not grow meanwhile. */
static void test_size_of_large(void **state)
{
	const int64_t limit = 20000 * db_sample_bytes(PACKET);
	int64_t time = 0;

	(void)state;
	reopen(0, limit);
	write_batch(time, 20000, PACKET);
	for (int i = 0; i < 3; i++) {
		time += SECOND_NS;
		write_batch(time, 300, SAMPLE_SNAPLEN_MAX);
		assert_true(stored_bytes() <= limit);
	}
	time += SECOND_NS;
	write_batch(time, 10, 0);
	assert_true(query_int(db, "SELECT min(id) FROM sample") > SECOND_NS);
	assert_true(stored_bytes() > limit - 2 * db_sample_bytes(SAMPLE_SNAPLEN_MAX));
	time += SECOND_NS;
	write_batch(time, 1000, SAMPLE_SNAPLEN_MAX); /* more than all: they are the only ones */
	assert_int_equal(rows(), 1000);
	write_batch(time + SECOND_NS, 0, 0);
	assert_true(stored_bytes() <= limit && rows() > 100);
}

/* A clock that was wrong for a while has not filled the database for ever. */
static void test_future(void **state)
{
	const int64_t row = db_sample_bytes(PACKET), year = 365 * 86400 * SECOND_NS, now = now_ns();

	(void)state;
	reopen(86400 * SECOND_NS, 3000 * row);
	write_batch(now + 10 * year, 3000, PACKET);
	write_batch(now, 0, 0);
	assert_int_equal(rows(), 3000); /* nothing else is there */
	for (int i = 1; i <= 4; i++) {
		write_batch(now + i * SECOND_NS, 1000, PACKET);
		assert_int_equal(rows(), 3000);
		assert_int_equal(query_int(db, "SELECT count(*) FROM sample WHERE id < "
					       "(strftime('%s') + 86400) * 1000000000"),
				 i < 3 ? 1000 * i : 3000);
	}
	assert_true(query_int(db, "SELECT min(id) FROM sample") == now + 2 * SECOND_NS);
}

/* Where a hand was at it, it is counted anew, or comes right when all are gone. */
static void test_wrong_sum(void **state)
{
	const int64_t row = db_sample_bytes(PACKET);

	(void)state;
	write_batch(0, 1000, PACKET);
	exec_sql(db, "DELETE FROM meta WHERE key = 'sample_bytes'");
	write_batch(SECOND_NS, 10, PACKET);
	exec_sql(db, "UPDATE meta SET value = 'many' WHERE key = 'sample_bytes'");
	write_batch(2 * SECOND_NS, 10, PACKET);
	exec_sql(db, "UPDATE meta SET value = -7 WHERE key = 'sample_bytes'");
	write_batch(3 * SECOND_NS, 10, PACKET);
	reopen(0, 500 * row);
	exec_sql(db, "UPDATE meta SET value = 600000 WHERE key = 'sample_bytes'");
	write_batch(4 * SECOND_NS, 2000, PACKET);
	assert_int_equal(rows(), 2000);
	exec_sql(db, "UPDATE meta SET value = 1 WHERE key = 'sample_bytes'");
	sink_batch_reset(&batch);
	for (int i = 0; i < 600; i++)
		add(5 * SECOND_NS + i, PACKET);
	assert_write(sink, &batch);
	assert_int_equal(stored_bytes(), -1);
	write_batch(6 * SECOND_NS, 0, 0);
	assert_int_equal(stored_bytes(), 500 * row);
}

/* What a batch that failed has done is undone: rows in, rows out, the sum, the ids. */
static void test_rolled_back(void **state)
{
	const int64_t row = db_sample_bytes(PACKET);
	char error[SINK_ERROR_MAX], sql[64];

	(void)state;
	reopen(0, 3000 * row);
	batch.sample_pos = 1;
	write_batch(0, 3000, PACKET);
	exec_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld",
		 (long long)query_int(db, "PRAGMA page_count") + 20);
	exec_sql(db, sql);
	sink_batch_reset(&batch);
	for (int i = 0; i < 1000; i++)
		add(i, SAMPLE_SNAPLEN_MAX);
	batch.sample_pos = 2;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sink->ops->write(sink, &batch, error, sizeof(error)), -ENOSPC);
		assert_int_equal(rows(), 3000);
		assert_int_equal(query_int(db, "SELECT max(id) FROM sample"), 2999000);
		assert_int_equal(stored_bytes(), 3000 * row);
		assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'sample_pos'"),
				 1);
	}
	exec_sql(db, "PRAGMA max_page_count = 1000000");
	assert_write(sink, &batch);
	assert_int_equal(stored_bytes(), true_bytes());
	assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'sample_pos'"), 2);
	assert_int_equal(rows(), 1000);
	assert_int_equal(query_int(db, "SELECT max(id) FROM sample"), 999);
	assert_query_text(db, "PRAGMA integrity_check", "ok");
}

#define KILLS 20
#define KEPT 4000

/* The same number of samples for a sweep whenever it is asked. */
static size_t samples_of(int64_t sweep)
{
	return (size_t)(sweep % 5 * 300);
}

/*
 * Go on from what the database says, until killed; each sample says of which sweep it is. `arg`: a shared
 * count, of the last sweep that was written.
 */
static int write_for_ever(const void *arg)
{
	int64_t *done = (int64_t *)(uintptr_t)arg;
	static const uint8_t frame[PACKET];
	char error[SINK_ERROR_MAX];
	struct db_error opening;
	int64_t sweep = 0;
	int fd;

	if (db_open_writer(in_dir("sink.db"), false, &db, &fd, &opening))
		return 1;
	db_meta_get_int(db, "sample_pos", &sweep);
	sink = sink_sqlite_new(db, fd);
	sink_sqlite_retain(sink, 0, KEPT * db_sample_bytes(PACKET));
	for (;;) {
		struct sample_record sample = {.frame = frame, .captured = PACKET};

		sink_batch_reset(&batch);
		batch.sample_pos = (uint64_t)++sweep;
		sample.length = (uint32_t)sweep;
		for (size_t i = 0; i < samples_of(sweep); i++) {
			sample.time_ns = sweep * 10000 + (int64_t)random_below(1000);
			if (sink_batch_add_sample(&batch, &sample))
				return 2;
		}
		if (sink->ops->write(sink, &batch, error, sizeof(error)))
			return 3;
		__atomic_store_n(done, sweep, __ATOMIC_RELEASE);
	}
}

/* Each sample once, the newest ones, up to sample_pos, as many as there is room for, and their sum. */
static void check_killed(int64_t *ret_sweep)
{
	struct db_error error;
	int64_t sweep = 0, written = 0;

	assert_int_equal(db_open_reader(in_dir("sink.db"), &db, &error), 0);
	assert_query_text(db, "PRAGMA integrity_check", "ok");
	db_meta_get_int(db, "sample_pos", &sweep);
	for (int64_t i = sweep; i > 0 && written < KEPT; i--) {
		char sql[128];

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM sample WHERE length = %lld",
			 (long long)i);
		written += (int64_t)samples_of(i);
		if (written <= KEPT)
			assert_int_equal(query_int(db, sql), samples_of(i));
	}
	if (sweep) {
		assert_int_equal(rows(), written < KEPT ? written : KEPT);
		assert_int_equal(stored_bytes(), rows() * db_sample_bytes(PACKET));
	}
	db_close(db, -1);
	*ret_sweep = sweep;
}

/* By turns at any moment, also while it opens the database, and among its batches. */
static void test_killed(void **state)
{
	int64_t *done = shared_count(), sweep = 0;

	(void)state;
	sink->ops->free(sink);
	for (int i = 0; i < KILLS; i++) {
		if (i % 2)
			kill_child(write_for_ever, done, (useconds_t)random_below(80000));
		else
			kill_child_after(write_for_ever, done, (useconds_t)random_below(40000));
		check_killed(&sweep);
		/* what it knew to be written, and perhaps a batch of which it did not learn that */
		assert_true(sweep == *done || sweep == *done + 1);
		*done = sweep;
	}
	print_message("%d kills, %lld batches\n", KILLS, (long long)sweep);
	assert_true(sweep >= KILLS / 2);
	munmap(done, sizeof(*done));
	sink = open_sink(&db);
}

/* What samples are said to take is what they take of the file, a fifth less where sizes are mixed. */
static void test_true_size(void **state)
{
	static const uint32_t sizes[] = {64, 128, 1024, 1514, 2048, 4096, 9216};

	(void)state;
	for (size_t i = 0; i <= sizeof(sizes) / sizeof(sizes[0]); i++) {
		int64_t before, file, said;
		bool mixed = i == sizeof(sizes) / sizeof(sizes[0]);

		exec_sql(db, "DELETE FROM sample; DELETE FROM meta; VACUUM");
		before = query_int(db, "PRAGMA page_count");
		sink_batch_reset(&batch);
		for (int n = 0; n < 3000; n++)
			add(now_ns() + (int64_t)i * SECOND_NS + n * 1000,
			    mixed ? 64 + (uint32_t)random_below(1450) : sizes[i]);
		assert_write(sink, &batch);
		file = (query_int(db, "PRAGMA page_count") - before) * 4096;
		said = stored_bytes();
		if (said < file * 95 / 100 || said > file * (mixed ? 120 : 115) / 100)
			fail_msg("frames of %u: %lld bytes in the file, %lld by the sum",
				 mixed ? 0 : sizes[i], (long long)file, (long long)said);
	}
}

#define SAMPLE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SAMPLE_TEST(test_batch_memory), SAMPLE_TEST(test_empty_frames),
		SAMPLE_TEST(test_unlimited),	SAMPLE_TEST(test_age),
		SAMPLE_TEST(test_size),		SAMPLE_TEST(test_size_of_large),
		SAMPLE_TEST(test_future),	SAMPLE_TEST(test_wrong_sum),
		SAMPLE_TEST(test_rolled_back),	SAMPLE_TEST(test_killed),
		SAMPLE_TEST(test_true_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
