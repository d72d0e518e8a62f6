/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_sink.c: batches into the database, whole or not at all: books, numbers, row ids, failures
 * that pass, kills in the middle.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/random_flow.h"
#include "tests/sink_util.h"

#define KILLS 40
#define DEADLINE_MS 60000

static struct sqlite3 *open_reader(void)
{
	struct db_error error;
	struct sqlite3 *db;

	if (db_open_reader(in_dir("sink.db"), &db, &error))
		fail_msg("%s", error.text);
	return db;
}

/* The same number of records for a sweep whenever it is asked. */
static size_t records_of(uint64_t sweep)
{
	return sweep % 7 * 100 + 1;
}

static int fill(struct sink_batch *batch, uint64_t sweep, size_t records, int64_t end_ms)
{
	struct sink_books book = {.iface = 1, .dir = 1, .minute_ms = end_ms / 60000 * 60000};
	int err = 0;

	sink_batch_reset(batch);
	batch->sweep = sweep;
	batch->ring_pos = sweep * 1000;
	for (size_t i = 0; !err && i < records; i++) {
		struct flow_record rec;

		random_record(&rec);
		rec.end_ms = end_ms;
		rec.half[0].packets = 1;
		err = sink_batch_add_record(batch, &rec);
	}
	book.recorded.packets = book.seen.packets = records;
	return err ? err : sink_batch_add_book(batch, &book);
}

/* Increments add up, what stands now is set, minutes are apart. */
static void test_books(void **state)
{
	struct sink_books book = {
		.iface = 3,
		.dir = 1,
		.minute_ms = 60000,
		.seen = {1, 100},
		.recorded = {2, 200},
		.verdict = {{9, 900}, {3, 300}, {4, 400}, {5, 500}, {6, 600}},
		.held = {7, 700},
		.unaccounted_packets = -1,
		.unaccounted_bytes = -8,
	};
	struct sink_batch batch = {.sweep = 1};
	struct sqlite3 *db;
	struct sink *sink = open_sink(&db);

	(void)state;
	assert_int_equal(sink_batch_add_book(&batch, &book), 0);
	assert_write(sink, &batch);
	batch.sweep = 2;
	assert_write(sink, &batch);
	batch.book[0].held.packets = 0;
	batch.book[0].unaccounted_packets = 0;
	assert_write(sink, &batch);
	batch.book[0].minute_ms = 120000;
	assert_write(sink, &batch);
	assert_int_equal(query_int(db, "SELECT count(*) FROM ledger"), 2);
	assert_query_text(
		db,
		"SELECT format('%d %d|%d %d|%d %d|%d %d|%d %d|%d %d|%d %d|%d %d', seen_packets, "
		"seen_bytes, recorded_packets, recorded_bytes, short_packets, short_bytes, "
		"deep_packets, deep_bytes, folded_packets, folded_bytes, catchall_packets, "
		"catchall_bytes, held_packets, held_bytes, unaccounted_packets, unaccounted_bytes) "
		"FROM ledger WHERE minute_ms = 60000 AND iface = 3 AND dir = 1",
		"3 300|6 600|9 900|12 1200|15 1500|18 1800|0 700|0 -8");
	assert_query_text(
		db,
		"SELECT format('%d %d %d %d', seen_packets, seen_bytes, recorded_packets, "
		"recorded_bytes) FROM books_sum WHERE iface = 3 AND dir = 1",
		"4 400 8 800");
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

/* last_sweep, ring_pos and the running number, over a restart, at the wrap, and all 64 bits. */
static void test_numbers(void **state)
{
	struct sink_batch batch = {0};
	struct sqlite3 *db;
	struct sink *sink = open_sink(&db);

	(void)state;
	assert_int_equal(fill(&batch, 1, 10, 5000), 0);
	assert_write(sink, &batch);
	assert_int_equal(
		query_int(
			db,
			"SELECT count(*) FROM flow WHERE id BETWEEN 5000 << 20 AND (5000 << 20) + 9"),
		10);
	sink->ops->free(sink);
	sink = open_sink(&db);
	assert_int_equal(db_meta_set_int(db, "sequence", (1 << 20) - 3), 0);
	batch.sweep = UINT64_MAX;
	batch.ring_pos = 1ULL << 63;
	assert_write(sink, &batch); /* the last three, then 0 to 9 are taken: the next */
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow"), 20);
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow WHERE id & 1048575 >= 1048573"),
			 3);
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow WHERE id >> 20 = 5000"), 20);
	assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'sequence'"), 17);
	assert_int_equal((uint64_t)query_int(db, "SELECT value FROM meta WHERE key = 'last_sweep'"),
			 UINT64_MAX);
	assert_int_equal((uint64_t)query_int(db, "SELECT value FROM meta WHERE key = 'ring_pos'"),
			 1ULL << 63);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

/* More than 2^20 records end in one millisecond: all are kept, the last a millisecond later. */
static void test_full_millisecond(void **state)
{
	struct sink_batch batch = {0};
	struct sqlite3 *db;
	struct sink *sink = open_sink(&db);

	(void)state;
	exec_sql(
		db,
		"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1048575) "
		"INSERT INTO flow SELECT (77 << 20) | i, 0, 1, 2, 65536 << 26, NULL, NULL, NULL, NULL, "
		"NULL, 1, 1, 0, 0, 0, 0, NULL FROM n");
	assert_int_equal(fill(&batch, 1, 500, 77), 0);
	for (size_t i = 0; i < batch.records; i++)
		batch.record[i].start_ms = 70;
	assert_write(sink, &batch);
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow WHERE id >> 20 = 78"), 500);
	assert_int_equal(
		query_int(db, "SELECT count(*) FROM flow WHERE (id >> 20) - duration_ms = 70"),
		500);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

/* Rows are those of the batch, in whatever order it came. */
static void test_rows(void **state)
{
	struct sink_batch batch = {0};
	struct sqlite3 *db;
	struct sink *sink = open_sink(&db);
	int64_t sum = 0;

	(void)state;
	assert_int_equal(fill(&batch, 1, 3000, 0), 0);
	for (size_t i = 0; i < batch.records; i++) {
		batch.record[i].iface = (uint32_t)i;
		batch.record[i].end_ms = (int64_t)random_below(1000);
		sum += batch.record[i].end_ms * (int64_t)i;
	}
	assert_write(sink, &batch);
	assert_int_equal(query_int(db, "SELECT sum((id >> 20) * iface) FROM flow"), sum);
	assert_int_equal(query_int(db, "SELECT count(DISTINCT iface) FROM flow"), 3000);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

/* No trace of `batch`, whose number is 2; the one before it is there. */
static void assert_only_first(const struct sink_batch *first)
{
	struct sqlite3 *db = open_reader();

	assert_int_equal(query_int(db, "SELECT count(*) FROM flow"), first->records);
	assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'last_sweep'"), 1);
	assert_int_equal(query_int(db, "SELECT sum(recorded_packets) FROM ledger"), first->records);
	assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'sequence'"),
			 first->records);
	db_close(db, -1);
}

static void assert_both(const struct sink_batch *first, const struct sink_batch *second)
{
	struct sqlite3 *db = open_reader();

	assert_int_equal(query_int(db, "SELECT count(*) FROM flow"),
			 first->records + second->records);
	assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'last_sweep'"), 2);
	assert_query_text(db, "PRAGMA integrity_check", "ok");
	db_close(db, -1);
}

/* A failure of one kind: made, told, undone, made good. */
static void check_failure(void (*spoil)(struct sqlite3 *db), void (*mend)(struct sqlite3 *db),
			  int err, const char *text)
{
	struct sink_batch first = {0}, second = {0};
	char error[SINK_ERROR_MAX];
	struct sqlite3 *db;
	struct sink *sink = open_sink(&db);

	assert_int_equal(fill(&first, 1, 100, 1000), 0);
	assert_int_equal(fill(&second, 2, 20000, 1000), 0);
	assert_write(sink, &first);
	spoil(db);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sink->ops->write(sink, &second, error, sizeof(error)), err);
		assert_non_null(strstr(error, "sink.db: "));
		if (!strstr(error, text))
			fail_msg("'%s' lacks '%s'", error, text);
		assert_only_first(&first);
	}
	mend(db);
	assert_write(sink, &second);
	assert_both(&first, &second);
	sink->ops->free(sink);
	sink_batch_free(&first);
	sink_batch_free(&second);
}

static void limit_pages(struct sqlite3 *db)
{
	exec_sql(db, "PRAGMA max_page_count = 50");
}

static void unlimit_pages(struct sqlite3 *db)
{
	exec_sql(db, "PRAGMA max_page_count = 1000000");
}

static void test_full_database(void **state)
{
	(void)state;
	check_failure(limit_pages, unlimit_pages, -ENOSPC, "full");
}

static void limit_size(struct sqlite3 *db)
{
	struct rlimit limit = {200000, RLIM_INFINITY};

	(void)db;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void unlimit_size(struct sqlite3 *db)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	(void)db;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int unlimited_teardown(void **state)
{
	unlimit_size(NULL);
	return dir_teardown(state);
}

static void test_write_error(void **state)
{
	(void)state;
	check_failure(limit_size, unlimit_size, -EFBIG, "disk I/O error (File too large)");
}

static struct sqlite3 *other;

static void lock_other(struct sqlite3 *db)
{
	(void)db;
	assert_int_equal(sqlite3_open(in_dir("sink.db"), &other), SQLITE_OK);
	exec_sql(other, "BEGIN IMMEDIATE");
}

static void unlock_other(struct sqlite3 *db)
{
	(void)db;
	sqlite3_close(other);
}

static void test_locked(void **state)
{
	(void)state;
	check_failure(lock_other, unlock_other, -EBUSY, "locked by another process");
}

static void test_moved(void **state)
{
	struct sink_batch batch = {0};
	char error[SINK_ERROR_MAX];
	struct sqlite3 *db;
	struct sink *sink = open_sink(&db);

	(void)state;
	assert_int_equal(fill(&batch, 1, 10, 0), 0);
	assert_int_equal(rename(in_dir("sink.db"), in_dir("moved.db")), 0);
	assert_int_equal(sink->ops->write(sink, &batch, error, sizeof(error)), -ESTALE);
	assert_non_null(strstr(error, "sink.db: the file was removed"));
	assert_int_equal(rename(in_dir("moved.db"), in_dir("sink.db")), 0);
	assert_write(sink, &batch);
	sink->ops->free(sink);
	sink_batch_free(&batch);
}

/* A real full disk, in a mount namespace of its own: 77 where it cannot be had. */
static int full_disk(const void *arg)
{
	struct sink_batch first = {0}, second = {0};
	char error[SINK_ERROR_MAX];
	struct db_error opening;
	struct sqlite3 *db;
	struct sink *sink;
	int fd;

	(void)arg;
	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", test_dir, "tmpfs", 0, "size=400k"))
		return 77;
	if (db_open_writer(in_dir("sink.db"), true, &db, &fd, &opening))
		return 1;
	sink = sink_sqlite_new(db, fd);
	if (!sink || fill(&first, 1, 100, 1000) || fill(&second, 2, 20000, 1000) ||
	    sink->ops->write(sink, &first, error, sizeof(error)))
		return 2;
	for (int i = 0; i < 3; i++) {
		if (sink->ops->write(sink, &second, error, sizeof(error)) != -ENOSPC)
			return 3;
	}
	if (mount(NULL, test_dir, NULL, MS_REMOUNT, "size=40m") ||
	    sink->ops->write(sink, &second, error, sizeof(error)))
		return 4;
	if (query_int(db, "SELECT count(*) FROM flow") != 20100 ||
	    query_int(db, "SELECT value FROM meta WHERE key = 'last_sweep'") != 2)
		return 5;
	sink->ops->free(sink);
	sink_batch_free(&first);
	sink_batch_free(&second);
	return 0;
}

static void test_full_disk(void **state)
{
	int result = in_child(false, full_disk, NULL);

	(void)state;
	if (result == 77) {
		print_message("SKIP (no mount namespace to be had)\n");
		skip();
	}
	assert_int_equal(result, 0);
}

/* Go on from what the database says, until killed. `arg`: a shared count, of the last sweep that was written. */
static int write_for_ever(const void *arg)
{
	int64_t *done;
	struct sink_batch batch = {0};
	char error[SINK_ERROR_MAX];
	struct db_error opening;
	int64_t sweep = 0;
	struct sqlite3 *db;
	struct sink *sink;
	int fd;

	memcpy(&done, &arg, sizeof(done));
	if (db_open_writer(in_dir("sink.db"), false, &db, &fd, &opening))
		return 1;
	db_meta_get_int(db, "last_sweep", &sweep);
	sink = sink_sqlite_new(db, fd);
	while (sink && ++sweep) {
		if (fill(&batch, (uint64_t)sweep, records_of((uint64_t)sweep), 1000 + sweep) ||
		    sink->ops->write(sink, &batch, error, sizeof(error)))
			return 2;
		__atomic_store_n(done, sweep, __ATOMIC_RELEASE);
	}
	return 3;
}

/* Whatever moment it is killed at, the database holds sweeps 1 to last_sweep and nothing else. */
static void check_sweeps(int64_t *ret_sweep)
{
	struct sqlite3 *db = open_reader();
	int64_t sweep = 0, rows = 0;

	assert_query_text(db, "PRAGMA integrity_check", "ok");
	if (db_meta_get_int(db, "last_sweep", &sweep))
		assert_int_equal(query_int(db, "SELECT count(*) FROM flow"), 0);
	for (int64_t i = 1; i <= sweep; i++)
		rows += (int64_t)records_of((uint64_t)i);
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow"), rows);
	assert_int_equal(query_int(db, "SELECT coalesce(sum(recorded_packets), 0) FROM ledger"),
			 rows);
	assert_int_equal(query_int(db, "SELECT coalesce(sum(recorded_packets), 0) FROM books_sum"),
			 rows);
	if (sweep)
		assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'sequence'"),
				 rows % (1 << 20));
	db_close(db, -1);
	*ret_sweep = sweep;
}

static void test_killed(void **state)
{
	int64_t *done = shared_count(), sweep = 0;
	struct sqlite3 *db;
	struct sink *sink;

	(void)state;
	sink = open_sink(&db);
	sink->ops->free(sink);
	for (int i = 0; i < KILLS; i++) {
		if (i % 2)
			kill_child(write_for_ever, done, (useconds_t)random_below(40000));
		else
			kill_child_after(write_for_ever, done, (useconds_t)random_below(20000));
		check_sweeps(&sweep);
		/* what it knew to be written, and perhaps a sweep of which it did not learn that */
		assert_true(sweep == *done || sweep == *done + 1);
		*done = sweep;
	}
	print_message("%d kills, %lld sweeps\n", KILLS, (long long)sweep);
	assert_true(sweep >= KILLS / 2);
	munmap(done, sizeof(*done));
}

/* The two together, as flowd has them. */
static void test_together(void **state)
{
	struct sink_batch batch = {0};
	struct sink_writer *writer;
	struct pollfd pfd = {.events = POLLIN};
	struct sqlite3 *db;

	(void)state;
	assert_int_equal(sink_writer_start(open_sink(&db), &writer), 0);
	for (uint64_t sweep = 1; sweep <= 20; sweep++) {
		assert_int_equal(fill(&batch, sweep, records_of(sweep), 1000), 0);
		assert_int_equal(sink_writer_submit(writer, &batch), 0);
		pfd.fd = sink_writer_fd(writer);
		assert_int_equal(poll(&pfd, 1, DEADLINE_MS), 1);
		assert_int_equal(sink_writer_collect(writer), 1);
	}
	assert_true(sink_writer_stop(writer, DEADLINE_MS));
	sink_writer_free(writer);
	sink_batch_free(&batch);
	check_sweeps(&(int64_t){0});
}

#define SINK_TEST(test) cmocka_unit_test_setup_teardown(test, dir_setup, dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SINK_TEST(test_books),
		SINK_TEST(test_numbers),
		SINK_TEST(test_full_millisecond),
		SINK_TEST(test_rows),
		SINK_TEST(test_full_database),
		cmocka_unit_test_setup_teardown(test_write_error, dir_setup, unlimited_teardown),
		SINK_TEST(test_locked),
		SINK_TEST(test_moved),
		SINK_TEST(test_full_disk),
		SINK_TEST(test_killed),
		SINK_TEST(test_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
