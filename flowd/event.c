/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event.c: generations, records, and what conversations are told. See event.h. */
#include "flowd/event.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flowd/event_map.h"
#include "flowd/event_said.h"
#include "flowd/expire_say.h"
#include "flowd/flowd.h"
#include "flowd/log.h"
#include "flowd/place.h"
#include "flowd/reason.h"

#define TURN_KEYS (EVENT_CELLS / 2) /* of a CPU, then a turn is early */
#define FINISH_NS 10000000	    /* until no program runs that began before the turn */
#define REFUSED_MAX 2		    /* times that a count is offered to conversations */

static const char missed_reason[] = "missed: nested";

struct event {
	struct flowd *flowd;
	struct trace *trace;
	struct event_rows rows;
	struct event_memory *memory;
	struct places *places;
	struct reasons *reasons;
	struct ring closes;
	struct event_stats stats;
	uint32_t retired; /* generation that is not drained, 0: none */
	bool ripe;	  /* no program counts into it any more */
	bool filled;	  /* it is in the batch in flight */
	bool quiet;	  /* what is there was there before: conversations are not told */
	bool again;	  /* something was refused: read again though nothing was counted */
	bool counted;	  /* something since the turn, or so it seems */
	bool finishing;
};

static uint32_t current(const struct event *event)
{
	return event->trace->control->generation;
}

/* --- the way up and down ----------------------------------------------------------------------- */

/* A retired generation of a predecessor: cleared where the database has it. */
static void take_over(struct event *event, uint32_t committed)
{
	uint32_t before = current(event) - 1;

	event->counted = true;
	event->quiet = !event->trace->control->drained;
	event->trace->control->drained = 0;
	if (!event->trace->taken_over)
		return;
	if (before == committed)
		event_map_clear(event->trace, before);
	else
		event->retired = before;
}

int event_open(struct flowd *flowd, uint32_t committed, struct event **ret_event)
{
	struct event *event = calloc(1, sizeof(*event));
	int err;

	if (!event)
		return -ENOMEM;
	event->flowd = flowd;
	event->trace = &flowd->trace;
	event->memory = event_memory_new();
	event->places = places_open(NULL);
	event->reasons = reasons_load();
	err = event->memory && event->places && event->reasons ? 0 : -ENOMEM;
	err = err ? err
		  : ring_open(event->trace->closes_fd, event->trace->closes_bytes, &event->closes);
	if (err) {
		event_free(event);
		return err;
	}
	take_over(event, committed);
	*ret_event = event;
	return 0;
}

void event_free(struct event *event)
{
	if (!event)
		return;
	if (event->finishing && !event->retired)
		event->trace->control->drained = 1;
	event_rows_free(&event->rows);
	event_memory_free(event->memory);
	places_free(event->places);
	reasons_free(event->reasons);
	ring_close(&event->closes);
	free(event);
}

/* --- conversations ----------------------------------------------------------------------------- */

uint32_t event_ifnum(const struct event *event, uint32_t ifindex)
{
	const struct flow_iface *cell = ifindex ? maps_iface(&event->flowd->maps, ifindex) : NULL;

	return cell && cell->ifindex == ifindex ? cell->ifnum : 0;
}

/* On the interface that the kernel named; where it named none, on whichever has the flow. */
static bool say(struct event *event, const struct flow_key *flow, uint32_t ifindex,
		const struct expire_said *said)
{
	const struct flowd *flowd = event->flowd;
	struct flow_key key = *flow;

	key.ifnum = (__u16)event_ifnum(event, ifindex);
	if (ifindex)
		return key.ifnum && expire_say(flowd->sweep.expire, &key, said);
	for (size_t i = 0; i < flowd->ifaces; i++) {
		key.ifnum = flowd->iface[i].hook.ifnum;
		if (expire_say(flowd->sweep.expire, &key, said))
			return true;
	}
	return false;
}

/* What the count gained, to whom it belongs. Refused, it is offered once more. */
static void tell_one(struct event *event, const struct event_key *key,
		     const struct event_count *count)
{
	struct expire_said said = {0};
	struct event_said *told;
	uint64_t packets, bytes;

	if (key->what != EVENT_DROP && key->what != EVENT_RETRANSMIT)
		return;
	told = event_memory_get(event->memory, key);
	if (!told)
		return;
	packets = count->packets - told->packets;
	bytes = count->bytes - told->bytes;
	if (!packets)
		return;
	if (key->what == EVENT_DROP) {
		said.drops = (uint32_t)packets;
		said.drop_bytes = bytes;
	} else {
		said.retransmits = (uint32_t)packets;
	}
	if (!event->quiet && !say(event, &key->flow, key->ifindex, &said)) {
		if (++told->refused < REFUSED_MAX) {
			event->again = true;
			return;
		}
		event->stats.unclaimed += packets;
	}
	told->refused = 0;
	told->packets = count->packets;
	told->bytes = count->bytes;
}

static void tell_close(struct event *event, const struct event_close *end)
{
	struct flow_socket socket = event_socket(end);
	struct expire_said said = {.socket = &socket};

	event->stats.closes++;
	if (!say(event, &end->flow, end->ifindex, &said))
		event->stats.closes_alone++;
}

/* True: something was counted since the last time. */
static bool take_dirty(const struct event *event)
{
	bool dirty = false;

	for (uint32_t cpu = 0; cpu < event->trace->cpus; cpu++)
		dirty |= __atomic_exchange_n(&event->trace->cpu[cpu].dirty, 0, __ATOMIC_ACQ_REL);
	return dirty;
}

void event_read(struct event *event)
{
	const struct event_close *end;
	uint64_t begun_ns;
	size_t size;
	bool dirty;

	if (!event)
		return;
	while ((end = ring_read(&event->closes, &size))) {
		if (size == sizeof(*end))
			tell_close(event, end);
	}
	ring_release(&event->closes, event->closes.read_pos);
	begun_ns = event->trace->control->begun_ns[current(event) & 1];
	event->ripe = event->retired && clock_mono().ns - begun_ns >= FINISH_NS;
	dirty = take_dirty(event);
	event->counted |= dirty;
	dirty |= event->again || event->quiet;
	event->again = false;
	if (!dirty)
		return;
	event_rows_reset(&event->rows);
	if (event->retired)
		event_map_rows(event->trace, event->retired, &event->rows);
	event_map_rows(event->trace, current(event), &event->rows);
	for (size_t i = 0; i < event->rows.count; i++)
		tell_one(event, &event->rows.row[i].key, &event->rows.row[i].count);
	event->quiet = false;
}

/* --- records ----------------------------------------------------------------------------------- */

static uint64_t missed_in(const struct event *event, uint32_t generation, uint32_t what)
{
	const struct event_control *control = event->trace->control;
	uint64_t before = control->missed[(generation - 1) & 1][what];
	uint64_t after = generation == current(event) ? trace_missed(event->trace, what)
						      : control->missed[generation & 1][what];

	/* retransmits that were missed are made up for by the socket's own counter */
	return what != EVENT_RETRANSMIT && after > before ? after - before : 0;
}

static void name_device(const struct event *event, uint32_t ifindex, struct event_record *rec)
{
	const struct flowd *flowd = event->flowd;
	char name[IF_NAMESIZE] = "";

	rec->iface = flowd->sweep.iface[event_ifnum(event, ifindex) % FLOW_IFACES].id;
	for (size_t i = 0; i < flowd->ifaces; i++) {
		if (ifindex && flowd->iface[i].hook.ifindex == ifindex) {
			memcpy(rec->device, flowd->iface[i].hook.name, sizeof(rec->device));
			return;
		}
	}
	if (ifindex && if_indextoname(ifindex, name))
		memcpy(rec->device, name, sizeof(rec->device));
}

/* When a generation was the one counted into. */
static void set_times(const struct event *event, uint32_t generation, struct event_record *rec)
{
	const struct event_control *control = event->trace->control;
	struct mono end = generation == current(event)
				  ? clock_mono()
				  : (struct mono){control->begun_ns[(generation + 1) & 1]};
	struct clock_offset offset = sweep_offset(&event->flowd->sweep, end.ns);

	rec->start_ms = clock_to_wall(offset, (struct mono){control->begun_ns[generation & 1]}).ms;
	rec->end_ms = clock_to_wall(offset, end).ms;
}

static void set_count(struct event_record *rec, const struct event_count *count)
{
	rec->packets = count->packets;
	rec->bytes = count->bytes;
	rec->skbs = count->skbs;
}

static void learn_places(struct event *event)
{
	uint64_t *address = calloc(event->rows.count + 1, sizeof(*address));

	for (size_t i = 0; address && i < event->rows.count; i++)
		address[i] = event->rows.row[i].key.place;
	if (address)
		(void)places_learn(event->places, address, event->rows.count);
	free(address);
}

static bool show_rows(const struct event *event, uint32_t generation, event_show *show, void *arg)
{
	for (size_t i = 0; i < event->rows.count; i++) {
		const struct event_row *row = &event->rows.row[i];
		struct event_record rec = {.key = row->key.flow, .what = (uint8_t)row->key.what};

		set_times(event, generation, &rec);
		set_count(&rec, &row->count);
		name_device(event, row->key.ifindex, &rec);
		reason_name(event->reasons, row->key.what, row->key.reason, rec.reason,
			    sizeof(rec.reason));
		place_name(event->places, row->key.place, rec.place, sizeof(rec.place));
		if (!show(arg, &rec))
			return false;
	}
	return true;
}

/* A line without a flow. */
static bool show_folded(const struct event *event, uint32_t generation, uint32_t what,
			const struct event_count *count, const char *reason, event_show *show,
			void *arg)
{
	struct event_record rec = {.what = (uint8_t)what, .folded = 1};

	if (!count->skbs)
		return true;
	set_times(event, generation, &rec);
	set_count(&rec, count);
	snprintf(rec.reason, sizeof(rec.reason), "%s", reason);
	return show(arg, &rec);
}

static bool show_what(const struct event *event, uint32_t generation, uint32_t what,
		      event_show *show, void *arg)
{
	uint64_t missed = missed_in(event, generation, what);
	struct event_count nested = {.packets = missed, .skbs = missed};
	char name[sizeof(((struct event_record *)0)->reason)];

	for (uint32_t reason = 0; reason < EVENT_REASONS; reason++) {
		const struct event_count *count = &event->rows.folded[what][reason];

		reason_name(event->reasons, what, reason, name, sizeof(name));
		if (reason == EVENT_REASONS - 1)
			snprintf(name, sizeof(name), "%u and more", reason);
		if (!show_folded(event, generation, what, count, name, show, arg))
			return false;
	}
	return show_folded(event, generation, what, &nested, missed_reason, show, arg);
}

static size_t rows_max(const struct event *event, uint32_t generation)
{
	const struct event_control *control = event->trace->control;
	uint64_t end = generation == current(event) ? clock_mono().ns
						    : control->begun_ns[(generation + 1) & 1];
	uint64_t rate = event->flowd->config->record_rate;

	return event_rows_max(end - control->begun_ns[generation & 1],
			      rate == CONFIG_RATE_NONE ? 0 : rate);
}

/* All that a generation holds. False: `show` gave up. */
static bool show_generation(struct event *event, uint32_t generation, event_show *show, void *arg)
{
	event_rows_reset(&event->rows);
	event_map_rows(event->trace, generation, &event->rows);
	event_rows_fold(&event->rows, rows_max(event, generation));
	learn_places(event);
	if (!show_rows(event, generation, show, arg))
		return false;
	for (uint32_t what = 0; what < EVENT_MAX; what++) {
		if (!show_what(event, generation, what, show, arg))
			return false;
	}
	return true;
}

void event_live(struct event *event, event_show *show, void *arg)
{
	if (!event || (event->retired && !show_generation(event, event->retired, show, arg)))
		return;
	(void)show_generation(event, current(event), show, arg);
}

/* --- generations ------------------------------------------------------------------------------- */

static bool add_to_batch(void *arg, const struct event_record *rec)
{
	return !sink_batch_add_event(arg, rec);
}

void event_fill(struct event *event, struct sink_batch *batch)
{
	if (!event || !event->ripe || event->filled)
		return;
	event->filled = show_generation(event, event->retired, add_to_batch, batch);
	if (event->filled)
		batch->event_generation = event->retired;
	else /* whole or not at all: the next batch has it */
		batch->events = 0;
}

static void note_drained(struct event *event)
{
	event_rows_reset(&event->rows);
	event_map_rows(event->trace, event->retired, &event->rows);
	event_rows_fold(&event->rows, rows_max(event, event->retired));
	for (size_t i = 0; i < event->rows.count; i++)
		event->stats.told[event->rows.row[i].key.what] += event->rows.row[i].count.packets;
	for (uint32_t what = 0; what < EVENT_MAX; what++) {
		for (uint32_t reason = 0; reason < EVENT_REASONS; reason++) {
			event->stats.told[what] += event->rows.folded[what][reason].packets;
			event->stats.folded += event->rows.folded[what][reason].packets;
		}
	}
	event->stats.rows += event->rows.count;
}

void event_settle(struct event *event)
{
	if (!event || !event->filled)
		return;
	note_drained(event);
	event_map_clear(event->trace, event->retired);
	event_memory_drop(event->memory, event->retired);
	event->retired = 0;
	event->filled = event->ripe = false;
}

static bool anything(struct event *event, uint32_t generation)
{
	event_rows_reset(&event->rows);
	event_map_rows(event->trace, generation, &event->rows);
	for (uint32_t what = 0; what < EVENT_MAX; what++) {
		for (uint32_t reason = 0; reason < EVENT_REASONS; reason++) {
			if (event->rows.folded[what][reason].skbs)
				return true;
		}
	}
	return event->rows.count != 0;
}

static void turn(struct event *event)
{
	struct event_control *control = event->trace->control;
	uint32_t generation = current(event);

	for (uint32_t what = 0; what < EVENT_MAX; what++)
		control->missed[generation & 1][what] = trace_missed(event->trace, what);
	control->begun_ns[(generation + 1) & 1] = clock_mono().ns;
	__atomic_store_n(&control->generation, generation + 1, __ATOMIC_RELEASE);
	event->retired = generation;
	event->ripe = false;
	event->stats.turns++;
}

void event_turn(struct event *event)
{
	const struct event_control *control;
	uint32_t generation;

	if (!event || event->retired || !event->counted)
		return;
	control = event->trace->control;
	generation = control->generation;
	if (event_map_keys(event->trace, generation) < TURN_KEYS &&
	    clock_mono().ns - control->begun_ns[generation & 1] < EVENT_TURN_NS)
		return;
	event->counted = false;
	if (anything(event, generation))
		turn(event);
}

void event_cut(struct event *event)
{
	if (event && !event->retired && anything(event, current(event)))
		turn(event);
}

bool event_finish(struct event *event)
{
	const struct timespec pause = {.tv_nsec = FINISH_NS};

	if (!event)
		return false;
	if (!event->retired && !event->finishing) {
		event->finishing = true;
		if (anything(event, current(event)))
			turn(event);
	}
	if (event->retired && !event->ripe)
		nanosleep(&pause, NULL);
	event->ripe = event->retired != 0;
	return event->ripe;
}

const struct event_stats *event_stats(const struct event *event)
{
	return &event->stats;
}

uint64_t event_pending(struct event *event, uint32_t what, uint64_t *ret_folded)
{
	uint64_t packets = 0, folded = 0;

	event_rows_reset(&event->rows);
	if (event->retired)
		event_map_rows(event->trace, event->retired, &event->rows);
	event_map_rows(event->trace, current(event), &event->rows);
	for (size_t i = 0; i < event->rows.count; i++) {
		if (event->rows.row[i].key.what == what)
			packets += event->rows.row[i].count.packets;
	}
	for (uint32_t reason = 0; reason < EVENT_REASONS; reason++)
		folded += event->rows.folded[what][reason].packets;
	*ret_folded = folded;
	return packets + folded;
}
