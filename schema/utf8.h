/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* utf8.h: what is UTF-8, of a text that may be anything. */
#pragma once

#include <stddef.h>
#include <string.h>

/* The length of the UTF-8 sequence at `s` (RFC 3629 section 4), 0: none. */
static inline int utf8_length(const unsigned char *s)
{
	int len = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;

	for (int i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define UTF8_MENDED_SIZE(len) (3 * (len) + 1)

/*
 * `text` with U+FFFD for each byte that is no UTF-8, as flowctl's JSON has it, cut at a character where `size` is too
 * small for it; UTF8_MENDED_SIZE(strlen(text)) is enough.
 */
static inline void utf8_mend(const char *text, char *buf, size_t size)
{
	while (*text) {
		int len = utf8_length((const unsigned char *)text);
		const char *from = len ? text : UTF8_REPLACEMENT;
		size_t add = len ? (size_t)len : sizeof(UTF8_REPLACEMENT) - 1;

		if (add >= size)
			break;
		memcpy(buf, from, add);
		buf += add;
		size -= add;
		text += len ? len : 1;
	}
	*buf = '\0';
}
