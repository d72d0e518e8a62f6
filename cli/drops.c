/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* drops.c: see drops.h. */
#include "cli/drops.h"

#include <stdio.h>
#include <string.h>

#include "cli/events.h"
#include "cli/query.h"

#define MINUTE_MS 60000

static uint32_t reason_of(const struct group_event *event)
{
	return event->reason;
}

static uint32_t place_of(const struct group_event *event)
{
	return event->place;
}

static uint32_t iface_of(const struct group_event *event)
{
	return event->iface;
}

static uint32_t none_of(const struct group_event *event)
{
	(void)event;
	return 0;
}

const struct drops_kind drops_kinds[] = {
	{"reason", "REASON", reason_of, NULL},
	{"place", "PLACE", place_of, NULL},
	{"flow", "FLOW", NULL, "flow"},
	{"host", "HOST", NULL, "host"},
	{"src", "SRC", NULL, "src"},
	{"dst", "DST", NULL, "dst"},
	{"pair", "PAIR", NULL, "pair"},
	{"port", "PORT", NULL, "port"},
	{"proto", "PROTO", NULL, "proto"},
	{"iface", "IFACE", iface_of, NULL},
	{"time", NULL, none_of, NULL},
	{"country", "COUNTRY", NULL, "country"},
	{"as", "AS", NULL, "as"},
	{NULL, NULL, NULL, NULL},
};

const struct drops_kind *drops_kind_find(const char *name)
{
	for (const struct drops_kind *kind = drops_kinds; kind->name; kind++) {
		if (!strcmp(kind->name, name))
			return kind;
	}
	return NULL;
}

const struct group_kind *drops_group_kind(const struct drops_kind *kind)
{
	return kind->name_of ? &group_named : group_kind_find(kind->kind);
}

/* The time that it counts under, in seconds; one interval or minute belongs where it ends. */
static uint32_t bucket(const struct drops *drops, int64_t ms)
{
	return drops->per_ms ? (uint32_t)(ms / drops->per_ms * drops->per_ms / 1000) : 0;
}

static int add_event(struct drops *drops, const struct event_record *event)
{
	struct group_event item = {.event = event, .time = bucket(drops, event->end_ms)};
	struct intern *intern = &drops->intern;
	int err = intern_add(intern, event->reason, &item.reason);

	err = err ? err : intern_add(intern, event->place, &item.place);
	err = err ? err : intern_add(intern, events_iface(drops->query, event), &item.iface);
	if (err)
		return err;
	if (drops->kind->name_of)
		item.name = drops->kind->name_of(&item);
	return group_event(&drops->traced, drops_group_kind(drops->kind), &item);
}

static int read_events(struct drops *drops)
{
	struct event_record event;
	struct events events;
	int have = events_open(drops->query, 1U << EVENT_DROP, &events), err = have;

	while (!err && (have = events_next(&events, &event)) > 0)
		err = add_event(drops, &event);
	events_close(&events);
	return err ? err : have;
}

/* Counters of packets that were lost; names are the drivers' own, so words in them decide. */
static bool is_loss(const struct counter_record *counter)
{
	static const char *const words[] = {"drop",   "err",   "miss",	  "discard",   "lost",
					    "fail",   "crc",   "fifo",	  "nobuf",     "no_buf",
					    "nohand", "abort", "overrun", "flow_limit"};

	if (strcasestr(counter->name, "interrupt"))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasestr(counter->name, words[i]))
			return true;
	}
	return false;
}

/* Which way the packets went that it counts: enum flow_dir, or -1 where it does not say. */
static int dir_of(const struct counter_record *counter)
{
	if (!strcmp(counter->source, "softnet") || strstr(counter->name, "rx"))
		return FLOW_INGRESS;
	if (!strcmp(counter->source, "qdisc") || strstr(counter->name, "tx"))
		return FLOW_EGRESS;
	return -1;
}

/* An interface, source and name together. */
static int counter_name(struct drops *drops, const struct group_event *item, uint32_t *ret_name)
{
	const struct intern *intern = &drops->intern;
	char text[512];

	snprintf(text, sizeof(text), "%s\n%s\n%s", intern_text(intern, item->iface),
		 intern_text(intern, item->place), intern_text(intern, item->reason));
	return intern_add(&drops->intern, text, ret_name);
}

static int add_counter(struct drops *drops, const struct counter_record *counter)
{
	const struct query_iface *iface =
		counter->iface ? query_iface(drops->query, counter->iface) : NULL;
	struct event_record event = {.what = EVENT_DROP,
				     .packets = counter->value,
				     .start_ms = counter->minute_ms,
				     .end_ms = counter->minute_ms + MINUTE_MS};
	struct group_event item = {.event = &event, .time = bucket(drops, counter->minute_ms)};
	int err = intern_add(&drops->intern, counter->name, &item.reason);

	err = err ? err : intern_add(&drops->intern, counter->source, &item.place);
	err = err ? err : intern_add(&drops->intern, iface ? iface->name : "", &item.iface);
	err = err ? err : counter_name(drops, &item, &item.name);
	return err ? err : group_event(&drops->counters, &group_named, &item);
}

bool drops_has_counters(const struct query *query)
{
	return !query->options.filter && !query->options.tunnel.mode && !query->options.community;
}

static int read_counters(struct drops *drops)
{
	int dir = drops->query->options.dir;
	struct counter_record counter;
	struct events counters;
	int have = counters_open(drops->query, &counters), err = have;

	while (!err && (have = counters_next(&counters, &counter)) > 0) {
		int its = dir_of(&counter);

		if (counter.value && is_loss(&counter) && (dir < 0 || its < 0 || its == dir))
			err = add_counter(drops, &counter);
	}
	events_close(&counters);
	return err ? err : have;
}

int drops_read(struct drops *drops)
{
	int err = read_events(drops);

	return err || !drops_has_counters(drops->query) ? err : read_counters(drops);
}

void drops_free(struct drops *drops)
{
	group_free(&drops->traced);
	group_free(&drops->counters);
	intern_free(&drops->intern);
}
