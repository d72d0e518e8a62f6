/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_hook.h: the trace programs of the running kernel: which it can have, attached each by itself,
 * and the maps that they count into.
 *
 * Maps, programs and links are pinned beside the flow maps, so that events go on being counted while
 * there is no flowd. A successor with the same program leaves a predecessor's where it is; else it
 * puts its own in place of it. Maps of another layout are replaced.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/event.h"

#define TRACE_PROGRAMS 7
#define TRACE_TEXT_MAX 160
#define TRACE_MAPPED 5

struct health;

struct trace_program {
	const char *name;	/* of the program in health.bpf.c */
	const char *tracepoint; /* of the kernel */
	uint32_t what;		/* enum event_what, EVENT_MAX: none */
	int fd;			/* of the program that is attached, -1: none is */
	bool unused;		/* this kernel tells without it */
	char why[TRACE_TEXT_MAX];
};

struct trace {
	struct health *skel; /* NULL: nothing can be traced, or it is not wanted */
	bool taken_over;
	char note[TRACE_TEXT_MAX]; /* what this kernel does not tell; empty: all is well */
	struct trace_program program[TRACE_PROGRAMS];
	struct event_control *control;
	struct event_cell *counts;  /* [cpus * 2][EVENT_CELLS] */
	struct event_key *keys;	    /* of the cells */
	struct event_count *folded; /* [cpus * 2][EVENT_MAX][EVENT_REASONS] */
	struct event_cpu *cpu;	    /* [cpus] */
	uint32_t cpus;
	int closes_fd;
	size_t closes_bytes;
	size_t mapped[TRACE_MAPPED];
};

/* Is anything of this pinned there? */
bool trace_pinned(const char *pin_dir);

/*
 * Take over the maps, or make them; `with_programs`: and load them. New maps begin with the generation
 * after `last`. 0 or -errno, with ret_trace->note saying why: nothing is held then.
 */
int trace_open(const char *pin_dir, bool with_programs, uint32_t last, struct trace *ret_trace);

/* Attach what the kernel has, for events of the namespace that this process is in. */
void trace_attach(struct trace *trace, const char *pin_dir);

/* Detach all programs: when this returns none begins any more. */
void trace_detach(struct trace *trace, const char *pin_dir);

/* Remove the maps' pins. */
void trace_unpin(const char *pin_dir);

void trace_close(struct trace *trace);

/* The program of that name in health.bpf.c; NULL: nothing is traced. */
const struct trace_program *trace_program(const struct trace *trace, const char *name);

/* Runs of the programs that tell of `what`, or of this one, which the kernel left out because they were nested. */
uint64_t trace_missed(const struct trace *trace, uint32_t what);

/* The cells of a CPU and generation. */
struct event_cell *trace_cells(const struct trace *trace, uint32_t cpu, uint32_t generation);

/* Their keys, each there when its cell's mark is. */
const struct event_key *trace_keys(const struct trace *trace, uint32_t cpu, uint32_t generation);

/* The cell of folded events. */
struct event_count *trace_folded(const struct trace *trace, uint32_t cpu, uint32_t generation,
				 uint32_t what, uint32_t reason);
