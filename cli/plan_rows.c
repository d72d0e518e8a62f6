/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan_rows.c: see plan_rows.h. */
#include "cli/plan_rows.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/plan_memory.h"
#include "cli/plan_source.h"
#include "cli/query.h"

#define ETHERNET_BYTES 14
#define TWO_BUCKETS 8 /* fewer of them are not worth a second thread */
#define SEEN_FIRST 4096
#define SEEN_MAX (1U << 22)

/* Columns that a metric is the sum of; those from `minus` on are taken off. */
static const struct metric {
	const char *name;
	enum plan_column column[6];
	int count, minus;
	int headers; /* the last so many are packets: Ethernet headers are taken off */
} metrics[] = {
	{"bytes", {PLAN_BYTES, PLAN_REV_BYTES}, 2, 2, 0},
	{"packets", {PLAN_PACKETS, PLAN_REV_PACKETS}, 2, 2, 0},
	{"flows", {PLAN_FLOWS}, 1, 1, 0},
	{"ip_bytes",
	 {PLAN_BYTES, PLAN_REV_BYTES, PLAN_L2_BYTES, PLAN_REV_L2_BYTES, PLAN_PACKETS,
	  PLAN_REV_PACKETS},
	 6,
	 2,
	 2},
	{"retransmits", {PLAN_RETRANSMITS, PLAN_REV_RETRANSMITS}, 2, 2, 0},
};

/* A row on its way into the table: what of it counts, as the reader has it. */
struct pending {
	struct plan_key key;
	uint64_t hash;
	int64_t id;
	int64_t credit;
	enum plan_level level;
	union {
		uint64_t value;
		struct plan_sums sums;
	};
};

/* One thread's. */
struct reader {
	struct plan_rows *rows;
	const struct plan_pages *pages; /* NULL: by SQLite */
	struct plan_wanted wanted;
	struct plan_tree tree;
	struct plan_sql sql;
	const struct metric *metric;
	const struct plan_bucket *bucket; /* that is being read */
	struct plan_table table;
	struct plan_sums total;
	struct pending pending[PLAN_PENDING];
	size_t pendings;
	struct plan_seen *seen;
	size_t seen_count, seen_room;
	bool seen_all;
	atomic_size_t *next; /* number of the next bucket, of all readers */
	int err;
};

static const struct metric *find_metric(const char *name)
{
	for (size_t i = 0; name && i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		if (!strcmp(metrics[i].name, name))
			return &metrics[i];
	}
	return NULL;
}

bool plan_rows_has(const char *metric)
{
	return find_metric(metric) != NULL;
}

/* --- of a row ------------------------------------------------------------------------------------- */

/* Of all columns. */
static void read_sums(const struct reader *reader, int64_t id, const int64_t *value,
		      struct plan_sums *ret_sums)
{
	int64_t bucket_ms = (id >> TALKER_BUCKET_SHIFT) * TALKER_MINUTE_MS;
	int64_t packets = value[PLAN_PACKETS] + value[PLAN_REV_PACKETS];
	int64_t bytes = value[PLAN_BYTES] + value[PLAN_REV_BYTES];
	int64_t l2_bytes = value[PLAN_L2_BYTES] + value[PLAN_REV_L2_BYTES];

	*ret_sums = (struct plan_sums){
		.flows = (uint64_t)value[PLAN_FLOWS],
		.packets = (uint64_t)packets,
		.bytes = (uint64_t)bytes,
		.ip_bytes = (uint64_t)(bytes - l2_bytes - ETHERNET_BYTES * packets),
		.retransmits = (uint64_t)(value[PLAN_RETRANSMITS] + value[PLAN_REV_RETRANSMITS]),
		.rtt_count = (uint64_t)value[PLAN_RTT_COUNT],
		.rtt_sum_us = (uint64_t)value[PLAN_RTT_SUM_US],
		.start_ms = bucket_ms - value[PLAN_FIRST_MS],
		.end_ms = bucket_ms + value[PLAN_LAST_MS],
	};
	if (bucket_ms < reader->rows->drops_until_ms)
		ret_sums->drops = (uint64_t)(value[PLAN_DROPS] + value[PLAN_REV_DROPS]);
}

static uint64_t read_value(const struct metric *metric, const int64_t *value)
{
	int64_t sum = 0;

	for (int i = 0; i < metric->minus; i++)
		sum += value[i];
	for (int i = metric->minus; i < metric->count - metric->headers; i++)
		sum -= value[i];
	for (int i = metric->count - metric->headers; i < metric->count; i++)
		sum -= ETHERNET_BYTES * value[i];
	return (uint64_t)sum;
}

static int note_seen(struct reader *reader, const struct pending *pending, uint32_t entry)
{
	if (reader->seen_count == reader->seen_room) {
		size_t room = reader->seen_room ? reader->seen_room * 2 : SEEN_FIRST;
		struct plan_seen *seen;

		if (room > SEEN_MAX) {
			reader->seen_all = false;
			return 0;
		}
		seen = plan_memory_grow(reader->seen, reader->seen_count * sizeof(*seen),
					room * sizeof(*seen));
		if (!seen)
			return -ENOMEM;
		reader->seen = seen;
		reader->seen_room = room;
	}
	reader->seen[reader->seen_count++] = (struct plan_seen){pending->id, entry, pending->level};
	return 0;
}

static int add_pending(struct reader *reader, const struct pending *pending)
{
	struct plan_table *table = &reader->table;
	uint32_t entry;
	int err = plan_table_at_hash(table, &pending->key, pending->hash, &entry);

	if (err || entry == PLAN_NO_ENTRY)
		return err;
	table->entry[entry].credit += pending->credit;
	if (table->with_sums) {
		plan_sums_add(&table->sums[entry], &pending->sums);
		return 0;
	}
	table->entry[entry].value += pending->value;
	return note_seen(reader, pending, entry);
}

static int add_all_pending(struct reader *reader)
{
	int err = 0;

	for (size_t i = 0; i < reader->pendings; i++)
		plan_table_fetch_entry(&reader->table, reader->pending[i].hash);
	for (size_t i = 0; !err && i < reader->pendings; i++)
		err = add_pending(reader, &reader->pending[i]);
	reader->pendings = 0;
	return err;
}

static int take_row(void *to, int64_t id, const struct plan_key *key, const int64_t *value)
{
	struct reader *reader = to;
	struct pending *pending = &reader->pending[reader->pendings++];

	pending->key = *key;
	pending->hash = plan_table_fetch(&reader->table, key);
	pending->id = id;
	pending->credit = reader->bucket->credit;
	pending->level = reader->bucket->level;
	if (reader->table.with_sums)
		read_sums(reader, id, value, &pending->sums);
	else
		pending->value = read_value(reader->metric, value);
	return reader->pendings == PLAN_PENDING ? add_all_pending(reader) : 0;
}

/* Of a closed table. */
static bool has_key(void *to, const struct plan_key *key)
{
	struct reader *reader = to;
	uint32_t number;

	return !plan_table_at(&reader->table, key, &number) && number != PLAN_NO_ENTRY;
}

static int take_total(void *to, int64_t id, const struct plan_key *key, const int64_t *value)
{
	struct reader *reader = to;
	struct plan_sums sums;

	(void)key;
	read_sums(reader, id, value, &sums);
	plan_sums_add(&reader->total, &sums);
	return 0;
}

/* --- of a thread ---------------------------------------------------------------------------------- */

static int read_ids(struct reader *reader, enum plan_level level, int64_t first, int64_t last)
{
	const struct db_tree_range range = {first, last};

	if (reader->pages)
		return plan_tree_read(&reader->tree, level, &range, &reader->wanted);
	return plan_sql_read(&reader->sql, level, &range);
}

static bool has_tails(enum plan_what what)
{
	return what == PLAN_TOTAL || what == PLAN_TAIL;
}

static void read_buckets(struct reader *reader)
{
	const struct plan_buckets *buckets = reader->rows->buckets;
	enum plan_what what = reader->rows->what;
	size_t n;

	while (!reader->err && (n = atomic_fetch_add(reader->next, 1)) < buckets->used) {
		const struct plan_bucket *bucket = &buckets->bucket[n];
		int64_t first = talker_id(bucket->minute, buckets->kind);
		int64_t last = what == PLAN_TAIL ? first : first + TALKER_RANK_MAX;

		reader->bucket = bucket;
		reader->err =
			read_ids(reader, bucket->level, has_tails(what) ? first : first + 1, last);
	}
	if (!reader->err)
		reader->err = add_all_pending(reader);
	if (reader->err)
		atomic_store(reader->next, SIZE_MAX / 2); /* nobody needs the rest */
}

static void *run_thread(void *arg)
{
	read_buckets(arg);
	return NULL;
}

static void want(struct reader *reader)
{
	struct plan_wanted *wanted = &reader->wanted;
	const struct metric *metric = reader->metric;
	bool value = reader->rows->what == PLAN_VALUE;

	wanted->to = reader;
	wanted->take = has_tails(reader->rows->what) ? take_total : take_row;
	wanted->count = value ? metric->count : PLAN_COLUMNS;
	for (int i = 0; i < wanted->count; i++)
		wanted->column[i] = value ? metric->column[i] : (enum plan_column)i;
}

/* Keys that were there before are the only ones where the table is closed: each thread has them. */
static int copy_closed(const struct plan_table *from, struct plan_table *to)
{
	uint32_t number;
	int err = 0;

	to->with_sums = from->with_sums;
	for (size_t n = 0; !err && from->closed && n < from->used; n++)
		err = plan_table_at(to, &from->entry[n].key, &number);
	to->closed = from->closed;
	return err;
}

/* `pages` NULL: by SQLite. reader_close also after a failure. 0 or -ENOMEM. */
static int reader_open(struct reader *reader, struct plan_rows *rows,
		       const struct plan_pages *pages, atomic_size_t *next)
{
	int err;

	memset(reader, 0, sizeof(*reader));
	reader->rows = rows;
	reader->pages = pages;
	reader->metric = find_metric(rows->metric);
	reader->next = next;
	reader->seen_all = true;
	reader->sql = (struct plan_sql){.db = rows->query->db, .wanted = &reader->wanted};
	want(reader);
	rows->table.with_sums = rows->what == PLAN_SUMS;
	err = copy_closed(&rows->table, &reader->table);
	if (reader->table.closed)
		reader->wanted.has = has_key;
	if (pages)
		plan_tree_open(pages, &reader->tree);
	return err;
}

static void reader_close(struct reader *reader)
{
	plan_sql_close(&reader->sql);
	plan_tree_close(&reader->tree);
	plan_table_free(&reader->table);
	free(reader->seen);
}

/* --- of all --------------------------------------------------------------------------------------- */

/* What the second one has read, to what the first one has. */
static int join(struct reader *reader, struct reader *second)
{
	size_t count = reader->seen_count + second->seen_count;
	uint32_t *moved = plan_memory_zeroed((second->table.used + 1) * sizeof(*moved));
	struct plan_seen *seen = plan_memory_grow(reader->seen, reader->seen_count * sizeof(*seen),
						  (count + 1) * sizeof(*seen));
	int err = moved && seen ? 0 : -ENOMEM;

	if (seen)
		reader->seen = seen;
	if (!err)
		err = plan_table_move(&second->table, &reader->table, moved);
	for (size_t i = 0; !err && i < second->seen_count; i++) {
		seen[reader->seen_count] = second->seen[i];
		seen[reader->seen_count++].entry = moved[second->seen[i].entry];
	}
	reader->seen_all &= second->seen_all;
	free(moved);
	return err;
}

/* What was read is the answer's. */
static void give(struct reader *reader, struct plan_rows *rows)
{
	plan_rows_free(rows);
	rows->table = reader->table;
	rows->total = reader->total;
	rows->seen = reader->seen;
	rows->seen_count = reader->seen_count;
	rows->seen_all = reader->seen_all;
	memset(&reader->table, 0, sizeof(reader->table));
	reader->seen = NULL;
}

static bool is_worth_two(const struct plan_rows *rows)
{
	return rows->buckets->used >= TWO_BUCKETS && !has_tails(rows->what) &&
	       sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

/* From the pages, by two threads where that is worth it. -ENOTSUP: SQLite has to. */
static int read_pages(struct plan_rows *rows, const struct plan_pages *pages)
{
	struct reader reader, second = {0};
	atomic_size_t next = 0;
	pthread_t thread;
	bool two = is_worth_two(rows);
	int err = reader_open(&reader, rows, pages, &next);

	if (!err && two)
		err = reader_open(&second, rows, pages, &next);
	two = !err && two && !pthread_create(&thread, NULL, run_thread, &second);
	if (!err)
		read_buckets(&reader);
	if (two)
		pthread_join(thread, NULL);
	err = err ? err : reader.err ? reader.err : second.err;
	if (!err && two)
		err = join(&reader, &second);
	if (!err)
		give(&reader, rows);
	reader_close(&reader);
	reader_close(&second);
	return err;
}

static int fail(const struct reader *reader, int err)
{
	struct query *query = reader->rows->query;

	if (err == -EPROTO)
		snprintf(query->error, sizeof(query->error),
			 "%s: %s %lld: a value of the wrong type", query->options.db,
			 plan_level_table[reader->bucket->level], (long long)reader->sql.wrong);
	else if (err == -EIO)
		snprintf(query->error, sizeof(query->error), "%s: %s: %s", query->options.db,
			 plan_level_table[reader->bucket->level], sqlite3_errmsg(query->db));
	return err;
}

static int read_sql(struct plan_rows *rows)
{
	struct reader reader;
	atomic_size_t next = 0;
	int err = reader_open(&reader, rows, NULL, &next);

	if (!err) {
		read_buckets(&reader);
		err = fail(&reader, reader.err);
	}
	if (!err)
		give(&reader, rows);
	reader_close(&reader);
	return err;
}

int plan_rows_read(struct plan_rows *rows)
{
	int err = rows->pages ? read_pages(rows, rows->pages) : -ENOTSUP;

	return err == -ENOTSUP ? read_sql(rows) : err;
}

int plan_rows_again(struct plan_rows *rows, const struct plan_seen *seen, size_t count)
{
	struct plan_bucket bucket = {0};
	struct reader reader;
	int err = reader_open(&reader, rows, NULL, NULL);

	reader.bucket = &bucket;
	for (size_t i = 0; !err && i < count; i++) {
		bucket.level = seen[i].level;
		err = read_ids(&reader, seen[i].level, seen[i].id, seen[i].id);
	}
	err = err ? err : add_all_pending(&reader);
	fail(&reader, err);
	if (!err)
		give(&reader, rows);
	reader_close(&reader);
	return err;
}

void plan_rows_free(struct plan_rows *rows)
{
	plan_table_free(&rows->table);
	free(rows->seen);
	rows->seen = NULL;
}
