/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event_map.h: read and clear the cells that the trace programs count into. */
#pragma once

#include <stdint.h>

#include "flowd/event_rows.h"
#include "trace/trace_hook.h"

/* Add a generation's keys, the CPUs' counts of each in one row, and what the programs folded. */
void event_map_rows(const struct trace *trace, uint32_t generation, struct event_rows *rows);

/* Clear a generation that no program counts into any more. */
void event_map_clear(const struct trace *trace, uint32_t generation);

/* Cells in use of the CPU that has most. */
uint64_t event_map_keys(const struct trace *trace, uint32_t generation);
