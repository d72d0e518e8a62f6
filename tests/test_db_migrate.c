/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_db_migrate.c: databases of older versions, read and migrated, with their copy; and of newer ones.
 * Those that older versions made themselves are in tests/golden.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <time.h>

#include "schema.sql.h"
#include "schema/db_sample.h"
#include "tests/db_open.h"

#define OLDER 4	 /* versions before the one that packs table flow */
#define KILLS 16 /* over the time that a migration takes, and half of it more */
#define MANY "50000"

#define MANY_ROWS                                                                            \
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " MANY ")" \
	"INSERT INTO flow SELECT (2000 + i) << 20, 1, 1, i & 1, NULL, i & 15, NULL, i & 3, " \
	"17, i, 2, 3, 4, i, i * 114, i * 100, 8, 9, 10, NULL, 1 FROM n;"
#define MANY_SUM                                                                             \
	"SELECT sum(packets * 3 + ip_bytes * 5 + vlan * 7 + marks * 11 + dir * 13 + src) + " \
	"count(*) FROM flow_plain"

/* A database as that version made it, with a row of each kind, in the journal mode given, and more. */
static void make_old(const char *path, int version, const char *mode, const char *more)
{
	static const char *const rows[OLDER] = {
		"",
		"INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, ingress, egress, first_ms, last_ms) VALUES (1, 'eth0', 2, 3, 1, 4, 'tcx', 'tcx', 5, 6);"
		"INSERT INTO flow VALUES (1 << 20, 1, 1, 0, NULL, NULL, NULL, 0, 17, 1, 2, 3, 4, 5, 6, "
		"7, 8, 9, 10, NULL, 1); INSERT INTO meta VALUES ('last_sweep', 8);",
		"INSERT INTO flow_tunnel VALUES (1 << 20, 3, 42, 43, 1, 2);",
		"INSERT INTO word VALUES (1, 'NO_SOCKET');"
		"INSERT INTO event VALUES (1 << 20, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, 0, 17, 1, 2, "
		"3, 4, 1, NULL, 7, 8, 9, 0); INSERT INTO counter VALUES (60000, 0, 1, 1, 5);",
	};
	char next[32], *sql;
	const char *end;

	snprintf(next, sizeof(next), "\n-- version %d\n", version + 1);
	end = strstr(schema_sql, next);
	assert_non_null(end);
	assert_true(
		asprintf(
			&sql,
			"PRAGMA journal_mode = %s; %.*s; CREATE VIEW flow_text AS SELECT id FROM flow;"
			"%s %s %s PRAGMA application_id = %d; PRAGMA user_version = %d; %s",
			mode, (int)(end - schema_sql), schema_sql, rows[1],
			rows[version > 1 ? 2 : 0], rows[version > 2 ? 3 : 0], DB_APPLICATION_ID,
			version, more) > 0);
	exec_file(path, sql);
	free(sql);
}

/* Every row is kept, and the tables and views are those of a new one. */
static void assert_migrated(struct sqlite3 *db, int version)
{
	assert_int_equal(query_int(db, "PRAGMA user_version"), DB_VERSION);
	assert_int_equal(query_int(db, "SELECT packets FROM flow"), 5);
	assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'last_sweep'"), 8);
	assert_int_equal(query_int(db, "SELECT value FROM meta WHERE key = 'reader'"), 5);
	assert_query_text(db, "SELECT iface || dst || ip_bytes FROM flow_text", "eth00.0.0.27");
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow_tunnel"), version > 1);
	if (version > 1)
		assert_query_text(db, "SELECT tunnel || tunnel_id FROM flow_text", "vxlan42");
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow_tcp, flow_rtt, flow_socket"), 0);
	assert_int_equal(query_int(db, "SELECT count(*) FROM event_text, counter_text"),
			 version > 2);
	if (version > 2)
		assert_query_text(db, "SELECT reason || bytes FROM event_text", "NO_SOCKET8");
	assert_int_equal(query_int(db, "SELECT count(*) FROM sample_text"), 0);
	assert_query_text(db, "PRAGMA integrity_check", "ok");
}

/* Readers take it as it is, without a table that is not there. */
static void assert_readable(const char *path, int version)
{
	struct db_samples samples;
	struct db_error error;
	struct sqlite3 *db;

	assert_int_equal(db_open_reader(path, &db, &error), 0);
	assert_string_equal(error.text, "");
	assert_int_equal(query_int(db, "SELECT f.packets + e.skbs FROM flow f, event e"), 14);
	assert_query_text(db, "SELECT how || ' ' || l2_bytes FROM flow", "2 -71");
	assert_query_text(db, "SELECT end_reason || ' ' || ip_bytes FROM flow_plain", "1 7");
	assert_int_equal(db_samples_open(db, 0, 1, 0, &samples), version < 4 ? -ENODATA : 0);
	db_samples_close(&samples);
	db_close(db, -1);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' lacks '%s'", text, part);
}

/* The copy is the database as it was, one file, and for the same people, others left out. */
static void assert_copy(const char *copy, int version, int rows)
{
	struct sqlite3 *db;
	struct stat st;

	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	if (!geteuid())
		assert_int_equal(st.st_uid * 65536 + st.st_gid, 12 * 65536 + 34);
	assert_int_equal(sqlite3_open(copy, &db), 0);
	assert_int_equal(query_int(db, "PRAGMA user_version"), version);
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow WHERE dir = 0"), rows);
	assert_query_text(db, "PRAGMA integrity_check", "ok");
	assert_query_text(db, "PRAGMA journal_mode", "delete");
	sqlite3_close(db);
}

static void set_rights(const char *path)
{
	assert_int_equal(chmod(path, 0644), 0);
	if (!geteuid())
		assert_int_equal(chown(path, 12, 34), 0);
}

static void check_older(int version, const char *mode)
{
	char path[PATH_MAX], copy[PATH_MAX + 32], text[64];
	struct db_error error;
	struct sqlite3 *db;
	int lock_fd;

	snprintf(text, sizeof(text), "%s%d", mode, version);
	snprintf(path, sizeof(path), "%s", in_dir(text));
	snprintf(copy, sizeof(copy), "%s.v%d.bak", path, version);
	make_old(path, version, mode, "");
	set_rights(path);
	snprintf(text, sizeof(text), "of an older wireledger (version %d)", version);
	if (version >= DB_VERSION_READ)
		assert_readable(path, version);
	else if (try_reader(path, &error) != -EPROTO)
		fail_msg("version %d is read", version);
	else
		assert_has(error.text, text);
	assert_int_equal(db_open_writer(path, false, &db, &lock_fd, &error), 0);
	snprintf(text, sizeof(text), "from version %d to %d, 1 flow records in ", version,
		 DB_VERSION);
	assert_has(error.text, text);
	assert_has(error.text, copy);
	assert_migrated(db, version);
	db_close(db, lock_fd);
	assert_copy(copy, version, 1);
	assert_int_equal(try_reader(path, &error), 0);
	assert_int_equal(try_writer(path, &error), 0);
	assert_string_equal(error.text, "");
}

static void test_older(void **state)
{
	(void)state;
	for (int version = 1; version <= OLDER; version++) {
		check_older(version, "DELETE");
		check_older(version, "WAL");
	}
}

static int write_and_die(const void *path)
{
	struct sqlite3 *db;

	if (sqlite3_open(path, &db) ||
	    sqlite3_exec(db,
			 "INSERT INTO flow SELECT 2 << 20, 1, 1, 0, NULL, NULL, NULL, 0, 17, "
			 "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, NULL, 1",
			 NULL, NULL, NULL))
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

/* What the log of a killed flowd holds is in the copy, too; and no copy takes the place of another. */
static void test_log_and_copies(void **state)
{
	char path[PATH_MAX], copy[PATH_MAX], *data;
	struct db_error error;
	struct sqlite3 *db;
	size_t size;

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("log.db"));
	make_old(path, 4, "WAL", "");
	set_rights(path);
	snprintf(copy, sizeof(copy), "%s", in_dir("log.db.v4.bak"));
	write_file(copy, "mine", 4);
	assert_int_equal(in_child(false, write_and_die, path), 1000 + SIGKILL);
	assert_int_equal(try_writer(path, &error), 0);
	assert_has(error.text, "2 flow records");
	assert_has(error.text, "log.db.v4.bak.2");
	assert_copy(in_dir("log.db.v4.bak.2"), 4, 2);
	data = read_file(copy, &size);
	assert_int_equal(size, 4);
	assert_memory_equal(data, "mine", 4);
	free(data);
	assert_int_equal(access(in_dir("log.db.bak.part"), F_OK), -1);
	assert_int_equal(sqlite3_open(path, &db), 0);
	assert_int_equal(query_int(db, "SELECT count(*) FROM flow"), 2);
	sqlite3_close(db);
}

static void test_newer(void **state)
{
	const char *path = in_dir("newer.db");
	const char *newer = "newer wireledger (schema version 6, this one knows 5)";
	struct db_error error;

	(void)state;
	make_db_with(path, 1);
	exec_file(path, "PRAGMA user_version = 6; ALTER TABLE flow ADD COLUMN more;"
			"CREATE TABLE another (x)");
	assert_int_equal(try_writer(path, &error), -EOVERFLOW);
	assert_has(error.text, newer);
	assert_int_equal(try_reader(path, &error), 0);
	assert_has(error.text, newer);
	exec_file(path,
		  "UPDATE meta SET value = 6 WHERE key = 'reader'; PRAGMA journal_mode = DELETE");
	assert_left_alone(path, -EOVERFLOW, newer);
	exec_file(path, "DELETE FROM meta WHERE key = 'reader'");
	assert_left_alone(path, -EOVERFLOW, newer);
}

/* Values that no flowd has written are no others afterwards: refused before, refused after. */
static void test_wrong_values(void **state)
{
	static const char *const wrong[] = {
		"dir = 2",     "dir = 'in'",	"vlan = 4096",	      "vlan = -1",
		"cvlan = 'x'", "marks = 256",	"end_reason = -1",    "end_reason = 8",
		"src = 'x'",   "proto = 'tcp'", "tcp_flags = 262144", "ethertype = 65536",
		"bytes = 'x'",
	};
	char path[PATH_MAX];

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("wrong.db"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct flow_record rec;
		struct db_flows flows;
		struct db_error error;
		struct sqlite3 *db;
		char sql[64];

		snprintf(sql, sizeof(sql), "UPDATE flow SET %s", wrong[i]);
		make_old(path, 4, "WAL", sql);
		for (int migrated = 0; migrated < 2; migrated++) {
			if (migrated)
				assert_int_equal(try_writer(path, &error), 0);
			assert_int_equal(db_open_reader(path, &db, &error), 0);
			assert_int_equal(db_flows_open(db, 0, INT64_MAX, &flows), 0);
			if (db_flows_next(&flows, &rec) != -EPROTO)
				fail_msg("%s: taken, migrated: %d", wrong[i], migrated);
			db_flows_close(&flows);
			db_close(db, -1);
		}
		assert_int_equal(unlink(path), 0);
	}
}

static int open_to_write(const void *path)
{
	struct db_error error;

	return -try_writer(path, &error);
}

static int64_t read_sum(const char *path)
{
	struct db_error error;
	struct sqlite3 *db;
	int64_t sum;

	if (db_open_reader(path, &db, &error))
		fail_msg("%s", error.text);
	sum = query_int(db, MANY_SUM);
	db_close(db, -1);
	return sum;
}

/* Of one that nobody disturbs, in microseconds. */
static useconds_t time_migration(void)
{
	char path[PATH_MAX];
	struct timespec begun, ended;

	snprintf(path, sizeof(path), "%s", in_dir("whole.db"));
	make_old(path, 4, "WAL", MANY_ROWS);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	assert_int_equal(in_child(false, open_to_write, path), 0);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	return (useconds_t)((ended.tv_sec - begun.tv_sec) * 1000000 +
			    (ended.tv_nsec - begun.tv_nsec) / 1000);
}

/* Killed anywhere in a migration: readers have it as it was or as it is to be, and the next one goes on. */
static void test_killed(void **state)
{
	useconds_t whole = time_migration();
	char path[PATH_MAX], name[32];
	struct db_error error;
	int undone = 0;

	(void)state;
	for (int i = 0; i < KILLS; i++) {
		int64_t sum, entries = count_entries();

		snprintf(name, sizeof(name), "kill%d.db", i);
		snprintf(path, sizeof(path), "%s", in_dir(name));
		make_old(path, 4, "WAL", MANY_ROWS);
		sum = read_sum(path);
		kill_child(open_to_write, path, whole / KILLS * 3 / 2 * (useconds_t)i);
		assert_int_equal(read_sum(path), sum);
		if (try_writer(path, &error))
			fail_msg("%s", error.text);
		undone += *error.text != '\0';
		assert_int_equal(read_sum(path), sum);
		snprintf(name, sizeof(name), "kill%d.db.v4.bak", i);
		assert_int_equal(read_sum(in_dir(name)), sum);
		/* the database, its log, the index of that, the copy */
		assert_int_equal(count_entries(), entries + 4);
	}
	print_message("%d of %d killed before the end\n", undone, KILLS);
}

/* With SIGTERM blocked, as flowd has it, and waiting. */
static int open_when_told_to_end(const void *path)
{
	struct db_error error;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) || raise(SIGTERM))
		return 1;
	if (try_writer(path, &error) != -EINTR)
		return 2;
	return strstr(error.text, "ended.db: stopped before it was of version 5") ? 0 : 3;
}

/* Who is told to end does not first bring tables of months to another version. */
static void test_told_to_end(void **state)
{
	char path[PATH_MAX];
	int64_t sum;

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("ended.db"));
	make_old(path, 4, "WAL", MANY_ROWS);
	sum = read_sum(path);
	assert_int_equal(in_child(false, open_when_told_to_end, path), 0);
	assert_int_equal(read_sum(path), sum);
	assert_int_equal(in_child(false, open_to_write, path), 0);
	assert_int_equal(read_sum(path), sum);
}

/* Of the file that the parent has read, on a file system of its own. */
struct small {
	char folder[PATH_MAX - 16], path[PATH_MAX];
	char *data;
	size_t size;
};

static int put_file(const struct small *small)
{
	int fd = open(small->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ssize_t len = fd < 0 ? -1 : write(fd, small->data, small->size);

	return close(fd) || len != (ssize_t)small->size;
}

static bool is_as_it_was(const struct small *small)
{
	char *data = malloc(small->size + 1);
	int fd = open(small->path, O_RDONLY | O_CLOEXEC);
	bool same = data && read(fd, data, small->size + 1) == (ssize_t)small->size &&
		    !memcmp(data, small->data, small->size);

	close(fd);
	free(data);
	return same;
}

/* In a mount namespace of its own: 77 where that cannot be had, else 0 or the number of a step. */
static int small_file_system(const void *arg)
{
	const struct small *small = arg;
	long long needed, unused;
	struct db_error error;
	char copy[PATH_MAX + 32];
	const char *text;

	snprintf(copy, sizeof(copy), "%s.v4.bak", small->path);
	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", small->folder, "tmpfs", 0, "size=8m"))
		return 77;
	if (put_file(small) || try_writer(small->path, &error) != -ENOSPC)
		return 1;
	text = strstr(error.text, "no room to bring it from version 4 to 5");
	text = text ? strstr(text, "anew need") : NULL;
	if (!text || sscanf(text, "anew need %lld bytes, %lld are free", &needed, &unused) != 2)
		return 2;
	if (needed < 2 * (long long)small->size || unused > (8 << 20) - (long long)small->size)
		return 3;
	if (!is_as_it_was(small) || !access(copy, F_OK))
		return 4;
	/* that much is enough */
	snprintf(copy, sizeof(copy), "size=%lld", needed + (long long)small->size + 65536);
	if (mount(NULL, small->folder, NULL, MS_REMOUNT, copy) || try_writer(small->path, &error))
		return 5;
	return 0;
}

static void test_no_room(void **state)
{
	struct small small;
	int result;

	(void)state;
	snprintf(small.folder, sizeof(small.folder), "%s", in_dir("mount"));
	snprintf(small.path, sizeof(small.path), "%s/small.db", small.folder);
	assert_int_equal(mkdir(small.folder, 0755), 0);
	make_old(in_dir("old.db"), 4, "DELETE", MANY_ROWS);
	small.data = read_file(in_dir("old.db"), &small.size);
	result = in_child(false, small_file_system, &small);
	free(small.data);
	if (result == 77) {
		print_message("SKIP (no mount namespace to be had)\n");
		skip();
	}
	assert_int_equal(result, 0);
}

#define DB_TEST(test) cmocka_unit_test_setup_teardown(test, dir_setup, dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DB_TEST(test_older),	    DB_TEST(test_log_and_copies), DB_TEST(test_newer),
		DB_TEST(test_wrong_values), DB_TEST(test_killed),	  DB_TEST(test_no_room),
		DB_TEST(test_told_to_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
