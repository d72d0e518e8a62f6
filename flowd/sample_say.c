/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_say.c: see sample_say.h. */
#include "flowd/sample_say.h"

#include <stdio.h>
#include <stdlib.h>

#include "flowd/flowd.h"
#include "flowd/text_json.h"
#include "schema/sample_record.h"

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static const char *filter_by(const struct samples *samples)
{
	return samples->rules.in_kernel ? "kernel" : "flowd";
}

static json_t *rule_object(const struct samples *samples, const struct sample_rule *rule)
{
	const struct sample_settings *now = &rule->now;
	char triggers[SAMPLE_TEXT_MAX];

	sample_why_text(now->triggers, triggers);
	return json_pack("{s:o, s:s, s:o, s:o, s:s?, s:o, s:o, s:s, s:o, s:o}", "iface",
			 text_json(rule->name), "link",
			 rule->link == SAMPLE_LINK_IP ? "ip" : "ethernet", "rate",
			 number(now->rate), "first", number(now->first), "triggers",
			 now->triggers ? triggers : NULL, "snaplen", number(now->snaplen), "filter",
			 text_json(now->filter[0] ? now->filter : NULL), "filter_by",
			 filter_by(samples), "samples", number(samples->stored[rule->ifnum]),
			 "bytes", number(samples->stored_bytes[rule->ifnum]));
}

/* Of the packets that the kernel dropped, on any interface. */
static json_t *drops_object(const struct samples *samples, const struct sample_count *sum)
{
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "on", samples->rules.drops,
			 "snaplen", number(samples->rules.drops_snaplen), "chosen",
			 number(sum->drops), "lost", number(sum->drops_lost), "stored",
			 number(samples->stored[0]), "bytes", number(samples->stored_bytes[0]),
			 "note", text_json(samples_no_drops(samples)));
}

static json_t *all_object(const struct samples *samples)
{
	struct sample_count sum = samples_count(samples);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "chosen", number(sum.chosen),
			 "passed", number(sum.passed - samples->stats.filtered), "lost",
			 number(sum.lost), "stored", number(samples->stats.stored), "ring_used",
			 number(ring_used(&samples->ring)), "ring_size",
			 number(samples->ring.bytes), "drops", drops_object(samples, &sum));
}

/* Takes over the object. */
static void put_line(json_t *object, FILE *file)
{
	json_dumpf(object, file, JSON_COMPACT);
	fputc('\n', file);
	json_decref(object);
}

char *sample_say(const struct samples *samples)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	for (size_t i = 0; i < samples->rules.rules; i++)
		put_line(rule_object(samples, &samples->rules.rule[i]), file);
	put_line(all_object(samples), file);
	if (!fclose(file))
		return text;
	free(text);
	return NULL;
}

static json_t *lost_array(const struct maps *maps)
{
	json_t *array = json_array();

	for (uint32_t cpu = 0; cpu < maps->cpus; cpu++)
		json_array_append_new(array, number(maps->sample_counts[cpu].lost +
						    maps->sample_counts[cpu].drops_lost));
	return array;
}

json_t *sample_status(const struct samples *samples)
{
	json_t *object;

	if (!samples)
		return json_null();
	object = all_object(samples);
	json_object_set_new(object, "lost_by_cpu", lost_array(&samples->flowd->maps));
	json_object_set_new(object, "stored_bytes", number(samples->stats.stored_bytes));
	json_object_set_new(object, "filtered_by_flowd", number(samples->stats.filtered));
	json_object_set_new(object, "bad", number(samples->stats.bad));
	json_object_set_new(object, "filter_by", json_string(filter_by(samples)));
	json_object_set_new(object, "note",
			    json_string(samples->rules.in_kernel ? "" : samples_fallback));
	return object;
}
