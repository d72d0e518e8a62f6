/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* run.c: the daemon's steady state. See run.h. */
#include "flowd/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "flowd/control.h"
#include "flowd/counter_thread.h"
#include "flowd/event.h"
#include "flowd/fold.h"
#include "flowd/fault.h"
#include "flowd/iface_follow.h"
#include "flowd/links.h"
#include "flowd/log.h"
#include "flowd/retain_say.h"
#include "flowd/samples.h"

#define NS_PER_S 1000000000ULL
#define LOOK_AFTER_SWEEPS 5  /* between looks at the hooks */
#define CLOCK_STEP_MS 100    /* of the wall clock, worth a line */
#define CLOCK_CUT_MS 1000    /* worth to end all records for */
#define FINISH_PASSES 20     /* until the books balance after the hooks are gone */
#define FINISH_WAIT_MS 30000 /* for the sink, at the end */

static void submit(struct flowd *flowd)
{
	int err = sink_writer_submit(flowd->writer, &flowd->sweep.batch);

	if (err)
		log_err("sink: %s", strerror(-err));
}

/*
 * Where the clock was set, what was counted before is recorded by what the clock said then: no record is of two
 * times. While a batch is on its way nothing can be, and what goes on over the step is of the time in which it ends.
 */
static void measure_clock(struct flowd *flowd)
{
	struct clock_offset now = clock_measure();
	int64_t step = clock_step_ms(flowd->sweep.offset, now);

	if (llabs(step) >= CLOCK_CUT_MS) {
		event_cut(flowd->event);
		if (!flowd->sweep.in_flight) {
			sweep_visit(&flowd->sweep, true);
			if (sweep_export(&flowd->sweep, true))
				submit(flowd);
		}
		clock_stepped(&flowd->sweep.steps, flowd->sweep.offset, clock_mono());
	}
	if (llabs(step) > CLOCK_STEP_MS)
		log_warning("the wall clock stepped by %lld ms", (long long)step);
	flowd->sweep.offset = now;
}

/* What goes with the flows. */
static void fill_batch(void *arg, struct sink_batch *batch)
{
	struct flowd *flowd = arg;

	iface_numbers_fill(flowd, batch);
	event_fill(flowd->event, batch);
	samples_fill(flowd->samples, batch);
}

/* The batch is in. */
static void settle(struct flowd *flowd)
{
	sweep_settle(&flowd->sweep);
	iface_numbers_settle(flowd);
	FAULT_POINT("settle-09-flows");
	event_settle(flowd->event);
	FAULT_POINT("settle-10-events");
	samples_settle(flowd->samples);
	FAULT_POINT("settle-11-samples");
}

static void note_sink(struct flowd *flowd)
{
	struct sink_stats stats;

	sink_writer_stats(flowd->writer, &stats);
	sink_say(&flowd->sink_said, &stats, flowd->config->db, clock_mono().ns);
	retain_say_log(&stats.retain, flowd->config->db, &flowd->retain_said);
}

static void timer_run(struct watch *watch, uint32_t events)
{
	struct flowd *flowd = watch->arg;
	struct sweep_stats *stats = &flowd->sweep.stats;
	uint64_t begun = clock_mono().ns, expirations;

	(void)events;
	if (read(watch->fd, &expirations, sizeof(expirations)) < 0)
		return;
	measure_clock(flowd);
	sweep_visit(&flowd->sweep, false);
	event_read(flowd->event);
	FAULT_POINT("sweep-08-events");
	iface_numbers_tend(flowd);
	if (!flowd->sweep.in_flight && sweep_export(&flowd->sweep, false))
		submit(flowd);
	FAULT_POINT("sweep-09-exported");
	sweep_turn(&flowd->sweep);
	event_turn(flowd->event);
	FAULT_POINT("sweep-11-events");
	counter_thread_tick(flowd);
	control_tidy(flowd->control);
	note_sink(flowd);
	if (stats->sweeps % LOOK_AFTER_SWEEPS == 0) {
		pins_look(flowd);
		iface_look_after(flowd);
	}
	if (flowd->links_lost || (flowd->iface_short && iface_numbers_any_free(flowd)))
		links_look_again(flowd);
	stats->last_us = (clock_mono().ns - begun) / 1000;
	if (stats->last_us > stats->max_us)
		stats->max_us = stats->last_us;
}

/* Of one of the rings there is more than can wait for the next sweep. */
static bool pressed(const struct flowd *flowd)
{
	return sweep_pressed(&flowd->sweep) ||
	       (!flowd->sweep.in_flight && samples_pressed(flowd->samples));
}

static void ring_run(struct watch *watch, uint32_t events)
{
	struct flowd *flowd = watch->arg;

	(void)watch;
	(void)events;
	sweep_absorb(&flowd->sweep);
	if (pressed(flowd))
		measure_clock(flowd);
	if (pressed(flowd) && sweep_export(&flowd->sweep, false))
		submit(flowd);
}

static void written_run(struct watch *watch, uint32_t events)
{
	struct flowd *flowd = watch->arg;

	(void)watch;
	(void)events;
	if (sink_writer_collect(flowd->writer))
		settle(flowd);
	note_sink(flowd);
	ring_run(&flowd->ring, 0); /* what was evicted meanwhile may not wait for the next sweep */
}

static void sampled_run(struct watch *watch, uint32_t events)
{
	(void)events;
	counter_thread_take(watch->arg);
}

static void signal_run(struct watch *watch, uint32_t events)
{
	struct flowd *flowd = watch->arg;
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
		return;
	log_info("%s: writing every live flow", strsignal((int)info.ssi_signo));
	flowd->loop.stop = true;
}

static int open_timer(struct flowd *flowd)
{
	uint64_t ns = flowd->config->sweep_ns;
	struct timespec every = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
	struct itimerspec spec = {.it_interval = every, .it_value = every};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0 || timerfd_settime(fd, 0, &spec, NULL))
		return -errno;
	flowd->timer = (struct watch){.fd = fd, .run = timer_run, .arg = flowd};
	return loop_watch(&flowd->loop, &flowd->timer, EPOLLIN);
}

static int open_signals(struct flowd *flowd)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	flowd->signals = (struct watch){.fd = fd, .run = signal_run, .arg = flowd};
	return loop_watch(&flowd->loop, &flowd->signals, EPOLLIN);
}

static int open_watches(struct flowd *flowd)
{
	int err = open_timer(flowd);

	flowd->ring = (struct watch){.fd = flowd->maps.ring_fd, .run = ring_run, .arg = flowd};
	flowd->sample_ring =
		(struct watch){.fd = flowd->maps.sample_fd, .run = ring_run, .arg = flowd};
	flowd->written = (struct watch){
		.fd = sink_writer_fd(flowd->writer), .run = written_run, .arg = flowd};
	flowd->sampled =
		(struct watch){.fd = counter_thread_fd(flowd), .run = sampled_run, .arg = flowd};
	err = err ? err : open_signals(flowd);
	/* edge-triggered: records stay in the ring until they are committed */
	err = err ? err : loop_watch(&flowd->loop, &flowd->ring, EPOLLIN | EPOLLET);
	err = err ? err : loop_watch(&flowd->loop, &flowd->sample_ring, EPOLLIN | EPOLLET);
	err = err ? err : loop_watch(&flowd->loop, &flowd->written, EPOLLIN);
	err = err ? err : loop_watch(&flowd->loop, &flowd->sampled, EPOLLIN);
	return err ? err : links_open(flowd);
}

int run_loop(struct flowd *flowd)
{
	int err = open_watches(flowd);

	flowd->sweep.fill = fill_batch;
	flowd->sweep.fill_arg = flowd;
	if (!err) {
		sd_notifyf(0, "READY=1\nSTATUS=writing to %s", flowd->config->db);
		log_info("instance '%s': counting, %s", flowd->config->instance,
			 flowd->maps.taken_over ? "on the maps of a predecessor" : "on new maps");
		err = loop_run(&flowd->loop);
	}
	sd_notify(0, "STOPPING=1");
	links_close(flowd);
	if (flowd->timer.fd > 0)
		close(flowd->timer.fd);
	if (flowd->signals.fd > 0)
		close(flowd->signals.fd);
	return err;
}

/* Wait for the batch in flight. */
static bool wait_written(struct flowd *flowd)
{
	uint64_t deadline = clock_mono().ns + FINISH_WAIT_MS * 1000000ULL;

	while (flowd->sweep.in_flight && clock_mono().ns < deadline) {
		struct timespec pause = {.tv_nsec = 1000000};

		if (sink_writer_collect(flowd->writer))
			settle(flowd);
		else
			nanosleep(&pause, NULL);
	}
	note_sink(flowd);
	return !flowd->sweep.in_flight;
}

static bool balanced(const struct sweep *sweep)
{
	for (uint32_t i = 0; i < FLOW_IFACES * 2; i++) {
		const struct sweep_books *books = &sweep->iface[i / 2].books[i % 2];

		if (books->low.packets != books->high.packets || books->unaccounted_packets)
			return false;
	}
	return true;
}

/* Programs that were running when their hook went may still count: look until nothing moves. */
static void last_visits(struct flowd *flowd)
{
	for (int i = 0; i < FINISH_PASSES; i++) {
		struct timespec pause = {.tv_nsec = 2000000};

		sweep_visit(&flowd->sweep, true);
		if (i > 0 && balanced(&flowd->sweep))
			return;
		nanosleep(&pause, NULL);
	}
}

bool run_finish(struct flowd *flowd)
{
	int tries = FINISH_PASSES;
	bool more;

	if (!wait_written(flowd))
		return false;
	FAULT_POINT("stop-03-waited");
	last_visits(flowd);
	FAULT_POINT("stop-04-visited");
	flowd->sweep.fill = fill_batch;
	flowd->sweep.fill_arg = flowd;
	measure_clock(flowd);
	if (!wait_written(flowd))
		return false;
	event_read(flowd->event);
	/* a batch has a limit, and events have two generations: as many as it takes */
	do {
		more = event_finish(flowd->event) || samples_left(flowd->samples);
		if (!sweep_export(&flowd->sweep, true) && !flowd->sweep.starved)
			break;
		FAULT_POINT("stop-05-exported");
		if (flowd->sweep.in_flight)
			submit(flowd);
		if (!wait_written(flowd))
			return false;
		FAULT_POINT("stop-06-written");
		if (flowd->sweep.starved && !tries--)
			return false;
	} while (more || expire_count(flowd->sweep.expire));
	/* without memory for a batch they are still there */
	return !expire_count(flowd->sweep.expire) && !fold_count(flowd->sweep.limit.fold);
}
