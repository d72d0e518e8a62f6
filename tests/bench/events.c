/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events.c: what a trace program of a running flowd costs an event, beside an empty program on the
 * same events in the same time: the kernel's run time statistics, whose own cost both have.
 *
 *   events /sys/fs/bpf/wireledger/INSTANCE drop|retransmit|reset_out|reset_in|state
 *
 * Says "ready", counts until its standard input ends, and prints the events, and the mean nanoseconds
 * of the program and of the empty one; events.sh makes the events.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench_trace.skel.h"

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
	printf("%llu %.1f %.1f\n", after[0].runs - before[0].runs, mean(before[0], after[0]),
	       mean(before[1], after[1]));
	return 0;
}

/* The empty program of that name alone. */
static int load_one(struct bench_trace *bench, const char *name, int *ret_fd)
{
	struct bpf_program *prog, *one = bpf_object__find_program_by_name(bench->obj, name);
	int err;

	if (!one)
		return -ENOENT;
	bpf_object__for_each_program(prog, bench->obj) bpf_program__set_autoload(prog, prog == one);
	err = bench_trace__load(bench);
	err = err ? err : bench_trace__attach(bench);
	*ret_fd = bpf_program__fd(one);
	return err;
}

int main(int argc, char **argv)
{
	struct bench_trace *bench;
	int program, empty = -1, err;
	char pin[256];

	if (argc != 3) {
		fprintf(stderr, "usage: events PIN-DIRECTORY PROGRAM\n");
		return 2;
	}
	snprintf(pin, sizeof(pin), "%s/trace-program-%s", argv[1], argv[2]);
	program = bpf_obj_get(pin);
	if (program < 0) {
		fprintf(stderr, "events: %s: %s\n", pin, strerror(errno));
		return 1;
	}
	bench = bench_trace__open();
	err = bench ? load_one(bench, argv[2], &empty) : -errno;
	err = err ? err : measure(program, empty);
	bench_trace__destroy(bench);
	if (err)
		fprintf(stderr, "events: %s\n", strerror(-err));
	return err ? 1 : 0;
}
