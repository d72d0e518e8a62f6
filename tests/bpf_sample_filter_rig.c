// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_sample_filter_rig.c: the program of bpf_sample_filter.bpf.c, loaded and run on one CPU, since what it looks
 * at is staged in a map of the CPU.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf_sample_filter.h"
#include "pin_cpu.h"

#include "tests/bpf_sample_filter.skel.h"

#define RUNS 20000 /* of which a time is the mean */
#define TIMES 9	   /* of which the least is taken */

struct rig {
	struct bpf_sample_filter *skel;
	struct sample_filter *filters;
};

const char *rig_impossible(void)
{
	if (geteuid())
		return "not root";
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_loop, NULL) != 1)
		return "the kernel has no bpf_loop";
	return NULL;
}

static int map_filters(struct rig *rig)
{
	const struct bpf_map *map = rig->skel->maps.sample_filters;
	void *memory = mmap(NULL, sizeof(struct sample_filter) * RIG_FILTERS,
			    PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		return -errno;
	rig->filters = memory;
	return 0;
}

int rig_open(int loop, struct rig **ret_rig)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct rig *rig = calloc(1, sizeof(*rig));
	uint32_t cpu;
	int err = rig ? pin_cpu(&cpu) : -ENOMEM;

	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* kernels before 5.11 */
	if (!err) {
		rig->skel = bpf_sample_filter__open();
		err = rig->skel ? 0 : -errno;
	}
	if (!err) {
		rig->skel->rodata->geometry.loop = (__u32)loop;
		err = bpf_sample_filter__load(rig->skel);
	}
	if (!err)
		err = map_filters(rig);
	if (err)
		rig_close(rig);
	else
		*ret_rig = rig;
	return err;
}

void rig_close(struct rig *rig)
{
	if (!rig)
		return;
	if (rig->filters)
		munmap(rig->filters, sizeof(struct sample_filter) * RIG_FILTERS);
	bpf_sample_filter__destroy(rig->skel);
	free(rig);
}

static struct bpf_prog_info info_of(const struct rig *rig)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	bpf_obj_get_info_by_fd(bpf_program__fd(rig->skel->progs.run_first), &info, &len);
	return info;
}

unsigned int rig_size(const struct rig *rig)
{
	return info_of(rig).xlated_prog_len / sizeof(struct bpf_insn);
}

unsigned int rig_verified(const struct rig *rig)
{
	return info_of(rig).verified_insns;
}

void rig_load(struct rig *rig, __u32 number, const struct sample_filter *filter)
{
	struct sample_filter *to = &rig->filters[number];

	to->count = filter->count;
	memcpy(to->insn, filter->insn, filter->count * sizeof(filter->insn[0]));
}

int rig_run(struct rig *rig, const __u8 *bytes, __u32 size, __u32 wirelen, __u32 buflen,
	    __u32 ret_results[RIG_NUMBERS])
{
	static const __u8 frame[64];
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
			    .data_size_in = sizeof(frame), .repeat = 1);
	struct bpf_sample_filter__bss *bss = rig->skel->bss;
	int err;

	bss->job.size = size;
	bss->job.wirelen = wirelen;
	bss->job.buflen = buflen;
	memcpy(bss->job.bytes, bytes, size);
	memset(bss->job.result, 0xee, sizeof(bss->job.result));
	err = bpf_prog_test_run_opts(bpf_program__fd(rig->skel->progs.run_all), &opts);
	memcpy(ret_results, bss->job.result, sizeof(bss->job.result));
	return err || !opts.retval ? err : -EBADMSG;
}

static double least(const struct bpf_program *prog)
{
	static const __u8 frame[64];
	double ns = 1e9;

	for (int i = 0; i < TIMES; i++) {
		DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
				    .data_size_in = sizeof(frame), .repeat = RUNS);
		int err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);

		if (err)
			return err;
		if (opts.duration < ns)
			ns = opts.duration;
	}
	return ns;
}

double rig_time(struct rig *rig)
{
	double none = least(rig->skel->progs.run_none), first = least(rig->skel->progs.run_first);

	return none < 0 || first < 0 ? -EIO : first - none;
}
