/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_clean.c: see text_clean.h. */
#include "cli/text_clean.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "schema/utf8.h"

/* What cannot be seen, or turns the order: ranges of Unicode, ascending. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{0x00, 0x1f},	     /* C0 */
	{0x7f, 0x9f},	     /* DEL, C1 */
	{0xad, 0xad},	     /* soft hyphen */
	{0x34f, 0x34f},	     /* grapheme joiner */
	{0x61c, 0x61c},	     /* Arabic letter mark */
	{0x180b, 0x180f},    /* Mongolian selectors */
	{0x200b, 0x200f},    /* of no width; left-to-right and right-to-left marks */
	{0x2028, 0x202e},    /* line and paragraph separator; embeddings, overrides */
	{0x2060, 0x206f},    /* word joiner, isolates, deprecated ones */
	{0xfe00, 0xfe0f},    /* variation selectors */
	{0xfeff, 0xfeff},    /* byte order mark */
	{0xfff9, 0xfffb},    /* annotations */
	{0xe0000, 0xe0fff},  /* tags */
	{0xf0000, 0x10ffff}, /* private use: a font's own */
};

static uint32_t code_of(const unsigned char *s, int len)
{
	uint32_t code = len == 1 ? *s : *s & (0xffU >> (len + 1));

	for (int i = 1; i < len; i++)
		code = code << 6 | (s[i] & 0x3f);
	return code;
}

int text_char(const unsigned char *s, bool *ret_fine)
{
	int len = utf8_length(s);
	uint32_t code = len ? code_of(s, len) : 0;

	*ret_fine = len > 0;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (code >= hidden[i].first && code <= hidden[i].last)
			*ret_fine = false;
	}
	return len ? len : 1;
}

/* `buf` may be the text: it is never ahead. */
void text_clean(const char *text, char *buf)
{
	bool fine;

	while (*text) {
		int len = text_char((const unsigned char *)text, &fine);

		if (fine)
			memmove(buf, text, (size_t)len);
		else
			*buf = '?';
		buf += fine ? len : 1;
		text += len;
	}
	*buf = 0;
}

void text_put(const char *text, FILE *file)
{
	bool fine;

	while (*text) {
		int len = text_char((const unsigned char *)text, &fine);

		if (fine)
			fwrite(text, 1, (size_t)len, file);
		else
			fputc('?', file);
		text += len;
	}
}

void text_put_json(const unsigned char *s, FILE *file)
{
	bool fine;
	int len = text_char(s, &fine);
	uint32_t code = utf8_length(s) ? code_of(s, len) : 0xfffd;

	if (fine)
		fwrite(s, 1, (size_t)len, file);
	else if (code < 0x10000)
		fprintf(file, "\\u%04x", code);
	else /* two halves: RFC 8259 section 7 */
		fprintf(file, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
}
