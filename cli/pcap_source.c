/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pcap_source.c: see pcap_source.h. */
#include "cli/pcap_source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/sample_live.h"
#include "schema/sample_record.h"

static struct pcap_source *find(const struct pcap_sources *sources, const char *name, uint32_t link)
{
	for (uint32_t i = 0; i < sources->count; i++) {
		struct pcap_iface *iface = &sources->of[i]->iface;

		if (iface->link == link && !strcmp(iface->name, name))
			return sources->of[i];
	}
	return NULL;
}

static struct pcap_source *make(const char *name, uint32_t link, const struct sample_live *live)
{
	const struct sample_live_iface *known = sample_live_find(live, name);
	struct pcap_source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	snprintf(source->iface.name, sizeof(source->iface.name), "%s", name);
	source->iface.link = link;
	source->iface.lost = live->known && !live->lost ? 0 : PCAP_WRITE_UNKNOWN;
	if (known && known->filter)
		source->iface.filter = strdup(known->filter);
	if (known && known->description)
		source->iface.description = strdup(known->description);
	return source;
}

static struct pcap_source *add(struct pcap_sources *sources, const char *name, uint32_t link,
			       const struct sample_live *live)
{
	struct pcap_source **grown =
		reallocarray(sources->of, sources->count + 1, sizeof(struct pcap_source *));

	if (!grown)
		return NULL;
	sources->of = grown;
	grown[sources->count] = make(name, link, live);
	return grown[sources->count] ? grown[sources->count++] : NULL;
}

static void count_rate(struct pcap_source *source, uint32_t rate)
{
	source->rated++;
	for (uint32_t i = 0; i < source->rates && i < PCAP_SOURCE_RATES; i++) {
		if (source->rate[i] == rate)
			return;
	}
	if (source->rates < PCAP_SOURCE_RATES)
		source->rate[source->rates] = rate;
	if (source->rates <= PCAP_SOURCE_RATES)
		source->rates++;
}

struct pcap_source *pcap_source_take(struct pcap_sources *sources, const char *name,
				     const struct sample_record *sample,
				     const struct sample_live *live)
{
	struct pcap_source *source = find(sources, name, sample->link);

	if (!source)
		source = add(sources, name, sample->link, live);
	if (!source)
		return NULL;
	sources->samples++;
	sources->packets += sample->packets;
	if (sample->why & SAMPLE_RATE)
		count_rate(source, sample->rate ? sample->rate : 1);
	for (int bit = 0; bit < 8; bit++)
		sources->chosen[bit] += sample->why >> bit & 1;
	return source;
}

void pcap_sources_free(struct pcap_sources *sources)
{
	for (uint32_t i = 0; i < sources->count; i++) {
		free(sources->of[i]->iface.filter);
		free(sources->of[i]->iface.description);
		free(sources->of[i]);
	}
	free(sources->of);
	memset(sources, 0, sizeof(*sources));
}

const char *pcap_source_link(uint32_t link)
{
	return link == SAMPLE_LINK_IP ? "raw IP" : "Ethernet";
}

static void print_rates(const struct pcap_source *source, FILE *file)
{
	struct out_value value;
	char text[OUT_TEXT_SIZE];

	for (uint32_t i = 0; i < source->rates && i < PCAP_SOURCE_RATES; i++)
		fprintf(file, "%s1/%" PRIu32, i ? ", " : "", source->rate[i]);
	if (source->rates > PCAP_SOURCE_RATES)
		fputs(", ...", file);
	out_set_text(&value, source->iface.name);
	out_human(&value, text); /* a name from a database may hold anything */
	fprintf(file, " on %s", *text ? text : "no interface");
}

void pcap_sources_print(const struct pcap_sources *sources, FILE *file)
{
	static const char *const names[8] = {
		NULL,		"first of flows", "resets",  "retransmits",
		"zero windows", "malformed",	  "dropped", NULL};
	const char *before = "; sampled ";
	char text[32];

	for (uint32_t i = 0; i < sources->count; i++) {
		if (!sources->of[i]->rated)
			continue;
		fputs(before, file);
		print_rates(sources->of[i], file);
		before = ", ";
	}
	for (int bit = 0; bit < 8; bit++) {
		if (!names[bit] || !sources->chosen[bit])
			continue;
		fprintf(file, "%s%s %s", before, names[bit], out_count(sources->chosen[bit], text));
		before = ", ";
	}
}
