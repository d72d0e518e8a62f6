/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* say.h: errors and notices, to standard error, as "flowctl: object 'value': what is wrong". */
#pragma once

#define EXIT_USAGE 2

/* Something failed. Returns 1, the exit code for it. */
int say_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Something is to be known. */
void say_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The command line is wrong. Returns 2, the exit code for it. */
int say_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
