/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hex.h: a hexadecimal digit, of either case, whatever the locale. */
#pragma once

/* Its value, or -1. */
static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
