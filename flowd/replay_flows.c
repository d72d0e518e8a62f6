/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay_flows.c: from slots to conversations to records. See replay_flows.h. */
#include "flowd/replay_flows.h"

#include <errno.h>
#include <string.h>

#include "flowd/books.h"
#include "flowd/config.h"
#include "flowd/outer.h"
#include "flowd/record.h"
#include "flowd/replay_sink.h"

#define SLOTS_DEFAULT 262144 /* where the configuration leaves it at CONFIG_SLOTS */

static bool export_one(void *arg, const struct expire_record *from)
{
	static const struct clock_offset utc = {0}; /* a capture's times are UTC already */
	struct replay_flows *flows = arg;
	struct flow_record rec;

	if (from->half[0].packets | from->half[1].packets) {
		record_make(from, utc, flows->outer, &rec);
		replay_sink_record(flows->sink, &rec);
	}
	for (int i = 0; from->gone && i < 2; i++) {
		uint32_t slot = from->ref[i] == EXPIRE_NONE
					? EXPIRE_NONE
					: *expire_slots(flows->expire, from->ref[i]);

		if (slot != EXPIRE_NONE)
			replay_cache_unlink(&flows->cache, slot);
	}
	return true;
}

/* The delta's packets got another verdict after all. */
static void fold_verdict(struct replay_flows *flows, const struct flow_key *key,
			 const struct expire_delta *delta, enum flow_verdict verdict)
{
	struct flow_count *count = flows->sink->books[key->dir & 1].verdict;

	if (key->marks & FLOW_MARK_SHORT)
		books_count(&count[VERDICT_SHORT], -delta->packets, -delta->bytes);
	else if (key->marks & FLOW_MARK_DEEP)
		books_count(&count[VERDICT_DEEP], -delta->packets, -delta->bytes);
	books_count(&count[verdict], delta->packets, delta->bytes);
}

/* The table is full: see expire_add_less. */
static void add_folded(struct replay_flows *flows, const struct flow_key *key,
		       const struct expire_delta *delta)
{
	struct sink_books *books = &flows->sink->books[key->dir & 1];
	enum flow_verdict verdict;

	if (expire_add_less(flows->expire, key, delta, &verdict) == EXPIRE_NONE) {
		books->unaccounted_packets += (int64_t)delta->packets;
		books->unaccounted_bytes += (int64_t)delta->bytes;
	}
	fold_verdict(flows, key, delta, verdict);
}

/* An expire_pull: what the half's slot gained since it was asked. */
static void pull(void *arg, uint32_t slot, bool soon)
{
	struct replay_flows *flows = arg;

	if (soon)
		replay_cache_fetch(&flows->cache, slot);
	else
		replay_cache_pull(&flows->cache, slot);
}

/* The half that the slot's key has got; half and slot know each other until either goes. */
static void link_slot(struct replay_flows *flows, uint32_t number, uint32_t ref)
{
	replay_cache_link(&flows->cache, number, ref);
	*expire_slots(flows->expire, ref) = number;
}

/* A slot without a conversation will be handed over: see expire_want. */
static void fetch_unknown(struct replay_flows *flows, const struct flow_slot *slot,
			  enum replay_when when)
{
	if (when == REPLAY_SOON)
		expire_want(flows->expire, &slot->key,
			    &flows->wanted[flows->wants++ % REPLAY_WANTED]);
	else
		expire_fetch(flows->expire, &flows->wanted[flows->fetches++ % REPLAY_WANTED]);
}

/* In the order in which they were announced; those that make room were not. */
static uint32_t add_unknown(struct replay_flows *flows, const struct flow_slot *slot,
			    const struct expire_delta *delta, enum replay_when when)
{
	if (when == REPLAY_LAST)
		return expire_add(flows->expire, &slot->key, delta);
	return expire_add_wanted(flows->expire, &slot->key,
				 &flows->wanted[flows->adds++ % REPLAY_WANTED], delta);
}

/* A slot whose conversation is known gained that. */
static void add_known(struct replay_flows *flows, uint32_t ref, const struct expire_delta *delta,
		      enum replay_when when)
{
	if (delta->packets)
		expire_add_to(flows->expire, ref, delta);
	if (when == REPLAY_LAST)
		*expire_slots(flows->expire, ref) = EXPIRE_NONE;
}

static void add_gain(struct replay_flows *flows, uint32_t number, const struct flow_slot *slot,
		     enum replay_when when)
{
	uint32_t ref = replay_slot_ref(slot);
	struct expire_delta delta = expire_delta_of(slot);

	delta.health = replay_cache_health(&flows->cache, number);
	if (ref != REPLAY_NO_REF) {
		add_known(flows, ref, &delta, when);
		return;
	}
	ref = add_unknown(flows, slot, &delta, when);
	if (ref == EXPIRE_NONE)
		add_folded(flows, &slot->key, &delta);
	else if (when != REPLAY_LAST)
		link_slot(flows, number, ref);
}

/* A replay_gain. */
static void take_gain(void *arg, uint32_t number, const struct flow_slot *slot,
		      enum replay_when when)
{
	struct replay_flows *flows = arg;

	if (when == REPLAY_GAIN || when == REPLAY_LAST)
		add_gain(flows, number, slot, when);
	else if (replay_slot_ref(slot) != REPLAY_NO_REF)
		expire_fetch_half(flows->expire, replay_slot_ref(slot));
	else
		fetch_unknown(flows, slot, when);
}

static void slot_moved(void *arg, uint32_t old_ref, uint32_t new_ref)
{
	struct replay_flows *flows = arg;
	uint32_t slot = *expire_slots(flows->expire, new_ref);

	(void)old_ref;
	if (slot != EXPIRE_NONE)
		replay_cache_link(&flows->cache, slot, new_ref);
}

/*
 * Conversations are paired a sweep after they were made: where many sweeps would have been, two
 * passes stand for all, so that none expires without its other direction.
 */
void replay_flows_gather(struct replay_flows *flows, bool many)
{
	replay_cache_sweep(&flows->cache);
	expire_pair(flows->expire, slot_moved, flows);
	if (many)
		expire_pair(flows->expire, slot_moved, flows);
}

void replay_flows_due(struct replay_flows *flows, uint64_t now_ns)
{
	(void)expire_due(flows->expire, now_ns, export_one, flows);
}

void replay_flows_end(struct replay_flows *flows)
{
	replay_flows_gather(flows, true);
	(void)expire_all(flows->expire, export_one, flows);
}

int replay_flows_open(struct replay_flows *flows, const struct config *config,
		      struct replay_sink *sink)
{
	struct expire_conf conf = {
		.idle_ns = config->idle_ns,
		.active_ns = config->active_ns,
		.linger_ns = config->linger_ns,
		.sweep_ns = config->sweep_ns,
		.pull = pull,
		.pull_arg = flows,
	};
	uint32_t slots = config->slots == CONFIG_SLOTS ? SLOTS_DEFAULT : config->slots;
	int err = replay_cache_open(&flows->cache, slots, take_gain, flows);

	if (err)
		return err;
	flows->sink = sink;
	flows->expire = expire_new(&conf);
	flows->outer = outer_new(-1);
	return flows->expire && flows->outer ? 0 : -ENOMEM;
}

void replay_flows_close(struct replay_flows *flows)
{
	replay_cache_close(&flows->cache);
	outer_free(flows->outer);
	expire_free(flows->expire);
}
