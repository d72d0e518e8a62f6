/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_start.h: what the configuration says of samples, as changes of the rules: one for the interfaces
 * that have no section of their own, and one for each that has. Compiled before the hooks are there, made
 * after.
 */
#pragma once

#include <stddef.h>

#include "flowd/sample_rules.h"

struct config;

struct sample_plan {
	struct sample_change change;
	struct sample_compiled set;
};

struct sample_start {
	struct sample_plan *plan;
	size_t plans;
};

/* 0 or -errno with a text. */
int sample_start_plan(const struct config *config, const struct sample_rules *rules,
		      struct sample_start *ret_start, char ret_error[SAMPLE_ERROR_MAX]);

/* The same for one interface, which has a rule. */
int sample_start_plan_one(const struct config *config, const struct sample_rules *rules,
			  const char *name, struct sample_start *ret_start,
			  char ret_error[SAMPLE_ERROR_MAX]);

/* One that is all 0 is fine. */
void sample_start_free(struct sample_start *start);
