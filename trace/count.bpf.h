/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count.bpf.h: the maps of the trace programs, and the only code that counts into them.
 *
 * An event goes to its key's cell of this CPU, or where EVENT_PROBES cells have other keys, to the
 * folded cell of its reason. A table of our own, since a look-up in the kernel's hash map takes longer
 * than all the rest (110 of 190 ns measured), and an insertion several times that.
 *
 * A cell has one writer, the program on that CPU, where the kernel keeps a program from running in the
 * midst of itself (since Linux 6.1); elsewhere adding is atomic.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "schema/event.h"

#define CLOSE_RING_BYTES (1 << 21) /* 13,000 connections */

#define KEY_WORDS (sizeof(struct event_key) / 8)

/* Set before load. */
const volatile __u32 guarded = 0;	   /* the kernel keeps a program from nesting */
const volatile __u64 seed[KEY_WORDS] = {}; /* odd numbers */

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

static __always_inline struct event_control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&event_control, &zero);
}

static __always_inline struct event_cpu *cpu_get(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&event_cpus, &cpu);
}

static __always_inline void count_add(struct event_count *cell, const struct event_count *by)
{
	if (guarded) {
		cell->packets += by->packets;
		cell->bytes += by->bytes;
		cell->skbs += by->skbs;
		return;
	}
	__sync_fetch_and_add(&cell->packets, by->packets);
	__sync_fetch_and_add(&cell->bytes, by->bytes);
	__sync_fetch_and_add(&cell->skbs, by->skbs);
}

/* Multilinear: the products do not wait for each other. */
static __always_inline __u32 hash_of(const struct event_key *key)
{
	const __u64 *word = (const void *)key;
	__u64 hash = 0;

#pragma unroll
	for (__u32 i = 0; i < KEY_WORDS; i++)
		hash += word[i] * seed[i];
	return hash >> 32;
}

static __always_inline bool same_key(const struct event_key *a, const struct event_key *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;
	__u64 differs = 0;

#pragma unroll
	for (__u32 i = 0; i < KEY_WORDS; i++)
		differs |= x[i] ^ y[i];
	return !differs;
}

/* A program that runs in the midst of this one finds the cell busy and takes another. */
static __always_inline bool cell_make(struct event_cell *cell, __u32 tag,
				      const struct event_key *key, struct event_cpu *cpu)
{
	if (__sync_val_compare_and_swap(&cell->tag, 0, EVENT_CELL_BUSY) != 0)
		return false;
	cell->key = *key;
	barrier();
	*(volatile __u32 *)&cell->tag = tag;
	__sync_fetch_and_add(&cpu->keys[key->generation & 1], 1);
	return true;
}

/* The key's cell, made where there is none. NULL: no room. */
static __always_inline struct event_cell *cell_find(const struct event_key *key,
						    struct event_cpu *cpu)
{
	__u32 hash = hash_of(key), tag = hash | EVENT_CELL_MADE;
	__u32 slice = (bpf_get_smp_processor_id() * 2 + (key->generation & 1)) * EVENT_CELLS;

	for (__u32 i = 0; i < EVENT_PROBES; i++) {
		__u32 at = slice + ((hash >> 8) + i) % EVENT_CELLS;
		struct event_cell *cell = bpf_map_lookup_elem(&event_counts, &at);
		__u32 there;

		if (!cell)
			return NULL;
		there = *(volatile __u32 *)&cell->tag;
		if (there == tag && same_key(&cell->key, key))
			return cell;
		if (!there && cell_make(cell, tag, key, cpu))
			return cell;
	}
	return NULL;
}

static __always_inline void count_folded(const struct event_key *key, const struct event_count *by)
{
	__u32 reason = key->reason < EVENT_REASONS ? key->reason : EVENT_REASONS - 1;
	__u32 at = (bpf_get_smp_processor_id() * 2 + (key->generation & 1)) * EVENT_MAX + key->what;
	struct event_count *cell;

	at = at * EVENT_REASONS + reason;
	cell = bpf_map_lookup_elem(&event_folded, &at);
	if (!cell)
		return;
	/* several programs count here, and one may run in the midst of another: count_add is not enough */
	__sync_fetch_and_add(&cell->packets, by->packets);
	__sync_fetch_and_add(&cell->bytes, by->bytes);
	__sync_fetch_and_add(&cell->skbs, by->skbs);
}

/* key->generation is the one that the event began with. */
static __always_inline void count_event(const struct event_key *key, const struct event_count *by)
{
	struct event_cpu *cpu = cpu_get();
	struct event_cell *cell = cpu ? cell_find(key, cpu) : NULL;

	if (cell)
		count_add(&cell->count, by);
	else
		count_folded(key, by);
	if (cpu)
		*(volatile __u64 *)&cpu->dirty = 1;
}
