/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * datapath.c: nanoseconds a packet by BPF_PROG_TEST_RUN, wireledger beside its comparators.
 *
 *   entry (another flow each packet) ── tail call ──► empty | parse | wireledger | LRU_PERCPU_HASH |
 *                                                     HASH with a bpf_spin_lock
 *
 * One CPU runs packets; the next does flowd's part, see datapath_subjects.c.
 * Time is the thread's CPU time, less that of a call with one packet: neither other processes nor
 * the 16 ms that a call waits for RCU are in it. Rounds are interleaved: each runs every program.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath.h"
#include "timing.h"

#include "bench/bench_tc.skel.h"
#include "bench/bench_xdp.skel.h"
#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"

static const uint32_t flow_counts[] = {1, 1000, 100000, 1000000};
#define FRAMES_BESIDE_MAX 8
#define FLOW_COUNTS (sizeof(flow_counts) / sizeof(flow_counts[0]))

/* CPU time of one call that runs `packets` packets through the subject. */
double call_cost(const struct subject *s, const struct frame *frame, uint32_t packets)
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

void aim(const struct subject *s, const struct frame *frame, uint32_t first, uint32_t flows)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(s->target_fd, &zero, &s->prog_fd, BPF_ANY))
		die(s->name, errno);
	s->vary->random = 0x9e3779b97f4a7c15ULL;
	s->vary->first = first;
	s->vary->flows = flows;
	s->vary->addr_off = frame->addr_off;
	s->vary->port_off = frame->port_off;
	s->vary->ack_off = frame->ack_off;
	s->vary->seq_off = frame->seq_off;
	s->vary->payload = frame->payload;
	s->vary->again = frame->again;
	s->vary->stamp_off = frame->stamp_off;
	s->vary->stream = s->stream;
	if (s->conf) {
		s->ledger->sample_conf[LEDGER_IFNUM] = *s->conf;
		__atomic_add_fetch(&s->ledger->control->sampling, 1, __ATOMIC_RELEASE);
	}
}

static uint64_t ring_full(const struct bench *bench, const struct subject *s)
{
	return s->ledger ? s->ledger->cpu[bench->cpu].ring_full : 0;
}

static struct sample_count sampled(const struct bench *bench, const struct subject *s)
{
	return s->ledger ? s->ledger->sample_counts[bench->cpu] : (struct sample_count){0};
}

/* A sweep each second, of the time that the subject's packets took: the others' is none of its own. */
static void pass_time(struct bench *bench, const struct subject *s, double ns)
{
	double *passed;

	if (!s->ledger)
		return;
	passed = &bench->passed_ns[s->ledger - bench->ledger];
	*passed += ns;
	while (*passed >= 1e9) {
		s->ledger->control->epoch++;
		*passed -= 1e9;
	}
}

/* One round of one subject: nanoseconds a packet. */
static double round_ns(struct bench *bench, const struct subject *s, const struct frame *frame,
		       struct result *result)
{
	struct sample_count before = sampled(bench, s), after;
	uint32_t packets = bench->opt.packets;
	uint64_t full = ring_full(bench, s);
	double ns = (call_cost(s, frame, packets) - bench->call_ns) / packets;

	pass_time(bench, s, ns * packets);
	result->folded += (double)(ring_full(bench, s) - full) / packets / bench->opt.rounds;
	after = sampled(bench, s);
	if (after.passed > before.passed)
		result->lost += (double)(after.lost - before.lost) /
				(double)(after.passed - before.passed) / bench->opt.rounds;
	return ns;
}

/* The machine is not equally fast all the time: of two programs in the same round, it nearly is. */
static double difference(const struct bench *bench, const struct result *r,
			 const struct subject *base, const struct subject *subjects,
			 const struct result *results)
{
	double ns[ROUNDS_MAX];

	if (!base)
		return 0;
	for (int i = 0; i < bench->opt.rounds; i++)
		ns[i] = r->ns[i] - results[base - subjects].ns[i];
	return median(ns, bench->opt.rounds);
}

static const struct frame *frame_of(const struct subject *s, const struct frame *frame)
{
	return s->frame ? s->frame : frame;
}

static void rounds_in_turn(struct bench *bench, const struct subject *subjects, int count,
			   const struct frame *frame, uint32_t flows, struct result *results)
{
	for (int round = 0; round < bench->opt.rounds; round++) {
		for (int turn = 0; turn < count; turn++) {
			int i = (round + turn) % count; /* none is always behind the same one */
			const struct frame *its = frame_of(&subjects[i], frame);

			aim(&subjects[i], its, 0, flows);
			results[i].ns[round] = round_ns(bench, &subjects[i], its, &results[i]);
		}
	}
}

/* Fill the caches until they are as full as these flows make them, then rounds in turn. */
void measure(struct bench *bench, const struct subject *subjects, int count,
	     const struct frame *frame, uint32_t flows, struct result *results)
{
	uint32_t warm = flows < 10000 ? 100000 : flows * 4;

	memset(results, 0, sizeof(*results) * (size_t)count);
	for (int i = 0; i < SIZES; i++)
		bench->ledger[i].control->epoch += 2 * FLOW_IDLE_EPOCHS; /* a minute later */
	for (int i = 0; i < count; i++) {
		aim(&subjects[i], frame_of(&subjects[i], frame), 0, flows);
		call_cost(&subjects[i], frame_of(&subjects[i], frame), warm);
	}
	rounds_in_turn(bench, subjects, count, frame, flows, results);
	for (int i = 0; i < count; i++) {
		const struct subject *s = &subjects[i];

		results[i].above = difference(bench, &results[i], s->empty, subjects, results);
		results[i].beyond = difference(bench, &results[i], s->other, subjects, results);
	}
	for (int i = 0; i < count; i++)
		results[i].median = median(results[i].ns, bench->opt.rounds); /* sorts */
}

static void print_ratio(double value, const struct subject *base, double of)
{
	if (base)
		printf(" %9.2f", value / of);
	else
		printf(" %9s", "-");
}

/* Of the whole, as the test-run measures it; and of what is above empty, which is the programs' own. */
static void print_results(const struct bench *bench, const struct subject *subjects, int count,
			  const struct frame *frame, const char *flows,
			  const struct result *results)
{
	for (int i = 0; i < count; i++) {
		const struct subject *s = &subjects[i];
		const struct result *r = &results[i];

		printf("%-4s %-16s %9s  %-26s %8.1f", s->hook, frame_of(s, frame)->name, flows,
		       s->name, r->median);
		printf(" %9.1f", r->above);
		print_ratio(r->median, s->empty,
			    s->empty ? results[s->empty - subjects].median : 0);
		print_ratio(r->median, s->other,
			    s->other ? results[s->other - subjects].median : 0);
		print_ratio(r->above, s->other, s->other ? results[s->other - subjects].above : 0);
		print_ratio(r->median, s->lock, s->lock ? results[s->lock - subjects].median : 0);
		printf("  %7.1f-%-7.1f", r->ns[0], r->ns[bench->opt.rounds - 1]);
		printf(r->folded > 0 ? " folded %.1f %%\n" : "\n", r->folded * 100);
	}
	fflush(stdout);
}

static void print_head(const char *other, const char *lock)
{
	char above[16];

	snprintf(above, sizeof(above), "above%s", other);
	printf("\n%-4s %-16s %9s  %-26s %8s %9s %9s %9s %9s %9s  %s\n", "hook", "frame", "flows",
	       "program", "ns", "-empty", "/empty", other, above, lock, "spread");
}

static void run_subjects(struct bench *bench, const struct subject *subjects, int count,
			 const struct frame *frame, uint32_t flows, const char *law)
{
	struct result *results = calloc((size_t)count, sizeof(*results));
	char text[16];

	if (!results)
		die("results", ENOMEM);
	snprintf(text, sizeof(text), "%u", flows);
	measure(bench, subjects, count, frame, flows, results);
	print_results(bench, subjects, count, frame, law ? law : text, results);
	free(results);
}

/* How many flows, and in maps of which sizes: the least, and those in which they all find room. */
static const struct load {
	uint32_t flows;
	uint32_t sizes; /* bits */
	const char *law;
} loads[] = {
	{1, 1 << SMALL, NULL},
	{1000, 1 << SMALL, NULL},
	{100000, 1 << SMALL | 1 << MIDDLE | 1 << LARGE, NULL},
	{1000000, 1 << SMALL | 1 << LARGE, NULL},
	{1000000, 1 << SMALL | 1 << LARGE, "Zipf 1.1"},
};

/* For how costs grow: in maps of all sizes, up to more flows than any holds. */
#define ALL_SIZES (1 << SMALL | 1 << MIDDLE | 1 << LARGE)
static const struct load growth[] = {
	{1, ALL_SIZES, NULL},	    {10, ALL_SIZES, NULL},	{100, ALL_SIZES, NULL},
	{1000, ALL_SIZES, NULL},    {10000, ALL_SIZES, NULL},	{30000, ALL_SIZES, NULL},
	{60000, ALL_SIZES, NULL},   {100000, ALL_SIZES, NULL},	{300000, ALL_SIZES, NULL},
	{1000000, ALL_SIZES, NULL}, {4000000, ALL_SIZES, NULL},
};

/* wireledger of that size and maps of the kernel's of as many flows; all sample 1/1000 packets. Returns how many. */
static int fill_size(struct bench *bench, int size, const struct subject *empty, struct subject *s)
{
	static const char *const names[SIZES][3] = {
		{"LRU_PERCPU_HASH 65,536", "HASH, locks 65,536", "wireledger 65,536"},
		{"LRU_PERCPU_HASH 262,144", "HASH, locks 262,144", "wireledger 262,144"},
		{"LRU_PERCPU_HASH 1,048,576", "HASH, locks 1,048,576", "wireledger 1,048,576"}};
	struct bench_xdp *xdp = bench->xdp[size];

	s[0] = xdp_subject(bench, names[size][0], bpf_program__fd(xdp->progs.bench_lru));
	s[1] = ledger_subject(bench, names[size][2], size);
	s[2] = xdp_subject(bench, names[size][1], bpf_program__fd(xdp->progs.bench_lock));
	for (int i = 0; i < 3; i++)
		s[i].empty = empty;
	s[1].other = &s[0];
	s[1].conf = &conf_rare;
	if (bench->opt.growth)
		return 2;
	s[1].lock = &s[2];
	return 3;
}

static void run_load(struct bench *bench, const struct load *load)
{
	struct bench_xdp *small = bench->xdp[SMALL];
	struct subject s[2 + 3 * SIZES] = {
		xdp_subject(bench, "empty program", bpf_program__fd(small->progs.bench_empty)),
		xdp_subject(bench, "parser alone", bpf_program__fd(small->progs.bench_parse)),
	};
	int count = 2;

	s[1].empty = &s[0];
	for (int size = 0; size < SIZES; size++) {
		if (load->sizes & 1U << size)
			count += fill_size(bench, size, &s[0], &s[count]);
	}
	if (load->law)
		zipf_draw(bench);
	run_subjects(bench, s, count, &frames[0], load->flows, load->law);
	if (load->law)
		zipf_end(bench);
}

static void xdp_section(struct bench *bench)
{
	const struct load *load = bench->opt.growth ? growth : loads;
	size_t count = bench->opt.growth ? sizeof(growth) / sizeof(growth[0])
					 : sizeof(loads) / sizeof(loads[0]);

	print_head("/LRU", "/locks");
	for (size_t i = 0; i < count; i++) {
		if (bench->opt.only_small && load[i].flows > 1000)
			continue;
		if (!bench->opt.flows || bench->opt.flows == load[i].flows)
			run_load(bench, &load[i]);
	}
}

static void tc_section(struct bench *bench)
{
	struct maps *maps = &bench->ledger[SMALL];
	int fd_empty = bpf_program__fd(bench->tc->progs.bench_empty);
	int fd_ours = bpf_program__fd(maps->tc->progs.flow_tc_egress);
	struct subject s[] = {
		tc_subject(bench, "empty program", fd_empty),
		tc_subject(bench, "wireledger 65,536", fd_ours),
	};

	s[1].empty = &s[0];
	s[1].ledger = maps;
	s[1].conf = &conf_rare;
	print_head("", "");
	for (size_t i = 0; i < FLOW_COUNTS; i++)
		run_subjects(bench, s, 2, &frames[0], flow_counts[i], NULL);
}

/* All of them in the same rounds, beside the first one. */
static void frames_beside(struct bench *bench, const struct frame *its, int count,
			  const char *first)
{
	int fd_empty = bpf_program__fd(bench->xdp[SMALL]->progs.bench_empty);
	struct subject s[FRAMES_BESIDE_MAX + 1] = {xdp_subject(bench, "empty program", fd_empty)};

	for (int i = 1; i <= count; i++) {
		s[i] = ledger_subject(bench, "wireledger 65,536", SMALL);
		s[i].empty = &s[0];
		s[i].frame = &its[i - 1];
		s[i].stream = (uint32_t)i + 4;
		s[i].conf = &conf_rare;
		if (i > 1)
			s[i].other = &s[1];
	}
	s[0].stream = 4;
	print_head(first, "");
	run_subjects(bench, s, count + 1, &its[0], 1000, NULL);
}

static void frame_section(struct bench *bench)
{
	static const uint32_t lengths[] = {60, 124, 252, 508, 1020, 1514}; /* and FCS */
	static struct frame sized[sizeof(lengths) / sizeof(lengths[0])];
	static char names[sizeof(lengths) / sizeof(lengths[0])][16];

	frames_beside(bench, frames, FRAMES, "/TCP");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		sized[i] = frame_of_length(lengths[i]);
		snprintf(names[i], sizeof(names[i]), "TCP %u", lengths[i] + 4);
		sized[i].name = names[i];
	}
	frames_beside(bench, sized, sizeof(lengths) / sizeof(lengths[0]), "/64");
}

/* What a call costs beside its packets. */
static void measure_call(struct bench *bench)
{
	int fd = bpf_program__fd(bench->xdp[SMALL]->progs.bench_empty);
	struct subject s = xdp_subject(bench, "empty program", fd);
	double ns[11];

	aim(&s, &frames[0], 0, 1);
	for (int i = 0; i < 11; i++)
		ns[i] = call_cost(&s, &frames[0], 1);
	bench->call_ns = median(ns, 11);
}

static void plain_sections(struct bench *bench)
{
	xdp_section(bench);
	if (!bench->opt.only_small && !bench->opt.flows && !bench->opt.growth) {
		frame_section(bench);
		tc_section(bench);
	}
	for (int i = 0; i < SIZES; i++)
		sampling_off(&bench->ledger[i]);
}

static int parse_options(int argc, char **argv, struct options *opt)
{
	static const struct option longs[] = {
		{"rounds", required_argument, NULL, 'r'}, {"packets", required_argument, NULL, 'p'},
		{"quick", no_argument, NULL, 'q'},	  {"small", no_argument, NULL, 's'},
		{"tcp", no_argument, NULL, 't'},	  {"sample", no_argument, NULL, 'm'},
		{"cpus", no_argument, NULL, 'c'},	  {"growth", no_argument, NULL, 'g'},
		{"flows", required_argument, NULL, 'f'},  {NULL, 0, NULL, 0},
	};
	int c;

	*opt = (struct options){.rounds = 9, .packets = 2000000};
	while ((c = getopt_long(argc, argv, "r:p:qstmcgf:", longs, NULL)) >= 0) {
		if (c == 'r')
			opt->rounds = atoi(optarg);
		else if (c == 'p')
			opt->packets = (uint32_t)atoi(optarg);
		else if (c == 'q')
			*opt = (struct options){.rounds = 5, .packets = 500000, .quick = true};
		else if (c == 's')
			opt->only_small = true;
		else if (c == 't')
			opt->only_tcp = true;
		else if (c == 'm')
			opt->only_sample = true;
		else if (c == 'c')
			opt->only_cpus = true;
		else if (c == 'g')
			*opt = (struct options){.rounds = 5, .packets = 500000, .growth = true};
		else if (c == 'f')
			opt->flows = (uint32_t)atoi(optarg);
		else
			return -EINVAL;
	}
	return opt->rounds < 1 || opt->rounds > ROUNDS_MAX || !opt->packets ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	bool some;

	if (parse_options(argc, argv, &bench.opt)) {
		fprintf(stderr, "usage: datapath [--quick] [--small] [--tcp] [--sample] [--cpus] "
				"[--growth] [--flows N] [--rounds N] [--packets N]\n");
		return 2;
	}
	libbpf_set_print(NULL);
	bench.drain_cpu = cpus > 1;
	subjects_open(&bench);
	pin_to(bench.cpu);
	measure_call(&bench);
	printf("# packets on CPU %d, rings of %u MiB drained on CPU %d; medians of %d interleaved "
	       "rounds of %u packets\n",
	       bench.cpu, RING_BYTES >> 20, bench.drain_cpu, bench.opt.rounds, bench.opt.packets);
	some = bench.opt.only_small || bench.opt.flows || bench.opt.growth || bench.opt.only_tcp ||
	       bench.opt.only_sample || bench.opt.only_cpus;
	if (!some || bench.opt.only_small || bench.opt.flows || bench.opt.growth)
		plain_sections(&bench);
	if (!some || bench.opt.only_cpus)
		cpus_section(&bench);
	if (!some || bench.opt.only_tcp)
		tcp_section(&bench);
	if (!some || bench.opt.only_sample)
		sample_section(&bench);
	subjects_close(&bench);
	return 0;
}
