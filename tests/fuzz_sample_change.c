// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_sample_change.c: libFuzzer target: any bytes as the words of a control request `sample set`. What is
 * taken must come back the same when it is said again, and every value is within its limits; what is
 * refused is told in a text that fits.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/sample_change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char again[65536];

static void say(const char *key, const char *value)
{
	size_t used = strlen(again);

	used += (size_t)snprintf(again + used, sizeof(again) - used, " %s=", key);
	if (sample_escape(value, again + used, sizeof(again) - used))
		abort();
}

static void say_number(const char *key, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	say(key, text);
}

/* The change in words of its own. */
static void say_change(const struct sample_change *change)
{
	char text[SAMPLE_TEXT_MAX];

	again[0] = '\0';
	for (size_t i = 0; i < change->ifaces; i++)
		say("iface", change->iface[i]);
	sample_rate_text(change->to.rate, text);
	if (change->has & SAMPLE_SET_RATE)
		say("rate", text);
	sample_why_text(change->to.triggers, text);
	if (change->has & SAMPLE_SET_TRIGGERS)
		say("triggers", text);
	if (change->has & SAMPLE_SET_FIRST)
		say_number("first", change->to.first);
	if (change->has & SAMPLE_SET_SNAPLEN)
		say_number("snaplen", change->to.snaplen);
	if (change->has & SAMPLE_SET_DROPS)
		say("drops", change->drops ? "yes" : "no");
	if (change->has & SAMPLE_SET_FILTER)
		say("filter", change->to.filter[0] ? change->to.filter : "none");
}

static void check(const struct sample_change *change)
{
	static struct sample_change same;
	char error[SAMPLE_ERROR_MAX];

	if (change->to.rate > SAMPLE_RATE_MAX || change->to.first > SAMPLE_FIRST_MAX ||
	    change->to.snaplen > SAMPLE_SNAPLEN_MAX || (change->to.triggers & ~SAMPLE_TRIGGERS) ||
	    strlen(change->to.filter) >= SAMPLE_EXPRESSION_MAX)
		abort();
	say_change(change);
	if (sample_change_parse(again, &same, error))
		abort();
	/* behind the end of a filter may be what an earlier one of the request left */
	if (same.has != change->has || same.ifaces != change->ifaces ||
	    same.drops != change->drops ||
	    memcmp(same.iface, change->iface, sizeof(same.iface)) != 0 ||
	    memcmp(&same.to, &change->to, offsetof(struct sample_settings, filter)) != 0 ||
	    strcmp(same.to.filter, change->to.filter) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample_change change;
	char error[SAMPLE_ERROR_MAX];
	char *text = calloc(1, size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	memset(error, 'x', sizeof(error));
	if (!sample_change_parse(text, &change, error))
		check(&change);
	else if (!memchr(error, '\0', sizeof(error)))
		abort();
	free(text);
	return 0;
}
