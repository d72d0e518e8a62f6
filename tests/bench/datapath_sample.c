/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * datapath_sample.c: what samples cost a packet: the shipped programs with sampling off, at 1/1000 and at
 * 1/1, beside the XDP program without any of it (bench_unsampled). The ring is read on another CPU as fast
 * as can be; what it had no room for is shown, as that packet was cheaper.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath.h"

#include "bench/bench_tc.skel.h"
#include "bench/bench_xdp.skel.h"
#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"

enum { EMPTY, OFF, RARE, ALL, UNSAMPLED, COUNT };

static const struct sample_conf confs[] = {
	[OFF] = {0},
	[RARE] = {.rate = 1000, .snaplen = SAMPLE_SNAPLEN},
	[ALL] = {.rate = 1, .snaplen = SAMPLE_SNAPLEN},
};

/* /base: what is above empty, beside what is above empty where nothing is sampled. */
static void print_sampled(const struct bench *bench, const struct subject *s, int count,
			  uint32_t flows, const struct result *r)
{
	for (int i = 0; i < count; i++) {
		printf("%-4s %-16s %9u  %-26s %8.1f %9.1f", s[i].hook, sample_frame.name, flows,
		       s[i].name, r[i].median, r[i].above);
		if (s[i].other)
			printf(" %9.1f %9.3f", r[i].beyond,
			       1 + r[i].beyond / r[s[i].other - s].median);
		else
			printf(" %9s %9s", "-", "-");
		printf("  %7.1f-%-7.1f", r[i].ns[0], r[i].ns[bench->opt.rounds - 1]);
		printf(r[i].lost > 0 ? " lost %.1f %% of the samples\n" : "\n", r[i].lost * 100);
	}
	fflush(stdout);
}

/* OFF, RARE and ALL are one program: they see one stream, and its maps. */
static void fill(struct subject *s, int count, struct maps *maps, const struct subject *base)
{
	for (int i = 0; i < count; i++) {
		s[i].stream = i == EMPTY ? 1 : i == UNSAMPLED ? 3 : 2;
		s[i].empty = &s[EMPTY];
		if (i == EMPTY || i == UNSAMPLED)
			continue;
		s[i].ledger = maps;
		s[i].conf = &confs[i];
		if (&s[i] != base)
			s[i].other = base;
	}
}

static void run(struct bench *bench, const struct subject *s, int count)
{
	static const uint32_t flows[] = {1, 1000};
	struct result *r = calloc((size_t)count, sizeof(*r));

	if (!r)
		die("results", ENOMEM);
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		measure(bench, s, count, &sample_frame, flows[i], r);
		print_sampled(bench, s, count, flows[i], r);
	}
	free(r);
}

void sample_section(struct bench *bench)
{
	struct maps *maps = &bench->ledger[SMALL];
	struct bench_xdp *xdp = bench->xdp[SMALL];
	int fd_empty = bpf_program__fd(xdp->progs.bench_empty);
	int fd_unsampled = bpf_program__fd(xdp->progs.bench_unsampled);
	int fd_tc_empty = bpf_program__fd(bench->tc->progs.bench_empty);
	int fd_tc = bpf_program__fd(maps->tc->progs.flow_tc_egress);
	struct subject s[COUNT] = {
		[EMPTY] = xdp_subject(bench, "empty program", fd_empty),
		[OFF] = ledger_subject(bench, "sampling off", SMALL),
		[RARE] = ledger_subject(bench, "1/1000", SMALL),
		[ALL] = ledger_subject(bench, "1/1", SMALL),
		[UNSAMPLED] = xdp_subject(bench, "without sampling", fd_unsampled),
	};
	struct subject tc[UNSAMPLED] = {
		[EMPTY] = tc_subject(bench, "empty program", fd_tc_empty),
		[OFF] = tc_subject(bench, "sampling off", fd_tc),
		[RARE] = tc_subject(bench, "1/1000", fd_tc),
		[ALL] = tc_subject(bench, "1/1", fd_tc),
	};

	fill(s, COUNT, maps, &s[UNSAMPLED]);
	fill(tc, UNSAMPLED, maps, &tc[OFF]);
	printf("%-4s %-16s %9s  %-26s %8s %9s %9s %9s  %s\n", "hook", "sampled", "flows", "program",
	       "ns", "-empty", "-base", "/base", "spread");
	run(bench, s, COUNT);
	run(bench, tc, UNSAMPLED);
	sampling_off(maps);
}
