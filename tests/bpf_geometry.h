/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpf_geometry.h: the sizes of a program's maps before it is loaded for test-run, for bpf_vectors.c
 * and bpf_corpus_rig.c. Not with libpcap in one file: see bpf_corpus.h.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "schema/flow.h"

#define RING_BYTES (1 << 20)

static inline bool set_map_size(struct bpf_object *obj, const char *name, __u32 entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	if (map && !bpf_map__set_max_entries(map, entries))
		return true;
	fprintf(stderr, "map '%s': cannot be given %u entries\n", name, entries);
	return false;
}

/* `sets` of each CPU, a power of two, and the reserved ones; seeds by random(). 0 or -EINVAL. */
static inline int set_geometry(struct bpf_object *obj, __u32 sets, bool inner,
			       struct flow_geometry *geometry)
{
	unsigned int cpus = (unsigned int)libbpf_num_possible_cpus();

	for (unsigned int i = 0; i < FLOW_SEED_WORDS; i++)
		geometry->seed[i] = ((__u64)random() << 32 ^ (__u64)random() << 8) | 1;
	geometry->set_mask = sets - 1;
	geometry->cpu_sets = sets + FLOW_RESERVED_SETS;
	geometry->xdp_buff_len = geometry->xdp_load_bytes = geometry->loop = 1;
	geometry->inner = inner;
	geometry->cpus = cpus;
	return set_map_size(obj, "slots", cpus * geometry->cpu_sets) &&
			       set_map_size(obj, "marks", cpus * geometry->cpu_sets) &&
			       set_map_size(obj, "health", cpus * geometry->cpu_sets) &&
			       set_map_size(obj, "ledger", cpus * FLOW_IFACES * 2) &&
			       set_map_size(obj, "cpus", cpus) &&
			       set_map_size(obj, "sample_counts", cpus) &&
			       set_map_size(obj, "evicted", RING_BYTES)
		       ? 0
		       : -EINVAL;
}
