/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_scan.c: the scan of pages gives what SQLite gives, record by record: of random records, by every
 * group and by random filters, from the file and from its log, while another process writes, with little
 * memory; and what is damaged is said.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define group users_group /* of db_util.h, which has another struct of that name */
#include <grp.h>
#undef group

#include "cli/filter.h"
#include "cli/group.h"
#include "cli/group_fill.h"
#include "cli/query.h"
#include "cli/scan.h"
#include "tests/db_util.h"
#include "tests/fuzz_filter_grammar.h"
#include "tests/random_flow.h"

#define START_MS 1795264440000
#define WINDOW_MS 600000
#define ROWS 30000
#define FILTERS 250
#define THREADS 3

static struct sqlite3 *db;
static int lock_fd;

static int setup(void **state)
{
	struct db_error error;

	return dir_setup(state) || db_open_writer(in_dir("scan.db"), false, &db, &lock_fd, &error);
}

static int teardown(void **state)
{
	db_close(db, lock_fd);
	return dir_teardown(state);
}

/* Of few hosts, that groups have something to sum; most as records are, some as none is. */
static void make_record(struct flow_record *rec)
{
	random_record(rec);
	if (random_below(4)) {
		const int last = rec->key.ethertype == 0x86dd ? 3 : 0;

		memset(rec->key.src, 0, sizeof(rec->key.src));
		memset(rec->key.dst, 0, sizeof(rec->key.dst));
		rec->key.marks = 0;
		rec->key.ethertype = last ? 0x86dd : 0x0800;
		rec->key.proto = random_below(2) ? 6 : 17;
		rec->key.src[last] = htonl(0x0a010000 | (uint32_t)random_below(200));
		rec->key.dst[last] = htonl(0x0a010000 | (uint32_t)random_below(200));
		rec->key.vlan = rec->key.cvlan = 0;
		rec->half[0].tcp_flags = rec->key.proto == 6 ? (uint8_t)random_u64() : 0;
		rec->half[1].tcp_flags = 0;
		rec->half[0].tcp_syn = rec->half[1].tcp_syn = 0;
	}
	random_tunnel(rec);
	random_health(rec);
	rec->iface = 1 + (uint32_t)random_below(4);
	rec->end_ms = START_MS + (int64_t)random_below(WINDOW_MS);
	rec->start_ms = rec->end_ms - (int64_t)random_below(100000);
}

static void insert_rows(struct sqlite3 *to, uint32_t first, uint32_t count)
{
	sqlite3_stmt *stmt[DB_TABLES];

	exec_sql(to, "BEGIN");
	for (int t = 0; t < DB_TABLES; t++)
		assert_int_equal(sqlite3_prepare_v2(to, db_row_insert[t], -1, &stmt[t], NULL), 0);
	for (uint32_t n = first; n < first + count; n++) {
		struct flow_record rec;

		make_record(&rec);
		for (int t = 0; t < DB_TABLES; t++) {
			if (!db_row_wanted(&rec, t))
				continue;
			assert_int_equal(db_row_bind(stmt[t], t, rec.end_ms << 20 | n, &rec), 0);
			assert_int_equal(sqlite3_step(stmt[t]), SQLITE_DONE);
			sqlite3_reset(stmt[t]);
		}
	}
	for (int t = 0; t < DB_TABLES; t++)
		sqlite3_finalize(stmt[t]);
	exec_sql(to, "COMMIT");
}

/* Part of it in the file, part in the log, and pages that are in both. */
static void test_fill(void **state)
{
	(void)state;
	exec_sql(
		db,
		"INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, ingress, egress, first_ms, last_ms) VALUES (1, 'eth0', 2, 1, 1, 1, 'tcx', 'tcx', 1, 2), "
		"(2, 'eth1', 3, 1, 2, 1, 'tcx', 'tcx', 1, NULL), "
		"(3, 'eth0', 9, 1, 3, 1, 'tcx', 'tcx', 1, NULL)");
	insert_rows(db, 0, ROWS / 2);
	exec_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	insert_rows(db, ROWS / 2, ROWS / 4);
	exec_sql(db, "PRAGMA wal_checkpoint(PASSIVE)");
	insert_rows(db, ROWS / 4 * 3, ROWS / 4);
	exec_sql(db, "DELETE FROM flow WHERE id % 97 = 5");
}

static struct query_options options(void)
{
	return (struct query_options){
		.db = in_dir("scan.db"), .until_ms = INT64_MAX, .dir = -1, .stored = true};
}

/* As it was before there was a scan. */
static int by_query(const struct query_options *opts, const struct group_kind *kind,
		    struct group *group)
{
	struct flow_record rec;
	struct query query;
	unsigned match;
	int have;

	assert_int_equal(query_open(opts, &query), 0);
	while ((have = query_next(&query, &rec, &match)) > 0)
		assert_int_equal(group_fill_one(&query, kind, NULL, &rec, match, group), 0);
	query_close(&query);
	return have;
}

static int by_scan(const struct query_options *opts, const struct group_kind *kind,
		   struct group *group)
{
	const struct scan scan = {.kind = kind, .threads = THREADS};
	struct query query;
	int err;

	assert_int_equal(query_open(opts, &query), 0);
	assert_true(query.mark.known);
	err = scan_records(&query, &scan, group);
	query_close(&query);
	return err;
}

static void assert_sums(const struct group_sums *a, const struct group_sums *b)
{
	static const struct group_health none;

	assert_memory_equal(a, b, offsetof(struct group_sums, health));
	assert_memory_equal(a->health ? a->health : &none, b->health ? b->health : &none,
			    sizeof(none));
}

static void assert_groups(struct group *a, struct group *b)
{
	assert_sums(&a->total, &b->total);
	assert_int_equal(group_sort(a, &group_metrics[1]), group_sort(b, &group_metrics[1]));
	for (size_t i = 0; i < a->used; i++) {
		assert_memory_equal(&a->entry[i].key, &b->entry[i].key, sizeof(struct flow_key));
		assert_sums(&a->entry[i].sums, &b->entry[i].sums);
	}
}

static void compare(const struct query_options *opts, const struct group_kind *kind)
{
	struct query_options other = *opts;
	struct group a = {0}, b = {.memory = random_below(2) ? 0 : 1U << 20};
	int have, err;

	if (opts->filter)
		assert_int_equal(filter_copy(opts->filter, &other.filter), 0);
	have = by_query(opts, kind, &a);
	err = by_scan(&other, kind, &b);
	assert_int_equal(err, have == -ENODATA ? -ENOTSUP : have);
	if (!err)
		assert_groups(&a, &b);
	if (!err && opts->filter) {
		assert_int_equal(filter_undecided(opts->filter), filter_undecided(other.filter));
		assert_int_equal(filter_vlan_undecided(opts->filter),
				 filter_vlan_undecided(other.filter));
	}
	if (err)
		assert_int_equal(b.table.used + b.pendings + b.others, 0);
	filter_free(other.filter);
	group_free(&a);
	group_free(&b);
}

static void test_kinds(void **state)
{
	struct query_options opts = options();

	(void)state;
	for (const struct group_kind *kind = group_kinds; kind->name; kind++)
		compare(&opts, kind);
}

static void test_options(void **state)
{
	static const char *const ifaces[] = {"eth1"};
	struct query_options opts = options();

	(void)state;
	opts.ifaces = ifaces;
	opts.iface_count = 1;
	compare(&opts, &group_kinds[0]);
	opts.iface_count = 0;
	opts.dir = FLOW_EGRESS;
	compare(&opts, group_kind_find("flow"));
	opts.dir = -1;
	opts.tunnel = (struct tunnelarg){TUNNELARG_KIND, FLOW_TUNNEL_VXLAN, false, 0};
	compare(&opts, group_kind_find("tunnel"));
	opts.tunnel.mode = TUNNELARG_UNASKED;
	for (int i = 0; i < 20; i++) {
		opts.since_ms = START_MS - 1000 + (int64_t)random_below(WINDOW_MS);
		opts.until_ms = opts.since_ms + (int64_t)random_below(i < 10 ? 2000 : WINDOW_MS);
		compare(&opts, group_kind_find("iface"));
	}
	opts.since_ms = START_MS + 10 * WINDOW_MS;
	opts.until_ms = INT64_MAX;
	compare(&opts, &group_kinds[0]);
}

/* Those that a record cannot answer are as many as those that it can. */
static void test_filters(void **state)
{
	struct query_options opts = options();

	(void)state;
	for (int i = 0; i < FILTERS; i++) {
		struct filter_error error;
		char text[GRAMMAR_TEXT];
		uint64_t bytes[8];

		for (size_t n = 0; n < sizeof(bytes) / sizeof(bytes[0]); n++)
			bytes[n] = random_u64();
		grammar_make((const uint8_t *)bytes, sizeof(bytes), text);
		if (filter_compile(text, &opts.filter, &error))
			continue;
		opts.since_ms = START_MS + (int64_t)random_below(WINDOW_MS);
		opts.until_ms = opts.since_ms + 20000;
		compare(&opts, group_kind_find("pair"));
		filter_free(opts.filter);
	}
}

/* --- while another writes ------------------------------------------------------------------------- */

static int write_on(const void *arg)
{
	const char *path = arg;
	struct sqlite3 *own;

	if (sqlite3_open(path, &own) || sqlite3_busy_timeout(own, 10000))
		return 1;
	for (int i = 0; i < 400; i++) {
		const char *sql =
			i % 20 == 19   ? "PRAGMA wal_checkpoint(RESTART)"
			: i % 50 == 28 ? "PRAGMA wal_checkpoint(TRUNCATE)"
			: i % 20 == 9  ? "PRAGMA wal_checkpoint(PASSIVE)"
			: i % 20 == 12 ? "PRAGMA incremental_vacuum(9)"
			: i % 3 == 2
				? "DELETE FROM flow WHERE id IN (SELECT id FROM flow ORDER BY id LIMIT 70)"
				: "INSERT INTO flow SELECT (SELECT max(id) FROM flow) + id - (SELECT min(id) "
				  "FROM flow) + 1, duration_ms, iface, how, l2, proto, src, dst, sport, dport, "
				  "packets, bytes, l2_bytes, rev_packets, rev_bytes, rev_l2_bytes, tcp_flags "
				  "FROM flow ORDER BY id LIMIT 100";

		if (sqlite3_exec(own, sql, NULL, NULL, NULL))
			return 2;
	}
	sqlite3_close(own);
	return 0;
}

/*
 * What the connection itself sees in its transaction is what the scan sees. False: a writer began meanwhile, where
 * there was none (db_vfs.c).
 */
static bool look_once(const char *path)
{
	const struct scan scan = {.kind = group_kind_find("proto"), .threads = THREADS};
	struct query_options opts = options();
	struct group group = {.plain = true};
	struct query query;
	int64_t flows, bytes;
	int err;

	opts.db = path;
	assert_int_equal(query_open(&opts, &query), 0);
	err = scan_records(&query, &scan, &group);
	if (err == -EBUSY) {
		group_free(&group);
		query_close(&query);
		return false;
	}
	assert_true(!err || (err == -ENOTSUP && !query.mark.known));
	flows = query_int(query.db, "SELECT count(*) FROM flow WHERE packets OR rev_packets");
	bytes = query_int(query.db,
			  "SELECT sum(iif(packets, bytes & 0xffffffff, 0) + "
			  "iif(rev_packets, rev_bytes & 0xffffffff, 0)) & 0xffffffff FROM flow");
	if (!err) {
		assert_int_equal(group.total.flows, flows);
		assert_int_equal((uint32_t)group.total.bytes, bytes);
	}
	group_free(&group);
	query_close(&query);
	return true;
}

static void test_writer(void **state)
{
	const char *path = in_dir("busy.db");
	char copy[PATH_MAX];
	int status, looks = 0;
	pid_t pid;

	(void)state;
	snprintf(copy, sizeof(copy), "VACUUM INTO '%s'", path);
	exec_sql(db, copy);
	exec_file(path, "PRAGMA journal_mode = WAL");
	snprintf(copy, sizeof(copy), "%s", path);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(write_on(copy));
	while (!waitpid(pid, &status, WNOHANG)) {
		looks += look_once(copy);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(looks > 0);
	assert_true(look_once(copy));
}

/* --- little memory, and what is wrong ------------------------------------------------------------- */

static void add_many(struct group *group, uint32_t count)
{
	for (uint32_t n = 0; n < count; n++) {
		struct flow_record rec = {.end_ms = 5 + n, .start_ms = 4 + n, .iface = 1};
		const int v6 = n % 5 == 0;

		rec.key.ethertype = v6 ? 0x86dd : 0x0800;
		rec.key.src[v6 ? 3 : 0] = n % 60000;
		rec.key.src[0] |= v6;
		rec.half[0].packets = 1 + n % 7;
		rec.half[0].bytes = n * 3ULL;
		rec.has_health = n % 11 == 0;
		rec.health[0].count.retransmits = n;
		assert_int_equal(group_record(group, group_kind_find("src"), &rec, 1), 0);
	}
}

static void test_spill(void **state)
{
	const struct group_order order = {.by = &group_metrics[0], .limit = 25};
	struct group whole = {0}, small = {.memory = 1U << 20}, top = {.memory = 1U << 20};

	(void)state;
	add_many(&whole, 300000);
	add_many(&small, 300000);
	add_many(&top, 300000);
	assert_true(small.spill.pieces > GROUP_SPILL_PARTS);
	assert_int_equal(group_top(&top, &order), 25);
	assert_groups(&whole, &small);
	assert_int_equal(group_top(&whole, &order), 0); /* there is nothing left in it */
	group_free(&whole);
	add_many(&whole, 300000);
	group_sort(&whole, &group_metrics[0]);
	for (size_t i = 0; i < 25; i++) {
		assert_memory_equal(&top.entry[i].key, &whole.entry[i].key,
				    sizeof(struct flow_key));
		assert_sums(&top.entry[i].sums, &whole.entry[i].sums);
	}
	group_free(&whole);
	group_free(&small);
	group_free(&top);
}

static int fill(const char *path, char *error, size_t size)
{
	struct query_options opts = options();
	struct group group = {0};
	struct query query;
	int err;

	opts.db = path;
	assert_int_equal(query_open(&opts, &query), 0);
	err = group_fill_records(&query, &group_kinds[0], NULL, &group);
	snprintf(error, size, "%s", query.error);
	group_free(&group);
	query_close(&query);
	return err;
}

/* SQLite's own word, with the file's name; of a value that is none of ours the row. */
static void test_damaged(void **state)
{
	static const uint8_t rubbish[4096] = {0xff};
	const char *path = in_dir("damaged.db");
	char text[1024], sql[PATH_MAX + 64];
	int64_t pages;
	int fd;

	(void)state;
	snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", path);
	exec_sql(db, sql);
	assert_int_equal(fill(path, text, sizeof(text)), 0);
	exec_file(path, "UPDATE flow SET proto = 'six' WHERE id = (SELECT max(id) FROM flow)");
	assert_int_equal(fill(path, text, sizeof(text)), -EPROTO);
	assert_non_null(strstr(text, "a value of the wrong type"));
	exec_file(path, "UPDATE flow SET proto = 6 WHERE proto = 'six'");
	pages = query_int(db, "PRAGMA page_count");
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (int64_t page = pages / 3; page < pages / 3 + 20; page++)
		assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), page * 4096), 4096);
	close(fd);
	assert_int_equal(fill(path, text, sizeof(text)), -EIO);
	assert_non_null(strstr(text, "damaged.db"));
	assert_non_null(strstr(text, "malformed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),	cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_options), cmocka_unit_test(test_filters),
		cmocka_unit_test(test_writer),	cmocka_unit_test(test_spill),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
