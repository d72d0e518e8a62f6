// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_sampler.c: flowd's maps in a bpffs of our own, the shipped programs on them, and the feeders of
 * bpf_sample.bpf.c before these. Everything runs on the CPU on which the first rig was opened.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf_sampler.h"
#include "pin_cpu.h"

#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"
#include "tests/bpf_sample.skel.h"

#define FRAME_MAX 65536

static const struct flow_iface counted = {.ifindex = RIG_LOOPBACK, .ifnum = RIG_IFNUM};

const char *const rig_names[RIG_PROGRAMS] = {"tc egress", "tc ingress", "tc egress l3",
					     "tc ingress l3", "xdp"};
unsigned int rig_passed, rig_failed, rig_skipped;

bool rig_check(const char *name, const char *what, uint64_t got, uint64_t want)
{
	if (got == want) {
		rig_passed++;
		return true;
	}
	printf("FAIL %s: %s: %llu, wanted %llu\n", name, what, (unsigned long long)got,
	       (unsigned long long)want);
	rig_failed++;
	return false;
}

const char *rig_impossible(void)
{
	if (geteuid())
		return "not root";
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL) != 1)
		return "no BPF";
	return NULL;
}

static int private_bpffs(void)
{
	static bool done;

	if (!done && (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		      mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL)))
		return -errno;
	done = true;
	return 0;
}

static const struct bpf_program *program_of(const struct rig *rig, enum rig_program program)
{
	switch (program) {
	case RIG_TC_EGRESS:
		return rig->maps.tc->progs.flow_tc_egress;
	case RIG_TC_INGRESS:
		return rig->maps.tc->progs.flow_tc_ingress;
	case RIG_TC_EGRESS_L3:
		return rig->maps.tc->progs.flow_tc_egress_l3;
	case RIG_TC_INGRESS_L3:
		return rig->maps.tc->progs.flow_tc_ingress_l3;
	default:
		return rig->maps.xdp->progs.flow_xdp;
	}
}

/* Only programs that agree on frags may tail-call each other, so the feeder has the flag as well. */
static int load(struct rig *rig, bool old)
{
	struct flow_xdp *xdp = rig->maps.xdp;
	int err;

	rig->feed = bpf_sample__open();
	if (!rig->feed)
		return -errno;
	if (old)
		xdp->rodata->geometry.xdp_load_bytes = xdp->rodata->geometry.loop = 0;
	bpf_program__set_flags(xdp->progs.flow_xdp, BPF_F_XDP_HAS_FRAGS);
	bpf_program__set_flags(rig->feed->progs.feed_xdp, BPF_F_XDP_HAS_FRAGS);
	err = bpf_object__load(xdp->obj);
	if (!err)
		err = bpf_map__reuse_fd(rig->feed->maps.control,
					bpf_map__fd(rig->maps.tc->maps.control));
	if (!err)
		err = bpf_sample__load(rig->feed);
	for (uint32_t i = 0; !err && i < RIG_PROGRAMS; i++) {
		int fd = bpf_program__fd(program_of(rig, i));
		uint32_t place = i == RIG_XDP ? 0 : i;
		struct bpf_map *map =
			i == RIG_XDP ? rig->feed->maps.xdp_tested : rig->feed->maps.tc_tested;

		err = bpf_map_update_elem(bpf_map__fd(map), &place, &fd, 0);
	}
	return err;
}

int rig_open(const struct rig_wish *wish, struct rig *ret_rig)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct maps_wish maps = {.instance = "test",
				 .pin_dir = ret_rig->pin_dir,
				 .slots = wish->slots,
				 .ring_bytes = wish->ring_bytes,
				 .sample_bytes = wish->sample_bytes};
	char error[MAPS_ERROR_MAX] = "";
	static int number;
	int err = private_bpffs();

	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* kernels before 5.11 */
	memset(ret_rig, 0, sizeof(*ret_rig));
	snprintf(ret_rig->pin_dir, sizeof(ret_rig->pin_dir), "/sys/fs/bpf/sample-%d", number++);
	if (!err && mkdir(ret_rig->pin_dir, 0700))
		err = -errno;
	err = err ? err : pin_cpu(&ret_rig->cpu);
	err = err ? err : maps_open(&maps, &ret_rig->maps, error);
	if (err) {
		fprintf(stderr, "%s\n", error);
		return err;
	}
	err = load(ret_rig, wish->old);
	err = err ? err
		  : ring_open(ret_rig->maps.sample_fd, ret_rig->maps.sample_bytes, &ret_rig->ring);
	ret_rig->maps.ifaces[RIG_LOOPBACK] = counted;
	return err;
}

void rig_close(struct rig *rig)
{
	ring_close(&rig->ring);
	bpf_sample__destroy(rig->feed);
	maps_close(&rig->maps);
	maps_unpin(rig->pin_dir);
	rmdir(rig->pin_dir);
}

void rig_set(struct rig *rig, const struct sample_conf *conf)
{
	rig->maps.sample_conf[RIG_IFNUM] = *conf;
	__atomic_add_fetch(&rig->maps.control->sampling, 1, __ATOMIC_RELEASE);
}

static int run(const struct bpf_program *prog, enum rig_program program,
	       const struct rig_frame *frame, uint32_t repeat)
{
	static uint8_t out[FRAME_MAX];
	struct __sk_buff skb = {.gso_segs = frame->gso_segs, .gso_size = frame->gso_size};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
			    .data_size_in = frame->len, .data_out = out,
			    .data_size_out = sizeof(out), .repeat = (int)repeat);
	uint32_t passes = program == RIG_XDP ? XDP_PASS : (uint32_t)-1;
	int err;

	if (program != RIG_XDP) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (err || repeat > 1)
		return err ? err : opts.retval != passes;
	return opts.retval != passes || opts.data_size_out != frame->len ||
	       memcmp(out, frame->data, frame->len) != 0;
}

int rig_give(struct rig *rig, enum rig_program program, const struct rig_frame *frame)
{
	if (!frame->tag_proto)
		return run(program_of(rig, program), program, frame, 1);
	rig->feed->bss->tag_proto = frame->tag_proto;
	rig->feed->bss->tag_tci = frame->tag_tci;
	rig->feed->bss->tc_program = program;
	return run(rig->feed->progs.tag_tc, program, frame, 1);
}

int rig_stream(struct rig *rig, enum rig_program program, uint32_t count, uint32_t restart)
{
	static const uint8_t first[64] = {2,	0, 0,  0,  0, 1, 2, 0, 0,  0,  0, 2,  8,  0,
					  0x45, 0, 0,  46, 0, 1, 0, 0, 64, 17, 0, 0,  10, 0,
					  0,	1, 10, 0,  0, 2, 0, 0, 0,  9,  0, 26, 0,  0};
	const struct rig_frame frame = {.data = first, .len = 60};

	rig->feed->bss->stream_next = 0;
	rig->feed->bss->stream_restart = restart;
	rig->feed->bss->tc_program = program;
	return run(program == RIG_XDP ? rig->feed->progs.feed_xdp : rig->feed->progs.feed_tc,
		   program, &frame, count);
}

bool rig_take(struct rig *rig, struct rig_sample *ret_sample)
{
	size_t size;
	const void *record = ring_read(&rig->ring, &size);

	if (!record)
		return false;
	if (size > sizeof(*ret_sample)) {
		fprintf(stderr, "a record of %zu bytes\n", size);
		exit(1);
	}
	memcpy(ret_sample, record, size);
	ring_release(&rig->ring, rig->ring.read_pos);
	return true;
}

uint32_t rig_drain(struct rig *rig)
{
	static struct rig_sample sample;
	uint32_t count = 0;

	while (rig_take(rig, &sample))
		count++;
	return count;
}

const struct sample_count *rig_counts(const struct rig *rig)
{
	return &rig->maps.sample_counts[rig->cpu];
}
