/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event_map.c: see event_map.h. */
#include "flowd/event_map.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 256

int event_map_open(const struct trace *trace, struct event_map *ret_map)
{
	ret_map->trace = trace;
	ret_map->key = calloc(BATCH, sizeof(*ret_map->key));
	ret_map->value = calloc((size_t)BATCH * trace->cpus, sizeof(*ret_map->value));
	if (ret_map->key && ret_map->value)
		return 0;
	event_map_close(ret_map);
	return -ENOMEM;
}

void event_map_close(struct event_map *map)
{
	free(map->key);
	free(map->value);
	memset(map, 0, sizeof(*map));
}

static void add(struct event_count *sum, const struct event_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
	sum->skbs += count->skbs;
}

int event_map_each(struct event_map *map, event_map_visit *visit, void *arg)
{
	uint32_t cpus = map->trace->cpus;
	__u32 at = 0, next = 0;
	bool more = true;

	for (void *from = NULL; more; from = &at) {
		__u32 count = BATCH;

		if (bpf_map_lookup_batch(map->trace->counts_fd, from, &next, map->key, map->value,
					 &count, NULL)) {
			if (errno != ENOENT)
				return -errno;
			more = false;
		}
		for (__u32 i = 0; i < count; i++) {
			struct event_count sum = {0};

			for (uint32_t cpu = 0; cpu < cpus; cpu++)
				add(&sum, &map->value[i * cpus + cpu]);
			visit(arg, &map->key[i], &sum);
		}
		at = next;
	}
	return 0;
}

struct gather {
	uint32_t generation;
	struct event_rows *rows;
};

static void gather_one(void *arg, const struct event_key *key, const struct event_count *count)
{
	const struct gather *gather = arg;

	if (key->generation == gather->generation)
		event_rows_add(gather->rows, key, count);
}

int event_map_rows(struct event_map *map, uint32_t generation, struct event_rows *rows)
{
	struct gather gather = {.generation = generation, .rows = rows};
	const struct trace *trace = map->trace;

	for (uint32_t cpu = 0; cpu < trace->cpus; cpu++) {
		for (uint32_t what = 0; what < EVENT_MAX; what++) {
			for (uint32_t reason = 0; reason < EVENT_REASONS; reason++)
				event_rows_add_folded(
					rows, what, reason,
					trace_folded(trace, cpu, generation, what, reason));
		}
	}
	return event_map_each(map, gather_one, &gather);
}

static void clear_one(const struct event_map *map, const struct event_key *key)
{
	(void)bpf_map_delete_elem(map->trace->counts_fd, key);
}

int event_map_clear(struct event_map *map, uint32_t generation)
{
	const struct trace *trace = map->trace;
	struct event_rows rows = {0};
	struct gather gather = {.generation = generation, .rows = &rows};
	int err = event_map_each(map, gather_one, &gather);

	for (size_t i = 0; i < rows.count; i++)
		clear_one(map, &rows.row[i].key);
	event_rows_free(&rows);
	for (uint32_t cpu = 0; cpu < trace->cpus; cpu++)
		memset(trace_folded(trace, cpu, generation, 0, 0), 0,
		       sizeof(struct event_count) * EVENT_MAX * EVENT_REASONS);
	__atomic_store_n(&trace->control->keys[generation & 1], 0, __ATOMIC_RELAXED);
	return err;
}
