/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pcap_export.c: see pcap_export.h. */
#include "cli/pcap_export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/anonymize.h"
#include "cli/anonymize_frame.h"
#include "cli/coverage.h"
#include "cli/output.h"
#include "cli/packet_filter.h"
#include "schema/sample_record.h"

#define LOST_NOTE "isb_ifdrop: samples lost for want of room, of all interfaces together"

/* --- packets ---------------------------------------------------------------------------------------- */

/* 1: it is to be written, 0: it is not, and was counted. */
static int is_wanted(struct pcap_export *e, struct pcap_source *source,
		     const struct segment_packet *packet)
{
	const struct pcap_writer *writer = &e->writer;
	uint32_t link = source->iface.link;
	int matched = 1;

	if (e->filter)
		matched = packet_filter_match(e->filter, link, packet->data, packet->length,
					      packet->captured);
	if (matched < 0) {
		source->unjudged++;
	} else if (!matched) {
		e->filtered++;
	} else if (writer->format->one_link && writer->link && writer->link != link) {
		source->unfit++;
	} else {
		return 1;
	}
	return 0;
}

/* In a copy: the filter has seen the packet as it is, and so will its next segment. */
static int anonymize_packet(struct pcap_export *e, struct sample_record *sample,
			    struct pcap_packet *packet)
{
	struct anonymize *anon = e->query.anonymize;

	if (packet->captured > e->room) {
		uint8_t *grown = realloc(e->anonymized, packet->captured);

		if (!grown)
			return -ENOMEM;
		e->anonymized = grown;
		e->room = packet->captured;
	}
	if (packet->captured)
		memcpy(e->anonymized, packet->data, packet->captured);
	packet->data = e->anonymized;
	anonymize_frame(anon, packet->iface->link, e->anonymized, &packet->captured,
			packet->length);
	anonymize_flow_key(anon, &sample->key);
	return 0;
}

static int put_packet(struct pcap_export *e, const struct sample_record *sample,
		      struct pcap_source *source, uint32_t number,
		      const struct segment_packet *packet)
{
	struct sample_record shown = *sample;
	struct pcap_packet out = {
		.iface = &source->iface,
		.time_ns = sample->time_ns,
		.dir = sample->key.dir,
		.captured = packet->captured,
		.length = packet->length,
		.data = packet->data,
		.comment = e->comment,
	};
	int err = e->query.anonymize ? anonymize_packet(e, &shown, &out) : 0;

	if (err)
		return err;
	if (e->writer.format->comments)
		packet_comment(&shown, &e->segment, number, e->args->flow, e->comment,
			       sizeof(e->comment));
	e->written++;
	e->bytes += packet->length;
	err = e->writer.format->packet(&e->writer, &out);
	return err ? err : pcap_file_mark(&e->file);
}

static int put_sample(struct pcap_export *e, const struct sample_record *sample)
{
	struct pcap_source *source = pcap_source_take(
		&e->sources, sample_rows_iface(&e->samples, sample), sample, &e->live);
	struct segment_packet packet;
	uint64_t before = e->written;
	int err = source ? 0 : -ENOMEM;

	if (err)
		return err;
	segment_begin(sample, e->args->gso_whole, &e->segment);
	for (uint32_t i = 0; !err && i < e->segment.count && e->written < e->limit; i++) {
		segment_get(&e->segment, i, &packet);
		if (is_wanted(e, source, &packet))
			err = put_packet(e, sample, source, i, &packet);
	}
	if (e->segment.whole && e->written > before)
		e->whole++;
	return err;
}

/* --- passes ----------------------------------------------------------------------------------------- */

static int put_pass(struct pcap_export *e)
{
	struct sample_record sample;
	int have, err = 0;

	while (!err && !*e->stop && e->written < e->limit) {
		have = sample_rows_next(&e->samples, &sample);
		if (have <= 0)
			return have;
		err = put_sample(e, &sample);
	}
	return err;
}

/* 1: there may be more, 0: that was all, or -errno. */
static int wait_for_more(struct pcap_export *e)
{
	int64_t now_ns;
	int have = follow_wait(&e->follow, fileno(e->file.file), e->stop, SAMPLE_ROWS_LATE_NS,
			       &now_ns);

	if (have == -ETIME) {
		fputs("flowctl: the clock was set back; going on from there\n", stderr);
		have = sample_rows_set_back(&e->samples, now_ns);
		have = have ? have : 1;
	}
	if (have > 0) {
		int err = sample_rows_again(&e->samples, now_ns);

		have = err ? err : 1;
	}
	return have;
}

static int follow(struct pcap_export *e)
{
	int err = 0, have = 1;

	while (!err && have && !*e->stop && e->written < e->limit) {
		err = put_pass(e);
		err = err ? err : pcap_file_flush(&e->file);
		if (err || *e->stop || e->written == e->limit)
			break;
		have = wait_for_more(e);
		err = have < 0 ? have : 0;
	}
	return err;
}

/* What was lost is known of all interfaces together, and stands at the first of them. */
static void set_lost(struct pcap_export *e)
{
	uint64_t before = e->live.lost;
	bool known = e->live.known;

	if (e->args->follow) {
		sample_live_free(&e->live);
		sample_live_ask(&e->query.query, &e->live);
		e->live.known = e->live.known && known && e->live.lost >= before;
		e->live.lost -= e->live.known ? before : 0;
	}
	for (uint32_t i = 0; i < e->sources.count; i++)
		e->sources.of[i]->iface.lost =
			e->live.known && !e->live.lost ? 0 : PCAP_WRITE_UNKNOWN;
	for (uint32_t i = 0; e->live.known && e->live.lost && i < e->sources.count; i++) {
		struct pcap_iface *iface = &e->sources.of[i]->iface;

		if (!iface->numbered)
			continue;
		iface->lost = e->live.lost;
		iface->lost_note = e->sources.count > 1 ? LOST_NOTE : NULL;
		break;
	}
}

/* Of an export without a sample there is one interface, of that name where one was asked for. */
static int put_end(struct pcap_export *e)
{
	struct pcap_iface none = {.link = SAMPLE_LINK_ETHERNET, .lost = PCAP_WRITE_UNKNOWN};
	uint32_t count = e->sources.count ? e->sources.count : 1;
	struct pcap_iface **ifaces = calloc(count, sizeof(struct pcap_iface *));
	int err;

	if (!ifaces)
		return -ENOMEM;
	if (e->args->iface_count == 1)
		snprintf(none.name, sizeof(none.name), "%s", e->args->ifaces[0]);
	ifaces[0] = &none;
	for (uint32_t i = 0; i < e->sources.count; i++)
		ifaces[i] = &e->sources.of[i]->iface;
	set_lost(e);
	err = e->writer.format->end(&e->writer, ifaces, count);
	free(ifaces);
	return err;
}

int pcap_export_run(struct pcap_export *export)
{
	struct pcap_export *e = export;
	int err = e->writer.format->open(&e->writer);

	if (!err)
		err = e->args->follow ? follow(e) : put_pass(e);
	if (!err && !e->args->follow && *e->stop)
		err = -EINTR;
	err = err ? err : put_end(e);
	return err ? err : pcap_file_finish(&e->file);
}

/* --- the last lines --------------------------------------------------------------------------------- */

static void put_count(uint64_t count, const char *what, FILE *file)
{
	char text[32];

	if (count)
		fprintf(file, "; %s %s", out_count(count, text), what);
}

static void tell_total(const struct pcap_export *e, FILE *file)
{
	char packets[32], bytes[32], samples[32];

	fprintf(file, "total: %s packets, %s bytes on the wire, of %s samples",
		out_count(e->written, packets), out_count(e->bytes, bytes),
		out_count(e->sources.samples, samples));
	put_count(e->filtered, "packets left out by the filter", file);
	put_count(e->whole, "GSO packets written as one each", file);
	fputc('\n', file);
}

/* What became of the samples on their way, by flowd's word. */
static void tell_lost(const struct pcap_export *e, FILE *file)
{
	char text[32];

	if (e->query.anonymize)
		fputs("; addresses anonymized, payload cut off", file);
	if (!e->live.known)
		fputs("; not known whether samples were lost: flowd was not asked\n", file);
	else
		fprintf(file, "; %s samples lost for want of room %s\n",
			out_count(e->live.lost, text),
			e->args->follow ? "meanwhile" : "since flowd's maps were made");
}

int pcap_export_tell(struct pcap_export *export, FILE *file)
{
	struct pcap_export *e = export;
	struct query *query = &e->query.query;
	struct coverage coverage;
	char packets[32], seen[32];
	int err;

	tell_total(e, file);
	if (e->args->flow) { /* the window is its own */
		query->options.since_ms = e->samples.record.start_ms;
		query->options.until_ms = e->samples.record.end_ms + 1;
	}
	err = coverage_read(query, &coverage);
	if (err)
		return err;
	fprintf(file, "coverage: samples of %s packets", out_count(e->sources.packets, packets));
	if (coverage.last_ms >= 0) {
		fprintf(file, " of the %s seen", out_count(coverage.seen_packets, seen));
		coverage_print_scope(&coverage, query, file);
	}
	pcap_sources_print(&e->sources, file);
	tell_lost(e, file);
	return 0;
}
