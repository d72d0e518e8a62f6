/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_fill.c: see group_fill.h. */
#include "cli/group_fill.h"

#include "cli/events.h"
#include "cli/group.h"
#include "cli/query.h"

static uint32_t same_iface(const struct query *query, uint32_t id)
{
	const struct query_iface *iface = id ? query_iface(query, id) : NULL;

	return iface ? iface->same : id;
}

int group_fill_records(struct query *query, const struct group_kind *kind,
		       bool (*wanted)(const struct flow_record *rec), struct group *group)
{
	struct flow_record rec;
	unsigned match;
	int have, err;

	while ((have = query_next(query, &rec, &match)) > 0) {
		if (wanted && !wanted(&rec))
			continue;
		rec.iface = same_iface(query, rec.iface);
		err = group_record(group, kind, &rec, match);
		if (err)
			return err;
	}
	return have;
}

int group_fill_events(struct query *query, const struct group_kind *kind, uint32_t what,
		      struct group *group)
{
	struct event_record event;
	struct group_event item = {.event = &event};
	struct events events;
	int have = events_open(query, what, &events), err = have;

	while (!err && (have = events_next(&events, &event)) > 0) {
		event.iface = same_iface(query, event.iface);
		err = group_event(group, kind, &item);
	}
	events_close(&events);
	return err ? err : have;
}
