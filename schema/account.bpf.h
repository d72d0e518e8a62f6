/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * account.bpf.h: with health.bpf.h and sample.bpf.h, the only code that writes the maps from the kernel.
 *
 *   account_iface   ifindex -> interface number
 *   account_seen    the ledger's first column, before anything can go wrong
 *   account_flow    find or make the slot, count, one verdict
 *
 * One writer a slot: the program on that CPU (XDP and TC both run with bottom halves off, so they
 * never interleave). A slot is given up only when a committed mark says that it was exported, or
 * after its whole life went into the evicted ring; where neither is possible the packet is folded.
 */
#pragma once

#include "cache.h"
#include "health.bpf.h"
#include "maps.bpf.h"
#include "sample.bpf.h"
#include "tunnel.h"

#define ACCOUNT_UNHASHED ((struct cache_hash){0}) /* of a key that may change yet */
#define ACCOUNT_OUTER_PROBES 4
#define ACCOUNT_MANY (1ULL << 62)	/* packets */
#define ACCOUNT_WAKE_BYTES (256 * 1024) /* of evicted slots, then flowd is woken */

/* flowd's number of the interface | marks of its packets << 16; 0 where it has none. */
static __always_inline __u32 account_iface(__u32 ifindex)
{
	for (__u32 i = 0; i < FLOW_IFACE_PROBES; i++) {
		__u32 cell = (ifindex + i) & (FLOW_IFACE_CELLS - 1);
		const struct flow_iface *iface = bpf_map_lookup_elem(&ifaces, &cell);

		if (iface && iface->ifindex == ifindex)
			return iface->ifnum | (__u32)iface->marks << 16;
	}
	return 0;
}

static __always_inline void account_add(struct flow_slot *slot, const struct flow_facts *f,
					__u64 now)
{
	slot->packets += f->packets;
	slot->bytes += f->bytes;
	slot->ip_bytes += f->ip_bytes;
	slot->last_ns = now;
	slot->tcp_flags |= f->tcp_flags;
	slot->tcp_syn |= f->tcp_syn;
}

/* Submit a record; `size`, a constant: with what is beside the slot, or FLOW_EVICTED_PLAIN. */
static __always_inline int account_submit(const struct flow_slot *slot, __u32 number, __u64 size)
{
	struct flow_evicted *record = bpf_ringbuf_reserve(&evicted, size, 0);
	const struct flow_health *h;

	if (!record)
		return 0;
	record->index = number;
	record->pad = 0;
	__builtin_memcpy(&record->slot, slot, sizeof(*slot));
	if (size > FLOW_EVICTED_PLAIN) {
		h = health_of(number);
		if (h)
			__builtin_memcpy(&record->health, h, sizeof(*h));
		else
			__builtin_memset(&record->health, 0, sizeof(*h));
	}
	bpf_ringbuf_submit(record, maps_wake(&evicted, size, ACCOUNT_WAKE_BYTES));
	return 1;
}

/* Hand the slot's whole life over to flowd. False: the ring is full. */
static __always_inline int account_evict(const struct flow_slot *slot, __u32 number,
					 struct flow_cpu *stat)
{
	if (!(slot->tcp_state & TCP_HEALTH
		      ? account_submit(slot, number, sizeof(struct flow_evicted))
		      : account_submit(slot, number, FLOW_EVICTED_PLAIN))) {
		stat->ring_full++;
		return 0;
	}
	stat->evicted++;
	return 1;
}

/* Start a new life of the slot, of no packet yet. Readers take the key only between equal, even values of seq. */
static __always_inline void account_claim(struct flow_slot *slot, __u32 number,
					  const struct flow_facts *f, __u64 now)
{
	__sync_fetch_and_add(&slot->seq, 1);
	if (slot->tcp_state & TCP_HEALTH) {
		struct flow_health *h = health_of(number);

		if (h)
			__builtin_memset(h, 0, sizeof(*h));
	}
	slot->tcp_state = 0;
	slot->tcp_dups = 0;
	slot->tcp_peer = (__u16)(bpf_get_smp_processor_id() * HEALTH_PLACES);
	slot->tcp_tsval = (__u16)f->tsval;
	slot->tcp_tsecr = (__u16)f->tsecr;
	slot->birth++;
	__builtin_memcpy(&slot->key, &f->key, sizeof(slot->key));
	slot->packets = slot->bytes = slot->ip_bytes = 0;
	slot->first_ns = now;
	slot->last_ns = now;
	slot->tcp_flags = slot->tcp_syn = 0;
	__sync_fetch_and_add(&slot->seq, 1);
}

/*
 * A packet of the slot's key came. Once an epoch, see whether flowd exported all of it: then times and
 * flags start anew, with the next record.
 */
static __always_inline struct flow_slot *account_touch(struct flow_set *set, __u32 index, __u32 way,
						       __u32 epoch, __u64 now)
{
	struct flow_slot *slot = &set->slot[way & (FLOW_WAYS - 1)];
	__u32 *used = &set->used[way & (FLOW_WAYS - 1)];

	if (cache_turned(*used, epoch)) {
		struct flow_mark_set *mark = bpf_map_lookup_elem(&marks, &index);

		if (mark && cache_exported(slot, &mark->mark[way & (FLOW_WAYS - 1)])) {
			slot->first_ns = now;
			slot->tcp_flags = 0;
			slot->tcp_syn = 0;
		}
		health_turn(slot, index * FLOW_WAYS + way);
		tcp_calm(slot);
		*used = epoch << 2 | FLOW_KNOWN_LONG;
	} else if (!(*used & 3)) {
		*used |= FLOW_KNOWN_AGAIN;
	}
	return slot;
}

/* A way that can be given up without the ring, or FLOW_WAYS. */
static __always_inline __u32 account_clean(const struct flow_set *set,
					   const struct flow_mark_set *mark)
{
	for (__u32 way = 0; way < FLOW_WAYS; way++) {
		if (cache_clean(&set->slot[way], &mark->mark[way]))
			return way;
	}
	return FLOW_WAYS;
}

/*
 * Make room for a new key in set `index`. Returns its way + 1; 0: there is none without losing something.
 * Global and out of line, as is account_fold: the verifier walks them once, and packets of known flows never.
 */
__noinline int account_make(__u32 index, __u32 tag, struct flow_facts *f, __u32 epoch, __u64 now)
{
	__u32 cpu = bpf_get_smp_processor_id(), way;
	struct flow_cpu *stat = bpf_map_lookup_elem(&cpus, &cpu);
	struct flow_set *set = bpf_map_lookup_elem(&slots, &index);
	struct flow_mark_set *mark = bpf_map_lookup_elem(&marks, &index);

	if (!set || !mark || !stat || !f)
		return 0;
	way = cache_place(set, tag, epoch) & (FLOW_WAYS - 1);
	if (set->tag[way]) {
		if (cache_clean(&set->slot[way], &mark->mark[way])) {
			stat->reused++;
		} else if (!account_evict(&set->slot[way], index * FLOW_WAYS + way, stat)) {
			way = account_clean(set, mark);
			if (way >= FLOW_WAYS)
				return 0;
			stat->reused++;
		}
	}
	account_claim(&set->slot[way], index * FLOW_WAYS + way, f, now);
	set->tag[way] = tag;
	set->used[way] = cache_used(epoch);
	stat->created++;
	return (int)way + 1;
}

/*
 * Count in the slot of the key, in one of the mask + 1 sets from `base`. Returns the packets in it now;
 * 0: the key has none and there is no room for one. `whole`: the key is one connection's, whose segments
 * are looked at.
 */
static __always_inline __u64 account_slot(__u32 base, __u32 mask, struct flow_facts *f,
					  struct cache_hash hash, __u32 epoch, __u64 now, int whole)
{
	__u32 index = base + (hash.set & mask), way;
	struct flow_set *set = bpf_map_lookup_elem(&slots, &index);
	struct flow_slot *slot;

	if (!set)
		return 0;
	way = cache_first(hash.tag);
	if (!cache_holds(set, way, &f->key, hash.tag))
		way = health_way(set, &f->key, hash.tag);
	if (way < FLOW_WAYS) {
		slot = account_touch(set, index, way, epoch, now);
		if (whole && f->segment)
			health_segment(slot, index * FLOW_WAYS + way, f, now);
		account_add(slot, f, now);
		return slot->packets;
	}
	way = (__u32)account_make(index, hash.tag, f, epoch, now);
	if (!way)
		return 0;
	way = (way - 1) & (FLOW_WAYS - 1);
	if (whole && f->segment)
		health_first(index * FLOW_WAYS + way, f, now);
	account_add(&set->slot[way], f, now);
	return f->packets;
}

/* Count in the slot that every interface and direction has for what fits nowhere else. */
static __always_inline void account_catchall(__u32 cpu, struct flow_facts *f, __u32 epoch,
					     __u64 now)
{
	__u16 ifnum = f->key.ifnum;
	__u8 dir = f->key.dir;
	__u32 number = (ifnum & (FLOW_IFACES - 1)) * 2 + (dir & 1);
	__u32 index = (cpu + 1) * geometry.cpu_sets - FLOW_CATCHALL_SETS + number / FLOW_WAYS, way;
	struct flow_set *set = bpf_map_lookup_elem(&slots, &index);

	if (!set)
		return;
	/* Else the mask is folded into an OR of two unknowns, which Linux before 6.10 cannot bound. */
	barrier_var(number);
	way = number & (FLOW_WAYS - 1);
	__builtin_memset(&f->key, 0, sizeof(f->key));
	f->key.ifnum = ifnum;
	f->key.dir = dir;
	f->key.marks = FLOW_MARK_CATCHALL;
	if (set->tag[way]) {
		account_add(account_touch(set, index, way, epoch, now), f, now);
		return;
	}
	account_claim(&set->slot[way], index * FLOW_WAYS + way, f, now);
	account_add(&set->slot[way], f, now);
	set->tag[way] = 1;
	set->used[way] = cache_used(epoch);
}

/*
 * Fold the packet: who sent it is given up, what it was sent to is kept, in sets of its own so that
 * a flood does not take folded flows their room. Returns the verdict.
 */
__noinline int account_fold(struct flow_facts *f, __u32 epoch, __u64 now)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u32 base = (cpu + 1) * geometry.cpu_sets - FLOW_RESERVED_SETS;

	if (!f)
		return VERDICT_CATCHALL;
	__builtin_memset(f->key.src, 0, sizeof(f->key.src));
	f->key.sport = 0;
	f->key.marks |= FLOW_MARK_FOLDED;
	if (f->segment & PARSE_SEGMENT_TCP)
		f->why |= (__u8)tcp_is_by_itself(f);
	if (account_slot(base, FLOW_FOLDED_SETS - 1, f, cache_hash(&f->key, geometry.seed), epoch,
			 now, 0))
		return VERDICT_FOLDED;
	account_catchall(cpu, f, epoch, now);
	return VERDICT_CATCHALL;
}

/*
 * The coarse clock moves with the tick alone, so it is read once a tick: the call costs as much as
 * the cache, jiffies are a load.
 */
static __always_inline __u64 account_now(struct flow_cpu *stat)
{
	__u64 tick = bpf_jiffies64();

	if (stat->tick != tick) {
		stat->now_ns = bpf_ktime_get_coarse_ns();
		stat->tick = tick;
		stat->samples = HEALTH_SAMPLES;
		stat->gathers = HEALTH_GATHERS;
	}
	return stat->now_ns;
}

/* A number for the outer endpoints of the packet at hand, the same in both directions. */
static __always_inline void account_outer(struct flow_facts *f, const struct flow_wrap *wrap,
					  struct flow_cpu *stat)
{
	struct flow_key pair;
	__u32 way = parse_outer_pair(wrap, &pair);
	struct cache_hash hash = cache_hash(&pair, geometry.seed);

	for (__u32 i = 0; i < ACCOUNT_OUTER_PROBES; i++) {
		__u32 number = (hash.set + i) & FLOW_OUTER_NUMBERS;
		const struct flow_key *known = bpf_map_lookup_elem(&outers, &number);

		if (!known) {
			if (!bpf_map_update_elem(&outers, &number, &pair, BPF_NOEXIST)) {
				f->key.outer = number << 2 | way;
				return;
			}
			/* another CPU was first, or there is no memory */
			known = bpf_map_lookup_elem(&outers, &number);
			if (!known)
				break;
		}
		if (cache_key_equal(known, &pair)) {
			f->key.outer = number << 2 | way;
			return;
		}
	}
	stat->outer_full++;
}

/* A first fragment's flow is kept for the later ones; a later one is counted under it. */
static __always_inline void account_fragment(struct flow_facts *f, const struct flow_wrap *wrap,
					     __u64 now)
{
	struct flow_fragment first = {.seen_ns = now};
	const struct flow_fragment *known;
	struct flow_key key;

	parse_fragment_key(f, wrap, &key);
	if (f->frag == PARSE_FIRST) {
		if (!parse_fragment_first(f))
			return;
		first.key = f->key;
		bpf_map_update_elem(&fragments, &key, &first, BPF_ANY);
		return;
	}
	known = bpf_map_lookup_elem(&fragments, &key);
	/* another CPU's clock may be a tick ahead */
	if (known && (__s64)(now - known->seen_ns) < (__s64)FLOW_FRAGMENT_NS)
		parse_fragment_later(f, &known->key);
}

/* What else maps know of the packet at hand. */
__noinline int account_beside(struct flow_facts *f, __u64 now)
{
	__u32 cpu = bpf_get_smp_processor_id(), zero = 0;
	const struct flow_wrap *wrap = bpf_map_lookup_elem(&wraps, &zero);
	struct flow_cpu *stat = bpf_map_lookup_elem(&cpus, &cpu);

	if (!f || !wrap || !stat)
		return 0;
	if (f->tunnels && (f->into & PARSE_INTO_INNER))
		account_outer(f, wrap, stat);
	if (f->frag && geometry.track)
		account_fragment(f, wrap, now);
	return 0;
}

/* The slot, then the verdict. Returns the packets of the flow's slot; where it has none, very many. */
static __always_inline __u64 account_count(__u32 cpu, struct flow_facts *f, struct cache_hash hash,
					   struct flow_ledger *books,
					   const struct flow_control *ctl, struct flow_cpu *stat)
{
	__u64 now = account_now(stat), packets;
	__u32 verdict;

	if (!hash.tag) {
		if (f->frag | f->tunnels)
			account_beside(f, now);
		hash = cache_hash(&f->key, geometry.seed);
	}
	verdict = f->verdict;
	packets = account_slot(cpu * geometry.cpu_sets, geometry.set_mask, f, hash, ctl->epoch, now,
			       1);
	if (!packets) {
		verdict = account_fold(f, ctl->epoch, now);
		packets = ACCOUNT_MANY;
	}
	if (verdict < VERDICT_MAX) {
		books->verdict[verdict].packets += f->packets;
		books->verdict[verdict].bytes += f->bytes;
	}
	return packets;
}

/*
 * Account the packet under `f`, whose key has that hash, or ACCOUNT_UNHASHED, as it must be for fragments and in
 * tunnels, whose keys account_beside() changes. `books` counted it as seen. Returns what it is sampled for, enum
 * sample_why, nearly always 0; else the hook calls sample_open.
 */
static __always_inline __u32 account_flow(__u32 cpu, struct flow_facts *f, struct cache_hash hash,
					  struct flow_ledger *books)
{
	__u32 zero = 0;
	const struct flow_control *ctl = bpf_map_lookup_elem(&control, &zero);
	struct flow_cpu *stat = bpf_map_lookup_elem(&cpus, &cpu);

	if (!ctl || !stat)
		return 0;
	return sample_chosen(books, ctl, f, account_count(cpu, f, hash, books, ctl, stat));
}
