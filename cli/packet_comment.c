/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* packet_comment.c: see packet_comment.h. */
#include "cli/packet_comment.h"

#include <inttypes.h>
#include <linux/if_ether.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/group.h"
#include "cli/names.h"
#include "cli/segment.h"

struct text {
	char *buf;
	size_t size, len;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *text, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text->buf + text->len, text->size - text->len, format, args);
	va_end(args);
	if (len > 0)
		text->len += (size_t)len;
	if (text->len >= text->size)
		text->len = text->size - 1;
}

static void add_flow(struct text *text, const struct flow_key *key, int64_t flow)
{
	char name[3 * NAMES_SIZE];

	if (flow)
		add(text, "flow %" PRId64 ": ", flow);
	group_kind_find("flow")->text(key, name, sizeof(name));
	add(text, "%s", name);
	if (key->tunnel_kind) {
		names_tunnel(key->tunnel_kind, key->tunnel_id, name, sizeof(name));
		add(text, " in %s", name);
	}
	if (key->vlan)
		add(text, ", vlan %u", key->vlan & 0xfffU);
	if (key->cvlan)
		add(text, ".%u", key->cvlan & 0xfffU);
}

static void add_drop(struct text *text, const struct sample_record *sample)
{
	add(text, "dropped by the kernel");
	if (*sample->reason)
		add(text, ": %.*s", (int)sizeof(sample->reason), sample->reason);
	if (*sample->place)
		add(text, " at %.*s", (int)sizeof(sample->place), sample->place);
}

static const struct {
	uint32_t why;
	const char *name;
} whys[] = {
	{SAMPLE_FIRST, "one of the first of its flow"},
	{SAMPLE_RESET, "reset"},
	{SAMPLE_RETRANSMIT, "retransmitted or out of order"},
	{SAMPLE_ZERO_WINDOW, "zero window"},
	{SAMPLE_MALFORMED, "malformed"},
};

static void add_why(struct text *text, const struct sample_record *sample)
{
	const char *before = "; ";

	if (sample->why & SAMPLE_RATE) {
		add(text, "%ssampled 1/%" PRIu32, before, sample->rate ? sample->rate : 1);
		before = ", ";
	}
	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++) {
		if (!(sample->why & whys[i].why))
			continue;
		add(text, "%s%s", before, whys[i].name);
		before = ", ";
	}
	if (sample->why & SAMPLE_DROP) {
		add(text, "%s", before);
		add_drop(text, sample);
	}
}

void packet_comment(const struct sample_record *sample, const struct segment *segment,
		    uint32_t number, int64_t flow, char *buf, size_t size)
{
	struct text text = {.buf = buf, .size = size};

	*buf = 0;
	add_flow(&text, &sample->key, flow);
	add_why(&text, sample);
	if (segment->count > 1)
		add(&text, "; segment %" PRIu32 " of %" PRIu32, number + 1, segment->count);
	else if (segment->whole)
		add(&text, "; %" PRIu32 " packets on the wire, as one", sample->packets);
}
