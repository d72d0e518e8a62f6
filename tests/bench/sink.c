/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink.c: rows a second of the SQLite sink: batches of biflow records as a sweep hands them over,
 * each a transaction, into a new database in the given folder. CPU and wall time, bytes a row of flow,
 * rows beside it included: "health" are records of which half (TCP) have some. "mix" are IPv4 conversations
 * as a sweep a second finds them: some ended just now (active timeout), some two seconds ago (closed), some
 * 15 (idle), so that rows come between those of sweeps before. Then samples a second,
 * frames of one size: into a database that takes all, and ("full") into one that is at its limit, so that
 * as many go as come.
 *
 * Then records a second with all sums by minute and hour kept, of traffic as a busy host has it: so many
 * records a minute of their own time, in batches of a replay's size. CPU time of everything, the last
 * flush with it, and the share of it that goes without sums.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flowd/clock.h"
#include "flowd/sink.h"
#include "schema/db.h"
#include "schema/db_sample.h"
#include "timing.h"
#include "zipf.h"

#define ROUNDS_MAX 101
#define START_MS 1700000000000
#define FULL_BATCHES 8 /* that a database at its limit holds */
#define MIX_BATCHES 60 /* before it is measured: rows come late by 15 */

struct subject {
	const char *name;
	size_t rows;	   /* a batch */
	uint32_t captured; /* bytes of each sample; 0: they are flows */
	bool health;
	bool full;
	bool mix;
};

#define SUM_BATCH 16384
#define SUM_KEYS 5000

static void die(const char *what, const char *text)
{
	fprintf(stderr, "sink: %s: %s\n", what, text);
	exit(1);
}

/* As traffic has it: most conversations both ways, one in four IPv6. */
static void make_record(uint64_t n, int64_t end_ms, struct flow_record *rec)
{
	uint64_t x = (n + 1) * 0x9e3779b97f4a7c15ULL;
	const int v6 = x >> 62 == 0;

	memset(rec, 0, sizeof(*rec));
	rec->start_ms = end_ms - (int64_t)(x >> 40) % 60000;
	rec->end_ms = end_ms;
	rec->iface = 1;
	rec->end_reason = END_IDLE;
	rec->key.ethertype = v6 ? 0x86dd : 0x0800;
	rec->key.src[v6 ? 3 : 0] = htonl(0x0a000000 | (uint32_t)(x >> 44 & 0xffff));
	rec->key.dst[v6 ? 3 : 0] = htonl(0xc0a80000 | (uint32_t)(x >> 32 & 0xfff));
	rec->key.sport = htons((uint16_t)(32768 + (x >> 20 & 0x7fff)));
	rec->key.dport = htons(x & 1 ? 443 : 53);
	rec->key.proto = x & 1 ? 6 : 17;
	rec->half[0] = (struct flow_half){.packets = 1 + (x >> 8 & 31), .tcp_flags = 0x1b};
	rec->half[0].bytes = rec->half[0].packets * 120;
	rec->half[0].ip_bytes = rec->half[0].packets * 106;
	if (x & 6)
		rec->half[1] = rec->half[0];
}

/* 1 and more, on average about `mean`: half of them 1 to mean, one in four up to twice that, and so on. */
static uint64_t long_tail(uint64_t x, uint64_t mean)
{
	uint64_t most = mean / 2 << (__builtin_ctzll(x | 1ULL << 20) % 21);

	return 1 + (x >> 21) % (most + 1);
}

/* What a sweep of that time finds: sports above 32768, one in five one-way, mean of packets 10 a direction. */
static void make_mixed(uint64_t n, int64_t now_ms, struct flow_record *rec)
{
	static const uint32_t age_ms[] = {[END_IDLE] = 15000, [END_ACTIVE] = 0, [END_FLOW] = 2000};
	uint64_t x = (n + 1) * 0x9e3779b97f4a7c15ULL, y = (n + 1) * 0xd6e8feb86659fd93ULL;
	const bool tcp = x >> 40 & 1;

	x ^= x >> 29;
	y ^= y >> 31;
	memset(rec, 0, sizeof(*rec));
	rec->end_reason = x % 10 == 0 ? END_ACTIVE : tcp && x % 10 < 8 ? END_FLOW : END_IDLE;
	rec->end_ms = now_ms - age_ms[rec->end_reason] - (int64_t)(y % 1000);
	rec->start_ms = rec->end_ms - (int64_t)(y >> 20) % 60000;
	rec->iface = 1;
	rec->key = (struct flow_key){.ethertype = 0x0800, .proto = tcp ? 6 : 17, .dir = y >> 9 & 1};
	rec->key.src[0] = htonl(0x0a000000 | (uint32_t)(x >> 44 & 0xffff));
	rec->key.dst[0] = htonl((uint32_t)(y >> 24));
	rec->key.sport = htons((uint16_t)(32768 + (x >> 20) % 28232));
	rec->key.dport = htons(tcp ? 443 : 53);
	rec->half[0].packets = long_tail(y >> 4, 5);
	rec->half[1].packets = x % 5 ? long_tail(x >> 8, 5) : 0;
	for (int i = 0; i < 2; i++) {
		struct flow_half *half = &rec->half[i];

		half->ip_bytes = half->packets * (i ? 50 + (x >> 30) % 1400 : 50 + (y >> 30) % 200);
		half->bytes = half->ip_bytes + half->packets * 14;
		half->tcp_flags = tcp && half->packets ? 0x1a : 0;
	}
	rec->half[0].tcp_syn = tcp && x % 10;
}

/* Of TCP: round trips of all, something wrong in one of eight, a socket of this host in every other. */
static void add_health(uint64_t n, struct flow_record *rec)
{
	if (rec->key.proto != 6)
		return;
	rec->has_health = 1;
	for (int i = 0; i < 2; i++) {
		rec->health[i].handshake_us = rec->health[i].rtt_min_us = 20000;
		rec->health[i].rtt_max_us = 90000;
		rec->health[i].count.rtt_count = 12;
		rec->health[i].count.rtt_sum_us = 300000;
	}
	if (n % 8 == 0) {
		rec->health[0].count.retransmits = 3;
		rec->health[0].count.retransmitted_bytes = 4000;
	}
	if (n % 16 < 8) {
		rec->socket = (struct flow_socket){.delivery_rate = 1000000,
						   .bytes_acked = 100000,
						   .pid = 1 + (uint32_t)n % 1000,
						   .srtt_us = 25000,
						   .min_rtt_us = 20000,
						   .cwnd = 10,
						   .delivered = 70,
						   .has = 1};
		snprintf(rec->socket.process, sizeof(rec->socket.process), "process-%d",
			 (int)(n % 100));
	}
}

static void fill_flows(struct sink_batch *batch, const struct subject *subject, uint64_t sweep)
{
	struct sink_books book = {.iface = 1, .minute_ms = START_MS};
	int err = 0;

	for (size_t i = 0; !err && i < subject->rows; i++) {
		struct flow_record rec;

		(subject->mix ? make_mixed : make_record)(sweep * subject->rows + i,
							  START_MS + (int64_t)sweep * 1000, &rec);
		if (subject->health)
			add_health(sweep * subject->rows + i, &rec);
		err = sink_batch_add_record(batch, &rec);
	}
	err = err ? err : sink_batch_add_book(batch, &book);
	if (err)
		die("batch", strerror(-err));
}

static void fill_samples(struct sink_batch *batch, const struct subject *subject, uint64_t sweep)
{
	static const uint8_t frame[SAMPLE_SNAPLEN_MAX];
	int err = 0;

	for (size_t i = 0; !err && i < subject->rows; i++) {
		uint64_t n = sweep * subject->rows + i;
		struct sample_record sample = {.iface = 1,
					       .link = 1,
					       .length = SAMPLE_SNAPLEN_MAX,
					       .captured = subject->captured,
					       .packets = 1,
					       .rate = 1000,
					       .why = SAMPLE_RATE,
					       .device = "eth0",
					       .frame = frame};
		struct flow_record rec;

		make_record(n, 0, &rec);
		sample.key = rec.key;
		sample.time_ns = START_MS * 1000000 + (int64_t)n * 1000;
		err = sink_batch_add_sample(batch, &sample);
	}
	if (err)
		die("batch", strerror(-err));
}

static void fill(struct sink_batch *batch, const struct subject *subject, uint64_t sweep)
{
	sink_batch_reset(batch);
	batch->sweep = sweep;
	if (subject->captured)
		fill_samples(batch, subject, sweep);
	else
		fill_flows(batch, subject, sweep);
}

/* The database with its log, and away with them. */
static double take_files(const char *path)
{
	static const char *const suffix[] = {"", "-wal", "-shm", ".lock"};
	double bytes = 0;
	char name[520];

	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		struct stat st;

		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		if (i < 2 && !stat(name, &st))
			bytes += (double)st.st_size;
		unlink(name);
	}
	return bytes;
}

static void print_cost(const struct subject *subject, int rounds, double bytes, double *cpu,
		       double *wall)
{
	double rows = (double)subject->rows, mid = median(cpu, rounds),
	       mid_wall = median(wall, rounds);
	int stored = subject->full ? FULL_BATCHES : rounds + (subject->mix ? MIX_BATCHES : 0);
	char name[32];

	snprintf(name, sizeof(name), subject->captured ? "%s%u" : "%s", subject->name,
		 subject->captured);
	printf("%-8zu%-14s%7.2f us CPU a row %9.0f rows a CPU second %9.0f rows a second  "
	       "%7.1f bytes a row  spread %.2f-%.2f us\n",
	       subject->rows, name, mid / rows / 1e3, rows / mid * 1e9, rows / mid_wall * 1e9,
	       bytes / rows / stored, cpu[0] / rows / 1e3, cpu[rounds - 1] / rows / 1e3);
}

/* Write the batch of that sweep. */
static void write_one(struct sink *sink, struct sink_batch *batch, const struct subject *subject,
		      uint64_t sweep, double *ret_cpu, double *ret_wall)
{
	char text[SINK_ERROR_MAX] = "";
	uint64_t begun_wall;
	double begun;

	fill(batch, subject, sweep);
	begun_wall = clock_mono().ns;
	begun = cpu_time_ns();
	if (sink->ops->write(sink, batch, text, sizeof(text)))
		die("write", text);
	*ret_cpu = cpu_time_ns() - begun;
	*ret_wall = (double)(clock_mono().ns - begun_wall);
}

/* Batches of the same size into one database, its last one with the checkpoint of closing it. */
static void run(const char *path, const struct subject *subject, int rounds)
{
	double cpu[ROUNDS_MAX], wall[ROUNDS_MAX];
	struct sink_batch batch = {0};
	struct db_error error;
	uint64_t sweep = 0;
	struct sqlite3 *db;
	struct sink *sink;
	int lock_fd;

	if (db_open_writer(path, true, &db, &lock_fd, &error))
		die("database", error.text);
	sink = sink_sqlite_new(db, lock_fd);
	if (!sink)
		die("sink", strerror(ENOMEM));
	if (subject->full) {
		sink_sqlite_retain(sink, 0,
				   FULL_BATCHES * (int64_t)subject->rows *
					   db_sample_bytes(subject->captured));
		while (sweep < FULL_BATCHES)
			write_one(sink, &batch, subject, ++sweep, &cpu[0], &wall[0]);
	}
	while (subject->mix && sweep < MIX_BATCHES)
		write_one(sink, &batch, subject, ++sweep, &cpu[0], &wall[0]);
	for (int i = 0; i < rounds; i++)
		write_one(sink, &batch, subject, ++sweep, &cpu[i], &wall[i]);
	sink->ops->free(sink);
	sink_batch_free(&batch);
	print_cost(subject, rounds, take_files(path), cpu, wall);
}

/* Traffic of so many records a minute, written with that many keys. */
struct density {
	const char *name;
	uint64_t per_minute;
	uint64_t records;
};

static struct sink *open_summing(const char *path, uint32_t keys, bool sync)
{
	const struct sink_rollup_config config = {.keys = keys, .late_ms = ZIPF_IDLE_MS + 5000};
	struct db_error error;
	struct sqlite3 *db;
	struct sink *sink;
	int lock_fd;

	if (db_open_writer(path, sync, &db, &lock_fd, &error))
		die("database", error.text);
	sink = sink_sqlite_new(db, lock_fd);
	if (!sink)
		die("sink", strerror(ENOMEM));
	sink_sqlite_rollup(sink, &config);
	return sink;
}

static double write_sums(struct sink *sink, const struct density *density, struct zipf *zipf)
{
	struct sink_batch batch = {0};
	char text[SINK_ERROR_MAX] = "";
	double cpu = 0, begun;
	uint64_t done = 0;

	while (done < density->records) {
		sink_batch_reset(&batch);
		batch.sweep++;
		for (int i = 0; i < SUM_BATCH; i++, done++) {
			int64_t ms = START_MS + (int64_t)(done * 60000 / density->per_minute);
			struct flow_record rec;

			zipf_record(zipf, ms, &rec);
			if (sink_batch_add_record(&batch, &rec))
				die("batch", strerror(ENOMEM));
		}
		begun = cpu_time_ns();
		if (sink->ops->write(sink, &batch, text, sizeof(text)))
			die("write", text);
		cpu += cpu_time_ns() - begun;
	}
	begun = cpu_time_ns();
	sink->ops->free(sink);
	sink_batch_free(&batch);
	return (cpu + cpu_time_ns() - begun) / (double)done;
}

static double run_sums(const char *path, const struct density *density, uint32_t keys,
		       double *ret_bytes)
{
	struct zipf *zipf = zipf_new();
	double ns;

	if (!zipf)
		die("traffic", strerror(ENOMEM));
	ns = write_sums(open_summing(path, keys, true), density, zipf);
	*ret_bytes = take_files(path) / (double)density->records;
	free(zipf);
	return ns;
}

static void compare_sums(const char *path)
{
	static const struct density densities[] = {
		{"7000 a minute", 7000, 7000 * 150},
		{"7000 a second", 7000 * 60, 7000 * 60 * 5},
	};

	for (size_t i = 0; i < sizeof(densities) / sizeof(densities[0]); i++) {
		double bytes, plain_bytes, plain, sums;

		plain = run_sums(path, &densities[i], 0, &plain_bytes);
		sums = run_sums(path, &densities[i], SUM_KEYS, &bytes);
		printf("sums    %-14s%7.2f us CPU a row %9.0f rows a CPU second, %.0f %% of it for the sums  "
		       "%7.1f bytes a row, %.1f without\n",
		       densities[i].name, sums / 1e3, 1e9 / sums, 100 * (1 - plain / sums), bytes,
		       plain_bytes);
	}
}

int main(int argc, char **argv)
{
	static const struct subject subjects[] = {
		{.name = "flows", .rows = 1000},
		{.name = "health", .rows = 1000, .health = true},
		{.name = "flows", .rows = 10000},
		{.name = "health", .rows = 10000, .health = true},
		{.name = "flows", .rows = 100000},
		{.name = "health", .rows = 100000, .health = true},
		{.name = "mix", .rows = 1000, .mix = true},
		{.name = "mix", .rows = 10000, .mix = true},
		{.name = "samples ", .rows = 1000, .captured = SAMPLE_SNAPLEN},
		{.name = "samples ", .rows = 10000, .captured = SAMPLE_SNAPLEN},
		{.name = "full ", .rows = 10000, .captured = SAMPLE_SNAPLEN, .full = true},
		{.name = "samples ", .rows = 10000, .captured = 1514},
		{.name = "full ", .rows = 10000, .captured = 1514, .full = true},
	};
	int rounds = argc > 2 ? atoi(argv[2]) : 9;
	char path[512];

	if (argc < 2 || argc > 4 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: sink FOLDER [ROUNDS [sums]]\n");
		return 2;
	}
	printf("# SQLite sink, one transaction and fsync a batch; medians of %d batches\n", rounds);
	for (size_t i = 0; argc < 4 && i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		snprintf(path, sizeof(path), "%s/bench-%zu.db", argv[1], i);
		run(path, &subjects[i], rounds);
	}
	snprintf(path, sizeof(path), "%s/bench-sums.db", argv[1]);
	compare_sums(path);
	return 0;
}
