/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_fill.c: see group_fill.h. */
#include "cli/group_fill.h"

#include <errno.h>

#include "cli/events.h"
#include "cli/group.h"
#include "cli/query.h"
#include "cli/scan.h"

uint32_t group_fill_iface(const struct query *query, const struct group_kind *kind, uint32_t id)
{
	const struct query_iface *iface = id ? query_iface(query, id) : NULL;

	if (!iface)
		return id;
	return group_is_exporter(kind) ? iface->exporter : iface->same;
}

int group_fill_one(const struct query *query, const struct group_kind *kind,
		   bool (*wanted)(const struct flow_record *rec), struct flow_record *rec,
		   unsigned match, struct group *group)
{
	if (wanted && !wanted(rec))
		return 0;
	rec->iface = group_fill_iface(query, kind, rec->iface);
	return group_record(group, kind, rec, match);
}

int group_fill_records(struct query *query, const struct group_kind *kind,
		       bool (*wanted)(const struct flow_record *rec), struct group *group)
{
	const struct scan scan = {.kind = kind, .wanted = wanted};
	int have, err = scan_records(query, &scan, group);
	struct flow_record rec;
	unsigned match;

	if (err && err != -ENOTSUP)
		return err;
	if (!err)
		query_skip_stored(query);
	while ((have = query_next(query, &rec, &match)) > 0) {
		err = group_fill_one(query, kind, wanted, &rec, match, group);
		if (err)
			return err;
	}
	return have;
}

int group_fill_live(struct query *query, const struct group_kind *kind, struct group *group)
{
	struct flow_record rec;
	unsigned match;
	int have, err;

	query_skip_stored(query);
	while ((have = query_next(query, &rec, &match)) > 0) {
		err = group_fill_one(query, kind, NULL, &rec, match, group);
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
		event.iface = group_fill_iface(query, kind, event.iface);
		err = group_event(group, kind, &item);
	}
	events_close(&events);
	return err ? err : have;
}
