/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* conf.c: see conf.h. All of a file's errors are told, not the first alone. */
#include "conf.h"

#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SECTION "flowd"
#define SECTION_IFACE "interface"
#define TEXT_MAX (PATH_MAX + 512)

/* A file as it is read. */
struct source {
	const struct conf_reader *reader;
	const char *path;
	FILE *file;
	int line;
	int errors;
	bool in_section;	    /* [flowd] or of an interface */
	char iface[CONF_IFACE_MAX]; /* of the section; empty: [flowd] */
	bool foreign;		    /* another section, told already */
};

__attribute__((format(printf, 2, 3))) static void complain(struct source *src, const char *format,
							   ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	src->reader->complain(text);
	src->errors++;
}

/* The NAME of a section "interface NAME", where it is one that an interface can have, and its length; else NULL. */
static const char *iface_of(const char *name, int size, int *ret_size)
{
	int prefix = (int)strlen(SECTION_IFACE), blanks;

	if (size <= prefix || strncmp(name, SECTION_IFACE, (size_t)prefix) != 0)
		return NULL;
	blanks = (int)strspn(name + prefix, " \t");
	while (size && (name[size - 1] == ' ' || name[size - 1] == '\t'))
		size--;
	*ret_size = size - prefix - blanks;
	return blanks && *ret_size > 0 && *ret_size < CONF_IFACE_MAX ? name + prefix + blanks
								     : NULL;
}

static void see_section(struct source *src, const char *line)
{
	const char *name = line + 1, *iface;
	int size = (int)strcspn(name, "]\n"), length;

	iface = iface_of(name, size, &length);
	memset(src->iface, 0, sizeof(src->iface));
	if (iface)
		memcpy(src->iface, iface, (size_t)length);
	src->in_section =
		iface || (size == (int)strlen(SECTION) && !strncmp(name, SECTION, (size_t)size));
	src->foreign = !src->in_section;
	if (src->foreign)
		complain(src,
			 "%s:%d: section '%.*s': unknown, only [" SECTION "] and [" SECTION_IFACE
			 " NAME] are",
			 src->path, src->line, size, name);
}

/*
 * fgets() for libinih that counts lines (Debian's build has no line numbers), refuses what does
 * not fit the library's buffer instead of cutting it in two, and takes indentation away, which
 * would make a line the last key's next value.
 */
static char *read_line(char *line, int size, void *stream)
{
	struct source *src = stream;
	size_t used, indent;

	if (!fgets(line, size, src->file))
		return NULL;
	src->line++;
	used = strlen(line);
	if ((!used || line[used - 1] != '\n') && !feof(src->file)) {
		complain(src, "%s:%d: line longer than %d bytes, or with a NUL", src->path,
			 src->line, size - 1);
		for (int c = 0; c != '\n' && c != EOF;)
			c = fgetc(src->file);
		line[0] = '\0';
		return line;
	}
	indent = strspn(line, " \t");
	memmove(line, line + indent, used - indent + 1);
	if (line[0] == '[')
		see_section(src, line);
	return line;
}

static int see_value(void *user, const char *section, const char *name, const char *value)
{
	struct source *src = user;
	char error[CONF_ERROR_MAX];

	(void)section; /* read_line() knows it, empty ones too, and libinih's has 50 bytes */
	if (src->foreign)
		return 1;
	if (!src->in_section)
		snprintf(error, sizeof(error), "outside of section [" SECTION "]");
	else if (!src->reader->set(src->reader->user, src->iface[0] ? src->iface : NULL, name,
				   value, error))
		return 1;
	complain(src, "%s:%d: %s '%s': %s", src->path, src->line, name, value, error);
	return 1;
}

/* Of what reading failed with: the host, which may have it another time, or the path. */
static int unread(struct source *src, int error)
{
	complain(src, "%s: cannot be read: %s", src->path, strerror(error));
	return error == ENOMEM || error == EMFILE || error == ENFILE || error == EIO ? -error
										     : -EINVAL;
}

int conf_read(const char *path, bool required, const struct conf_reader *reader)
{
	struct source src = {.reader = reader, .path = path};
	int bad_line, r = 0;

	src.file = fopen(path, "re");
	if (!src.file && errno == ENOENT && !required)
		return 0;
	if (!src.file)
		return unread(&src, errno);
	errno = 0;
	bad_line = ini_parse_stream(read_line, &src, see_value, &src);
	if (ferror(src.file))
		r = unread(&src, errno);
	else if (bad_line)
		complain(&src, "%s:%d: not 'key = value'", path, bad_line);
	fclose(src.file);
	if (r)
		return r;
	return src.errors ? -EINVAL : 0;
}
