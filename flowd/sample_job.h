/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_job.h: a filter is compiled in a thread of its own, so that no sweep waits for libpcap, or for who
 * knows the names of hosts in it.
 */
#pragma once

#include "flowd/sample_compile.h"
#include "schema/sample_text.h"

struct sample_job;

/* 0 or -errno. */
int sample_job_start(const char *expression, uint32_t links, struct sample_job **ret_job);

/* Becomes readable when it is done. */
int sample_job_fd(const struct sample_job *job);

/* Of one that is done, once: as sample_compile_set(). */
int sample_job_take(struct sample_job *job, struct sample_compiled *ret_set,
		    char ret_error[SAMPLE_ERROR_MAX]);

/* Also while it runs: its thread is left to end by itself. NULL is fine. */
void sample_job_free(struct sample_job *job);
