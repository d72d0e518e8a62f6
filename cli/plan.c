/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* plan.c: can sums answer, and what of the window do they; the rest is read as it always was. */
#include "cli/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/group_fill.h"
#include "cli/plan_fill.h"
#include "cli/plan_rows.h"
#include "cli/plan_source.h"
#include "cli/query.h"
#include "schema/db.h"

static int find_kind(const char *name)
{
	for (int kind = 0; kind < TALKER_KINDS; kind++) {
		if (!strcmp(talker_kind_name[kind], name))
			return kind;
	}
	return -1;
}

static bool has_all_ifaces(const struct query *query)
{
	for (uint32_t i = 0; i < query->iface_count; i++) {
		if (!query->ifaces[i].selected)
			return false;
	}
	return true;
}

const char *plan_refusal(const struct query *query, const struct plan_ask *ask)
{
	const struct query_options *options = &query->options;
	int kind = find_kind(ask->kind->name);

	if (kind < 0)
		return "are by host, pair, service, proto, iface and vlan alone";
	if (options->filter)
		return "know no filter";
	if (options->dir >= 0)
		return "are of both directions together (--dir)";
	if (options->tunnel.mode)
		return "know no tunnels (--tunnel)";
	if (options->community)
		return "know no Community IDs (--community)";
	if (kind != TALKER_IFACE && !has_all_ifaces(query))
		return "are of all interfaces together (--iface), but in --group iface";
	return NULL;
}

static int read_meta(struct query *query, const char *key, int64_t *ret_value)
{
	int err;

	*ret_value = 0;
	err = db_meta_find_int(query->db, key, ret_value);
	if (err)
		snprintf(query->error, sizeof(query->error), "%s: meta: %s", query->options.db,
			 key);
	return err;
}

/* What is there, as flowd says; of a database of an older one records alone. */
static int read_have(struct query *query, struct plan_have *ret_have)
{
	const struct {
		const char *key;
		int64_t *value;
	} values[] = {
		{"flow_since_ms", &ret_have->record_since_ms},
		{"minute_since_ms", &ret_have->minute_since_ms},
		{"hour_since_ms", &ret_have->hour_since_ms},
		{"rollup_minute_ms", &ret_have->minute_until_ms},
		{"rollup_hour_ms", &ret_have->hour_until_ms},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(values) / sizeof(values[0]); i++)
		err = read_meta(query, values[i].key, values[i].value);
	if (ret_have->hour_until_ms > ret_have->minute_until_ms) /* not as flowd has it */
		ret_have->hour_until_ms = ret_have->minute_until_ms;
	return err;
}

static int read_stored(struct query *query, const struct group_kind *kind, int64_t since_ms,
		       int64_t until_ms, struct group *group)
{
	uint32_t live = query->live.head.records;
	int err;

	if (since_ms >= until_ms)
		return 0;
	query_window(query, since_ms, until_ms);
	query->live.head.records = 0;
	err = group_fill_records(query, kind, NULL, group);
	query->live.head.records = live;
	return err;
}

/* Records around the sums, what is not stored, and events. */
static int read_records(struct query *query, const struct plan_ask *ask, int64_t events_ms,
			const int64_t *at, struct group *group)
{
	int err = read_stored(query, ask->kind, at[0], at[1], group);

	if (!err)
		err = read_stored(query, ask->kind, at[4], at[5], group);
	query_window(query, at[0], at[5]);
	if (!err)
		err = group_fill_live(query, ask->kind, group);
	if (!err && ask->events && events_ms < at[5]) {
		query->options.since_ms = events_ms > at[0] ? events_ms : at[0];
		err = group_fill_events(query, ask->kind, ask->events, group);
	}
	return err;
}

static int compare_only(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct flow_key));
}

const struct plan_only *plan_only_find(const struct plan_ask *ask, const struct flow_key *key)
{
	if (!ask->only_count)
		return NULL;
	return bsearch(key, ask->only, ask->only_count, sizeof(*ask->only), compare_only);
}

/* Of sorted entries those that are wanted. */
static void keep_only(const struct plan_ask *ask, struct group *group)
{
	size_t kept = 0;

	for (size_t i = 0; i < group->used; i++) {
		if (plan_only_find(ask, &group->entry[i].key))
			group->entry[kept++] = group->entry[i];
		else
			group_sums_free(&group->entry[i].sums);
	}
	group->used = kept;
}

static int take_first(const struct plan_ask *ask, struct group *group)
{
	struct group_order order = {.by = ask->by, .limit = ask->limit ? ask->limit : SIZE_MAX};
	ssize_t count = group_top(group, &order);

	if (count >= 0 && ask->only)
		keep_only(ask, group);
	return count < 0 ? (int)count : 0;
}

static int by_records(struct query *query, const struct plan_ask *ask, struct plan *plan)
{
	int err;

	plan->group.plain = ask->plain;
	query_window(query, plan->since_ms, plan->until_ms);
	err = group_fill_records(query, ask->kind, NULL, &plan->group);
	if (!err && ask->events)
		err = group_fill_events(query, ask->kind, ask->events, &plan->group);
	return err ? err : take_first(ask, &plan->group);
}

/* The metric's columns in a tail; NULL: it has none. */
static const char *tail_metric(const struct plan_ask *ask, bool has_events)
{
	static const char *const names[] = {"flows", "packets", "bytes", "retransmits"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i], ask->by->name))
			return names[i];
	}
	if (!strcmp(ask->by->name, "ip_bytes")) /* they are less */
		return "bytes";
	return !strcmp(ask->by->name, "drops") && !has_events ? "drops" : NULL;
}

/* `pages`: room for those that are opened here. */
static int open_pages(struct plan_fill *fill, struct plan_pages *pages)
{
	const struct query *query = fill->query;
	int err = 0;

	memset(pages, 0, sizeof(*pages));
	fill->pages = fill->ask->pages;
	if (!fill->pages) {
		err = plan_pages_open(query->db, &query->mark, pages);
		fill->pages = err ? NULL : pages;
	}
	return err == -ENOTSUP ? 0 : err;
}

static int by_sums(struct plan_fill *fill, int64_t events_ms, struct plan *plan)
{
	struct plan_buckets buckets = {0};
	struct group records = {.plain = fill->ask->plain};
	struct plan_pages pages = {0};
	int err = plan_buckets_list(fill->query, &plan->window, fill->kind,
				    tail_metric(fill->ask, events_ms <= plan->window.at[0]),
				    &buckets);

	fill->buckets = &buckets;
	fill->records = &records;
	if (!err && buckets.has_tail && fill->some_ifaces) {
		plan->why = "have left out interfaces";
		err = -ENOTSUP;
	}
	if (!err)
		err = read_records(fill->query, fill->ask, events_ms, plan->window.at, &records);
	if (!err)
		err = open_pages(fill, &pages);
	if (!err)
		err = plan_fill(fill, plan);
	plan_pages_close(&pages);
	group_free(&records);
	fill->pages = NULL;
	fill->buckets = NULL;
	fill->records = NULL;
	plan_buckets_free(&buckets);
	return err;
}

/* Drops are of events, but where these are gone. Whole hours of them alone, so that none counts twice. */
static int64_t first_events(const struct plan_have *have, const struct plan_window *window)
{
	if (window->at[0] >= have->record_since_ms)
		return 0;
	return (have->record_since_ms + TALKER_HOUR_MS - 1) / TALKER_HOUR_MS * TALKER_HOUR_MS;
}

static int refuse(struct query *query, const char *why)
{
	snprintf(query->error, sizeof(query->error), "--from rollups: sums of minutes and hours %s",
		 why);
	return -EINVAL;
}

/* The window of sums, or why there is none. */
static int choose(struct query *query, const struct plan_ask *ask, struct plan *plan,
		  struct plan_have *have)
{
	int err = read_have(query, have);

	if (err)
		return err;
	plan->why = plan_refusal(query, ask);
	plan_window_of(have, plan->since_ms, plan->until_ms, &plan->window);
	if (!plan->why && plan->window.at[1] >= plan->window.at[4])
		plan->why = "are of no whole minute of this window";
	return 0;
}

static void set_records(struct plan *plan, int64_t since_ms)
{
	int64_t *at = plan->window.at;

	for (int i = 0; i < PLAN_PARTS; i++)
		at[i] = plan->since_ms > since_ms ? plan->since_ms : since_ms;
	at[PLAN_PARTS] = plan->until_ms;
}

static int answer(struct query *query, const struct plan_ask *ask, struct plan *plan)
{
	struct plan_have have = {0};
	struct plan_fill fill = {.query = query, .ask = ask};
	int64_t events_ms;
	int err = choose(query, ask, plan, &have);

	if (err)
		return err;
	fill.kind = (enum talker_kind)find_kind(ask->kind->name);
	fill.some_ifaces = !plan->why && fill.kind == TALKER_IFACE && !has_all_ifaces(query);
	events_ms = first_events(&have, &plan->window);
	fill.drops_until_ms = ask->events ? events_ms : 0;
	if (ask->from != PLAN_RECORDS && !plan->why) {
		err = by_sums(&fill, events_ms, plan);
		plan->rollups = !err;
		if (err != -ENOTSUP)
			return err;
	}
	if (ask->from == PLAN_ROLLUPS)
		return refuse(query, plan->why);
	set_records(plan, have.record_since_ms);
	return by_records(query, ask, plan);
}

int plan_read_part(struct query *query, const struct plan_ask *ask, int64_t since_ms,
		   int64_t until_ms, struct plan *ret_plan)
{
	int64_t own_since_ms = query->options.since_ms, own_until_ms = query->options.until_ms;
	int err;

	*ret_plan = (struct plan){
		.group = {.geo = ask->geo}, .since_ms = since_ms, .until_ms = until_ms};
	err = answer(query, ask, ret_plan);
	query->options.since_ms = own_since_ms;
	query->options.until_ms = own_until_ms;
	return err;
}

int plan_read(struct query *query, const struct plan_ask *ask, struct plan *ret_plan)
{
	return plan_read_part(query, ask, query->options.since_ms, query->options.until_ms,
			      ret_plan);
}

void plan_free(struct plan *plan)
{
	group_free(&plan->group);
	group_sums_free(&plan->tail);
	memset(plan, 0, sizeof(*plan));
}
