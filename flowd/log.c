/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * log.c: see log.h.
 *
 * A line is made in a buffer and leaves in one write(2), so that lines of several threads never
 * mix. Control characters, those of two bytes (ECMA-48's C1) too, and what is no UTF-8 become blanks: a message is
 * one line, whatever text it quotes, and a terminal that shows it does nothing else.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/utf8.h"

#define LOG_LINE_MAX 2048

static atomic_int log_max = LOG_LEVEL_INFO;
static atomic_bool log_journal;

/* systemd.exec(5): JOURNAL_STREAM is "DEVICE:INODE" of the stream that it connected to us. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &dev, &ino) != 2 ||
	    fstat(STDERR_FILENO, &st) < 0)
		return false;
	return st.st_dev == dev && st.st_ino == ino;
}

void log_open(enum log_level max)
{
	atomic_store(&log_max, (int)max);
	atomic_store(&log_journal, stderr_is_journal());
}

static void write_all(const char *line, size_t size)
{
	while (size) {
		ssize_t n = write(STDERR_FILENO, line, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody is left to be told */
		line += n;
		size -= (size_t)n;
	}
}

static void blank(unsigned char *text)
{
	while (*text) {
		int len = utf8_length(text);
		bool fine =
			len > 1 ? *text != 0xc2 || text[1] > 0x9f : *text >= ' ' && *text != 127;

		if (!len || !fine)
			memset(text, ' ', len ? (size_t)len : 1);
		text += len ? len : 1;
	}
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	int saved = errno, head, text;
	size_t size;
	va_list args;

	if ((int)level > atomic_load(&log_max))
		return;
	head = atomic_load(&log_journal) ? snprintf(line, sizeof(line), "<%d>", (int)level)
					 : snprintf(line, sizeof(line), "flowd: ");
	errno = saved; /* for %m */
	va_start(args, format);
	text = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, args);
	va_end(args);
	size = (size_t)head + (text > 0 ? (size_t)text : 0);
	if (size > sizeof(line) - 2) {
		size = sizeof(line) - 2;
		memcpy(line + size - 3, "...", 3);
	}
	line[size] = '\0';
	blank((unsigned char *)line + head);
	line[size++] = '\n';
	write_all(line, size);
	errno = saved;
}
