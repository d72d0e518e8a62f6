// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_corpus_rig.c: the shipped programs behind the feeders of bpf_corpus.bpf.c.
 *
 *   frame i of a batch -> interface number i + 1 -> its own slot, its own cell of the ledger
 *   rig_feed           -> interface number 1     -> slots as connections have them
 *
 * Everything runs on the CPU on which the first rig was opened, so that one slice of the maps is
 * read and zeroed after each batch. What the kernel does with an skb before the program (net/bpf/
 * test_run.c, found on 6.18): it leaves tags in the bytes; it wants the whole fixed header of what
 * bytes 12 and 13 call IP, whatever that says, and a byte after the Ethernet header. A tag pushed by
 * bpf_skb_vlan_push is in metadata for the program after the tail call.
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

#include "bpf_corpus.h"
#include "bpf_geometry.h"
#include "pin_cpu.h"

#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"
#include "tests/bpf_corpus.skel.h"

#define SETS 2048	 /* so many that no set gets nine flows of a batch */
#define LOOPBACK 1	 /* the ifindex that test-run gives where it is not told another */
#define TC_MIN (14 + 40) /* bytes: nothing that test-run wants to see is beyond it */

/* An object's maps, as far as one CPU writes them. */
struct books {
	struct flow_set *slots;
	struct flow_ledger *ledger;
	struct flow_iface *ifaces;
	struct flow_health_set *health;
	struct flow_cpu *stat;
};

struct rig {
	unsigned int cpu;
	struct flow_xdp *xdp;
	struct flow_tc *tc;
	struct bpf_corpus *feed;
	struct books xdp_books;
	struct books tc_books;
};

const char *rig_impossible(void)
{
	if (geteuid())
		return "not root";
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL) != 1)
		return "no BPF";
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_store_bytes, NULL) != 1)
		return "the kernel has no bpf_xdp_store_bytes";
	return NULL;
}

static void *map_memory(struct bpf_object *obj, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);
	size_t size = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int open_books(struct bpf_object *obj, unsigned int cpu, struct books *ret_books)
{
	struct books books = {.slots = map_memory(obj, "slots"),
			      .ledger = map_memory(obj, "ledger"),
			      .ifaces = map_memory(obj, "ifaces"),
			      .health = map_memory(obj, "health"),
			      .stat = map_memory(obj, "cpus")};

	if (!books.slots || !books.ledger || !books.ifaces || !books.health || !books.stat)
		return -ENOMEM;
	books.slots += (size_t)cpu * (SETS + FLOW_RESERVED_SETS);
	books.health += (size_t)cpu * (SETS + FLOW_RESERVED_SETS);
	books.stat += cpu;
	books.ledger += (size_t)cpu * FLOW_IFACES * 2;
	*ret_books = books;
	return 0;
}

/* Only programs that agree on frags may tail-call each other, so the feeder has the flag as well. */
static int load_programs(struct rig *rig, int inner)
{
	rig->xdp = flow_xdp__open();
	rig->tc = flow_tc__open();
	rig->feed = bpf_corpus__open();
	if (!rig->xdp || !rig->tc || !rig->feed)
		return -errno;
	if (set_geometry(rig->xdp->obj, SETS, inner, &rig->xdp->rodata->geometry) ||
	    set_geometry(rig->tc->obj, SETS, inner, &rig->tc->rodata->geometry))
		return -EINVAL;
	bpf_program__set_flags(rig->xdp->progs.flow_xdp, BPF_F_XDP_HAS_FRAGS);
	bpf_program__set_flags(rig->feed->progs.feed_xdp, BPF_F_XDP_HAS_FRAGS);
	if (flow_xdp__load(rig->xdp) || flow_tc__load(rig->tc) ||
	    bpf_map__reuse_fd(rig->feed->maps.ifaces, bpf_map__fd(rig->xdp->maps.ifaces)) ||
	    bpf_corpus__load(rig->feed))
		return -errno;
	return 0;
}

static int set_tested(const struct bpf_map *map, __u32 place, const struct bpf_program *prog)
{
	int fd = bpf_program__fd(prog);

	return bpf_map_update_elem(bpf_map__fd(map), &place, &fd, 0);
}

int rig_open(int inner, struct rig **ret_rig)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct rig *rig = calloc(1, sizeof(*rig));
	int err = rig ? pin_cpu(&rig->cpu) : -ENOMEM;

	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* kernels before 5.11 */
	if (!err)
		err = load_programs(rig, inner);
	if (!err)
		err = set_tested(rig->feed->maps.xdp_tested, 0, rig->xdp->progs.flow_xdp);
	if (!err)
		err = set_tested(rig->feed->maps.tc_tested, 0, rig->tc->progs.flow_tc_ingress);
	if (!err)
		err = set_tested(rig->feed->maps.tc_tested, 1, rig->tc->progs.flow_tc_egress);
	if (!err)
		err = open_books(rig->xdp->obj, rig->cpu, &rig->xdp_books);
	if (!err)
		err = open_books(rig->tc->obj, rig->cpu, &rig->tc_books);
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
	bpf_corpus__destroy(rig->feed);
	flow_tc__destroy(rig->tc);
	flow_xdp__destroy(rig->xdp);
	free(rig);
}

/* A set's slots go to the accounts of their interface numbers. */
static void take_slots(struct flow_set *set, struct account *got)
{
	for (unsigned int way = 0; way < FLOW_WAYS; way++) {
		const struct flow_slot *slot = &set->slot[way];
		struct account *a;

		if (!set->tag[way] || !slot->key.ifnum || slot->key.ifnum > CORPUS_BATCH)
			continue;
		a = &got[slot->key.ifnum - 1];
		a->slots++;
		a->key = slot->key;
		a->key.ifnum = 0;
		a->key.outer = 0;
		a->packets = slot->packets;
		a->bytes = slot->bytes;
		a->ip_bytes = slot->ip_bytes;
		a->tcp_flags = slot->tcp_flags;
		a->tcp_syn = slot->tcp_syn;
	}
}

static void take_ledger(const struct flow_ledger *cell, struct account *a)
{
	a->seen_packets = cell->seen.packets;
	a->seen_bytes = cell->seen.bytes;
	for (unsigned int i = 0; i < VERDICT_MAX; i++) {
		if (cell->verdict[i].packets || cell->verdict[i].bytes)
			a->verdicts |= 1U << i;
		a->verdict_packets += cell->verdict[i].packets;
		a->verdict_bytes += cell->verdict[i].bytes;
	}
}

/* What the programs wrote since the last call; the maps are zero then. */
static void take_books(struct books *books, struct account *got)
{
	static const __u32 unused[FLOW_WAYS];
	size_t ledger_size = FLOW_IFACES * 2 * sizeof(*books->ledger);

	memset(got, 0, CORPUS_BATCH * sizeof(*got));
	for (unsigned int i = 0; i < SETS + FLOW_RESERVED_SETS; i++) {
		struct flow_set *set = &books->slots[i];

		if (memcmp(set->tag, unused, sizeof(unused))) {
			take_slots(set, got);
			memset(set, 0, sizeof(*set));
		}
	}
	for (unsigned int i = 0; i < CORPUS_BATCH; i++)
		take_ledger(&books->ledger[(i + 1) * 2 + FLOW_INGRESS], &got[i]);
	memset(books->ledger, 0, ledger_size);
}

/* The batch through XDP; ret_err[i] as in rig_feed(). */
static int run_xdp(struct rig *rig, const struct corpus_batch *batch, int *ret_err)
{
	__u8 first[64] = {};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = first,
			    .data_size_in = sizeof(first), .repeat = (int)batch->count);
	struct bpf_corpus__bss *bss = rig->feed->bss;
	int err;

	bss->next_frame = 0;
	for (unsigned int i = 0; i < batch->count; i++) {
		bss->frames[i].len = batch->frame[i].len;
		bss->frames[i].err = -ENODATA;
		memcpy(bss->frames[i].data, batch->frame[i].data, batch->frame[i].len);
	}
	err = bpf_prog_test_run_opts(bpf_program__fd(rig->feed->progs.feed_xdp), &opts);
	for (unsigned int i = 0; i < batch->count; i++)
		ret_err[i] = bss->frames[i].err;
	return err || opts.retval == XDP_PASS ? err : -EBADMSG;
}

int rig_xdp(struct rig *rig, const struct corpus_batch *batch, struct account *got)
{
	int errs[CORPUS_BATCH], err = run_xdp(rig, batch, errs);

	take_books(&rig->xdp_books, got);
	for (unsigned int i = 0; i < batch->count; i++)
		got[i].err = errs[i];
	return err;
}

static int run_skb(struct rig *rig, const struct corpus_frame *frame)
{
	__u8 padded[TC_MIN] = {};
	struct __sk_buff skb = {.gso_segs = frame->gso_segs, .gso_size = frame->gso_size};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
			    .data_size_in = frame->len, .ctx_in = &skb, .ctx_size_in = sizeof(skb),
			    .repeat = 1);
	struct bpf_corpus__bss *bss = rig->feed->bss;
	int err;

	if (frame->len < sizeof(padded)) {
		memcpy(padded, frame->data, frame->len);
		opts.data_in = padded;
		opts.data_size_in = sizeof(padded);
	}
	bss->job.len = frame->len;
	bss->job.err = -ENODATA;
	bss->job.vlan_proto = frame->vlan_proto;
	bss->job.vlan_tci = frame->vlan_tci;
	bss->job.egress = frame->egress;
	err = bpf_prog_test_run_opts(bpf_program__fd(rig->feed->progs.feed_tc), &opts);
	if (!err)
		err = bss->job.err;
	return err || opts.retval == (__u32)-1 ? err : -EBADMSG; /* TCX_NEXT */
}

int rig_tc(struct rig *rig, const struct corpus_batch *batch, struct account *got)
{
	int err[CORPUS_BATCH];

	for (unsigned int i = 0; i < batch->count; i++) {
		rig->tc_books.ifaces[LOOPBACK] =
			(struct flow_iface){.ifindex = LOOPBACK, .ifnum = (__u16)(i + 1)};
		err[i] = run_skb(rig, &batch->frame[i]);
	}
	take_books(&rig->tc_books, got);
	for (unsigned int i = 0; i < batch->count; i++)
		got[i].err = err[i];
	return 0;
}

int rig_feed(struct rig *rig, enum rig_hook hook, const struct corpus_batch *batch, int *ret_err)
{
	int err;

	if (hook == RIG_XDP) {
		rig->feed->bss->one_iface = 1;
		err = run_xdp(rig, batch, ret_err);
		rig->feed->bss->one_iface = 0;
		return err;
	}
	rig->tc_books.ifaces[LOOPBACK] = (struct flow_iface){.ifindex = LOOPBACK, .ifnum = 1};
	for (unsigned int i = 0; i < batch->count; i++)
		ret_err[i] = run_skb(rig, &batch->frame[i]);
	return 0;
}

int rig_take(struct rig *rig, enum rig_hook hook, rig_seen *seen, void *arg)
{
	struct books *books = hook == RIG_XDP ? &rig->xdp_books : &rig->tc_books;
	int whole = books->stat->unasked ? -EAGAIN
					 : !books->stat->evicted && !books->stat->reused &&
						   !books->stat->ring_full;

	for (unsigned int i = 0; i < (SETS + FLOW_RESERVED_SETS) * FLOW_WAYS; i++) {
		struct flow_set *set = &books->slots[i / FLOW_WAYS];

		if (set->tag[i % FLOW_WAYS])
			seen(arg, &set->slot[i % FLOW_WAYS],
			     &books->health[i / FLOW_WAYS].health[i % FLOW_WAYS]);
	}
	memset(books->slots, 0, (SETS + FLOW_RESERVED_SETS) * sizeof(*books->slots));
	memset(books->health, 0, (SETS + FLOW_RESERVED_SETS) * sizeof(*books->health));
	memset(books->ledger, 0, FLOW_IFACES * 2 * sizeof(*books->ledger));
	books->stat->evicted = books->stat->reused = books->stat->ring_full = 0;
	books->stat->unasked = 0;
	return whole;
}
