/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * datapath_cpus.c: two CPUs beside one: each runs as many packets through the same program as the other, by an entry of
 * its own, first alone and then both at once. What together they do in a second, to what one alone does, is 2.0 where
 * nothing is shared. The empty program says what the machine itself allows.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath.h"
#include "timing.h"

#include "bench/bench_xdp.skel.h"
#include "flow_xdp.skel.h"

#define LANES 2
#define SUBJECTS 4
#define CPUS_PACKETS \
	4 /* times as many as elsewhere, so that both begin and end at the same time nearly */

struct lane {
	struct subject s;
	int cpu;
	uint32_t first;
	uint32_t flows;
	uint32_t packets;
	pthread_barrier_t *start; /* NULL: alone */
	double ns;
};

static void *run_lane(void *arg)
{
	struct lane *lane = arg;
	const struct frame *frame = &frames[0];

	pin_to(lane->cpu);
	/* while others' work ran on one of the CPUs, the other would be alone */
	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &(struct sched_param){1}))
		die("SCHED_FIFO", EPERM);
	aim(&lane->s, frame, lane->first, lane->flows);
	if (lane->start)
		pthread_barrier_wait(lane->start);
	lane->ns = call_cost(&lane->s, frame, lane->packets) / lane->packets;
	return NULL;
}

static void start_lane(struct lane *lane, pthread_t *thread)
{
	if (pthread_create(thread, NULL, run_lane, lane))
		die("a thread", EAGAIN);
}

/* Packets a ns. */
static double alone(struct lane *lane)
{
	pthread_t thread;

	lane->start = NULL;
	start_lane(lane, &thread);
	pthread_join(thread, NULL);
	return 1 / lane->ns;
}

static double together(struct lane *lane)
{
	pthread_barrier_t start;
	pthread_t thread[LANES];
	double sum = 0;

	pthread_barrier_init(&start, NULL, LANES);
	for (int i = 0; i < LANES; i++) {
		lane[i].start = &start;
		start_lane(&lane[i], &thread[i]);
	}
	for (int i = 0; i < LANES; i++) {
		pthread_join(thread[i], NULL);
		sum += 1 / lane[i].ns;
	}
	pthread_barrier_destroy(&start);
	return sum;
}

/* The second lane has the entry of the other object, whose state no other CPU touches. */
static void lanes_of(struct bench *bench, const struct subject *s, uint32_t flows, uint32_t apart,
		     struct lane *lane)
{
	struct bench_xdp *second = bench->xdp[LARGE];

	for (uint32_t i = 0; i < LANES; i++) {
		lane[i] = (struct lane){
			.s = *s,
			.cpu = i ? bench->drain_cpu : bench->cpu,
			.first = i * apart,
			.flows = flows,
			.packets = bench->opt.packets * CPUS_PACKETS,
		};
	}
	lane[1].s.entry_fd = bpf_program__fd(second->progs.bench_entry);
	lane[1].s.target_fd = bpf_map__fd(second->maps.target);
	lane[1].s.vary = &second->bss->vary;
}

static void print_lanes(const struct bench *bench, const char *name, const char *what, double *one,
			double *two, double *ratio)
{
	int rounds = bench->opt.rounds;

	printf("%-22s %-26s %9.1f %9.1f %9.2f", what, name, median(one, rounds),
	       median(two, rounds), median(ratio, rounds));
	printf("  %5.2f-%-5.2f\n", ratio[0], ratio[rounds - 1]);
	fflush(stdout);
}

static void scale(struct bench *bench, const struct subject *s, int count, const char *what,
		  uint32_t flows, uint32_t apart)
{
	double one[SUBJECTS][ROUNDS_MAX], two[SUBJECTS][ROUNDS_MAX], ratio[SUBJECTS][ROUNDS_MAX];

	for (int round = 0; round < bench->opt.rounds; round++) {
		for (int turn = 0; turn < count; turn++) {
			int i = (round + turn) % count;
			struct lane lane[LANES];
			double mean, both;

			lanes_of(bench, &s[i], flows, apart, lane);
			if (!round)
				together(lane); /* flows get their slots */
			mean = (alone(&lane[0]) + alone(&lane[1])) / 2;
			both = together(lane);
			one[i][round] = 1 / mean;
			two[i][round] = LANES / both;
			ratio[i][round] = both / mean;
		}
	}
	for (int i = 0; i < count; i++)
		print_lanes(bench, s[i].name, what, one[i], two[i], ratio[i]);
}

void cpus_section(struct bench *bench)
{
	struct bench_xdp *small = bench->xdp[SMALL];
	struct subject s[] = {
		xdp_subject(bench, "empty program", bpf_program__fd(small->progs.bench_empty)),
		xdp_subject(bench, "LRU_PERCPU_HASH 65,536",
			    bpf_program__fd(small->progs.bench_lru)),
		xdp_subject(bench, "HASH, locks 65,536", bpf_program__fd(small->progs.bench_lock)),
		ledger_subject(bench, "wireledger 65,536", SMALL),
	};
	int count = sizeof(s) / sizeof(s[0]);

	if (bench->cpu == bench->drain_cpu) {
		printf("\nSKIP two CPUs (this machine has one)\n");
		return;
	}
	s[3].conf = &conf_rare;
	printf("\n%-22s %-26s %9s %9s %9s  %s\n", "XDP on two CPUs", "program", "ns alone",
	       "ns both", "to one", "spread");
	scale(bench, s, count, "1,000 flows each", 1000, 1000);
	scale(bench, s, count, "the same flow", 1, 0);
	sampling_off(&bench->ledger[SMALL]);
}
