// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_vectors.c: the vector table through the BPF programs themselves, by BPF_PROG_TEST_RUN.
 *
 * Each frame goes in under an interface number of its own, so that it has its own slot and its own
 * ledger cell, and both are compared to the byte. Also: every frame passes, none is changed, and at
 * the end seen = sum of verdicts = sum of slots. Needs root.
 *
 * What test-run cannot do is skipped and counted: net/bpf/test_run.c takes frames of 14 bytes up
 * (XDP) or 15 (TC; with the whole IP header, if they are IP), no VLAN tag in metadata, for TC no
 * more than a page, GSO for TC alone. A device
 * without link layer is played by the _l3 programs over frames whose bytes 12 and 13 are an
 * EtherType.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf_geometry.h"
#include "vectors.h"

#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"

#define SETS 512
#define LOOPBACK 1 /* the ifindex that test-run gives where it is not told another */
#define TC_FRAME_MAX 3500
#define XDP_FRAME_MAX 60000

static unsigned int passed, failed, skipped;

/* One object's maps as the host sees them. */
struct books {
	unsigned int cpus;
	__u32 cpu_sets;
	const struct flow_set *slots;
	const struct flow_ledger *ledger;
	const struct flow_cpu *stats;
	struct flow_iface *ifaces;
};

/* One way through the table. */
struct runner {
	const char *name;
	const struct bpf_program *prog;
	const struct bpf_program *l3_prog; /* NULL: not for this hook */
	struct books *books;
	__u32 dir;
	bool tc;
	__u8 inner;
	__u32 verdict; /* that lets the packet go on */
};

struct sums {
	unsigned int slots;
	__u64 packets;
	__u64 bytes;
	__u64 ip_bytes;
	__u8 tcp_flags;
	__u8 tcp_syn;
};

static void *map_memory(struct bpf_object *obj, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);
	size_t size = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED) {
		fprintf(stderr, "map '%s': mmap: %s\n", name, strerror(errno));
		exit(1);
	}
	return memory;
}

static void open_books(struct bpf_object *obj, struct books *ret_books)
{
	ret_books->cpus = (unsigned int)libbpf_num_possible_cpus();
	ret_books->cpu_sets = SETS + FLOW_RESERVED_SETS;
	ret_books->slots = map_memory(obj, "slots");
	ret_books->ledger = map_memory(obj, "ledger");
	ret_books->stats = map_memory(obj, "cpus");
	ret_books->ifaces = map_memory(obj, "ifaces");
}

static const struct flow_slot *slot_at(const struct books *books, size_t index)
{
	const struct flow_set *set = &books->slots[index / FLOW_WAYS];

	return set->tag[index % FLOW_WAYS] ? &set->slot[index % FLOW_WAYS] : NULL;
}

/* The keys are one, and where there are outer endpoints they got a number, whichever. */
static bool is_key(const struct flow_key *got, const struct flow_key *want)
{
	bool tunnel = got->tunnel_kind >= FLOW_TUNNEL_VXLAN && got->tunnel_kind <= FLOW_TUNNEL_GTPU;
	struct flow_key key = *got;

	key.outer = 0;
	return !memcmp(&key, want, sizeof(key)) && tunnel == (got->outer >> 2 != 0);
}

/* The slots of all CPUs that hold `key`; of any key where it is NULL. */
static struct sums sum_slots(const struct books *books, const struct flow_key *key)
{
	size_t total = (size_t)books->cpus * books->cpu_sets * FLOW_WAYS;
	struct sums sums = {};

	for (size_t i = 0; i < total; i++) {
		const struct flow_slot *slot = slot_at(books, i);

		if (!slot || (key && !is_key(&slot->key, key)))
			continue;
		sums.slots++;
		sums.packets += slot->packets;
		sums.bytes += slot->bytes;
		sums.ip_bytes += slot->ip_bytes;
		sums.tcp_flags |= slot->tcp_flags;
		sums.tcp_syn |= slot->tcp_syn;
	}
	return sums;
}

static struct flow_ledger sum_ledger(const struct books *books, __u16 ifnum, __u32 dir)
{
	struct flow_ledger sum = {};

	for (unsigned int cpu = 0; cpu < books->cpus; cpu++) {
		const struct flow_ledger *cell =
			&books->ledger[((size_t)cpu * FLOW_IFACES + ifnum) * 2 + dir];

		sum.seen.packets += cell->seen.packets;
		sum.seen.bytes += cell->seen.bytes;
		for (unsigned int i = 0; i < VERDICT_MAX; i++) {
			sum.verdict[i].packets += cell->verdict[i].packets;
			sum.verdict[i].bytes += cell->verdict[i].bytes;
		}
	}
	return sum;
}

/* A kernel that parses the frame itself wants the IP header that bytes 12 and 13 announce. */
static __u32 frame_min(const struct runner *run, const struct vector *v)
{
	if (!run->tc)
		return 14;
	if (v->size >= 14 && v->frame[12] == 0x08 && v->frame[13] == 0)
		return 14 + 20;
	if (v->size >= 14 && v->frame[12] == 0x86 && v->frame[13] == 0xdd)
		return 14 + 40;
	return 15;
}

static const char *skip_reason(const struct runner *run, const struct vector *v)
{
	__u32 len = vector_len(v);

	if (v->vlan_proto)
		return "test-run has no VLAN tag in metadata";
	if (v->reach && v->verdict != VERDICT_FLOW)
		return "test-run cannot put headers out of reach";
	if (v->l3_proto && !run->l3_prog)
		return "no device without a link layer at this hook";
	if (v->l3_proto && v->size >= 14 && (v->frame[12] << 8 | v->frame[13]) != v->l3_proto)
		return "test-run has the protocol from bytes 12 and 13";
	if (v->gso_size && !run->tc)
		return "XDP knows no segmentation";
	if (len < frame_min(run, v))
		return "shorter than test-run takes";
	if (len > (run->tc ? TC_FRAME_MAX : XDP_FRAME_MAX))
		return "longer than test-run takes";
	return NULL;
}

/* 0, -errno, or 1 where the program let the frame not pass or changed it. */
static int push(const struct runner *run, const struct vector *v)
{
	__u32 len = vector_len(v);
	__u8 *in = calloc(1, len), *out = calloc(1, len);
	struct __sk_buff skb = {.gso_segs = v->segments, .gso_size = v->gso_size};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = len,
			    .data_out = out, .data_size_out = len, .repeat = 1);
	const struct bpf_program *prog = v->l3_proto ? run->l3_prog : run->prog;
	int ret = -ENOMEM;

	if (in && out) {
		memcpy(in, v->frame, v->size);
		if (run->tc) {
			opts.ctx_in = &skb;
			opts.ctx_size_in = sizeof(skb);
		}
		ret = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	}
	if (!ret &&
	    (opts.retval != run->verdict || opts.data_size_out != len || memcmp(in, out, len)))
		ret = 1;
	free(in);
	free(out);
	return ret;
}

static bool differs(const struct runner *run, const struct vector *v, const char *what, __u64 got,
		    __u64 want)
{
	if (got == want)
		return false;
	printf("FAIL %s '%s': %s %llu, wanted %llu\n", run->name, v->name, what, got, want);
	return true;
}

static void print_keys(const struct books *books, __u16 ifnum, __u32 dir)
{
	size_t total = (size_t)books->cpus * books->cpu_sets * FLOW_WAYS;

	for (size_t i = 0; i < total; i++) {
		const struct flow_slot *s = slot_at(books, i);

		if (!s || s->key.ifnum != ifnum || s->key.dir != dir)
			continue;
		printf("     slot: %04x vlan %04x/%04x proto %u %08x>%08x %04x>%04x marks %u "
		       "tunnel %u %x outer %x\n",
		       s->key.ethertype, s->key.vlan, s->key.cvlan, s->key.proto, s->key.src[0],
		       s->key.dst[0], s->key.sport, s->key.dport, s->key.marks, s->key.tunnel_kind,
		       s->key.tunnel_id, s->key.outer);
	}
}

static bool slot_differs(const struct runner *run, const struct vector *v, __u16 ifnum)
{
	struct flow_key key = v->key;
	struct sums sums;
	bool bad = false;

	key.ifnum = ifnum;
	key.dir = (__u8)run->dir;
	sums = sum_slots(run->books, &key);
	if (differs(run, v, "slots with the wanted key", sums.slots, 1)) {
		print_keys(run->books, ifnum, run->dir);
		return true;
	}
	bad |= differs(run, v, "packets", sums.packets, v->packets);
	bad |= differs(run, v, "bytes", sums.bytes, v->bytes);
	bad |= differs(run, v, "ip bytes", sums.ip_bytes, v->ip_bytes);
	bad |= differs(run, v, "tcp flags", sums.tcp_flags, v->tcp_flags);
	bad |= differs(run, v, "tcp syn", sums.tcp_syn, v->tcp_syn);
	return bad;
}

static bool ledger_differs(const struct runner *run, const struct vector *v, __u16 ifnum)
{
	struct flow_ledger sum = sum_ledger(run->books, ifnum, run->dir);
	bool bad = false;

	bad |= differs(run, v, "seen packets", sum.seen.packets, v->packets);
	bad |= differs(run, v, "seen bytes", sum.seen.bytes, v->bytes);
	for (unsigned int i = 0; i < VERDICT_MAX; i++) {
		bool here = i == v->verdict;

		bad |= differs(run, v, "verdict packets", sum.verdict[i].packets,
			       here ? v->packets : 0);
		bad |= differs(run, v, "verdict bytes", sum.verdict[i].bytes, here ? v->bytes : 0);
	}
	return bad;
}

static void run_vector(const struct runner *run, const struct vector *v, __u16 ifnum)
{
	const char *reason = skip_reason(run, v);
	bool bad;
	int err;

	if (reason) {
		printf("SKIP %s '%s' (%s)\n", run->name, v->name, reason);
		skipped++;
		return;
	}
	run->books->ifaces[LOOPBACK] = (struct flow_iface){.ifindex = LOOPBACK, .ifnum = ifnum};
	err = push(run, v);
	if (err) {
		printf("FAIL %s '%s': %s\n", run->name, v->name,
		       err < 0 ? strerror(-err) : "the frame was changed or did not pass");
		failed++;
		return;
	}
	bad = slot_differs(run, v, ifnum);
	bad |= ledger_differs(run, v, ifnum);
	failed += bad;
	passed += !bad;
}

static void check_equal(const char *name, const char *what, __u64 got, __u64 want)
{
	if (got == want) {
		passed++;
		return;
	}
	printf("FAIL %s: %s: %llu, wanted %llu\n", name, what, got, want);
	failed++;
}

/* seen = sum of verdicts = sum of slots, and the cache lost and evicted nothing. */
static void check_balance(const char *name, const struct books *books)
{
	struct sums slots = sum_slots(books, NULL);
	struct flow_count seen = {}, verdicts = {};
	__u64 created = 0, evicted = 0;

	for (unsigned int i = 0; i < FLOW_IFACES * 2; i++) {
		struct flow_ledger sum = sum_ledger(books, (__u16)(i / 2), i % 2);

		seen.packets += sum.seen.packets;
		seen.bytes += sum.seen.bytes;
		for (unsigned int j = 0; j < VERDICT_MAX; j++) {
			verdicts.packets += sum.verdict[j].packets;
			verdicts.bytes += sum.verdict[j].bytes;
		}
	}
	for (unsigned int cpu = 0; cpu < books->cpus; cpu++) {
		created += books->stats[cpu].created;
		evicted += books->stats[cpu].evicted + books->stats[cpu].ring_full;
	}
	check_equal(name, "packets of verdicts against seen", verdicts.packets, seen.packets);
	check_equal(name, "bytes of verdicts against seen", verdicts.bytes, seen.bytes);
	check_equal(name, "packets of slots against seen", slots.packets, seen.packets);
	check_equal(name, "bytes of slots against seen", slots.bytes, seen.bytes);
	check_equal(name, "slots created against slots in use", created, slots.slots);
	check_equal(name, "slots evicted", evicted, 0);
}

static void run_table(const struct runner *run)
{
	_Static_assert(VECTORS < FLOW_IFACES, "an interface number for each vector");
	for (size_t i = 0; i < VECTORS; i++) {
		if (vectors[i].inner == run->inner)
			run_vector(run, &vectors[i], (__u16)(i + 1));
	}
}

static int run_xdp(__u8 inner)
{
	struct flow_xdp *xdp = flow_xdp__open();
	struct books books;
	struct runner run = {.name = "xdp",
			     .books = &books,
			     .dir = FLOW_INGRESS,
			     .inner = inner,
			     .verdict = XDP_PASS};

	if (!xdp)
		return -errno;
	if (set_geometry(xdp->obj, SETS, inner, &xdp->rodata->geometry))
		exit(1);
	bpf_program__set_flags(xdp->progs.flow_xdp, BPF_F_XDP_HAS_FRAGS);
	if (flow_xdp__load(xdp))
		return -errno;
	open_books(xdp->obj, &books);
	run.prog = xdp->progs.flow_xdp;
	run_table(&run);
	check_balance("xdp", &books);
	flow_xdp__destroy(xdp);
	return 0;
}

static int run_tc(__u8 inner)
{
	struct flow_tc *tc = flow_tc__open();
	struct books books;
	struct runner run = {.name = "tc egress",
			     .books = &books,
			     .tc = true,
			     .inner = inner,
			     .verdict = (__u32)-1};

	if (!tc)
		return -errno;
	if (set_geometry(tc->obj, SETS, inner, &tc->rodata->geometry))
		exit(1);
	if (flow_tc__load(tc))
		return -errno;
	open_books(tc->obj, &books);
	run.prog = tc->progs.flow_tc_egress;
	run.l3_prog = tc->progs.flow_tc_egress_l3;
	run.dir = FLOW_EGRESS;
	run_table(&run);
	run.name = "tc ingress";
	run.prog = tc->progs.flow_tc_ingress;
	run.l3_prog = tc->progs.flow_tc_ingress_l3;
	run.dir = FLOW_INGRESS;
	run_table(&run);
	check_balance("tc", &books);
	flow_tc__destroy(tc);
	return 0;
}

int main(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	int err = 0;

	if (geteuid()) {
		printf("SKIP (not root)\nbpf_vectors: 0 passed, 0 failed, 1 skipped\n");
		return 0;
	}
	srandom((unsigned int)getpid());
	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* kernels before 5.11 */
	for (__u8 inner = 0; !err && inner < 2; inner++) {
		err = run_xdp(inner);
		if (!err)
			err = run_tc(inner);
	}
	if (err) {
		printf("FAIL the programs do not load: %s\n", strerror(-err));
		failed++;
	}
	printf("bpf_vectors: %u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed != 0;
}
