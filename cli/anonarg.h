/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * anonarg.h: --anonymize and what it needs, of every verb that hands out addresses. What is not said
 * there is taken from flowd's configuration, so that it is not for each caller to remember.
 */
#pragma once

struct anonymize;
struct args;

/* As given; NULL: not. */
struct anonarg {
	const char *mode; /* none, prefix-preserving */
	const char *key;
	const char *config;
};

/*
 * 0, with *ret_anon to be freed, or NULL where addresses are to be shown as they are; or the exit code
 * after the error was said. What cannot be read is an error: nothing is shown by mistake.
 */
int anonarg_open(const struct args *args, struct anonymize **ret_anon);

/* The configuration file: --config, that of the instance, or the default. `path` holds PATH_MAX bytes. */
void anonarg_config_path(const struct args *args, char *path);
