/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * insns.c: how many instructions the verifier walks for each shipped program, as
 * "OBJECT PROGRAM COUNT" lines. Constants are those of a default flowd, so that no path is pruned
 * which would be live there. Exit 1: a program was refused; the end of the verifier's log says why.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/flow.h"
#include "trace/trace_probe.h"

#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"
#include "health.skel.h"

#define LOG_STATS 4 /* of the verifier: the closing figures alone */
#define LOG_BYTES 65536
#define SETS (65536 / FLOW_WAYS)

static void fill_geometry(struct flow_geometry *geometry)
{
	for (int i = 0; i < FLOW_SEED_WORDS; i++)
		geometry->seed[i] = 0x9e3779b97f4a7c15ULL * (unsigned int)(2 * i + 1);
	geometry->set_mask = SETS - 1;
	geometry->cpu_sets = SETS + FLOW_RESERVED_SETS;
	geometry->cpus = 64;
	geometry->xdp_buff_len =
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_get_buff_len, NULL) == 1;
	geometry->xdp_load_bytes =
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 1;
	geometry->loop = libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_loop, NULL) == 1;
}

/* As flowd does: a program that reads an argument which the tracepoint has not is refused. */
static void set_kernel(struct health *trace)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct trace_kernel kernel = {0};

	if (btf)
		kernel = trace_probe(btf);
	btf__free(btf);
	trace->rodata->guarded = kernel.guarded;
	trace->rodata->has_reason = kernel.has_reason;
	trace->rodata->has_rx_sock = kernel.has_rx_sock;
	trace->rodata->has_send_err = kernel.has_send_err;
}

/* The verifier's "processed N insns (limit ...)". */
static int print_count(const char *object, const struct bpf_program *prog)
{
	size_t size;
	const char *log = bpf_program__log_buf(prog, &size);
	const char *line = strstr(log, "processed ");
	unsigned long count = line ? strtoul(line + strlen("processed "), NULL, 10) : 0;

	if (!count) {
		fprintf(stderr, "insns: %s: no count in the verifier's log\n",
			bpf_program__name(prog));
		return -EPROTO;
	}
	printf("%s %s %lu\n", object, bpf_program__name(prog), count);
	return 0;
}

static int refused(const char *object, struct bpf_object *obj, int err)
{
	struct bpf_program *prog;

	fprintf(stderr, "insns: %s: %s\n", object, strerror(-err));
	bpf_object__for_each_program(prog, obj)
	{
		size_t size, len;
		const char *log = bpf_program__log_buf(prog, &size);

		len = strlen(log);
		fprintf(stderr, "%s", len > 1000 ? log + len - 1000 : log);
	}
	return err;
}

static int count_object(const char *object, struct bpf_object *obj)
{
	struct bpf_program *prog;
	int err = 0;

	bpf_object__for_each_program(prog, obj)
	{
		char *log = calloc(1, LOG_BYTES);

		if (!log)
			return -ENOMEM;
		bpf_program__set_log_level(prog, LOG_STATS);
		bpf_program__set_log_buf(prog, log, LOG_BYTES);
	}
	err = bpf_object__load(obj);
	if (err)
		return refused(object, obj, err);
	bpf_object__for_each_program(prog, obj) err = err ? err : print_count(object, prog);
	return err;
}

int main(void)
{
	struct flow_xdp *xdp = flow_xdp__open();
	struct flow_tc *tc = flow_tc__open();
	struct health *trace = health__open();
	int err;

	libbpf_set_print(NULL);
	if (!xdp || !tc || !trace) {
		fprintf(stderr, "insns: %s\n", strerror(errno));
		return 1;
	}
	fill_geometry((struct flow_geometry *)&xdp->rodata->geometry);
	fill_geometry((struct flow_geometry *)&tc->rodata->geometry);
	err = count_object("flow_xdp", xdp->obj);
	err = err ? err : count_object("flow_tc", tc->obj);
	set_kernel(trace);
	err = err ? err : count_object("health", trace->obj);
	flow_xdp__destroy(xdp); /* the logs go with the process */
	flow_tc__destroy(tc);
	health__destroy(trace);
	return err ? 1 : 0;
}
