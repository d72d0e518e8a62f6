/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * retain.c: how fast old rows leave the database, and for how long a step keeps the writer: a file of that
 * many records, half of them with health beside, in the given folder; half of them are too old. With each
 * setting of SQLite's secure_delete, rows in by the sink beside rows out by steps, as CPU time and as a ratio;
 * then pages back to the file system, and a step at a time beside batches that go on coming in.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flowd/clock.h"
#include "flowd/sink.h"
#include "schema/db.h"
#include "timing.h"

#define BATCH 16384
#define DAY_MS 86400000LL
#define RECORDS 2000000
#define BESIDE 60 /* batches that come in while rows go */

static void die(const char *what, const char *text)
{
	fprintf(stderr, "retain: %s: %s\n", what, text);
	exit(1);
}

static void make_record(uint64_t n, int64_t end_ms, struct flow_record *rec)
{
	uint64_t x = (n + 1) * 0x9e3779b97f4a7c15ULL;

	memset(rec, 0, sizeof(*rec));
	rec->start_ms = end_ms - (int64_t)(x >> 40) % 60000;
	rec->end_ms = end_ms;
	rec->iface = 1;
	rec->end_reason = END_IDLE;
	rec->key.ethertype = 0x0800;
	rec->key.src[0] = htonl(0x0a000000 | (uint32_t)(x >> 44 & 0xffff));
	rec->key.dst[0] = htonl(0xc0a80000 | (uint32_t)(x >> 32 & 0xfff));
	rec->key.sport = htons((uint16_t)(32768 + (x >> 20 & 0x7fff)));
	rec->key.dport = htons(443);
	rec->key.proto = x & 1 ? 6 : 17;
	for (int i = 0; i < 2; i++) {
		rec->half[i] = (struct flow_half){.packets = 1 + (x >> 8 & 31), .tcp_flags = 0x1b};
		rec->half[i].bytes = rec->half[i].packets * 500;
		rec->half[i].ip_bytes = rec->half[i].bytes - 14 * rec->half[i].packets;
	}
	rec->has_health = n % 4 == 0;
	rec->health[0].count.rtt_count = 3;
	rec->health[0].count.rtt_sum_us = 900;
}

static void write_batch(struct sink *sink, struct sink_batch *batch, uint64_t n, int64_t end_ms)
{
	char error[SINK_ERROR_MAX] = "";

	sink_batch_reset(batch);
	for (uint64_t i = 0; i < BATCH; i++) {
		struct flow_record rec;

		make_record(n + i, end_ms, &rec);
		if (sink_batch_add_record(batch, &rec))
			die("batch", "no memory");
	}
	batch->sweep++;
	if (sink->ops->write(sink, batch, error, sizeof(error)))
		die("write", error);
}

static void run_sql(struct sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		die(sql, sqlite3_errmsg(db));
}

struct went {
	uint64_t rows, steps, checkpoint_us;
	double cpu_ns, wall_ns, longest_ms, longest_cpu_ms;
};

static void add_step(struct sink *sink, struct went *went, enum sink_retain_more *ret_more)
{
	struct sink_retain_stats stats;
	double cpu = cpu_time_ns();
	uint64_t begun = clock_mono().ns, rows;

	*ret_more = sink->ops->tidy(sink, &rows, &stats);
	if (stats.error[0])
		die("step", stats.error);
	cpu = cpu_time_ns() - cpu;
	went->cpu_ns += cpu;
	went->wall_ns += (double)(clock_mono().ns - begun);
	if (stats.checkpoint_us > went->checkpoint_us) { /* a step alone, and the disk's time */
		went->checkpoint_us = stats.checkpoint_us;
		cpu = 0;
		begun = clock_mono().ns;
	}
	if (cpu / 1e6 > went->longest_cpu_ms)
		went->longest_cpu_ms = cpu / 1e6;
	went->rows += rows;
	went->steps++;
	if ((double)(clock_mono().ns - begun) / 1e6 > went->longest_ms)
		went->longest_ms = (double)(clock_mono().ns - begun) / 1e6;
}

/* Half of the records are older than the limit. */
static void run_one(const char *dir, const char *secure, size_t records)
{
	const struct db_retain_limits limits = {.age_ms = {DAY_MS, 0, 0}};
	int64_t now_ms = clock_wall().ms, pages;
	struct sink_batch batch = {.sweep = 0};
	struct went out = {0}, shrink = {0};
	enum sink_retain_more more;
	struct db_error error;
	struct sqlite3 *db;
	char path[512], sql[64];
	double in_ns;
	uint64_t checkpoint_us;
	struct sink *sink;
	uint64_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/retain-%d.db", dir, (int)getpid());
	if (db_open_writer(path, true, &db, &fd, &error))
		die("database", error.text);
	sink = sink_sqlite_new(db, fd);
	sink_sqlite_keep(sink, &limits);
	snprintf(sql, sizeof(sql), "PRAGMA secure_delete = %s", secure);
	run_sql(db, sql);
	in_ns = cpu_time_ns();
	for (; n < records; n += BATCH)
		write_batch(sink, &batch, n,
			    now_ms - 2 * DAY_MS * (int64_t)(records - n) / (int64_t)records);
	in_ns = cpu_time_ns() - in_ns;
	db_meta_set_int(db, "rollup_minute_ms", now_ms);
	db_meta_set_int(db, "rollup_hour_ms", now_ms);
	db_meta_get_int(db, "sequence", &pages);
	shrink.checkpoint_us = out.checkpoint_us;
	do
		add_step(sink, &out, &more);
	while (more != SINK_RETAIN_DONE && out.rows < records / 2 - 3 * BATCH);
	while (more != SINK_RETAIN_DONE)
		add_step(sink, &shrink, &more);
	checkpoint_us =
		shrink.checkpoint_us > out.checkpoint_us ? shrink.checkpoint_us : out.checkpoint_us;
	printf("secure_delete %-4s in %.0f rows a CPU-ms, out %.0f (%.1f times), %.0f a wall-ms, %llu steps, "
	       "longest %.1f ms (%.1f CPU-ms)\n",
	       secure, (double)n / in_ns * 1e6, (double)out.rows / out.cpu_ns * 1e6,
	       (double)out.rows / out.cpu_ns / ((double)n / in_ns),
	       (double)out.rows / out.wall_ns * 1e6, (unsigned long long)out.steps, out.longest_ms,
	       out.longest_cpu_ms);
	printf("                   the rest, and pages back: %llu steps, %.0f CPU-ms, longest %.1f ms (%.1f "
	       "CPU-ms), longest checkpoint %.1f ms\n",
	       (unsigned long long)shrink.steps, shrink.cpu_ns / 1e6, shrink.longest_ms,
	       shrink.longest_cpu_ms, (double)checkpoint_us / 1e3);
	sink->ops->free(sink);
	sink_batch_free(&batch);
	unlink(path);
	strcat(path, "-wal");
	unlink(path);
	memcpy(path + strlen(path) - 3, "shm", 3);
	unlink(path);
}

int main(int argc, char **argv)
{
	static const char *const secure[] = {"OFF", "FAST", "ON"};
	size_t records = argc > 2 ? strtoull(argv[2], NULL, 10) : RECORDS;

	if (argc < 2 || records < 100 * BATCH) {
		fprintf(stderr, "usage: retain FOLDER [RECORDS]\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(secure) / sizeof(secure[0]); i++)
		run_one(argv[1], secure[i], records);
	return 0;
}
