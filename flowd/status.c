/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* status.c: counters and books to JSON. */
#include "flowd/status.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "flowd/books.h"
#include "flowd/control.h"
#include "flowd/retain_say.h"
#include "flowd/sample_say.h"
#include "flowd/text_json.h"
#include "flowd/tracing.h"

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *sweep_object(const struct sweep *sweep, const struct config *config)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "count",
			 number(sweep->stats.sweeps), "interval_ms",
			 number(config->sweep_ns / 1000000), "last_us",
			 number(sweep->stats.last_us), "max_us", number(sweep->stats.max_us),
			 "visited", number(sweep->stats.visited), "torn", number(sweep->stats.torn),
			 "stale", number(sweep->stats.stale), "folded", number(sweep->stats.folded),
			 "starved", number(sweep->stats.starved));
}

static json_t *map_object(const struct flowd *flowd)
{
	const struct maps *maps = &flowd->maps;
	uint64_t slots = (uint64_t)maps->cpus * maps->control->sets * FLOW_WAYS;

	return json_pack("{s:o, s:o, s:o, s:o}", "slots", number(slots), "used",
			 number(maps_slots_used(maps)), "cpus", number(maps->cpus), "bytes",
			 number(maps->bytes));
}

static json_t *ring_object(const struct sweep *sweep)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "size", number(sweep->ring.bytes), "used",
			 number(ring_used(&sweep->ring)), "absorbed", number(sweep->stats.absorbed),
			 "given_early", number(sweep->stats.given));
}

static json_t *cache_object(const struct maps *maps)
{
	struct flow_cpu sum = {0};

	for (uint32_t cpu = 0; cpu < maps->cpus; cpu++) {
		sum.created += maps->cpu[cpu].created;
		sum.evicted += maps->cpu[cpu].evicted;
		sum.reused += maps->cpu[cpu].reused;
		sum.ring_full += maps->cpu[cpu].ring_full;
		sum.pulled += maps->cpu[cpu].pulled;
		sum.outer_full += maps->cpu[cpu].outer_full;
		sum.unasked += maps->cpu[cpu].unasked;
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "created", number(sum.created),
			 "evicted", number(sum.evicted), "reused", number(sum.reused), "ring_full",
			 number(sum.ring_full), "pulled", number(sum.pulled), "outer_full",
			 number(sum.outer_full), "unasked", number(sum.unasked));
}

static json_t *table_object(const struct sweep *sweep, const struct room *room)
{
	return json_pack("{s:o, s:o, s:o}", "conversations", number(expire_count(sweep->expire)),
			 "memory_bytes", number(expire_bytes(sweep->expire)), "most",
			 number(room->conversations));
}

/* What goes to the database, and what of it was folded since flowd's start. */
static json_t *records_object(const struct limit *limit)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "rate", number(limit->conf.rate),
			 "folded_flows", number(limit->stats.flows), "folded_packets",
			 number(limit->stats.packets), "folded_bytes", number(limit->stats.bytes),
			 "waited", number(limit->stats.waited));
}

static json_t *cpu_object(void)
{
	struct rusage usage;
	unsigned long pages = 0, resident = 0;
	FILE *statm = fopen("/proc/self/statm", "re");

	if (statm && fscanf(statm, "%lu %lu", &pages, &resident) != 2)
		resident = 0;
	if (statm)
		fclose(statm);
	getrusage(RUSAGE_SELF, &usage);
	return json_pack("{s:f, s:f, s:o}", "user_s",
			 (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
			 "system_s",
			 (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
			 "rss_kb", number(resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024));
}

/* NAME_packets and NAME_bytes, each [ingress, egress]. */
static void add_pair(json_t *object, const char *name, const struct flow_count pair[2])
{
	char key[64];

	snprintf(key, sizeof(key), "%s_packets", name);
	json_object_set_new(object, key,
			    json_pack("[o, o]", number(pair[0].packets), number(pair[1].packets)));
	snprintf(key, sizeof(key), "%s_bytes", name);
	json_object_set_new(object, key,
			    json_pack("[o, o]", number(pair[0].bytes), number(pair[1].bytes)));
}

static void add_books(json_t *object, const struct sweep *sweep, uint32_t ifnum)
{
	static const char *const names[VERDICT_MAX] = {NULL, "short", "deep", "folded", "catchall"};
	const struct sweep_books *b = sweep->iface[ifnum].books;
	struct flow_count recorded[2] = {b[0].settled.recorded, b[1].settled.recorded};
	struct flow_count seen[2], held[2];
	struct flow_ledger sum[2];

	for (uint32_t dir = 0; dir < 2; dir++) {
		seen[dir].packets = b[dir].obs.packets + (uint64_t)b[dir].unaccounted_packets;
		seen[dir].bytes = b[dir].obs.bytes + (uint64_t)b[dir].unaccounted_bytes;
		held[dir].packets = b[dir].obs.packets - recorded[dir].packets;
		held[dir].bytes = b[dir].obs.bytes - recorded[dir].bytes;
		maps_ledger(sweep->maps, ifnum, dir, &sum[dir]);
	}
	add_pair(object, "seen", seen);
	add_pair(object, "recorded", recorded);
	add_pair(object, "held", held);
	for (int v = VERDICT_SHORT; v < VERDICT_MAX; v++) {
		struct flow_count pair[2] = {books_verdict(&b[0], &sum[0], v),
					     books_verdict(&b[1], &sum[1], v)};

		add_pair(object, names[v], pair);
	}
	json_object_set_new(object, "unaccounted_packets",
			    json_pack("[I, I]", (json_int_t)b[0].unaccounted_packets,
				      (json_int_t)b[1].unaccounted_packets));
	json_object_set_new(object, "unaccounted_bytes",
			    json_pack("[I, I]", (json_int_t)b[0].unaccounted_bytes,
				      (json_int_t)b[1].unaccounted_bytes));
}

/* What the NIC counted while the hooks saw `nic_seen`; null where nothing is held against it. */
static void add_nic(json_t *object, const struct sweep_books b[2])
{
	json_t *nic = json_array(), *seen = json_array(), *difference = json_array();

	for (int dir = 0; dir < 2; dir++) {
		const struct nic_book *book = &b[dir].nic;
		uint64_t packets = book->seen.packets + (uint64_t)book->packets;

		json_array_append_new(nic, book->known ? number(packets) : json_null());
		json_array_append_new(seen, book->known ? number(book->seen.packets) : json_null());
		json_array_append_new(difference,
				      book->known ? json_integer(book->packets) : json_null());
	}
	json_object_set_new(object, "nic_packets", nic);
	json_object_set_new(object, "nic_seen_packets", seen);
	json_object_set_new(object, "nic_difference_packets", difference);
}

/* Counters of an interface that have gained anything since flowd's start; 0: of the host. */
static json_t *counters_array(const struct counters *counters, uint32_t ifnum)
{
	json_t *array = json_array();
	int64_t now_ms = clock_wall().ms;

	for (size_t i = 0; i < counters->count; i++) {
		const struct counter *c = &counters->counter[i];

		if (c->ifnum == ifnum && c->total)
			json_array_append_new(array, json_pack("{s:s, s:o, s:o, s:o}", "source",
							       counter_sources[c->source], "name",
							       text_json(c->name), "gained",
							       number(c->total), "last_minute",
							       number(counter_recent(c, now_ms))));
	}
	return array;
}

static json_t *sampling_object(const struct counters *counters)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "samples", number(counters->stats.samples),
			 "failed", number(counters->stats.failed), "lost",
			 number(counters->stats.lost), "last_us", number(counters->stats.last_us),
			 "cpu_us", number(counters->stats.cpu_us));
}

static json_t *interfaces_array(const struct flowd *flowd)
{
	json_t *array = json_array();

	for (size_t i = 0; i < flowd->ifaces; i++) {
		const struct iface *iface = &flowd->iface[i];
		json_t *object = json_pack("{s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:b}", "name",
					   text_json(iface->hook.name), "ifindex",
					   number(iface->hook.ifindex), "id", number(iface->id),
					   "ingress", iface->by[0] ? iface->mode[0] : "none",
					   "egress", iface->by[1] ? iface->mode[1] : "none", "note",
					   text_json(iface->note), "vlan_note",
					   text_json(iface->vlan_note), "gone", iface->gone);

		add_books(object, &flowd->sweep, iface->hook.ifnum);
		add_nic(object, flowd->sweep.iface[iface->hook.ifnum].books);
		json_object_set_new(object, "counters",
				    counters_array(&flowd->sweep.counters, iface->hook.ifnum));
		json_array_append_new(array, object);
	}
	return array;
}

/* The user it runs as, and what it has given up. */
static json_t *confined_object(const struct flowd *flowd)
{
	const struct confine_state *state = &flowd->confined;
	char landlock[32] = "no", text[sizeof(state->note) + 96];

	if (state->landlock)
		snprintf(landlock, sizeof(landlock), "ABI %d", state->landlock);
	snprintf(text, sizeof(text), "user %u; landlock %s, seccomp %s%s%s", geteuid(), landlock,
		 !state->seccomp ? "no"
		 : state->logs	 ? "logs only"
				 : "yes",
		 state->note[0] ? "; " : "", state->note);
	return json_pack("{s:i, s:i, s:b, s:b, s:o, s:o}", "uid", (int)geteuid(), "landlock",
			 state->landlock, "seccomp", state->seccomp && !state->logs, "logs",
			 state->logs, "note", text_json(state->note), "text", text_json(text));
}

char *status_json(struct flowd *flowd)
{
	struct sink_stats sink;
	json_t *object;
	char *text;

	sink_writer_stats(flowd->writer, &sink);
	sink_say(&flowd->sink_said, &sink, flowd->config->db, clock_mono().ns);
	sweep_visit(&flowd->sweep, false);
	object = json_pack(
		"{s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"version", WIRELEDGER_VERSION, "instance", text_json(flowd->config->instance),
		"pid", (int)getpid(), "uptime_s",
		number((clock_mono().ns - flowd->started.ns) / 1000000000), "netns",
		number(flowd->netns_cookie), "db", text_json(flowd->config->db), "sweep",
		sweep_object(&flowd->sweep, flowd->config), "map", map_object(flowd), "ring",
		ring_object(&flowd->sweep), "cache", cache_object(&flowd->maps), "sink",
		sink_say_status(&flowd->sink_said, &sink, &flowd->sweep, clock_mono().ns), "table",
		table_object(&flowd->sweep, &flowd->room), "cpu", cpu_object(), "interfaces",
		interfaces_array(flowd), "trace", tracing_status(flowd));
	json_object_set_new(object, "records", records_object(&flowd->sweep.limit));
	json_object_set_new(object, "sampling", sampling_object(&flowd->sweep.counters));
	json_object_set_new(object, "confined", confined_object(flowd));
	json_object_set_new(object, "pins", pins_status(flowd));
	json_object_set_new(object, "control", control_status(flowd->control));
	json_object_set_new(object, "samples", sample_status(flowd->samples));
	json_object_set_new(object, "retention", retain_say_status(&sink.retain));
	json_object_set_new(object, "host_counters", counters_array(&flowd->sweep.counters, 0));
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	return text;
}
