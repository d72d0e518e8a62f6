/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* utf8.h: what is UTF-8, of a text that may be anything. */
#pragma once

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
