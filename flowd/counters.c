/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* counters.c: values to gains, gains to rows. See counters.h. */
#include "flowd/counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/sink.h"

#define BUCKET_MS 10000
#define TEXT_LINE 128  /* no line is longer */
#define GONE_ROUNDS 3  /* samples without a queue after which it is forgotten */
#define GONE_SHOWN 720 /* the same where it has gained something, which status shows so long */

_Static_assert(COUNTER_NAME_MAX == sizeof(((struct counter_record *)0)->name), "one name");

static struct counter *find(struct counters *c, const struct counter_value *value)
{
	for (size_t i = 0; i < c->count; i++) {
		size_t at = c->hint + i < c->count ? c->hint + i : c->hint + i - c->count;
		struct counter *counter = &c->counter[at];

		if (counter->hash != value->hash || counter->ifnum != value->ifnum ||
		    counter->source != value->source || strcmp(counter->name, value->name))
			continue;
		c->hint = at + 1 < c->count ? at + 1 : 0;
		return counter;
	}
	return NULL;
}

static struct counter *add(struct counters *c, const struct counter_value *value, uint64_t base)
{
	size_t capacity = c->capacity ? c->capacity * 2 : 64;
	struct counter *counter;

	if (c->count == c->capacity) {
		counter = reallocarray(c->counter, capacity, sizeof(*counter));
		if (!counter)
			return NULL;
		c->counter = counter;
		c->capacity = capacity;
	}
	counter = &c->counter[c->count++];
	memset(counter, 0, sizeof(*counter));
	counter->last = base;
	counter->hash = value->hash;
	counter->ifnum = value->ifnum;
	counter->source = value->source;
	memcpy(counter->name, value->name, sizeof(counter->name));
	return counter;
}

#define COUNTERS_LOADED 0x80

/* A predecessor that could read the source left out what was 0. Of a link it always could. */
static bool was_zero(const struct counters *c, const struct counter_value *value)
{
	uint8_t loaded = c->loaded[value->ifnum % FLOW_IFACES];

	if (value->source == COUNTER_LINK || value->source == COUNTER_QDISC)
		return loaded & COUNTERS_LOADED;
	return loaded & 1U << value->source;
}

/*
 * Where a counter that was not there begins: what a predecessor left out was 0, and so is a queue
 * that was made since the last look. Of any other nobody knows when it counted what it has.
 */
static uint64_t base_of(const struct counters *c, const struct counter_value *value)
{
	bool primed = c->primed & 1U << value->source;

	if (!primed)
		return was_zero(c, value) ? 0 : value->value;
	return value->source == COUNTER_QDISC ? 0 : value->value;
}

static void add_recent(struct counter *counter, uint64_t gain, int64_t now_ms)
{
	int64_t bucket = now_ms / BUCKET_MS;

	for (int i = 0; i < COUNTER_RECENT; i++) {
		int64_t of = bucket - i;

		if (of > counter->recent_at || bucket < counter->recent_at)
			counter->recent[of % COUNTER_RECENT] = 0;
	}
	counter->recent[bucket % COUNTER_RECENT] += gain;
	counter->recent_at = bucket;
}

uint64_t counter_recent(const struct counter *counter, int64_t now_ms)
{
	int64_t bucket = now_ms / BUCKET_MS;
	uint64_t sum = 0;

	for (int i = 0; i < COUNTER_RECENT; i++) {
		if (bucket - i <= counter->recent_at &&
		    bucket - i > counter->recent_at - COUNTER_RECENT)
			sum += counter->recent[(bucket - i) % COUNTER_RECENT];
	}
	return sum;
}

static void take_one(struct counters *c, const struct counter_value *value, int64_t now_ms)
{
	struct counter *counter = find(c, value);

	if (!counter)
		counter = add(c, value, base_of(c, value));
	if (!counter) {
		c->stats.lost++;
		return;
	}
	counter->round = c->round[value->source];
	if (value->value > counter->last) {
		counter->total += value->value - counter->last;
		add_recent(counter, value->value - counter->last, now_ms);
	}
	c->dirty |= counter->last != value->value;
	counter->last = value->value;
}

/* Queues that are gone are forgotten: one that is made anew under the same name begins at 0. */
static void forget(struct counters *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct counter *counter = &c->counter[i];
		uint64_t rounds = c->round[counter->source] - counter->round;

		if (counter->source == COUNTER_QDISC && counter->total == counter->settled &&
		    rounds > (counter->total ? GONE_SHOWN : GONE_ROUNDS))
			continue;
		c->counter[kept++] = *counter;
	}
	c->count = kept;
	c->hint = 0;
}

/* What is gone and has gained something stays, for `status`; its next value is a new one's. */
static void let_go(struct counters *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct counter *counter = &c->counter[i];

		if (counter->source == COUNTER_QDISC && counter->round < c->round[COUNTER_QDISC] &&
		    counter->last) {
			counter->last = 0;
			c->dirty = true;
		}
	}
}

void counters_take(struct counters *c, const struct counter_sample *sample, int64_t now_ms)
{
	for (int source = 0; source < COUNTER_SOURCES; source++)
		c->round[source] += sample->done >> source & 1;
	if (!c->stats.samples)
		c->dirty = true; /* the first values are saved, whatever they are */
	for (size_t i = 0; i < sample->values; i++)
		take_one(c, &sample->value[i], now_ms);
	if (sample->done & 1U << COUNTER_QDISC) {
		let_go(c);
		forget(c);
	}
	c->primed |= sample->done;
	c->stats.samples++;
	c->stats.failed += sample->failed;
	c->stats.last_us = sample->cpu_ns / 1000;
	c->stats.cpu_us += c->stats.last_us;
}

static struct counter_record make_record(const struct counter *counter, const uint32_t *ids,
					 uint64_t value, int64_t now_ms)
{
	struct counter_record record = {.minute_ms = now_ms / 60000 * 60000, .value = value};

	record.iface = counter->ifnum ? ids[counter->ifnum % FLOW_IFACES] : 0;
	snprintf(record.source, sizeof(record.source), "%s", counter_sources[counter->source]);
	memcpy(record.name, counter->name, sizeof(record.name));
	return record;
}

/* What is not there is 0; interfaces without any are named, so that this is known of them. */
static size_t write_text(const struct counters *c, char *text, const uint32_t *ids)
{
	size_t size = (size_t)snprintf(text, TEXT_LINE, "1 %" PRIu64 "\n", c->generation);

	for (uint32_t i = 0; i < FLOW_IFACES; i++) {
		if (!i || ids[i])
			size += (size_t)snprintf(text + size, TEXT_LINE, "%u\n", i);
	}
	for (size_t i = 0; i < c->count; i++) {
		const struct counter *counter = &c->counter[i];

		if (counter->last)
			size += (size_t)snprintf(text + size, TEXT_LINE, "%u %u %" PRIu64 " %s\n",
						 counter->ifnum, counter->source, counter->last,
						 counter->name);
	}
	return size;
}

static const char *make_text(struct counters *c, const uint32_t *ids)
{
	size_t room = (1 + FLOW_IFACES + c->count) * TEXT_LINE;

	if (room > c->text_room) {
		char *text = realloc(c->text, room);

		if (!text)
			return NULL;
		c->text = text;
		c->text_room = room;
	}
	write_text(c, c->text, ids);
	return c->text;
}

void counters_export(struct counters *c, const uint32_t ids[FLOW_IFACES], struct sink_batch *batch,
		     int64_t now_ms)
{
	const char *text = c->dirty ? make_text(c, ids) : NULL;

	if (!text)
		return;
	batch->counter_values = text;
	c->dirty = false;
	for (size_t i = 0; i < c->count; i++) {
		struct counter *counter = &c->counter[i];
		struct counter_record record;

		if (counter->total == counter->booked)
			continue;
		record = make_record(counter, ids, counter->total - counter->booked, now_ms);
		if (!sink_batch_add_counter(batch, &record))
			counter->booked = counter->total;
		else
			c->dirty = true;
	}
}

void counters_settle(struct counters *c)
{
	for (size_t i = 0; i < c->count; i++)
		c->counter[i].settled = c->counter[i].booked;
}

bool counters_forget(struct counters *c, uint32_t ifnum)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (c->counter[i].ifnum == ifnum && c->counter[i].total != c->counter[i].settled)
			return false;
	}
	for (size_t i = 0; i < c->count; i++) {
		if (c->counter[i].ifnum != ifnum)
			c->counter[kept++] = c->counter[i];
	}
	c->count = kept;
	c->hint = 0;
	c->loaded[ifnum % FLOW_IFACES] = 0;
	c->dirty = true;
	return true;
}

void counters_live(const struct counters *c, const uint32_t ids[FLOW_IFACES], int64_t now_ms,
		   counters_show *show, void *arg)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct counter *counter = &c->counter[i];
		struct counter_record record;

		if (counter->total == counter->settled)
			continue;
		record = make_record(counter, ids, counter->total - counter->settled, now_ms);
		if (!show(arg, &record))
			return;
	}
}

/* A line of write_text. */
static void load_line(struct counters *c, const char *line)
{
	struct counter_value value = {.ifnum = 0};
	unsigned int ifnum, source;
	uint64_t last;
	int at = 0, got = sscanf(line, "%u %u %" SCNu64 " %n", &ifnum, &source, &last, &at);

	if (got < 1 || ifnum >= FLOW_IFACES)
		return;
	c->loaded[ifnum] |= COUNTERS_LOADED;
	if (got < 3 || !at || source >= COUNTER_SOURCES)
		return;
	value.ifnum = (uint16_t)ifnum;
	value.source = (uint16_t)source;
	c->loaded[ifnum] |= (uint8_t)(1U << source);
	snprintf(value.name, sizeof(value.name), "%s", line + at);
	value.hash = counter_hash(value.name);
	add(c, &value, last);
}

void counters_load(struct counters *c, uint64_t generation, const char *text)
{
	char line[TEXT_LINE];
	uint64_t theirs;
	int at = 0;

	c->generation = generation;
	if (!text || sscanf(text, "1 %" SCNu64 "%n", &theirs, &at) != 1 || theirs != generation)
		return;
	for (text += at; *text; text += strcspn(text, "\n")) {
		text += *text == '\n';
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
		load_line(c, line);
	}
}

void counters_free(struct counters *c)
{
	free(c->counter);
	free(c->text);
	memset(c, 0, sizeof(*c));
}
