/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * namearg.h: --names and what goes with it, of verbs that show addresses and ports. Nothing is looked up,
 * and no file opened, where none of it was asked for.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct args;
struct naming;

/* As given. */
struct namearg {
	bool names;
	bool has_wait;
	int64_t wait_ms;    /* where has_wait */
	const char *geo[2]; /* by enum geo_what: a file, NULL: not given */
};

/*
 * What was asked for, by options or by --group country and as; database files that no option names are
 * those of flowd's configuration. `anonymized` addresses have no names: refused.
 * 0 and naming_close() later on, or the exit code after the error was said.
 */
int namearg_open(const struct args *args, bool anonymized, struct naming *ret_naming);
