/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* scan.c: see scan.h. Only query_iface and filters are asked from threads, and nothing else is changed. */
#include "cli/scan.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/anonymize.h"
#include "cli/filter.h"
#include "cli/group.h"
#include "cli/group_fill.h"
#include "cli/query.h"
#include "schema/db_scan.h"

#define RANGES_MAX 256
#define RANGES_THREAD 4 /* a thread is worth its while from here on */

struct job {
	const struct query *query;
	const struct scan *scan;
	struct db_scan db;
	struct db_tree_range range[RANGES_MAX];
	int ranges;
	atomic_int next; /* range */
	atomic_bool failed;
};

struct worker {
	struct job *job;
	pthread_t thread;
	bool started;
	struct filter *filter;
	struct group group;
	int err;
};

static int add_record(struct worker *worker, struct flow_record *rec)
{
	const struct query *query = worker->job->query;
	const struct scan *scan = worker->job->scan;
	int match = query_match(query, worker->filter, rec);

	if (match <= 0)
		return match;
	if (query->options.anonymize)
		anonymize_record(query->options.anonymize, rec);
	return group_fill_one(query, scan->kind, scan->wanted, rec, (unsigned)match,
			      &worker->group);
}

static int read_range(struct worker *worker, struct db_scan_reader *reader,
		      const struct db_tree_range *range)
{
	int have, err = db_scan_seek(reader, range);

	while (!err && (have = db_scan_next(reader))) {
		err = have < 0 ? have : add_record(worker, &reader->rec);
		if (atomic_load_explicit(&worker->job->failed, memory_order_relaxed))
			break;
	}
	return err;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct job *job = worker->job;
	struct db_scan_reader reader;
	int err = 0, i;

	db_scan_reader_open(&job->db, &reader);
	while (!err && !atomic_load(&job->failed) &&
	       (i = atomic_fetch_add(&job->next, 1)) < job->ranges)
		err = read_range(worker, &reader, &job->range[i]);
	db_scan_reader_close(&reader);
	worker->err = err;
	if (err)
		atomic_store(&job->failed, true);
	return NULL;
}

static int cpus(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	return count < SCAN_THREADS_MAX ? count : SCAN_THREADS_MAX;
}

/* What anonymizes remembers what it did, in one order. */
static int count_threads(const struct job *job)
{
	int count = job->scan->threads ? job->scan->threads : cpus();

	if (job->query->options.anonymize)
		return 1;
	if (count > SCAN_THREADS_MAX)
		count = SCAN_THREADS_MAX;
	if (count > job->ranges / RANGES_THREAD)
		count = job->ranges / RANGES_THREAD;
	return count < 1 ? 1 : count;
}

static int prepare(struct worker *worker, struct job *job, const struct group *group, int count)
{
	struct filter *filter = job->query->options.filter;

	worker->job = job;
	worker->group.memory = (group->memory ? group->memory : GROUP_MEMORY) / (size_t)count;
	worker->group.plain = group->plain;
	worker->group.geo = group->geo;
	return filter ? filter_copy(filter, &worker->filter) : 0;
}

/* An error of the group's own comes before those that query_next says better. */
static int worse(int err, int other)
{
	return other && (!err || err == -ENOTSUP || err == -ENODATA) ? other : err;
}

/* What a worker has into the answer. */
static int hand_over(struct worker *worker, struct group *group)
{
	int err = group_merge(group, &worker->group);

	if (!err && worker->filter)
		filter_add_undecided(worker->job->query->options.filter, worker->filter);
	return err;
}

/* Threads that cannot be started are not missed: the first does it all then. */
static int work_all(struct worker *worker, int count)
{
	int err;

	for (int i = 1; i < count; i++)
		worker[i].started = !pthread_create(&worker[i].thread, NULL, work, &worker[i]);
	work(&worker[0]);
	err = worker[0].err;
	for (int i = 1; i < count; i++) {
		if (!worker[i].started)
			continue;
		pthread_join(worker[i].thread, NULL);
		err = worse(err, worker[i].err);
	}
	return err;
}

static int run(struct job *job, struct group *group)
{
	struct worker *worker = calloc(SCAN_THREADS_MAX, sizeof(*worker));
	int count = count_threads(job), err = worker ? 0 : -ENOMEM;

	for (int i = 0; !err && i < count; i++)
		err = prepare(&worker[i], job, group, count);
	err = err ? err : work_all(worker, count);
	for (int i = 0; !err && i < count; i++)
		err = hand_over(&worker[i], group);
	for (int i = 0; worker && i < count; i++) {
		group_free(&worker[i].group);
		filter_free(worker[i].filter);
	}
	free(worker);
	return err;
}

int scan_records(struct query *query, const struct scan *scan, struct group *group)
{
	const struct db_scan_options options = {.since_ms = query->options.since_ms,
						.until_ms = query->options.until_ms,
						.health = !group->plain};
	struct job *job = calloc(1, sizeof(*job));
	int err;

	if (!job)
		return -ENOMEM;
	job->query = query;
	job->scan = scan;
	err = db_scan_open(query->db, &query->mark, &options, &job->db);
	if (!err) {
		job->ranges = db_scan_split(&job->db, job->range, RANGES_MAX);
		err = job->ranges < 0 ? job->ranges : run(job, group);
	}
	db_scan_close(&job->db);
	free(job);
	if (err == -ENODATA)
		return -ENOTSUP;
	if (err && err != -ENOTSUP && err != -ENOMEM && err != -EBADMSG) /* see geo_problem */
		snprintf(query->error, sizeof(query->error), "temporary file: %s", strerror(-err));
	return err;
}
