/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sink.c: the thread that hands batches to a sink. See sink.h; a batch's memory is sink_batch.c's.
 *
 *   idle ──submit──► waiting ──thread──► writing ──written──► done ──collect──► idle
 *                       ▲                   │
 *                       └── a second later ─┘ failed
 *
 * While it is idle it tidies up, a step at a time; a step comes after each batch, and as many as are needed to
 * have as much go as came, where what is stored is too much.
 *
 * The batch itself is read by the thread alone from submit to done; all else is under the mutex.
 */
#include "flowd/sink.h"

#include "flowd/clock.h"
#include "flowd/fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WRITER_NICE 10
#define RETRY_MS 1000
#define TIDY_MS 1000 /* between looks at whether there is something to tidy */

enum writer_state {
	WRITER_IDLE,
	WRITER_WAITING,
	WRITER_WRITING,
	WRITER_DONE,
};

struct sink_writer {
	struct sink *sink;
	int fd;
	bool started;
	bool poked; /* do not wait for the next try */
	bool quit;
	enum writer_state state;
	bool untidy; /* a step is to follow */
	bool full;   /* the last try found no room */
	const struct sink_batch *batch;
	struct sink_stats stats;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t work; /* for the thread: submitted, poked or told to quit */
	pthread_cond_t news; /* from the thread: a try has ended */
};

static struct timespec deadline_in(int64_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	return ts;
}

static uint64_t now_ns(void)
{
	return clock_mono().ns;
}

static void count_failure(struct sink_stats *stats, uint64_t begun_ns)
{
	stats->failed++;
	stats->outage_tries = ++stats->tries;
	if (!stats->failing_ns)
		stats->failing_ns = begun_ns;
}

static void count_commit(struct sink_stats *stats, const struct sink_batch *batch, uint64_t us)
{
	stats->tries = 0;
	stats->failing_ns = 0;
	stats->commits++;
	stats->rows += batch->records;
	stats->samples += batch->samples;
	stats->last_us = us;
	if (us > stats->max_us)
		stats->max_us = us;
}

static void take_note(struct sink_writer *w)
{
	w->stats.notes = w->sink->notes;
	memcpy(w->stats.note, w->sink->note, sizeof(w->stats.note));
}

/* One try, with the mutex given up while it lasts. */
static void writer_try(struct sink_writer *w)
{
	char error[SINK_ERROR_MAX] = "";
	uint64_t begun_ns = now_ns();
	int err;

	w->state = WRITER_WRITING;
	w->poked = false;
	pthread_mutex_unlock(&w->mutex);
	FAULT_POINT("commit-0-taken");
	err = w->sink->ops->write(w->sink, w->batch, error, sizeof(error));
	pthread_mutex_lock(&w->mutex);
	if (err)
		count_failure(&w->stats, begun_ns);
	else
		count_commit(&w->stats, w->batch, (now_ns() - begun_ns) / 1000);
	if (!err)
		error[0] = '\0';
	else if (!error[0])
		strncpy(error, strerror(-err), sizeof(error) - 1);
	memcpy(w->stats.error, error, sizeof(error));
	take_note(w);
	w->full = err == -ENOSPC || err == -EDQUOT;
	w->state = err ? WRITER_WAITING : WRITER_DONE;
	eventfd_write(w->fd, 1);
	pthread_cond_broadcast(&w->news);
}

/* After a failed try: until the next is due. */
static void writer_pause(struct sink_writer *w)
{
	struct timespec deadline = deadline_in(RETRY_MS);

	while (!w->quit && !w->poked) {
		if (pthread_cond_timedwait(&w->work, &w->mutex, &deadline) == ETIMEDOUT)
			return;
	}
}

/* A step, with the mutex given up while it lasts; more where `rows` that came have to make others go. */
static void writer_tidy(struct sink_writer *w, uint64_t rows)
{
	enum sink_retain_more more = SINK_RETAIN_URGENT;
	struct sink_retain_stats stats;
	uint64_t gone = 0;

	if (!w->sink->ops->tidy)
		return;
	for (bool first = true; more == SINK_RETAIN_URGENT && !w->quit && (first || gone < rows);
	     first = false) {
		uint64_t step;

		pthread_mutex_unlock(&w->mutex);
		more = w->sink->ops->tidy(w->sink, &step, &stats);
		pthread_mutex_lock(&w->mutex);
		gone += step;
		w->stats.retain = stats;
		if (w->stats.notes != w->sink->notes)
			eventfd_write(w->fd, 1);
		take_note(w);
	}
	w->untidy = more != SINK_RETAIN_DONE;
}

/* Nothing is to be written. */
static void writer_idle(struct sink_writer *w)
{
	struct timespec deadline = deadline_in(TIDY_MS);

	if (w->untidy)
		writer_tidy(w, 0);
	else if (pthread_cond_timedwait(&w->work, &w->mutex, &deadline) == ETIMEDOUT)
		writer_tidy(w, 0);
}

static void *writer_main(void *arg)
{
	struct sink_writer *w = arg;

	/* the sweep goes first where both want the CPU: the ring of evicted flows does not wait */
	setpriority(PRIO_PROCESS, (id_t)gettid(), WRITER_NICE);
	pthread_mutex_lock(&w->mutex);
	while (!w->quit) {
		uint64_t rows;

		if (w->state != WRITER_WAITING) {
			writer_idle(w);
			continue;
		}
		rows = w->batch->records;
		writer_try(w);
		if (w->state == WRITER_WAITING)
			writer_pause(w);
		if (w->state != WRITER_WAITING)
			writer_tidy(w, rows);
		else if (w->full && !w->quit) /* old rows may make room */
			writer_tidy(w, 0);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct sink_writer *w)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	err = pthread_sigmask(SIG_SETMASK, &all, &old);
	if (err)
		return -err;
	err = pthread_create(&w->thread, NULL, writer_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->started = !err;
	return -err;
}

static void init_locks(struct sink_writer *w)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->work, &attr);
	pthread_cond_init(&w->news, &attr);
	pthread_condattr_destroy(&attr);
}

/* On failure the sink stays the caller's. */
int sink_writer_start(struct sink *sink, struct sink_writer **ret_writer)
{
	struct sink_writer *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	init_locks(w);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = w->fd < 0 ? -errno : start_thread(w);
	if (err) {
		sink_writer_free(w);
		return err;
	}
	w->sink = sink;
	*ret_writer = w;
	return 0;
}

int sink_writer_fd(const struct sink_writer *writer)
{
	return writer->fd;
}

int sink_writer_submit(struct sink_writer *w, const struct sink_batch *batch)
{
	int err = 0;

	pthread_mutex_lock(&w->mutex);
	if (w->state != WRITER_IDLE || w->quit) {
		err = -EBUSY;
	} else {
		w->batch = batch;
		w->stats.submitted_ns = now_ns();
		w->state = WRITER_WAITING;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->mutex);
	return err;
}

int sink_writer_collect(struct sink_writer *w)
{
	eventfd_t count;
	int done;

	pthread_mutex_lock(&w->mutex);
	(void)eventfd_read(w->fd, &count);
	done = w->state == WRITER_DONE;
	if (done) {
		w->state = WRITER_IDLE;
		w->batch = NULL;
	}
	pthread_mutex_unlock(&w->mutex);
	return done;
}

static bool is_pending(const struct sink_writer *w)
{
	return w->state == WRITER_WAITING || w->state == WRITER_WRITING;
}

void sink_writer_stats(struct sink_writer *w, struct sink_stats *ret_stats)
{
	pthread_mutex_lock(&w->mutex);
	*ret_stats = w->stats;
	ret_stats->in_flight = is_pending(w);
	if (!ret_stats->in_flight)
		ret_stats->submitted_ns = 0;
	pthread_mutex_unlock(&w->mutex);
}

/* A try that has begun is waited for in any case: SQLite cannot be left in the middle. */
bool sink_writer_stop(struct sink_writer *w, int timeout_ms)
{
	struct timespec deadline = deadline_in(timeout_ms);
	bool left;

	pthread_mutex_lock(&w->mutex);
	w->poked = true;
	pthread_cond_signal(&w->work);
	while (w->started && is_pending(w)) {
		if (pthread_cond_timedwait(&w->news, &w->mutex, &deadline) == ETIMEDOUT)
			break;
	}
	w->quit = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->mutex);
	if (w->started)
		pthread_join(w->thread, NULL);
	w->started = false;
	left = is_pending(w);
	return !left;
}

struct sink *sink_writer_sink(const struct sink_writer *w)
{
	return w->sink;
}

void sink_writer_free(struct sink_writer *w)
{
	if (!w)
		return;
	if (w->started)
		(void)sink_writer_stop(w, 0);
	if (w->sink)
		w->sink->ops->free(w->sink);
	if (w->fd >= 0)
		close(w->fd);
	pthread_cond_destroy(&w->news);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}
