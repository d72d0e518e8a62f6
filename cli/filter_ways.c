/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter_ways.c: see filter_ways.h, and pcap-filter(7) for the words. */
#include "cli/filter_ways.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define BETWEEN " \t\n()!&|"
#define NUMBER "0123456789abcdefABCDEF.:/-" /* addresses, masks, ports and ranges */

static bool is_plain_word(const char *word, size_t len)
{
	static const char *const words[] = {"host", "net", "port", "portrange", "mask", "and",
					    "or",   "not", "tcp",  "udp",	"ip",	"ip6"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i]) == len && !memcmp(words[i], word, len))
			return true;
	}
	return false;
}

/* It begins with a digit, or is an address of IPv6: two colons at least are in it. */
static bool is_number(const char *word, size_t len)
{
	const char *colon = memchr(word, ':', len);

	if (strspn(word, NUMBER) < len)
		return false;
	if (isdigit((unsigned char)*word) && !colon)
		return true;
	return colon && memchr(colon + 1, ':', len - (size_t)(colon + 1 - word));
}

bool filter_ways_same(const char *expression)
{
	for (const char *at = expression;;) {
		size_t len;

		at += strspn(at, BETWEEN);
		if (!*at)
			return true;
		len = strcspn(at, BETWEEN);
		if (!is_plain_word(at, len) && !is_number(at, len))
			return false;
		at += len;
	}
}
