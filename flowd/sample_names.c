/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_names.c: interfaces by a table of their numbers, places once a batch. See sample_names.h. */
#include "flowd/sample_names.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/flowd.h"
#include "flowd/iface.h"
#include "flowd/place.h"
#include "flowd/reason.h"

struct named {
	char name[16]; /* empty: none, or gone */
	uint32_t link;
};

/* A place, and the sample it is of. */
struct noted {
	uint64_t place;
	size_t number;
};

struct sample_names {
	const struct flowd *flowd;
	struct places *places;
	struct reasons *reasons;	 /* NULL: no drop was sampled yet */
	struct named iface[FLOW_IFACES]; /* by number */
	uint32_t other_index; /* the batch's device asked for last that is not counted, 0: none */
	struct named other;
	struct noted *note;
	size_t notes, room;
};

/* Of a device that is not configured. */
static void name_device(uint32_t ifindex, struct named *named)
{
	char name[IF_NAMESIZE] = "";

	*named = (struct named){.link = SAMPLE_LINK_ETHERNET};
	if (!ifindex || !if_indextoname(ifindex, name))
		return;
	memcpy(named->name, name, sizeof(named->name));
	if (iface_has_no_link_layer(name))
		named->link = SAMPLE_LINK_IP;
}

/* Those that a predecessor counted too: their samples may be in the ring. */
static void name_ifaces(struct sample_names *names)
{
	const struct flowd *flowd = names->flowd;

	for (uint32_t i = 0; i < FLOW_IFACES; i++)
		name_device(0, &names->iface[i]);
	name_device(0, &names->other);
	for (uint32_t i = 0; i < FLOW_IFACE_CELLS; i++) {
		const struct flow_iface *cell = &flowd->maps.ifaces[i];

		if (cell->ifindex && cell->ifnum < FLOW_IFACES)
			name_device(cell->ifindex, &names->iface[cell->ifnum]);
	}
	for (size_t i = 0; i < flowd->ifaces; i++) {
		const struct hook_iface *hook = &flowd->iface[i].hook;
		struct named *named = &names->iface[hook->ifnum % FLOW_IFACES];

		memcpy(named->name, hook->name, sizeof(named->name));
		named->link = hook->no_link_layer ? SAMPLE_LINK_IP : SAMPLE_LINK_ETHERNET;
	}
}

void sample_names_set_iface(struct sample_names *names, uint32_t ifnum, const char *name,
			    uint32_t link)
{
	struct named *named = &names->iface[ifnum % FLOW_IFACES];

	snprintf(named->name, sizeof(named->name), "%s", name);
	named->link = link;
}

struct sample_names *sample_names_open(const struct flowd *flowd)
{
	struct sample_names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	names->flowd = flowd;
	names->places = places_open(NULL);
	if (!names->places) {
		sample_names_free(names);
		return NULL;
	}
	name_ifaces(names);
	return names;
}

void sample_names_free(struct sample_names *names)
{
	if (!names)
		return;
	places_free(names->places);
	reasons_free(names->reasons);
	free(names->note);
	free(names);
}

/* A drop's device, which may be any. */
static const struct named *find_device(struct sample_names *names, uint32_t ifindex,
				       uint32_t *ret_ifnum)
{
	const struct flowd *flowd = names->flowd;

	*ret_ifnum = 0;
	for (size_t i = 0; i < flowd->ifaces; i++) {
		const struct hook_iface *hook = &flowd->iface[i].hook;

		if (!ifindex || hook->ifindex != ifindex)
			continue;
		*ret_ifnum = hook->ifnum % FLOW_IFACES;
		return &names->iface[*ret_ifnum];
	}
	if (names->other_index != ifindex) {
		name_device(ifindex, &names->other);
		names->other_index = ifindex;
	}
	return &names->other;
}

void sample_names_set(struct sample_names *names, const struct sample_head *head,
		      struct sample_record *rec)
{
	uint32_t ifnum = head->key.ifnum % FLOW_IFACES;
	const struct named *named = &names->iface[ifnum];

	if (!ifnum)
		named = find_device(names, head->ifindex, &ifnum);
	rec->iface = ifnum ? names->flowd->sweep.iface[ifnum].id : 0;
	rec->link = head->why & SAMPLE_BARE ? SAMPLE_LINK_IP : named->link;
	memcpy(rec->device, named->name, sizeof(rec->device));
	if (!(head->why & SAMPLE_DROP))
		return;
	if (!names->reasons)
		names->reasons = reasons_load();
	reason_name(names->reasons, EVENT_DROP, head->reason, rec->reason, sizeof(rec->reason));
}

void sample_names_note_place(struct sample_names *names, uint64_t place, size_t number)
{
	if (names->notes == names->room) {
		size_t room = names->room ? names->room * 2 : 64;
		struct noted *grown = reallocarray(names->note, room, sizeof(*grown));

		if (!grown) /* it stays without a name */
			return;
		names->note = grown;
		names->room = room;
	}
	names->note[names->notes++] = (struct noted){place, number};
}

void sample_names_learn(struct sample_names *names, struct sink_batch *batch)
{
	uint64_t *address = names->notes ? calloc(names->notes, sizeof(*address)) : NULL;

	for (size_t i = 0; address && i < names->notes; i++)
		address[i] = names->note[i].place;
	if (address)
		(void)places_learn(names->places, address, names->notes);
	free(address);
	for (size_t i = 0; i < names->notes; i++) {
		struct sample_record *rec = &batch->sample[names->note[i].number];

		place_name(names->places, names->note[i].place, rec->place, sizeof(rec->place));
	}
	names->notes = 0;
	/* it may have another name by the next batch */
	names->other_index = 0;
	name_device(0, &names->other);
}
