/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events.h: what the kernel said of packets (struct event_record) in a query's window, stored and
 * live, with its interfaces, direction, tunnel and filter applied; and what its counters gained.
 *
 * An event is in the window by the end of the interval in which it was counted. A filter runs over
 * its key, whose TCP flags are not known. What the key does not tell, as of folded events, is left
 * out, and query.options.event_filter counts it.
 */
#pragma once

#include <stdint.h>

#include "schema/fields.h"

struct query;
struct sqlite3_stmt;

struct events {
	struct query *query;
	struct sqlite3_stmt *stmt; /* NULL: all stored ones were read */
	uint32_t live_next;
	uint32_t what; /* events: bits of enum event_what */
};

/*
 * Of an open query; `what`: bits of enum event_what, the events that are wanted. 0, or -errno with
 * query->error; events_close also after that.
 */
int events_open(struct query *query, uint32_t what, struct events *ret_events);
int counters_open(struct query *query, struct events *ret_events);
void events_close(struct events *events);

/*
 * 1: *ret_x is the next one, 0: the end, or -errno with query->error. In the order of time, the live
 * ones last. Counters have no key: a filter, direction or tunnel does not select them.
 */
int events_next(struct events *events, struct event_record *ret_event);
int counters_next(struct events *counters, struct counter_record *ret_counter);

/* The interface that the event was seen at: its name now, else then; "" for none. */
const char *events_iface(const struct query *query, const struct event_record *event);
