/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_sums.c: see group_sums.h. */
#include "cli/group_sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/group.h"
#include "schema/fields.h"
#include "schema/talker_times.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* b may be 0 or not: it is of `count` round trips. */
static void add_rtt(struct group_health *to, const struct group_health *from)
{
	if (!from->rtt_count)
		return;
	to->rtt_min_us =
		to->rtt_count ? smaller(to->rtt_min_us, from->rtt_min_us) : from->rtt_min_us;
	to->rtt_max_us = larger(to->rtt_max_us, from->rtt_max_us);
	to->rtt_sum_us += from->rtt_sum_us;
	to->rtt_count += from->rtt_count;
}

static void add_health(struct group_health *to, const struct group_health *from)
{
	to->retransmits += from->retransmits;
	to->retransmitted_bytes += from->retransmitted_bytes;
	to->out_of_order += from->out_of_order;
	to->dup_acks += from->dup_acks;
	to->zero_windows += from->zero_windows;
	to->resets += from->resets;
	to->keep_alives += from->keep_alives;
	to->syn_repeats += from->syn_repeats;
	add_rtt(to, from);
	to->handshake_sum_us += from->handshake_sum_us;
	to->handshakes += from->handshakes;
	for (int i = 0; i < EVENT_RETRANSMIT_MAX; i++)
		to->kernel[i] += from->kernel[i];
	to->resets_sent += from->resets_sent;
	to->resets_received += from->resets_received;
}

static void tally_add(struct group_tally *tally, uint32_t name, uint64_t packets)
{
	if (!name)
		return;
	for (int i = 0; i < GROUP_TALLY; i++) {
		if (tally->of[i].name && tally->of[i].name != name)
			continue;
		tally->of[i].name = name;
		tally->of[i].packets += packets;
		return;
	}
	tally->more = true;
}

static void add_tally(struct group_tally *to, const struct group_tally *from)
{
	for (int i = 0; i < GROUP_TALLY; i++)
		tally_add(to, from->of[i].name, from->of[i].packets);
	to->more |= from->more;
}

static void add_drops(struct group_drops *to, const struct group_drops *from)
{
	to->packets += from->packets;
	to->bytes += from->bytes;
	to->skbs += from->skbs;
	to->folded += from->folded;
	add_tally(&to->reason, &from->reason);
	add_tally(&to->place, &from->place);
	add_tally(&to->iface, &from->iface);
}

int group_sums_add_more(struct group_sums *to, const struct group_sums *sums)
{
	if (sums->health && !to->health) {
		to->health = calloc(1, sizeof(*to->health));
		if (!to->health)
			return -ENOMEM;
	}
	if (sums->drops && !to->drops) {
		to->drops = calloc(1, sizeof(*to->drops));
		if (!to->drops)
			return -ENOMEM;
	}
	if (sums->health)
		add_health(to->health, sums->health);
	if (sums->drops)
		add_drops(to->drops, sums->drops);
	return 0;
}

int group_sums_add(struct group_sums *to, const struct group_sums *sums)
{
	const struct talker_times from = {sums->flows, sums->start_ms, sums->end_ms};
	struct talker_times times = {to->flows, to->start_ms, to->end_ms};

	talker_times_add(&times, !times.end_ms, &from);
	to->start_ms = times.start_ms;
	to->end_ms = times.end_ms;
	to->flows += sums->flows;
	to->packets += sums->packets;
	to->bytes += sums->bytes;
	to->ip_bytes += sums->ip_bytes;
	return group_sums_add_more(to, sums);
}

void group_sums_free(struct group_sums *sums)
{
	free(sums->health);
	free(sums->drops);
	sums->health = NULL;
	sums->drops = NULL;
}

static void health_of(const struct half_health *half, struct group_health *ret_health)
{
	const struct flow_health_count *count = &half->count;

	*ret_health = (struct group_health){
		.retransmits = count->retransmits,
		.retransmitted_bytes = count->retransmitted_bytes,
		.out_of_order = count->out_of_order,
		.dup_acks = count->dup_acks,
		.zero_windows = count->zero_windows,
		.resets = count->resets,
		.keep_alives = count->keep_alives,
		.syn_repeats = count->syn_repeats,
		.rtt_sum_us = count->rtt_sum_us,
		.rtt_count = count->rtt_count,
		.rtt_min_us = half->rtt_min_us,
		.rtt_max_us = half->rtt_max_us,
		.handshake_sum_us = half->handshake_us,
		.handshakes = half->handshake_us != 0,
	};
}

static void sums_of_record(const struct flow_record *rec, unsigned match, struct group_part *part)
{
	struct group_sums *sums = &part->sums;
	struct group_health health;

	sums->start_ms = rec->start_ms;
	sums->end_ms = rec->end_ms;
	for (int which = 0; which < 2; which++) {
		const struct flow_half *half = &rec->half[which];

		if (!(match & (1U << which)))
			continue;
		sums->flows |= half->packets != 0; /* dropped packets alone are no flow */
		sums->packets += half->packets;
		sums->bytes += half->bytes;
		sums->ip_bytes += half->ip_bytes;
		if (!rec->has_health)
			continue;
		health_of(&rec->health[which], &health);
		if (sums->health)
			add_health(&part->health, &health);
		else
			part->health = health;
		sums->health = &part->health;
	}
}

static int retransmit_kind(const char *name)
{
	for (int i = 0; i < EVENT_RETRANSMIT_MAX; i++) {
		if (!strcmp(event_retransmit_name[i], name))
			return i;
	}
	return EVENT_RETRANSMIT_OTHER;
}

static void drops_of(const struct group_event *from, struct group_drops *drops)
{
	const struct event_record *event = from->event;

	memset(drops, 0, sizeof(*drops));
	drops->packets = event->packets;
	drops->bytes = event->bytes;
	drops->skbs = event->skbs;
	drops->folded = event->folded ? event->packets : 0;
	tally_add(&drops->reason, from->reason, event->packets);
	tally_add(&drops->place, from->place, event->packets);
	tally_add(&drops->iface, from->iface, event->packets);
}

static void sums_of_event(const struct group_event *from, struct group_part *part)
{
	const struct event_record *event = from->event;

	part->sums.start_ms = event->start_ms;
	part->sums.end_ms = event->end_ms;
	memset(&part->health, 0, sizeof(part->health));
	switch (event->what) {
	case EVENT_DROP:
		drops_of(from, &part->drops);
		part->sums.drops = &part->drops;
		return;
	case EVENT_RETRANSMIT:
		part->health.kernel[retransmit_kind(event->reason)] = event->packets;
		break;
	case EVENT_RESET_SENT:
		part->health.resets_sent = event->packets;
		break;
	case EVENT_RESET_RECEIVED:
		part->health.resets_received = event->packets;
		break;
	default:
		return;
	}
	part->sums.health = &part->health;
}

void group_sums_of(const struct group_item *item, unsigned match, struct group_part *ret_part)
{
	memset(&ret_part->sums, 0, sizeof(ret_part->sums));
	if (item->event)
		sums_of_event(item->event, ret_part);
	else
		sums_of_record(item->rec, match, ret_part);
}
