/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count.bpf.h: the maps of the trace programs, and the only code that counts into them.
 *
 * An event goes to its key's cell of this CPU, or where the generation has its EVENT_COUNTS keys to the
 * folded cell of its reason: a storm of ever new tuples pays a failed look-up, not an insertion each.
 * Adding is atomic: before Linux 6.1 a softirq may run the same program in the midst of itself.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "schema/event.h"

#define CLOSE_RING_BYTES (1 << 21) /* 13,000 connections */

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
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, EVENT_COUNTS * 2);
	__type(key, struct event_key);
	__type(value, struct event_count);
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
	__sync_fetch_and_add(&cell->packets, by->packets);
	__sync_fetch_and_add(&cell->bytes, by->bytes);
	__sync_fetch_and_add(&cell->skbs, by->skbs);
}

/* Make the key's cell. False: no room, or the kernel could not. */
static __always_inline bool count_new(struct event_control *control, const struct event_key *key,
				      const struct event_count *by)
{
	__u64 *keys = &control->keys[key->generation & 1];
	struct event_count *cell;

	if (*(volatile __u64 *)keys >= EVENT_COUNTS)
		return false;
	if (!bpf_map_update_elem(&event_counts, key, by, BPF_NOEXIST)) {
		__sync_fetch_and_add(keys, 1);
		return true;
	}
	cell = bpf_map_lookup_elem(&event_counts, key); /* another CPU made it meanwhile */
	if (cell)
		count_add(cell, by);
	return cell;
}

static __always_inline void count_folded(const struct event_key *key, const struct event_count *by)
{
	__u32 reason = key->reason < EVENT_REASONS ? key->reason : EVENT_REASONS - 1;
	__u32 at = (bpf_get_smp_processor_id() * 2 + (key->generation & 1)) * EVENT_MAX + key->what;
	struct event_count *cell;

	at = at * EVENT_REASONS + reason;
	cell = bpf_map_lookup_elem(&event_folded, &at);
	if (cell)
		count_add(cell, by);
}

/* key->generation is the one that the event began with. */
static __always_inline void count_event(struct event_control *control, const struct event_key *key,
					const struct event_count *by)
{
	struct event_count *cell = bpf_map_lookup_elem(&event_counts, key);
	struct event_cpu *cpu = cpu_get();

	if (cell)
		count_add(cell, by);
	else if (!count_new(control, key, by))
		count_folded(key, by);
	if (cpu)
		*(volatile __u64 *)&cpu->dirty = 1;
}
