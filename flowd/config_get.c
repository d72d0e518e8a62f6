/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* config_get.c: members of struct config as text that config_key_set() takes. See config_key.h. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "config_key.h"
#include "schema/sample_text.h"

#define NS_PER_MS 1000000ULL

static void format_size(uint64_t bytes, char *text)
{
	static const char units[] = {'\0', 'K', 'M', 'G'};
	size_t unit = 0;

	while (unit + 1 < sizeof(units) && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, CONFIG_VALUE_MAX, "%" PRIu64 "%.1s", bytes, &units[unit]);
}

/* By the longest unit of which it is a whole number; a day is 24h. */
static void format_duration(uint64_t ns, char *text)
{
	static const struct {
		const char *unit;
		uint64_t ms, least;
	} units[] = {
		{"y", 365ULL * 86400000, 1}, {"d", 86400000, 2}, {"h", 3600000, 1}, {"s", 1000, 0}};
	uint64_t ms = ns / NS_PER_MS;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ms % units[i].ms || ms / units[i].ms < units[i].least)
			continue;
		snprintf(text, CONFIG_VALUE_MAX, "%" PRIu64 "%s", ms / units[i].ms, units[i].unit);
		return;
	}
	snprintf(text, CONFIG_VALUE_MAX, "%" PRIu64 "ms", ms);
}

static const char *choice_name(const struct config_key *key, const void *member)
{
	uint32_t value =
		key->size == sizeof(bool) ? *(const bool *)member : *(const uint32_t *)member;
	const struct config_choice *choice = key->choice;

	while (choice && choice->name && choice->value != value)
		choice++;
	return choice && choice->name ? choice->name : "?";
}

static void format_number(const struct config_key *key, const void *member, char *text)
{
	uint32_t number = *(const uint32_t *)member;

	if (key->size == sizeof(uint64_t))
		snprintf(text, CONFIG_VALUE_MAX, "%" PRIu64, *(const uint64_t *)member);
	else if (key->kind == CONFIG_RATE)
		sample_rate_text(number, text);
	else if (key->kind == CONFIG_TRIGGERS)
		sample_why_text(number, text);
	else
		snprintf(text, CONFIG_VALUE_MAX, "%" PRIu32, number);
}

void config_key_get(const struct config_key *key, const struct config *config, size_t number,
		    char ret_value[CONFIG_VALUE_MAX])
{
	const void *member = (const char *)config + key->offset;

	for (const struct config_choice *word = key->choice;
	     key->kind != CONFIG_CHOICE && word && word->name; word++) {
		if (word->value != *(const uint64_t *)member)
			continue;
		snprintf(ret_value, CONFIG_VALUE_MAX, "%s", word->name);
		return;
	}
	switch (key->kind) {
	case CONFIG_INTERFACE:
		snprintf(ret_value, CONFIG_VALUE_MAX, "%s", config->interface[number]);
		break;
	case CONFIG_INSTANCE:
	case CONFIG_PATH:
		snprintf(ret_value, CONFIG_VALUE_MAX, "%s", (const char *)member);
		break;
	case CONFIG_FILTER:
		snprintf(ret_value, CONFIG_VALUE_MAX, "%s",
			 *(const char *)member ? (const char *)member : "none");
		break;
	case CONFIG_CHOICE:
		snprintf(ret_value, CONFIG_VALUE_MAX, "%s", choice_name(key, member));
		break;
	case CONFIG_DURATION:
		format_duration(*(const uint64_t *)member, ret_value);
		break;
	case CONFIG_SIZE:
	case CONFIG_BYTES:
		format_size(*(const uint64_t *)member, ret_value);
		break;
	case CONFIG_COUNT:
	case CONFIG_NUMBER:
	case CONFIG_RATE:
	case CONFIG_TRIGGERS:
		format_number(key, member, ret_value);
		break;
	}
}

void config_key_limit(const struct config_key *key, uint64_t limit, char text[CONFIG_VALUE_MAX])
{
	if (key->kind == CONFIG_DURATION)
		format_duration(limit, text);
	else if (key->kind == CONFIG_SIZE || key->kind == CONFIG_BYTES)
		format_size(limit, text);
	else
		snprintf(text, CONFIG_VALUE_MAX, "%" PRIu64, limit);
}
