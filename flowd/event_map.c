/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event_map.c: see event_map.h. */
#include "flowd/event_map.h"

#include <string.h>

static struct event_count count_of(const struct event_count *count)
{
	return (struct event_count){
		.packets = __atomic_load_n(&count->packets, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&count->bytes, __ATOMIC_RELAXED),
		.skbs = __atomic_load_n(&count->skbs, __ATOMIC_RELAXED),
	};
}

static void add_cells(const struct trace *trace, uint32_t cpu, uint32_t generation,
		      struct event_rows *rows)
{
	const struct event_cell *cells = trace_cells(trace, cpu, generation);
	const struct event_key *keys = trace_keys(trace, cpu, generation);

	for (uint32_t i = 0; i < EVENT_CELLS; i++) {
		struct event_count count;

		if (__atomic_load_n(&cells[i].mark, __ATOMIC_ACQUIRE) <= EVENT_CELL_BUSY)
			continue;
		count = count_of(&cells[i].count);
		if (keys[i].generation == generation && count.skbs)
			event_rows_add(rows, &keys[i], &count);
	}
}

void event_map_rows(const struct trace *trace, uint32_t generation, struct event_rows *rows)
{
	for (uint32_t cpu = 0; cpu < trace->cpus; cpu++) {
		if (trace->cpu[cpu].keys[generation & 1])
			add_cells(trace, cpu, generation, rows);
		for (uint32_t what = 0; what < EVENT_MAX; what++) {
			for (uint32_t reason = 0; reason < EVENT_REASONS; reason++) {
				struct event_count count = count_of(
					trace_folded(trace, cpu, generation, what, reason));

				if (count.skbs)
					event_rows_add_folded(rows, what, reason, &count);
			}
		}
	}
}

void event_map_clear(const struct trace *trace, uint32_t generation)
{
	for (uint32_t cpu = 0; cpu < trace->cpus; cpu++) {
		memset(trace_cells(trace, cpu, generation), 0,
		       sizeof(struct event_cell) * EVENT_CELLS);
		memset(trace_folded(trace, cpu, generation, 0, 0), 0,
		       sizeof(struct event_count) * EVENT_MAX * EVENT_REASONS);
		trace->cpu[cpu].keys[generation & 1] = 0;
	}
}

uint64_t event_map_keys(const struct trace *trace, uint32_t generation)
{
	uint64_t most = 0;

	for (uint32_t cpu = 0; cpu < trace->cpus; cpu++) {
		uint64_t keys =
			__atomic_load_n(&trace->cpu[cpu].keys[generation & 1], __ATOMIC_RELAXED);

		most = keys > most ? keys : most;
	}
	return most;
}
