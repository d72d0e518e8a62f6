/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* layout.c: the layouts that were, and how one of them becomes this one's. See layout.h. */
#include "flowd/layout.h"

#include <string.h>

#include "schema/flow.h"

#define AT(type, name)                                                                  \
	{                                                                               \
		offsetof(struct type, name), (uint16_t)sizeof(((struct type *)0)->name) \
	}
#define OF(number, type, ...) [number] = {sizeof(struct type), {__VA_ARGS__}}

/* clang-format off */
const struct layout layout_now = {FLOW_LAYOUT, {
	OF(LAYOUT_KEY, flow_key, AT(flow_key, src), AT(flow_key, dst), AT(flow_key, sport), AT(flow_key, dport),
	   AT(flow_key, ethertype), AT(flow_key, vlan), AT(flow_key, cvlan), AT(flow_key, ifnum), AT(flow_key, proto),
	   AT(flow_key, dir), AT(flow_key, marks), AT(flow_key, tunnel_kind), AT(flow_key, tunnel_id),
	   AT(flow_key, outer)),
	OF(LAYOUT_SLOT, flow_slot, AT(flow_slot, key), AT(flow_slot, seq), AT(flow_slot, birth),
	   AT(flow_slot, packets), AT(flow_slot, bytes), AT(flow_slot, ip_bytes), AT(flow_slot, first_ns),
	   AT(flow_slot, last_ns), AT(flow_slot, tcp_flags), AT(flow_slot, tcp_syn), AT(flow_slot, tcp_state)),
	OF(LAYOUT_SET, flow_set, AT(flow_set, slot), AT(flow_set, tag), AT(flow_set, used)),
	OF(LAYOUT_HEALTH_COUNT, flow_health_count, AT(flow_health_count, retransmitted_bytes),
	   AT(flow_health_count, rtt_sum_us), AT(flow_health_count, rtt_count), AT(flow_health_count, retransmits),
	   AT(flow_health_count, out_of_order), AT(flow_health_count, dup_acks), AT(flow_health_count, zero_windows),
	   AT(flow_health_count, resets), AT(flow_health_count, keep_alives), AT(flow_health_count, syn_repeats)),
	OF(LAYOUT_HEALTH, flow_health, AT(flow_health, count), AT(flow_health, rtt_min_us),
	   AT(flow_health, rtt_max_us), AT(flow_health, handshake_us), AT(flow_health, initial_ns)),
	OF(LAYOUT_HEALTH_MARK_VERSION, flow_health_mark_version, AT(flow_health_mark_version, count),
	   AT(flow_health_mark_version, birth)),
	OF(LAYOUT_HEALTH_MARK, flow_health_mark, AT(flow_health_mark, committed), AT(flow_health_mark, pending)),
	OF(LAYOUT_MARK_VERSION, flow_mark_version, AT(flow_mark_version, birth), AT(flow_mark_version, sweep),
	   AT(flow_mark_version, packets), AT(flow_mark_version, bytes), AT(flow_mark_version, ip_bytes)),
	OF(LAYOUT_MARK, flow_mark, AT(flow_mark, committed), AT(flow_mark, pending)),
	OF(LAYOUT_EVICTED, flow_evicted, AT(flow_evicted, slot), AT(flow_evicted, health), AT(flow_evicted, index)),
	OF(LAYOUT_LEDGER, flow_ledger, AT(flow_ledger, seen), AT(flow_ledger, verdict)),
	OF(LAYOUT_IFACE, flow_iface, AT(flow_iface, ifindex), AT(flow_iface, ifnum), AT(flow_iface, marks)),
	OF(LAYOUT_CONTROL, flow_control, AT(flow_control, epoch), AT(flow_control, layout),
	   AT(flow_control, generation), AT(flow_control, netns_cookie), AT(flow_control, sampling),
	   AT(flow_control, sets), AT(flow_control, cpus)),
}};
/* clang-format on */

/* What the first fields of a struct are: structs themselves. */
static const struct {
	uint8_t inner; /* enum layout_struct */
	uint8_t fields;
} nested[LAYOUT_STRUCTS] = {
	[LAYOUT_SLOT] = {LAYOUT_KEY, 1},
	[LAYOUT_SET] = {LAYOUT_SLOT, 1},
	[LAYOUT_HEALTH] = {LAYOUT_HEALTH_COUNT, 1},
	[LAYOUT_HEALTH_MARK_VERSION] = {LAYOUT_HEALTH_COUNT, 1},
	[LAYOUT_HEALTH_MARK] = {LAYOUT_HEALTH_MARK_VERSION, 2},
	[LAYOUT_MARK] = {LAYOUT_MARK_VERSION, 2},
	[LAYOUT_EVICTED] = {LAYOUT_SLOT, 1},
};

static const struct layout known[] = {
#include "flowd/layout4.inc"
#include "flowd/layout5.inc"
};

const struct layout *layout_find(uint32_t number)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].number == number)
			return &known[i];
	}
	return NULL;
}

/* A number that has become larger has its upper bytes 0: both are little-endian, as all that flowd is for. */
static void read_field(const struct layout *from, enum layout_struct what, size_t i,
		       const char *old, char *now)
{
	struct layout_field a = from->of[what].field[i], b = layout_now.of[what].field[i];

	memcpy(now + b.offset, old + a.offset, a.size < b.size ? a.size : b.size);
}

void layout_read(const struct layout *from, enum layout_struct what, const void *old, void *ret)
{
	size_t inner = nested[what].inner, fields = nested[what].fields, i, n;

	memset(ret, 0, layout_now.of[what].size);
	for (i = 0; i < fields; i++) {
		struct layout_field a = from->of[what].field[i], b = layout_now.of[what].field[i];

		for (n = 0; n < a.size / from->of[inner].size; n++)
			layout_read(from, (enum layout_struct)inner,
				    (const char *)old + a.offset + n * from->of[inner].size,
				    (char *)ret + b.offset + n * layout_now.of[inner].size);
	}
	for (; i < LAYOUT_FIELDS_MAX; i++)
		read_field(from, what, i, old, ret);
}

void layout_read_evicted(const struct layout *from, const void *old, size_t size,
			 struct flow_evicted *ret)
{
	const size_t health = 1; /* its number among the fields */
	struct layout_field at = from->of[LAYOUT_EVICTED].field[health];

	memset(ret, 0, sizeof(*ret));
	layout_read(from, LAYOUT_SLOT, (const char *)old + from->of[LAYOUT_EVICTED].field[0].offset,
		    &ret->slot);
	read_field(from, LAYOUT_EVICTED, 2, old, (char *)ret);
	if (size >= (size_t)at.offset + at.size)
		layout_read(from, LAYOUT_HEALTH, (const char *)old + at.offset, &ret->health);
}
