/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * busyday.c: the synthetic busy day of day.h, into a ledger database, by the sink of flowd, a batch a sweep;
 * or to a collector of IPFIX at a port of this host, which must be listening. Prints one line: what
 * there was, and of a database the CPU and wall time in the sink, its closing included.
 */
#include <errno.h>
#include <getopt.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "day.h"
#include "flowd/clock.h"
#include "flowd/sink.h"
#include "ipfix.h"
#include "schema/db.h"

#define RECORDS 10000000
#define SEED 20231115
#define KEYS 5000 /* rollup.keys, as flowd has it */

static const char usage[] =
	"usage: busyday [--records N] [--seed N] [--seconds N] --db FILE | --ipfix PORT\n"
	"  10,000,000 records of ten packets each unless given, within 86,400 seconds; FILE: a new one\n";

struct total {
	uint64_t records, packets, bytes, directed;
};

static void die(const char *what, const char *text)
{
	fprintf(stderr, "busyday: %s: %s\n", what, text);
	exit(1);
}

static void sum_up(struct total *total, const struct sink_batch *batch)
{
	total->records += batch->records;
	for (size_t i = 0; i < batch->records; i++) {
		for (int half = 0; half < 2; half++) {
			total->packets += batch->record[i].half[half].packets;
			total->bytes += batch->record[i].half[half].bytes;
			total->directed += batch->record[i].half[half].packets > 0;
		}
	}
}

static void add_interfaces(struct sqlite3 *db)
{
	static const char sql[] =
		"INSERT INTO interface (id, name, ifindex, netns, ifnum, generation, ingress, egress, "
		"first_ms, last_ms) VALUES (?1, ?2, ?1 + 1, 1, ?1, 1, 'xdp-native', 'tcx', ?3, ?4)";
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(db, sql, -1, &row, NULL))
		die("interfaces", sqlite3_errmsg(db));
	for (int i = 0; i < DAY_IFACES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "eth%d", i);
		sqlite3_bind_int(row, 1, i + 1);
		sqlite3_bind_text(row, 2, name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(row, 3, DAY_START_MS);
		sqlite3_bind_int64(row, 4, DAY_START_MS + DAY_SECONDS * 1000LL);
		if (sqlite3_step(row) != SQLITE_DONE)
			die("interfaces", sqlite3_errmsg(db));
		sqlite3_reset(row);
	}
	sqlite3_finalize(row);
}

/* User and system time of the process: a sink may have threads. */
static double cpu_s(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

struct spent {
	double cpu, wall;
};

static void write_batch(struct sink *sink, const struct sink_batch *batch, struct spent *spent)
{
	char text[SINK_ERROR_MAX] = "";
	uint64_t begun_wall = clock_mono().ns;
	double begun = cpu_s();

	if (sink->ops->write(sink, batch, text, sizeof(text)))
		die("write", text);
	spent->cpu += cpu_s() - begun;
	spent->wall += (double)(clock_mono().ns - begun_wall) / 1e9;
}

static void to_database(struct day *day, const char *path)
{
	const struct sink_rollup_config rollup = {
		.keys = KEYS,
		.late_ms = DAY_IDLE_MS + SINK_ROLLUP_LATE_MS,
	};
	struct sink_batch batch = {0};
	struct spent spent = {0};
	struct total total = {0};
	struct db_error error;
	struct sqlite3 *db;
	struct sink *sink;
	int lock_fd;
	bool more = true;
	double begun;

	if (db_open_writer(path, false, &db, &lock_fd, &error))
		die("database", error.text);
	add_interfaces(db);
	sink = sink_sqlite_new(db, lock_fd);
	if (!sink)
		die("sink", strerror(ENOMEM));
	sink_sqlite_rollup(sink, &rollup);
	while (more) {
		sink_batch_reset(&batch);
		batch.sweep++;
		if (day_sweep(day, &batch, &more))
			die("batch", strerror(ENOMEM));
		sum_up(&total, &batch);
		write_batch(sink, &batch, &spent);
	}
	begun = cpu_s();
	sink->ops->free(sink);
	spent.cpu += cpu_s() - begun;
	sink_batch_free(&batch);
	printf("%llu records %llu packets %llu bytes %llu directed %.3f cpu %.3f wall\n",
	       (unsigned long long)total.records, (unsigned long long)total.packets,
	       (unsigned long long)total.bytes, (unsigned long long)total.directed, spent.cpu,
	       spent.wall);
}

static void to_collector(struct day *day, uint16_t port)
{
	struct sink_batch batch = {0};
	struct total total = {0};
	struct ipfix ipfix;
	int64_t now_ms = DAY_START_MS;
	bool more = true;
	int err = ipfix_open(&ipfix, port);

	while (!err && more) {
		sink_batch_reset(&batch);
		now_ms += DAY_SWEEP_MS;
		err = day_sweep(day, &batch, &more);
		sum_up(&total, &batch);
		if (!err)
			err = ipfix_send(&ipfix, &batch, now_ms);
	}
	if (!err)
		err = ipfix_close(&ipfix);
	if (err)
		die("collector", err == -ENOBUFS ? "its socket dropped datagrams" : strerror(-err));
	sink_batch_free(&batch);
	printf("%llu records %llu packets %llu bytes %llu directed\n",
	       (unsigned long long)total.records, (unsigned long long)total.packets,
	       (unsigned long long)total.bytes, (unsigned long long)ipfix.records);
}

static uint64_t number(const char *name, const char *text, uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (!errno && end != text && !*end && *text != '-' && value && value <= max)
		return value;
	fprintf(stderr, "busyday: --%s '%s': not in 1-%llu\n", name, text, (unsigned long long)max);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"records", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
		{"seconds", required_argument, NULL, 't'}, {"db", required_argument, NULL, 'd'},
		{"ipfix", required_argument, NULL, 'p'},   {NULL, 0, NULL, 0},
	};
	uint64_t records = RECORDS, seed = SEED, seconds = DAY_SECONDS, port = 0;
	const char *path = NULL;
	struct day *day;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			records = number("records", optarg, 1000000000);
		else if (c == 's')
			seed = number("seed", optarg, UINT64_MAX);
		else if (c == 't')
			seconds = number("seconds", optarg, DAY_SECONDS);
		else if (c == 'p')
			port = number("ipfix", optarg, UINT16_MAX);
		else if (c == 'd')
			path = optarg;
		else
			path = NULL, port = 0, optind = argc + 1;
	}
	if (optind != argc || !path == !port) {
		fputs(usage, stderr);
		return 2;
	}
	day = day_new(records, seed, (uint32_t)seconds);
	if (!day)
		die("day", strerror(ENOMEM));
	if (path)
		to_database(day, path);
	else
		to_collector(day, (uint16_t)port);
	day_free(day);
	return 0;
}
