/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * datapath.h: what the benchmark of the datapath measures: programs, each behind an entry that gives
 * every packet another flow, with maps of their own; and how: rounds of them all, in turn.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "flowd/maps.h"
#include "frames.h"
#include "vary.h"

#define ROUNDS_MAX 101
#define SLOTS_SMALL 65536 /* flowd's default, a CPU */
#define SLOTS_MIDDLE 262144
#define SLOTS_LARGE 1048576
#define RING_BYTES (16U * 1024 * 1024)
#define LEDGER_IFNUM 1
#define LO_IFINDEX 1 /* a test-run's packets come from the loopback device */

enum { SMALL, MIDDLE, LARGE, SIZES };

/* A program under test behind the entry of its kind. */
struct subject {
	const char *name;
	const char *hook;
	int entry_fd;
	int target_fd; /* the entry's program array */
	int prog_fd;
	struct bench_vary *vary;
	const struct subject *empty; /* what to compare with */
	const struct subject *other;
	const struct subject *lock;
	const struct frame *frame; /* its own, where subjects differ in that */
	struct maps *ledger;
	const struct sample_conf *conf; /* by which `ledger` is to sample; NULL: as it does */
	uint32_t stream;		/* of bench_vary */
};

struct result {
	double ns[ROUNDS_MAX];
	double median;
	double above;  /* the empty program: the median of the rounds' differences */
	double beyond; /* the other one, likewise */
	double folded; /* share of packets for which the ring had no room */
	double lost;   /* share of samples, likewise */
};

extern const struct sample_conf conf_off, conf_rare; /* none; 1/1000, as long as by default */

struct options {
	int rounds;
	uint32_t packets; /* a round */
	bool quick;
	bool growth;	 /* one section, by flows and sizes of maps */
	bool only_small; /* no section but XDP with 1 and 1,000 flows: for work on the datapath */
	bool only_tcp;
	bool only_sample;
	bool only_cpus;
	uint32_t flows; /* no section but XDP with so many; 0: with all numbers */
};

struct bench {
	struct options opt;
	struct maps ledger[SIZES];
	struct bench_xdp *xdp[SIZES];
	struct bench_tc *tc;
	int cpu;
	int drain_cpu;
	double call_ns;		 /* CPU time of a call with one packet */
	double passed_ns[SIZES]; /* since the epoch of that ledger moved */
	pthread_t drainer;
	atomic_bool stop;
};

/* Of datapath_subjects.c: programs and their maps. */
void die(const char *what, int err);
void pin_to(int cpu);
void subjects_open(struct bench *bench);
void subjects_close(struct bench *bench);
struct subject xdp_subject(struct bench *bench, const char *name, int prog_fd);
struct subject tc_subject(struct bench *bench, const char *name, int prog_fd);
struct subject ledger_subject(struct bench *bench, const char *name, int number);
void sampling_off(struct maps *maps);

/* Of datapath_zipf.c: from here on flows are drawn by Zipf's law, or uniformly again. */
void zipf_draw(struct bench *bench);
void zipf_end(struct bench *bench);

/* Of datapath_cpus.c: two CPUs beside one. */
void cpus_section(struct bench *bench);

/* Of datapath_tcp.c: what the analysis of TCP adds, and what all costs beside another agent. */
void tcp_section(struct bench *bench);

/* Of datapath_sample.c: what samples cost. */
void sample_section(struct bench *bench);

/* Of datapath.c. `packets` of one subject, each of another flow of `flows` from number `first`: CPU time in ns. */
void aim(const struct subject *s, const struct frame *frame, uint32_t first, uint32_t flows);
double call_cost(const struct subject *s, const struct frame *frame, uint32_t packets);
void measure(struct bench *bench, const struct subject *subjects, int count,
	     const struct frame *frame, uint32_t flows, struct result *results);
