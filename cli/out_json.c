/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* out_json.c: one object a line (RFC 8259); numbers are numbers, what is not there is null. */
#include <stddef.h>
#include <string.h>

#include "cli/output.h"
#include "cli/text_clean.h"

void out_json_string(const char *text, FILE *file)
{
	const unsigned char *s = (const unsigned char *)text;
	bool fine;

	fputc('"', file);
	for (; *s; s += text_char(s, &fine)) {
		if (*s == '"' || *s == '\\')
			fputc('\\', file);
		text_put_json(s, file);
	}
	fputc('"', file);
}

void out_json_text(const char *json, FILE *file)
{
	const unsigned char *s = (const unsigned char *)json;
	bool fine;

	for (; *s; s += text_char(s, &fine))
		text_put_json(s, file);
}

static int json_begin(struct out *out)
{
	(void)out;
	return 0;
}

static int json_row(struct out *out, const void *row)
{
	char text[OUT_TEXT_SIZE];

	fprintf(out->file, "{\"v\":%d", OUT_VERSION);
	for (const struct out_column *c = out->columns; c->get; c++) {
		struct out_value value = {.kind = OUT_NONE};

		if (!c->name)
			continue;
		c->get(c, row, &value);
		fputc(',', out->file);
		out_json_string(c->name, out->file);
		fputc(':', out->file);
		out_machine(&value, text);
		if (value.kind == OUT_NONE)
			fputs("null", out->file);
		else if (value.kind == OUT_TEXT || value.kind == OUT_TIME)
			out_json_string(value.whole ? value.whole : text, out->file);
		else
			fputs(text, out->file);
	}
	fputs("}\n", out->file);
	return out_check(out->file);
}

static int json_end(struct out *out)
{
	return fflush(out->file) ? out_check(out->file) : 0;
}

const struct out_ops out_json = {"json", json_begin, json_row, json_end};
