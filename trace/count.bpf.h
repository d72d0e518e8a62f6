/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count.bpf.h: the maps of the trace programs, and the only code that counts into them.
 *
 * An event goes to its key's cell of this CPU, or where EVENT_PROBES cells have other keys, to the
 * folded cell of its reason. A table of our own, since a look-up in the kernel's hash map takes longer
 * than all the rest (110 of 190 ns measured), and an insertion several times that.
 *
 * A drop's cell has one writer, the program on that CPU, where the kernel keeps a program from running
 * in the midst of itself (since Linux 6.1): two programs that count drops do it for different places.
 * Elsewhere, and for what more than one program counts, adding is atomic.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "key.bpf.h"
#include "schema/event.h"

#define CLOSE_RING_BYTES (1 << 21) /* 13,000 connections */

#define MARK_WORDS 8 /* of a key, at most, that its mark is made of */

/* Set before load. */
const volatile __u32 guarded = 0;     /* the kernel keeps a program from nesting */
const volatile __u32 has_rx_sock = 1; /* kfree_skb's: then no other program counts drops */
const volatile __u64 seed[MARK_WORDS * 2] = {}; /* odd numbers */

struct event_socket {
	__u64 bytes_retrans; /* of the socket's own counters: what is counted by now */
	__u32 total_retrans;
	__u32 pid;
	char process[16];
	__u32 known; /* the counters above are set */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_control);
} event_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* cpus * 2 * EVENT_CELLS, set before load */
	__type(key, __u32);
	__type(value, struct event_cell);
} event_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* as event_counts */
	__type(key, __u32);
	__type(value, struct event_key);
} event_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* cpus * 2 * EVENT_MAX * EVENT_REASONS, set before load */
	__type(key, __u32);
	__type(value, struct event_count);
} event_folded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* cpus */
	__type(key, __u32);
	__type(value, struct event_cpu);
} event_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CLOSE_RING_BYTES);
} event_closes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct event_socket);
} event_sockets SEC(".maps");

/*
 * The datagram that a full socket dropped last, of which nothing tells the namespace until the next
 * tracepoint: what to count then. skbs 0: none.
 */
struct event_untold {
	struct event_key key;
	struct event_count by;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_untold);
} event_untold SEC(".maps");

static __always_inline struct event_control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&event_control, &zero);
}

static __always_inline struct event_cpu *cpu_get(__u32 cpu)
{
	return bpf_map_lookup_elem(&event_cpus, &cpu);
}

/* `alone`: no other program, nor this one in the midst of itself, adds to the cell. */
static __always_inline void count_add(struct event_count *cell, const struct event_count *by,
				      bool alone)
{
	if (alone) {
		cell->packets += by->packets;
		cell->bytes += by->bytes;
		cell->skbs += by->skbs;
		return;
	}
	__sync_fetch_and_add(&cell->packets, by->packets);
	__sync_fetch_and_add(&cell->bytes, by->bytes);
	__sync_fetch_and_add(&cell->skbs, by->skbs);
}

/*
 * A word's part of the mark. The bytes are turned between two secret multiplications, so that bits which
 * only reach the upper end of one product are at the lower end of the other.
 */
static __always_inline __u64 mixed(__u64 word, __u32 i)
{
	return __builtin_bswap64(word * seed[i * 2]) * seed[i * 2 + 1];
}

/*
 * Of all that the programs set in a key, out of the fields as they were stored (a word put together
 * in memory is not there yet when it is read). The products do not wait for each other.
 */
static __always_inline __u64 mark_of(const struct event_key *key)
{
	const struct flow_key *flow = &key->flow;
	__u64 hash = mixed(key->place, 0);

	hash += mixed(key->ifindex | (__u64)key->generation << 32, 1);
	hash += mixed(
		key->reason |
			(__u64)(flow->proto | flow->dir << 8 | flow->marks << 16 | key->what << 24)
				<< 32,
		2);
	hash += mixed(flow->sport | (__u32)flow->dport << 16 | (__u64)flow->ethertype << 32 |
			      (__u64)flow->vlan << 48,
		      3);
	hash += mixed(flow->src[0] | (__u64)flow->dst[0] << 32, 4);
	if (flow->ethertype == ETHERTYPE_IPV6) {
#pragma unroll
		for (__u32 i = 1; i < 4; i++)
			hash += mixed(flow->src[i] | (__u64)flow->dst[i] << 32, 4 + i);
	}
	return (hash | EVENT_CELL_MADE) & ~EVENT_CELL_BUSY;
}

/* A program that runs in the midst of this one finds the cell busy and takes another. */
static __always_inline bool cell_make(struct event_cell *cell, __u32 at, __u64 mark,
				      const struct event_key *key, struct event_cpu *cpu)
{
	struct event_key *there = bpf_map_lookup_elem(&event_keys, &at);

	if (!there || __sync_val_compare_and_swap(&cell->mark, 0, EVENT_CELL_BUSY) != 0)
		return false;
	*there = *key;
	(void)__sync_lock_test_and_set(&cell->mark, mark); /* after the key, for flowd too */
	__sync_fetch_and_add(&cpu->keys[key->generation & 1], 1);
	return true;
}

/* The key's cell in the slice, made where there is none. NULL: no room. */
static __always_inline struct event_cell *cell_find(const struct event_key *key, __u32 slice,
						    struct event_cpu *cpu)
{
	__u64 mark = mark_of(key);

	for (__u32 i = 0; i < EVENT_PROBES; i++) {
		__u32 at = slice * EVENT_CELLS + ((__u32)(mark >> 40) + i) % EVENT_CELLS;
		struct event_cell *cell = bpf_map_lookup_elem(&event_counts, &at);
		__u64 there;

		if (!cell)
			return NULL;
		there = *(volatile __u64 *)&cell->mark;
		if (there == mark || (!there && cell_make(cell, at, mark, key, cpu)))
			return cell;
	}
	return NULL;
}

static __always_inline void count_folded(const struct event_key *key, __u32 slice,
					 const struct event_count *by)
{
	__u32 reason = key->reason < EVENT_REASONS ? key->reason : EVENT_REASONS - 1;
	__u32 at = (slice * EVENT_MAX + key->what) * EVENT_REASONS + reason;
	struct event_count *cell = bpf_map_lookup_elem(&event_folded, &at);

	if (cell)
		count_add(cell, by, guarded && has_rx_sock && key->what == EVENT_DROP);
}

/* key->generation is the one that the event began with. */
static __always_inline void count_event(const struct event_key *key, const struct event_count *by)
{
	__u32 number = bpf_get_smp_processor_id();
	__u32 slice = number * 2 + (key->generation & 1);
	struct event_cpu *cpu = cpu_get(number);
	struct event_cell *cell = cpu ? cell_find(key, slice, cpu) : NULL;

	if (cell)
		count_add(&cell->count, by, guarded && key->what == EVENT_DROP);
	else
		count_folded(key, slice, by);
	if (cpu)
		*(volatile __u64 *)&cpu->dirty = 1;
}
