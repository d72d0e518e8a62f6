/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * datapath.c: nanoseconds a packet by BPF_PROG_TEST_RUN, wireledger beside its comparators.
 *
 *   entry (another flow each packet) ── tail call ──► empty | parse | wireledger | LRU_PERCPU_HASH
 *
 * Programs under test are the shipped ones, set up by flowd's own maps.c. One CPU runs packets; a
 * thread on the next drains the evicted rings as flowd would and moves the sweep epoch each second.
 * No mark is ever committed, so every slot given up goes through the ring: the worst case.
 * Time is the thread's CPU time, less that of a call with one packet: neither other processes nor
 * the 16 ms that a call waits for RCU are in it. Rounds are interleaved: each runs every program.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "flowd/maps.h"
#include "flowd/ring.h"
#include "frames.h"
#include "timing.h"
#include "vary.h"

#include "bench/bench_tc.skel.h"
#include "bench/bench_xdp.skel.h"
#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"

#define ROUNDS_MAX 101
#define SLOTS_SMALL 65536 /* flowd's default, a CPU */
#define SLOTS_LARGE 1048576
#define RING_BYTES (16U * 1024 * 1024)
#define LO_IFINDEX 1 /* a test-run's packets come from the loopback device */

enum { LEDGER_SMALL, LEDGER_LARGE, LEDGERS };
enum { LRU_SMALL, LRU_LARGE, LRUS };

/* A program under test behind the entry of its kind. */
struct subject {
	const char *name;
	const char *hook;
	int entry_fd;
	int target_fd; /* the entry's program array */
	int prog_fd;
	struct bench_vary *vary;
	const struct subject *empty; /* what to compare with */
	const struct subject *lru;
	struct maps *ledger;
};

struct result {
	double ns[ROUNDS_MAX];
	double median;
	double folded; /* share of packets for which the ring had no room */
};

struct options {
	int rounds;
	uint32_t packets; /* a round */
	bool quick;
	bool only_small; /* no section but XDP with 1 and 1,000 flows: for work on the datapath */
};

struct bench {
	struct options opt;
	struct maps ledger[LEDGERS];
	struct bench_xdp *xdp[LRUS];
	struct bench_tc *tc;
	int cpu;
	int drain_cpu;
	double call_ns; /* CPU time of a call with one packet */
	pthread_t drainer;
	atomic_bool stop;
};

static const uint32_t flow_counts[] = {1, 1000, 100000, 1000000};
#define FLOW_COUNTS (sizeof(flow_counts) / sizeof(flow_counts[0]))

static void die(const char *what, int err)
{
	fprintf(stderr, "datapath: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity", errno);
}

/* CPU time of one call that runs `packets` packets through the subject. */
static double call_cost(const struct subject *s, const struct frame *frame, uint32_t packets)
{
	const bool tc = strcmp(s->hook, "TC") == 0;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->bytes, .data_size_in = frame->len,
		    .repeat = (int)packets);
	double start = cpu_time_ns();

	if (bpf_prog_test_run_opts(s->entry_fd, &run))
		die(s->name, errno);
	if (run.retval == (tc ? (uint32_t)TC_ACT_SHOT : (uint32_t)XDP_ABORTED))
		die("the tail call did not happen", EINVAL);
	return cpu_time_ns() - start;
}

static void aim(const struct subject *s, const struct frame *frame, uint32_t flows)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(s->target_fd, &zero, &s->prog_fd, BPF_ANY))
		die(s->name, errno);
	s->vary->random = 0x9e3779b97f4a7c15ULL;
	s->vary->flows = flows;
	s->vary->addr_off = frame->addr_off;
	s->vary->port_off = frame->port_off;
	s->vary->ack_off = frame->ack_off;
}

static uint64_t ring_full(const struct bench *bench, const struct subject *s)
{
	return s->ledger ? s->ledger->cpu[bench->cpu].ring_full : 0;
}

/* One round of one subject: nanoseconds a packet. */
static double round_ns(struct bench *bench, const struct subject *s, const struct frame *frame,
		       struct result *result)
{
	uint32_t packets = bench->opt.packets;
	uint64_t full = ring_full(bench, s);
	double ns = (call_cost(s, frame, packets) - bench->call_ns) / packets;

	result->folded += (double)(ring_full(bench, s) - full) / packets / bench->opt.rounds;
	return ns;
}

/* Fill the caches until they are as full as these flows make them, then rounds in turn. */
static void measure(struct bench *bench, const struct subject *subjects, int count,
		    const struct frame *frame, uint32_t flows, struct result *results)
{
	uint32_t warm = flows < 10000 ? 100000 : flows * 4;

	memset(results, 0, sizeof(*results) * (size_t)count);
	for (int i = 0; i < count; i++) {
		aim(&subjects[i], frame, flows);
		call_cost(&subjects[i], frame, warm);
	}
	for (int round = 0; round < bench->opt.rounds; round++) {
		for (int i = 0; i < count; i++) {
			aim(&subjects[i], frame, flows);
			results[i].ns[round] = round_ns(bench, &subjects[i], frame, &results[i]);
		}
	}
	for (int i = 0; i < count; i++)
		results[i].median = median(results[i].ns, bench->opt.rounds);
}

static void print_ratio(double value, const struct subject *base, const struct subject *subjects,
			const struct result *results)
{
	if (base)
		printf(" %9.2f", value / results[base - subjects].median);
	else
		printf(" %9s", "-");
}

static void print_results(const struct bench *bench, const struct subject *subjects, int count,
			  const struct frame *frame, uint32_t flows, const struct result *results)
{
	for (int i = 0; i < count; i++) {
		const struct subject *s = &subjects[i];
		const struct result *r = &results[i];

		printf("%-4s %-16s %9u  %-26s %8.1f", s->hook, frame->name, flows, s->name,
		       r->median);
		printf(" %9.1f", s->empty ? r->median - results[s->empty - subjects].median : 0);
		print_ratio(r->median, s->empty, subjects, results);
		print_ratio(r->median, s->lru, subjects, results);
		printf("  %7.1f-%-7.1f", r->ns[0], r->ns[bench->opt.rounds - 1]);
		printf(r->folded > 0 ? " folded %.1f %%\n" : "\n", r->folded * 100);
	}
	fflush(stdout);
}

static void print_head(void)
{
	printf("%-4s %-16s %9s  %-26s %8s %9s %9s %9s  %s\n", "hook", "frame", "flows", "program",
	       "ns", "-empty", "/empty", "/LRU", "spread");
}

static void run_subjects(struct bench *bench, const struct subject *subjects, int count,
			 const struct frame *frame, uint32_t flows)
{
	struct result *results = calloc((size_t)count, sizeof(*results));

	if (!results)
		die("results", ENOMEM);
	measure(bench, subjects, count, frame, flows, results);
	print_results(bench, subjects, count, frame, flows, results);
	free(results);
}

static struct subject xdp_subject(struct bench *bench, const char *name, int prog_fd)
{
	struct bench_xdp *entry = bench->xdp[LRU_SMALL];

	return (struct subject){
		.name = name,
		.hook = "XDP",
		.entry_fd = bpf_program__fd(entry->progs.bench_entry),
		.target_fd = bpf_map__fd(entry->maps.target),
		.prog_fd = prog_fd,
		.vary = &entry->bss->vary,
	};
}

static struct subject tc_subject(struct bench *bench, const char *name, int prog_fd)
{
	return (struct subject){
		.name = name,
		.hook = "TC",
		.entry_fd = bpf_program__fd(bench->tc->progs.bench_entry),
		.target_fd = bpf_map__fd(bench->tc->maps.target),
		.prog_fd = prog_fd,
		.vary = &bench->tc->bss->vary,
	};
}

static struct subject ledger_subject(struct bench *bench, const char *name, int number)
{
	struct maps *maps = &bench->ledger[number];
	struct subject s = xdp_subject(bench, name, bpf_program__fd(maps->xdp->progs.flow_xdp));

	s.ledger = maps;
	return s;
}

/* Beside the empty program (subject 0), the LRU map of the same number of slots. */
static void xdp_section(struct bench *bench)
{
	enum { EMPTY, PARSE, LRU_S, OURS_S, LRU_L, OURS_L, COUNT };
	struct bench_xdp **xdp = bench->xdp;
	int fd_empty = bpf_program__fd(xdp[LRU_SMALL]->progs.bench_empty);
	int fd_parse = bpf_program__fd(xdp[LRU_SMALL]->progs.bench_parse);
	int fd_small = bpf_program__fd(xdp[LRU_SMALL]->progs.bench_lru);
	int fd_large = bpf_program__fd(xdp[LRU_LARGE]->progs.bench_lru);
	struct subject s[COUNT] = {
		[EMPTY] = xdp_subject(bench, "empty program", fd_empty),
		[PARSE] = xdp_subject(bench, "parser alone", fd_parse),
		[LRU_S] = xdp_subject(bench, "LRU_PERCPU_HASH 65,536", fd_small),
		[OURS_S] = ledger_subject(bench, "wireledger 65,536", LEDGER_SMALL),
		[LRU_L] = xdp_subject(bench, "LRU_PERCPU_HASH 1,048,576", fd_large),
		[OURS_L] = ledger_subject(bench, "wireledger 1,048,576", LEDGER_LARGE),
	};

	for (int i = 1; i < COUNT; i++)
		s[i].empty = &s[EMPTY];
	s[OURS_S].lru = &s[LRU_S];
	s[OURS_L].lru = &s[LRU_L];
	for (size_t i = 0; i < (bench->opt.only_small ? 2 : FLOW_COUNTS); i++)
		run_subjects(bench, s, bench->opt.only_small ? LRU_L : COUNT, &frames[0],
			     flow_counts[i]);
}

static void tc_section(struct bench *bench)
{
	struct maps *maps = &bench->ledger[LEDGER_SMALL];
	int fd_empty = bpf_program__fd(bench->tc->progs.bench_empty);
	int fd_ours = bpf_program__fd(maps->tc->progs.flow_tc_egress);
	struct subject s[] = {
		tc_subject(bench, "empty program", fd_empty),
		tc_subject(bench, "wireledger 65,536", fd_ours),
	};

	s[1].empty = &s[0];
	s[1].ledger = maps;
	for (size_t i = 0; i < FLOW_COUNTS; i++)
		run_subjects(bench, s, 2, &frames[0], flow_counts[i]);
}

static void frame_section(struct bench *bench)
{
	int fd_empty = bpf_program__fd(bench->xdp[LRU_SMALL]->progs.bench_empty);
	struct subject s[] = {
		xdp_subject(bench, "empty program", fd_empty),
		ledger_subject(bench, "wireledger 65,536", LEDGER_SMALL),
	};

	s[1].empty = &s[0];
	for (size_t i = 1; i < FRAMES; i++)
		run_subjects(bench, s, 2, &frames[i], 1000);
}

/* The records are read as flowd reads them; what they say is not kept. */
static uint64_t drain(struct ring *ring)
{
	const struct flow_evicted *record;
	uint64_t packets = 0;
	size_t size;

	for (int n = 0; (record = ring_read(ring, &size)); n++) {
		packets += record->slot.packets;
		if ((n & 255) == 255)
			ring_release(ring, ring->read_pos);
	}
	ring_release(ring, ring->read_pos);
	return packets;
}

static void *drain_rings(void *arg)
{
	struct bench *bench = arg;
	struct ring ring[LEDGERS];
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	time_t second = time(NULL);

	pin_to(bench->drain_cpu);
	setpriority(PRIO_PROCESS, (id_t)gettid(), -10); /* others' work is not to fill the rings */
	for (int i = 0; i < LEDGERS; i++) {
		int fd = bench->ledger[i].ring_fd;

		if (ring_open(fd, bench->ledger[i].ring_bytes, &ring[i]) ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
			die("ring", errno);
	}
	while (!atomic_load(&bench->stop)) {
		epoll_wait(epoll, &event, 1, 5);
		for (int i = 0; i < LEDGERS; i++) {
			drain(&ring[i]);
			if (time(NULL) != second)
				bench->ledger[i].control->epoch++;
		}
		second = time(NULL);
	}
	for (int i = 0; i < LEDGERS; i++)
		ring_close(&ring[i]);
	close(epoll);
	return NULL;
}

/* A bpffs of our own, in a mount namespace of our own: nothing outlives the benchmark. */
static void private_bpffs(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL))
		die("a private /sys/fs/bpf", errno);
}

static void open_ledger(struct maps *maps, uint32_t slots)
{
	struct maps_wish wish = {.slots = slots, .ring_bytes = RING_BYTES};
	char dir[64], error[MAPS_ERROR_MAX];
	int err;

	snprintf(dir, sizeof(dir), "/sys/fs/bpf/bench-%u", slots);
	wish.pin_dir = dir;
	if (mkdir(dir, 0700))
		die(dir, errno);
	err = maps_open(&wish, maps, error);
	if (err)
		die(error, err);
	maps->ifaces[LO_IFINDEX] = (struct flow_iface){.ifindex = LO_IFINDEX, .ifnum = 1};
	err = bpf_object__load(maps->xdp->obj);
	if (err)
		die("flow_xdp", err);
}

static struct bench_xdp *open_comparators(const struct maps *like, uint32_t entries)
{
	struct flow_iface iface = {.ifindex = LO_IFINDEX, .ifnum = 1};
	struct bench_xdp *xdp = bench_xdp__open();
	uint32_t ifindex = LO_IFINDEX;

	if (!xdp)
		die("bench_xdp", errno);
	memcpy((void *)&xdp->rodata->geometry, (const void *)&like->xdp->rodata->geometry,
	       sizeof(xdp->rodata->geometry));
	bpf_map__set_max_entries(xdp->maps.lru, entries);
	bpf_map__set_max_entries(xdp->maps.ledger, like->cpus * FLOW_IFACES * 2);
	bpf_map__set_max_entries(xdp->maps.cpus, like->cpus);
	if (bench_xdp__load(xdp) ||
	    bpf_map_update_elem(bpf_map__fd(xdp->maps.ifaces), &ifindex, &iface, BPF_ANY))
		die("bench_xdp", errno);
	return xdp;
}

static void open_all(struct bench *bench)
{
	private_bpffs();
	open_ledger(&bench->ledger[LEDGER_SMALL], SLOTS_SMALL);
	open_ledger(&bench->ledger[LEDGER_LARGE], SLOTS_LARGE);
	bench->xdp[LRU_SMALL] = open_comparators(&bench->ledger[LEDGER_SMALL], SLOTS_SMALL);
	bench->xdp[LRU_LARGE] = open_comparators(&bench->ledger[LEDGER_LARGE], SLOTS_LARGE);
	bench->tc = bench_tc__open_and_load();
	if (!bench->tc)
		die("bench_tc", errno);
	if (pthread_create(&bench->drainer, NULL, drain_rings, bench))
		die("the draining thread", EAGAIN);
}

static void close_all(struct bench *bench)
{
	atomic_store(&bench->stop, true);
	pthread_join(bench->drainer, NULL);
	bench_tc__destroy(bench->tc);
	for (int i = 0; i < LRUS; i++)
		bench_xdp__destroy(bench->xdp[i]);
	for (int i = 0; i < LEDGERS; i++)
		maps_close(&bench->ledger[i]);
}

/* What a call costs beside its packets. */
static void measure_call(struct bench *bench)
{
	int fd = bpf_program__fd(bench->xdp[LRU_SMALL]->progs.bench_empty);
	struct subject s = xdp_subject(bench, "empty program", fd);
	double ns[11];

	aim(&s, &frames[0], 1);
	for (int i = 0; i < 11; i++)
		ns[i] = call_cost(&s, &frames[0], 1);
	bench->call_ns = median(ns, 11);
}

static int parse_options(int argc, char **argv, struct options *opt)
{
	static const struct option longs[] = {
		{"rounds", required_argument, NULL, 'r'},
		{"packets", required_argument, NULL, 'p'},
		{"quick", no_argument, NULL, 'q'},
		{"small", no_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*opt = (struct options){.rounds = 9, .packets = 2000000};
	while ((c = getopt_long(argc, argv, "r:p:qs", longs, NULL)) >= 0) {
		if (c == 'r')
			opt->rounds = atoi(optarg);
		else if (c == 'p')
			opt->packets = (uint32_t)atoi(optarg);
		else if (c == 'q')
			*opt = (struct options){.rounds = 5, .packets = 500000, .quick = true};
		else if (c == 's')
			opt->only_small = true;
		else
			return -EINVAL;
	}
	return opt->rounds < 1 || opt->rounds > ROUNDS_MAX || !opt->packets ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);

	if (parse_options(argc, argv, &bench.opt)) {
		fprintf(stderr, "usage: datapath [--quick] [--small] [--rounds N] [--packets N]\n");
		return 2;
	}
	libbpf_set_print(NULL);
	bench.drain_cpu = cpus > 1;
	open_all(&bench);
	pin_to(bench.cpu);
	measure_call(&bench);
	printf("# packets on CPU %d, rings of %u MiB drained on CPU %d; medians of %d interleaved "
	       "rounds of %u packets\n",
	       bench.cpu, RING_BYTES >> 20, bench.drain_cpu, bench.opt.rounds, bench.opt.packets);
	print_head();
	xdp_section(&bench);
	if (!bench.opt.only_small) {
		frame_section(&bench);
		tc_section(&bench);
	}
	close_all(&bench);
	return 0;
}
