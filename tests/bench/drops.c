/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * drops.c: what the trace program of a running flowd costs a dropped packet, beside an empty program
 * on the same events in the same time: the kernel's run time statistics, whose own cost both have.
 *
 *   drops /sys/fs/bpf/wireledger/INSTANCE/trace-program-drop
 *
 * Says "ready", counts until its standard input ends, and prints one line; drops.sh makes the drops.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench_drop.skel.h"

struct cost {
	double ns;
	unsigned long long runs;
};

static int read_cost(int fd, struct cost *ret_cost)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	ret_cost->ns = (double)info.run_time_ns;
	ret_cost->runs = info.run_cnt;
	return 0;
}

static double mean(struct cost before, struct cost after)
{
	return after.runs > before.runs
		       ? (after.ns - before.ns) / (double)(after.runs - before.runs)
		       : 0;
}

static int measure(int program, int empty)
{
	struct cost before[2], after[2];
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME), err;
	char c;

	if (stats < 0)
		return -errno;
	err = read_cost(program, &before[0]);
	err = err ? err : read_cost(empty, &before[1]);
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	err = err ? err : read_cost(program, &after[0]);
	err = err ? err : read_cost(empty, &after[1]);
	close(stats);
	if (err)
		return err;
	printf("%llu drops: program %.1f ns, empty program %.1f ns: %.1f ns a drop, ratio %.1f\n",
	       after[0].runs - before[0].runs, mean(before[0], after[0]), mean(before[1], after[1]),
	       mean(before[0], after[0]) - mean(before[1], after[1]),
	       mean(before[0], after[0]) / mean(before[1], after[1]));
	return 0;
}

int main(int argc, char **argv)
{
	int program = argc == 2 ? bpf_obj_get(argv[1]) : -1, err;
	struct bench_drop *bench;

	if (program < 0) {
		fprintf(stderr, "usage: drops PINNED-PROGRAM\n");
		return 2;
	}
	bench = bench_drop__open_and_load();
	err = bench ? bench_drop__attach(bench) : -errno;
	err = err ? err : measure(program, bpf_program__fd(bench->progs.empty));
	bench_drop__destroy(bench);
	if (err)
		fprintf(stderr, "drops: %s\n", strerror(-err));
	return err ? 1 : 0;
}
