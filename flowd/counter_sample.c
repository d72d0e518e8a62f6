/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* counter_sample.c: values by name. See counter_sample.h. */
#include "flowd/counter_sample.h"

#include <stdlib.h>
#include <string.h>

const char *const counter_sources[COUNTER_SOURCES] = {"link", "ethtool", "qdisc", "softnet"};

/* FNV-1a. */
uint32_t counter_hash(const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619U;
	return hash;
}

static void copy_name(char to[COUNTER_NAME_MAX], const char *from)
{
	size_t len;

	from += strspn(from, " \t");
	len = strnlen(from, COUNTER_NAME_MAX - 1);
	while (len && from[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[len] = '\0';
}

/* From the end: what is added to came shortly before. */
static struct counter_value *find(struct counter_sample *sample, const struct counter_value *like)
{
	for (size_t i = sample->values; i > 0; i--) {
		struct counter_value *value = &sample->value[i - 1];

		if (value->ifnum != like->ifnum || value->source != like->source)
			return NULL;
		if (value->hash == like->hash && !strcmp(value->name, like->name))
			return value;
	}
	return NULL;
}

static bool room(struct counter_sample *sample)
{
	size_t capacity = sample->capacity ? sample->capacity * 2 : 128;
	struct counter_value *larger;

	if (sample->values < sample->capacity)
		return true;
	larger = reallocarray(sample->value, capacity, sizeof(*larger));
	if (!larger)
		return false;
	sample->value = larger;
	sample->capacity = capacity;
	return true;
}

void counter_sample_add(struct counter_sample *sample, uint32_t ifnum, enum counter_source source,
			const char *name, uint64_t value)
{
	struct counter_value new = {.value = value, .ifnum = (uint16_t)ifnum, .source = source};
	struct counter_value *same;

	copy_name(new.name, name);
	new.hash = counter_hash(new.name);
	same = find(sample, &new);
	if (same)
		same->value += value;
	else if (room(sample))
		sample->value[sample->values++] = new;
	else
		sample->failed++;
}

void counter_sample_reset(struct counter_sample *sample)
{
	sample->targets = 0;
	sample->values = 0;
	sample->nics = 0;
	sample->done = 0;
	sample->failed = 0;
	sample->cpu_ns = 0;
}

void counter_sample_free(struct counter_sample *sample)
{
	free(sample->value);
	memset(sample, 0, sizeof(*sample));
}
