/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* say.c: the only place that writes errors. */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void __attribute__((format(printf, 1, 0))) say(const char *format, va_list args)
{
	fflush(stdout);
	fputs("flowctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int say_failed(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return EXIT_FAILURE;
}

int say_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return EXIT_USAGE;
}
