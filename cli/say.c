/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* say.c: the only place that writes errors. */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/text_clean.h"

/* One line, and of names that a database has no more than what is text. */
static void __attribute__((format(printf, 1, 0))) say(const char *format, va_list args)
{
	char *text;

	fflush(stdout);
	if (vasprintf(&text, format, args) < 0) {
		fputs("flowctl: no memory for an error\n", stderr);
		return;
	}
	text_clean(text, text);
	fprintf(stderr, "flowctl: %s\n", text);
	free(text);
}

int say_failed(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return EXIT_FAILURE;
}

void say_notice(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

int say_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return EXIT_USAGE;
}
