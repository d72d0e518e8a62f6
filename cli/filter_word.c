/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter_word.c: see filter_word.h. Pure. */
#include "cli/filter_word.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What people write; `ip proto gre` and the like are names behind a word. */
static const struct filter_word words[] = {
	{"vxlan", "vxlan", "udp port 4789", NULL}, {"geneve", "geneve", "udp port 6081", NULL},
	{"gre", "gre", "proto 47", NULL},	   {"nvgre", "nvgre", "proto 47", NULL},
	{"erspan", "erspan", "proto 47", NULL},	   {"ipip", "ipip", "ip proto 4", NULL},
	{"6in4", "6in4", "ip proto 41", NULL},	   {"4in6", "4in6", "ip6 proto 4", NULL},
	{"6in6", "6in6", "ip6 proto 41", NULL},	   {"gtpu", "gtpu", "udp port 2152", NULL},
	{"gtp", "gtpu", "udp port 2152", NULL},	   {"ifname", NULL, NULL, "--iface NAME"},
	{"on", NULL, NULL, "--iface NAME"},
};

/* Words in front of a name. */
static const char *const before_name[] = {"host", "net", "port",       "portrange", "proto",
					  "src",  "dst", "protochain", "gateway"};

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:\\/"

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(text, word, len);
}

static bool is_before_name(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(before_name) / sizeof(before_name[0]); i++) {
		if (is_word(text, len, before_name[i]))
			return true;
	}
	return false;
}

static const struct filter_word *find_word(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (is_word(text, len, words[i].word))
			return &words[i];
	}
	return NULL;
}

const struct filter_word *filter_word_find(const char *expression)
{
	bool name = false;

	for (const char *at = expression; *at;) {
		size_t len = strspn(at, WORD);
		const struct filter_word *word = len && !name ? find_word(at, len) : NULL;

		if (word)
			return word;
		if (len)
			name = is_before_name(at, len);
		at += len ? len : 1;
	}
	return NULL;
}
