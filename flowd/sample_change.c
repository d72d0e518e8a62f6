/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_change.c: one table of keys. See sample_change.h. */
#include "flowd/sample_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define UP_TO(min, max) "not a number from " TEXT(min) " to " TEXT(max)

static int set_iface(struct sample_change *change, const char *value)
{
	size_t size = strlen(value);

	if (!size || size >= sizeof(change->iface[0]) || change->ifaces == SAMPLE_CHANGE_IFACES)
		return -EINVAL;
	memcpy(change->iface[change->ifaces++], value, size + 1);
	return 0;
}

static int set_rate(struct sample_change *change, const char *value)
{
	return sample_rate_parse(value, &change->to.rate);
}

static int set_first(struct sample_change *change, const char *value)
{
	return sample_number_parse(value, 0, SAMPLE_FIRST_MAX, &change->to.first);
}

static int set_triggers(struct sample_change *change, const char *value)
{
	return sample_triggers_parse(value, &change->to.triggers);
}

static int set_snaplen(struct sample_change *change, const char *value)
{
	return sample_number_parse(value, SAMPLE_SNAPLEN_MIN, SAMPLE_SNAPLEN_MAX,
				   &change->to.snaplen);
}

static int set_filter(struct sample_change *change, const char *value)
{
	size_t size = strlen(value);

	if (size >= sizeof(change->to.filter))
		return -E2BIG;
	if (!strcmp(value, "none") || !value[strspn(value, " \t\r\n")])
		size = 0;
	memcpy(change->to.filter, value, size);
	change->to.filter[size] = '\0';
	return 0;
}

static int set_drops(struct sample_change *change, const char *value)
{
	return sample_switch_parse(value, &change->drops);
}

static const struct {
	const char *key;
	const char *wrong;
	uint32_t has;
	int (*set)(struct sample_change *change, const char *value);
} keys[] = {
	{"iface", "not the name of an interface, or more than " TEXT(SAMPLE_CHANGE_IFACES), 0,
	 set_iface},
	{"rate", SAMPLE_RATE_SYNTAX, SAMPLE_SET_RATE, set_rate},
	{"first", UP_TO(0, SAMPLE_FIRST_MAX), SAMPLE_SET_FIRST, set_first},
	{"triggers", SAMPLE_TRIGGERS_SYNTAX, SAMPLE_SET_TRIGGERS, set_triggers},
	{"snaplen", UP_TO(SAMPLE_SNAPLEN_MIN, SAMPLE_SNAPLEN_MAX), SAMPLE_SET_SNAPLEN, set_snaplen},
	{"filter", "of " TEXT(SAMPLE_EXPRESSION_MAX) " bytes or more", SAMPLE_SET_FILTER,
	 set_filter},
	{"drops", "not yes or no", SAMPLE_SET_DROPS, set_drops},
};

static int fail(const char *key, const char *value, const char *what, char *error)
{
	snprintf(error, SAMPLE_ERROR_MAX, "%.40s '%.200s': %s", key, value, what);
	return -EINVAL;
}

static int take_pair(struct sample_change *change, char *pair, char *error)
{
	char *value = strchr(pair, '=');

	if (!value)
		return fail("setting", pair, "not KEY=VALUE", error);
	*value++ = '\0';
	if (sample_unescape(value))
		return fail(pair, value, "not percent-encoded", error);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].key, pair) != 0)
			continue;
		if (keys[i].set(change, value))
			return fail(pair, value, keys[i].wrong, error);
		change->has |= keys[i].has;
		return 0;
	}
	return fail("setting", pair, "unknown", error);
}

int sample_change_parse(char *request, struct sample_change *ret_change,
			char ret_error[SAMPLE_ERROR_MAX])
{
	char *rest = request, *pair;
	int err = 0;

	memset(ret_change, 0, sizeof(*ret_change));
	while (!err && (pair = strsep(&rest, " "))) {
		if (*pair)
			err = take_pair(ret_change, pair, ret_error);
	}
	if (!err && !ret_change->has)
		return fail("setting", "", "there is none", ret_error);
	if (!err && (ret_change->has & SAMPLE_SET_DROPS) && ret_change->ifaces)
		return fail("iface", ret_change->iface[0],
			    "drops are sampled on all interfaces or on none", ret_error);
	return err;
}

bool sample_change_is_of(const struct sample_change *change, const char *iface)
{
	for (size_t i = 0; i < change->ifaces; i++) {
		if (!strcmp(change->iface[i], iface))
			return true;
	}
	return !change->ifaces;
}

void sample_change_apply(const struct sample_change *change, struct sample_settings *settings)
{
	if (change->has & SAMPLE_SET_RATE)
		settings->rate = change->to.rate;
	if (change->has & SAMPLE_SET_FIRST)
		settings->first = change->to.first;
	if (change->has & SAMPLE_SET_TRIGGERS)
		settings->triggers = change->to.triggers;
	if (change->has & SAMPLE_SET_SNAPLEN)
		settings->snaplen = change->to.snaplen;
	if (change->has & SAMPLE_SET_FILTER)
		memcpy(settings->filter, change->to.filter, sizeof(settings->filter));
}
