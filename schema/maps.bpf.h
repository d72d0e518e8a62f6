/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.bpf.h: the maps of an instance and the constants of its programs. Both objects have all of them;
 * what is shared is pinned and is one (flowd/maps.c names them), the rest each object has its own of.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "flow.h"
#include "sample_filter.h"
#include "sample_maps.bpf.h"
#include "tcp.h"
#include "tunnel.h"

const volatile struct flow_geometry geometry = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* cpus * cpu_sets, set before load */
	__type(key, __u32);
	__type(value, struct flow_set);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* as slots */
	__type(key, __u32);
	__type(value, struct flow_mark_set);
} marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* as slots */
	__type(key, __u32);
	__type(value, struct flow_health_set);
} health SEC(".maps");

/* Not touched by the programs; it is here to be made and pinned with the others. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* as slots */
	__type(key, __u32);
	__type(value, struct flow_health_mark_set);
} health_marks SEC(".maps");

/* Round trips that are being measured; see rtt.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_WAITS);
	__type(key, __u32);
	__type(value, struct flow_wait);
} waits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* bytes, set before load */
} evicted SEC(".maps");

/* As health_marks: not theirs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_early);
} early SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* cpus * FLOW_IFACES * 2 */
	__type(key, __u32);
	__type(value, struct flow_ledger);
} ledger SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* cpus */
	__type(key, __u32);
	__type(value, struct flow_cpu);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FLOW_IFACE_CELLS);
	__type(key, __u32);
	__type(value, struct flow_iface);
} ifaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SAMPLE_FILTERS + 1);
	__type(key, __u32);
	__type(value, struct sample_filter);
} sample_filters SEC(".maps");

/* A sample on its way into the ring: a record of it, but for what is cut off at the end. */
struct sample_stage {
	struct sample_head head;
	__u8 bytes[SAMPLE_LOOK_MAX + SAMPLE_FILTER_SLACK];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample_stage);
} sample_stage SEC(".maps");

/* First fragments' flows, for the later ones; by parse_fragment_key. Each object has its own. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOW_FRAGMENTS);
	__type(key, struct flow_key);
	__type(value, struct flow_fragment);
} fragments SEC(".maps");

/* Pairs of outer endpoints by number. A pair in use stays, being looked up with each packet. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOW_OUTERS);
	__type(key, __u32);
	__type(value, struct flow_key);
} outers SEC(".maps");

/* For the packet at hand. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_wrap);
} wraps SEC(".maps");

/* What other slots tell of the packet at hand. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tcp_peer);
} peers SEC(".maps");

/* The cell of the CPU, and of the key's interface and direction. */
static __always_inline struct flow_ledger *maps_books(__u32 cpu, const struct flow_key *key)
{
	__u32 index = (cpu * FLOW_IFACES + (key->ifnum & (FLOW_IFACES - 1))) * 2 + (key->dir & 1);

	return bpf_map_lookup_elem(&ledger, &index);
}
