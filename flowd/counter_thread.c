/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* counter_thread.c: one sample at a time, handed to and fro. See counter_thread.h. */
#include "flowd/counter_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "flowd/counter_ethtool.h"
#include "flowd/counter_netlink.h"
#include "flowd/counter_sample.h"
#include "flowd/counter_softnet.h"
#include "flowd/log.h"

#define DEEP_SWEEPS 5 /* between looks at ethtool and queues */
#define DEEP_NS 1000000000ULL
#define LINK_NS 100000000ULL /* sweeps may be closer than that */

enum state { IDLE, ASKED, READY, END };

struct counter_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum state state;
	struct counter_sample sample; /* the thread's while ASKED, flowd's else */
	const struct maps *maps;
	uint32_t changes; /* flowd->iface_changes when the sample was asked for */
	int netlink, inet, softnet, event;
	uint64_t link_ns, deep_ns; /* when they were asked for last */
	uint64_t deep_sweep;
};

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void read_hooks(const struct counter_thread *t, uint32_t ifnum, bool after,
		       struct counter_nic *nic)
{
	for (uint32_t dir = 0; dir < 2; dir++) {
		struct flow_ledger sum;

		maps_ledger(t->maps, ifnum, dir, &sum);
		*(after ? &nic->dir[dir].high : &nic->dir[dir].low) = sum.seen;
	}
}

static int sample_link(struct counter_thread *t, const struct counter_target *target)
{
	struct counter_nic *nic = &t->sample.nic[t->sample.nics];
	struct rtnl_link_stats64 stats;
	int err;

	nic->ifnum = target->ifnum;
	read_hooks(t, target->ifnum, false, nic);
	err = counter_link_ask(t->netlink, target->ifindex, &stats);
	read_hooks(t, target->ifnum, true, nic);
	if (err)
		return err;
	nic->dir[FLOW_INGRESS].nic = (struct flow_count){stats.rx_packets, stats.rx_bytes};
	nic->dir[FLOW_EGRESS].nic = (struct flow_count){stats.tx_packets, stats.tx_bytes};
	t->sample.nics++;
	counter_link_add(&t->sample, target->ifnum, &stats);
	return 0;
}

/* Part of a source's values would look like counters that are gone. */
static void note(struct counter_sample *sample, enum counter_source source, size_t before, int err)
{
	if (!err) {
		sample->done |= 1U << source;
		return;
	}
	sample->failed++;
	sample->values = before;
}

/* An interface that goes away while it is asked for is no failure. */
static bool is_gone(int err)
{
	return err == -ENODEV || err == -ENXIO;
}

static void sample_deep(struct counter_thread *t)
{
	struct counter_sample *sample = &t->sample;
	size_t before = sample->values;

	note(sample, COUNTER_QDISC, before, counter_qdisc_ask(t->netlink, sample));
	for (size_t i = 0; i < sample->targets; i++) {
		int err;

		before = sample->values;
		err = counter_ethtool_ask(t->inet, sample, &sample->target[i]);
		if (!is_gone(err))
			note(sample, COUNTER_ETHTOOL, before, err);
	}
	before = sample->values;
	if (t->softnet >= 0)
		note(sample, COUNTER_SOFTNET, before, counter_softnet_ask(t->softnet, sample));
}

static void take_sample(struct counter_thread *t)
{
	struct counter_sample *sample = &t->sample;
	uint64_t begun = cpu_ns();

	for (size_t i = 0; i < sample->targets; i++) {
		size_t before = sample->values;
		int err = sample_link(t, &sample->target[i]);

		if (!is_gone(err))
			note(sample, COUNTER_LINK, before, err);
	}
	if (sample->deep)
		sample_deep(t);
	sample->cpu_ns = cpu_ns() - begun;
}

static void *run(void *arg)
{
	struct counter_thread *t = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&t->lock);
	while (t->state != END) {
		if (t->state != ASKED) {
			pthread_cond_wait(&t->changed, &t->lock);
			continue;
		}
		pthread_mutex_unlock(&t->lock);
		take_sample(t);
		pthread_mutex_lock(&t->lock);
		if (t->state == ASKED)
			t->state = READY;
		if (write(t->event, &one, sizeof(one)) < 0) /* full: it is readable already */
			continue;
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static void fill_targets(const struct flowd *flowd, struct counter_thread *t)
{
	struct counter_sample *sample = &t->sample;

	t->changes = flowd->iface_changes;
	counter_sample_reset(sample);
	for (size_t i = 0; i < flowd->ifaces; i++) {
		const struct iface *iface = &flowd->iface[i];

		if (!iface->gone)
			sample->target[sample->targets++] =
				(struct counter_target){iface->hook.ifindex, iface->hook.ifnum};
	}
}

/* Where nothing was to count, there is nothing to hold against. */
static bool is_counted(const struct config *config, int dir)
{
	return dir == FLOW_INGRESS ? config->ingress != INGRESS_NONE : config->egress == EGRESS_TC;
}

static void enter(struct flowd *flowd, const struct counter_sample *sample)
{
	for (size_t i = 0; i < sample->nics; i++) {
		struct sweep_iface *iface = &flowd->sweep.iface[sample->nic[i].ifnum % FLOW_IFACES];

		for (int dir = 0; dir < 2; dir++) {
			if (is_counted(flowd->config, dir))
				nic_read(&iface->books[dir].nic, &sample->nic[i].dir[dir]);
		}
	}
	counters_take(&flowd->sweep.counters, sample, clock_wall().ms);
}

void counter_thread_take(struct flowd *flowd)
{
	struct counter_thread *t = flowd->counter_thread;
	uint64_t times;

	if (!t || read(t->event, &times, sizeof(times)) < 0)
		return;
	pthread_mutex_lock(&t->lock);
	if (t->state == READY) {
		/* else a number may be another interface's by now */
		if (t->changes == flowd->iface_changes)
			enter(flowd, &t->sample);
		t->state = IDLE;
	}
	pthread_mutex_unlock(&t->lock);
}

void counter_thread_tick(struct flowd *flowd)
{
	struct counter_thread *t = flowd->counter_thread;
	uint64_t now = clock_mono().ns, sweeps = flowd->sweep.stats.sweeps;

	if (!t || now - t->link_ns < LINK_NS)
		return;
	pthread_mutex_lock(&t->lock);
	if (t->state == IDLE) {
		fill_targets(flowd, t);
		t->sample.deep =
			sweeps - t->deep_sweep >= DEEP_SWEEPS && now - t->deep_ns >= DEEP_NS;
		if (t->sample.deep) {
			t->deep_sweep = sweeps;
			t->deep_ns = now;
		}
		t->link_ns = now;
		t->state = ASKED;
		pthread_cond_signal(&t->changed);
	}
	pthread_mutex_unlock(&t->lock);
}

/* In this thread: everything. */
static void sample_now(struct flowd *flowd)
{
	struct counter_thread *t = flowd->counter_thread;

	fill_targets(flowd, t);
	t->sample.deep = true;
	take_sample(t);
	enter(flowd, &t->sample);
}

static void close_all(struct counter_thread *t)
{
	const int fd[] = {t->netlink, t->inet, t->softnet, t->event};

	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
	counter_sample_free(&t->sample);
	free(t);
}

static int open_all(struct counter_thread *t)
{
	t->netlink = counter_netlink_open();
	t->inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	t->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* where /proc is hidden there is none */
	t->softnet = open("/proc/net/softnet_stat", O_RDONLY | O_CLOEXEC);
	if (t->netlink < 0)
		return t->netlink;
	return t->inet < 0 || t->event < 0 ? -errno : 0;
}

/* Signals are for the main thread's signalfd. */
static int start_thread(struct counter_thread *t)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int counter_thread_start(struct flowd *flowd)
{
	struct counter_thread *t = calloc(1, sizeof(*t));
	int err = t ? open_all(t) : -ENOMEM;

	if (!err) {
		flowd->counter_thread = t;
		t->maps = &flowd->maps;
		sample_now(flowd);
		t->deep_ns = clock_mono().ns;
		err = start_thread(t);
	}
	if (!err)
		return 0;
	log_err("counters of interfaces: %s", strerror(-err));
	flowd->counter_thread = NULL;
	if (t)
		close_all(t);
	return err;
}

int counter_thread_fd(const struct flowd *flowd)
{
	return flowd->counter_thread->event;
}

void counter_thread_stop(struct flowd *flowd)
{
	struct counter_thread *t = flowd->counter_thread;

	if (!t)
		return;
	counter_thread_take(flowd);
	pthread_mutex_lock(&t->lock);
	t->state = END;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	sample_now(flowd);
	flowd->counter_thread = NULL;
	close_all(t);
}
