/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* events.c: see events.h. Both kinds come from the snapshot that the query took. */
#include "cli/events.h"

#include <errno.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "cli/anonymize.h"
#include "cli/community.h"
#include "cli/filter.h"
#include "cli/query.h"
#include "schema/db.h"
#include "schema/event.h"

#define ID_SHIFT 20
#define MINUTE_MS 60000

#define END_TEXT(text) ((text)[sizeof(text) - 1] = 0)

static int fail(struct query *query, const char *what)
{
	snprintf(query->error, sizeof(query->error), "%s: %s: %s", query->options.db, what,
		 sqlite3_errmsg(query->db));
	return -EIO;
}

static int64_t shifted(int64_t ms)
{
	return ms > INT64_MAX >> ID_SHIFT ? INT64_MAX : ms << ID_SHIFT;
}

static int open_window(struct query *query, const char *sql, const char *what, int64_t from,
		       int64_t to, struct events *ret_events)
{
	*ret_events = (struct events){.query = query};
	if (sqlite3_prepare_v2(query->db, sql, -1, &ret_events->stmt, NULL))
		return fail(query, what);
	sqlite3_bind_int64(ret_events->stmt, 1, from);
	sqlite3_bind_int64(ret_events->stmt, 2, to);
	return 0;
}

int events_open(struct query *query, uint32_t what, struct events *ret_events)
{
	static const char sql[] = "SELECT " DB_EVENT_COLUMNS " FROM " DB_EVENT_TABLES
				  " WHERE event.id >= ?1 AND event.id < ?2 ORDER BY event.id";

	int err = open_window(query, sql, "event", shifted(query->options.since_ms),
			      shifted(query->options.until_ms), ret_events);

	ret_events->what = what;
	return err;
}

/* A minute that the window begins in counts whole, as in the ledger. */
int counters_open(struct query *query, struct events *ret_events)
{
	static const char sql[] = "SELECT " DB_COUNTER_COLUMNS " FROM " DB_COUNTER_TABLES
				  " WHERE minute_ms >= ?1 AND minute_ms < ?2";
	int64_t since_ms = query->options.since_ms / MINUTE_MS * MINUTE_MS;

	return open_window(query, sql, "counter", since_ms, query->options.until_ms, ret_events);
}

void events_close(struct events *events)
{
	sqlite3_finalize(events->stmt);
	events->stmt = NULL;
}

/* Step to the next stored row. 1, 0: the end, or -errno. */
static int step(struct events *events, const char *what)
{
	int rc;

	if (!events->stmt)
		return 0;
	rc = sqlite3_step(events->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		return fail(events->query, what);
	events_close(events);
	return 0;
}

static int fail_type(struct events *events, const char *what)
{
	snprintf(events->query->error, sizeof(events->query->error),
		 "%s: %s %lld: a value of the wrong type", events->query->options.db, what,
		 (long long)sqlite3_column_int64(events->stmt, 0));
	return -EPROTO;
}

/* What came over the socket may have no end, nor has a stored text that fills its place. */
static void end_event(struct event_record *event)
{
	END_TEXT(event->reason);
	END_TEXT(event->place);
	END_TEXT(event->device);
}

static int next_event(struct events *events, struct event_record *ret_event)
{
	const struct query_options *options = &events->query->options;
	const struct live *live = &events->query->live;
	int have = step(events, "event");

	if (have > 0)
		return db_event_read(events->stmt, ret_event) ? fail_type(events, "event") : 1;
	while (!have && events->live_next < live->head.events) {
		const struct event_record *event = &live->events[events->live_next++];

		if (event->end_ms < options->since_ms || event->end_ms >= options->until_ms)
			continue;
		*ret_event = *event;
		return 1;
	}
	return have;
}

const char *events_iface(const struct query *query, const struct event_record *event)
{
	const struct query_iface *iface = event->iface ? query_iface(query, event->iface) : NULL;

	return iface ? iface->name : event->device;
}

static bool is_of_iface(const struct query *query, uint32_t id, const char *device)
{
	const struct query_iface *iface = id ? query_iface(query, id) : NULL;

	if (iface || !query->options.iface_count)
		return iface ? iface->selected : !query->options.host_count;
	for (uint32_t i = 0; i < query->options.iface_count; i++) {
		if (!strcmp(query->options.ifaces[i], device))
			return true;
	}
	return false;
}

/* For the filter: a packet of which no TCP flag is known, and of a folded event nothing at all. */
static void to_record(const struct event_record *event, struct flow_record *ret_rec)
{
	*ret_rec = (struct flow_record){.key = event->key, .iface = event->iface};
	ret_rec->half[0].packets = event->packets;
	if (event->folded)
		ret_rec->key.marks |= FLOW_MARK_CATCHALL;
	else if (flow_key_is_ip(&event->key) && event->key.proto == IPPROTO_TCP)
		ret_rec->key.marks |= FLOW_MARK_SHORT;
}

/* 1, 0, or -errno. */
static int match(struct query *query, const struct event_record *event)
{
	const struct query_options *options = &query->options;
	struct filter_error error;
	struct flow_record rec;
	int matched;

	if (!is_of_iface(query, event->iface, event->device) ||
	    (options->dir >= 0 && event->key.dir != options->dir))
		return 0;
	to_record(event, &rec);
	if (!tunnelarg_match(&options->tunnel, &rec) ||
	    !community_id_match(options->community, &rec.key))
		return 0;
	matched = options->event_filter ? filter_match(options->event_filter, &rec, 0) : 1;
	if (matched < 0) {
		filter_explain(options->event_filter, &error);
		snprintf(query->error, sizeof(query->error), "%s", error.text);
	}
	return matched;
}

int events_next(struct events *events, struct event_record *ret_event)
{
	struct anonymize *anon = events->query->options.anonymize;
	int have, matched;

	while ((have = next_event(events, ret_event)) > 0) {
		end_event(ret_event);
		if (ret_event->what >= EVENT_MAX || !(events->what & 1U << ret_event->what))
			continue;
		matched = match(events->query, ret_event);
		if (matched > 0 && anon)
			anonymize_flow_key(anon, &ret_event->key);
		if (matched)
			return matched;
	}
	return have;
}

static int next_counter(struct events *counters, struct counter_record *ret_counter)
{
	const struct query_options *options = &counters->query->options;
	const struct live *live = &counters->query->live;
	int have = step(counters, "counter");

	if (have > 0)
		return db_counter_read(counters->stmt, ret_counter) ? fail_type(counters, "counter")
								    : 1;
	while (!have && counters->live_next < live->head.counters) {
		const struct counter_record *counter = &live->counters[counters->live_next++];

		if (counter->minute_ms + MINUTE_MS <= options->since_ms ||
		    counter->minute_ms >= options->until_ms)
			continue;
		*ret_counter = *counter;
		return 1;
	}
	return have;
}

int counters_next(struct events *counters, struct counter_record *ret_counter)
{
	int have;

	while ((have = next_counter(counters, ret_counter)) > 0) {
		END_TEXT(ret_counter->source);
		END_TEXT(ret_counter->name);
		if (is_of_iface(counters->query, ret_counter->iface, ""))
			return 1;
	}
	return have;
}
