/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface_want.c: names and patterns. See iface_want.h. */
#include "flowd/iface_want.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "flowd/config.h"

bool iface_is_pattern(const char *word)
{
	return strpbrk(word, "*?[") != NULL;
}

bool iface_is_name(const char *word)
{
	return word[0] != '!' && !iface_is_pattern(word);
}

enum iface_wish iface_wanted(const struct config *config, const char *name)
{
	enum iface_wish wish = IFACE_UNWANTED;
	bool out = false;

	for (size_t i = 0; i < config->interfaces; i++) {
		const char *word = config->interface[i];

		if (iface_is_name(word)) {
			if (!strcmp(word, name))
				return IFACE_BY_NAME;
		} else if (word[0] == '!') {
			out |= !fnmatch(word + 1, name, 0);
		} else if (!fnmatch(word, name, 0)) {
			wish = IFACE_BY_PATTERN;
		}
	}
	return out ? IFACE_UNWANTED : wish;
}

bool iface_any_wanted(const struct config *config)
{
	for (size_t i = 0; i < config->interfaces; i++) {
		if (config->interface[i][0] != '!')
			return true;
	}
	return false;
}

bool iface_any_pattern(const struct config *config)
{
	for (size_t i = 0; i < config->interfaces; i++) {
		if (config->interface[i][0] != '!' && iface_is_pattern(config->interface[i]))
			return true;
	}
	return false;
}
