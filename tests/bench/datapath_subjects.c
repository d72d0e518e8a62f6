/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * datapath_subjects.c: the programs that the benchmark of the datapath runs, and their maps.
 *
 * Programs under test are the shipped ones, set up by flowd's own maps.c. A thread on the next CPU
 * drains the evicted rings as flowd would. The sweep epoch moves with each second that packets ran. No mark is ever
 * committed, so every slot given up goes through the ring: the worst case.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath.h"
#include "flowd/ring.h"

#include "bench/bench_tc.skel.h"
#include "bench/bench_xdp.skel.h"
#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"

void die(const char *what, int err)
{
	fprintf(stderr, "datapath: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity", errno);
}

struct subject xdp_subject(struct bench *bench, const char *name, int prog_fd)
{
	struct bench_xdp *entry = bench->xdp[SMALL];

	return (struct subject){
		.name = name,
		.hook = "XDP",
		.entry_fd = bpf_program__fd(entry->progs.bench_entry),
		.target_fd = bpf_map__fd(entry->maps.target),
		.prog_fd = prog_fd,
		.vary = &entry->bss->vary,
	};
}

struct subject tc_subject(struct bench *bench, const char *name, int prog_fd)
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

struct subject ledger_subject(struct bench *bench, const char *name, int number)
{
	struct maps *maps = &bench->ledger[number];
	struct subject s = xdp_subject(bench, name, bpf_program__fd(maps->xdp->progs.flow_xdp));

	s.ledger = maps;
	return s;
}

const struct sample_conf conf_off = {0};
const struct sample_conf conf_rare = {.rate = 1000, .snaplen = SAMPLE_SNAPLEN};

void sampling_off(struct maps *maps)
{
	maps->sample_conf[LEDGER_IFNUM] = conf_off;
	maps->control->sampling++;
}

/* The records are read as flowd reads them; what they say is not kept. */
static uint64_t drain(struct ring *ring)
{
	const uint64_t *record;
	uint64_t sum = 0;
	size_t size;

	for (int n = 0; (record = ring_read(ring, &size)); n++) {
		sum += *record;
		if ((n & 255) == 255)
			ring_release(ring, ring->read_pos);
	}
	ring_release(ring, ring->read_pos);
	return sum;
}

static void *drain_rings(void *arg)
{
	struct bench *bench = arg;
	struct ring ring[SIZES], samples[SIZES];
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	pin_to(bench->drain_cpu);
	setpriority(PRIO_PROCESS, (id_t)gettid(), -10); /* others' work is not to fill the rings */
	for (int i = 0; i < SIZES; i++) {
		const struct maps *maps = &bench->ledger[i];

		if (ring_open(maps->ring_fd, maps->ring_bytes, &ring[i]) ||
		    ring_open(maps->sample_fd, maps->sample_bytes, &samples[i]) ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, maps->ring_fd, &event) ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, maps->sample_fd, &event))
			die("ring", errno);
	}
	while (!atomic_load(&bench->stop)) {
		epoll_wait(epoll, &event, 1, 5);
		for (int i = 0; i < SIZES; i++) {
			drain(&ring[i]);
			drain(&samples[i]);
		}
	}
	for (int i = 0; i < SIZES; i++) {
		ring_close(&ring[i]);
		ring_close(&samples[i]);
	}
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
	struct maps_wish wish = {
		.slots = slots, .ring_bytes = RING_BYTES, .sample_bytes = RING_BYTES};
	char dir[64], error[MAPS_ERROR_MAX];
	int err;

	snprintf(dir, sizeof(dir), "/sys/fs/bpf/bench-%u", slots);
	wish.pin_dir = dir;
	if (mkdir(dir, 0700))
		die(dir, errno);
	err = maps_open(&wish, maps, error);
	if (err)
		die(error, err);
	maps->ifaces[LO_IFINDEX] =
		(struct flow_iface){.ifindex = LO_IFINDEX, .ifnum = LEDGER_IFNUM};
	err = bpf_object__load(maps->xdp->obj);
	if (err)
		die("flow_xdp", err);
}

/*
 * bench_account counts in maps of its own, of the same size; the comparators sample 1/1000 packets, into a ring that
 * nobody reads; epoch, and when to look for changes, are the other's.
 */
static void shape_like(struct bench_xdp *xdp, const struct maps *like, uint32_t entries)
{
	int err = bpf_map__reuse_fd(xdp->maps.control, bpf_map__fd(like->tc->maps.control));

	if (err)
		die("control", err);
	memcpy((void *)&xdp->rodata->geometry, (const void *)&like->xdp->rodata->geometry,
	       sizeof(xdp->rodata->geometry));
	if (entries == SLOTS_SMALL) {
		bpf_map__set_max_entries(xdp->maps.slots, like->sets);
		bpf_map__set_max_entries(xdp->maps.marks, like->sets);
		bpf_map__set_max_entries(xdp->maps.health, like->sets);
		bpf_map__set_max_entries(xdp->maps.vary_drawn, VARY_DRAWN);
	}
	bpf_map__set_max_entries(xdp->maps.lru, entries);
	bpf_map__set_max_entries(xdp->maps.locked, entries);
	bpf_map__set_max_entries(xdp->maps.samples, RING_BYTES);
	bpf_map__set_max_entries(xdp->maps.ledger, like->cpus * FLOW_IFACES * 2);
	bpf_map__set_max_entries(xdp->maps.cpus, like->cpus);
	bpf_map__set_max_entries(xdp->maps.sample_counts, like->cpus);
}

static struct bench_xdp *open_comparators(const struct maps *like, uint32_t entries)
{
	struct flow_iface iface = {.ifindex = LO_IFINDEX, .ifnum = LEDGER_IFNUM};
	uint32_t ifindex = LO_IFINDEX, ifnum = LEDGER_IFNUM;
	struct bench_xdp *xdp = bench_xdp__open();

	if (!xdp)
		die("bench_xdp", errno);
	shape_like(xdp, like, entries);
	if (bench_xdp__load(xdp) ||
	    bpf_map_update_elem(bpf_map__fd(xdp->maps.ifaces), &ifindex, &iface, BPF_ANY) ||
	    bpf_map_update_elem(bpf_map__fd(xdp->maps.sample_conf), &ifnum, &conf_rare, BPF_ANY))
		die("bench_xdp", errno);
	return xdp;
}

void subjects_open(struct bench *bench)
{
	static const uint32_t slots[SIZES] = {SLOTS_SMALL, SLOTS_MIDDLE, SLOTS_LARGE};

	private_bpffs();
	for (int i = 0; i < SIZES; i++) {
		open_ledger(&bench->ledger[i], slots[i]);
		bench->xdp[i] = open_comparators(&bench->ledger[i], slots[i]);
	}
	bench->tc = bench_tc__open_and_load();
	if (!bench->tc)
		die("bench_tc", errno);
	if (pthread_create(&bench->drainer, NULL, drain_rings, bench))
		die("the draining thread", EAGAIN);
}

void subjects_close(struct bench *bench)
{
	atomic_store(&bench->stop, true);
	pthread_join(bench->drainer, NULL);
	bench_tc__destroy(bench->tc);
	for (int i = 0; i < SIZES; i++)
		bench_xdp__destroy(bench->xdp[i]);
	for (int i = 0; i < SIZES; i++)
		maps_close(&bench->ledger[i]);
}
