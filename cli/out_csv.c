/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * out_csv.c: RFC 4180: a header line, CRLF, quotes where they are needed. To a terminal no control
 * characters of a name.
 */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"

static void put_cell(const char *text, FILE *file)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, file);
		return;
	}
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', file);
		fputc(*text, file);
	}
	fputc('"', file);
}

static int csv_begin(struct out *out)
{
	fputs("v", out->file);
	for (const struct out_column *c = out->columns; c->get; c++) {
		if (!c->name)
			continue;
		fputc(',', out->file);
		put_cell(c->name, out->file);
	}
	fputs("\r\n", out->file);
	return out_check(out->file);
}

static int csv_row(struct out *out, const void *row)
{
	bool terminal = isatty(fileno(out->file));
	char text[OUT_TEXT_SIZE];

	fprintf(out->file, "%d", OUT_VERSION);
	for (const struct out_column *c = out->columns; c->get; c++) {
		struct out_value value = {.kind = OUT_NONE};

		if (!c->name)
			continue;
		c->get(c, row, &value);
		if (terminal && value.kind == OUT_TEXT)
			out_human(&value, text);
		else
			out_machine(&value, text);
		fputc(',', out->file);
		put_cell(value.whole && !terminal ? value.whole : text, out->file);
	}
	fputs("\r\n", out->file);
	return out_check(out->file);
}

static int csv_end(struct out *out)
{
	return fflush(out->file) ? out_check(out->file) : 0;
}

const struct out_ops out_csv = {"csv", csv_begin, csv_row, csv_end};
