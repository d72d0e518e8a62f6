/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * segment.c: see segment.h. Headers are found by the walk of schema/parse.h, the one that counted the
 * packet; so what is written here counts the same when it is read again.
 */
#include "cli/segment.h"

#include <string.h>

#include "cli/checksum.h"
#include "schema/sample_record.h"
#include "schema/tunnel.h"

#define TCP_FIN_PSH 0x09
#define TCP_CWR 0x80

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* --- the way in: where the headers are -------------------------------------------------------------- */

static void add_layer(struct segment *s, enum segment_kind kind, uint32_t off, int ip)
{
	if (s->layers < SEGMENT_LAYERS)
		s->layer[s->layers] = (struct segment_layer){.kind = kind, .off = off, .ip = ip};
	s->layers++;
}

/* What the next stage is about to read. `ip`: number of the last IP header, -1: none that helps. */
static void note_stage(struct segment *s, const struct flow_facts *f, int *ip)
{
	if (f->stage == PARSE_NET && f->key.ethertype == ETH_P_IP) {
		*ip = (int)s->layers;
		add_layer(s, SEGMENT_IPV4, f->off, -1);
	} else if (f->stage == PARSE_NET && f->key.ethertype == ETH_P_IPV6) {
		*ip = (int)s->layers;
		add_layer(s, SEGMENT_IPV6, f->off, -1);
	} else if (f->stage == PARSE_EXTENSION && f->next == PARSE_ROUTING) {
		*ip = -1; /* the address that the checksum covers is in there */
	} else if (f->stage == PARSE_TRANSPORT && f->next == PARSE_TCP) {
		add_layer(s, SEGMENT_TCP, f->off, *ip);
	} else if (f->stage == PARSE_TRANSPORT && f->next == PARSE_UDP) {
		add_layer(s, SEGMENT_UDP, f->off, *ip);
	} else if (f->stage == PARSE_TUNNEL && f->next == PARSE_GRE) {
		add_layer(s, SEGMENT_GRE, f->off, -1);
	} else if (f->stage == PARSE_LABEL && f->key.ethertype == ETH_P_PPP_SES) {
		add_layer(s, SEGMENT_PPPOE, f->off, -1);
	}
}

/* Likewise of what it found there. `before`: where it began. */
static void note_found(struct segment *s, const struct flow_facts *f, const struct flow_wrap *wrap,
		       uint32_t before)
{
	if (f->unsent && !s->gone)
		s->gone_off = before;
	s->gone = f->unsent;
	if (f->stage == PARSE_INNER && wrap->kind == FLOW_TUNNEL_GTPU)
		add_layer(s, SEGMENT_GTPU, before + 8, -1);
}

static uint16_t raw_ethertype(const struct sample_record *sample)
{
	switch (sample->captured ? sample->frame[0] >> 4 : 0) {
	case 4:
		return ETH_P_IP;
	case 6:
		return ETH_P_IPV6;
	}
	return 0;
}

/* False: the headers are cut off, or lead to something that is not segmented. */
static bool walk(struct segment *s)
{
	const struct sample_record *sample = s->sample;
	struct pkt_meta meta = {
		.len = sample->length,
		.reach = sample->captured,
		.segments = sample->packets,
		.gso_size = sample->gso_size,
		.l3_proto = sample->link == SAMPLE_LINK_IP ? raw_ethertype(sample) : 0,
	};
	struct flow_wrap wrap = {.kind = FLOW_TUNNEL_NONE};
	enum segment_kind last;
	struct flow_facts f;
	int ip = -1;

	if (sample->link == SAMPLE_LINK_IP && !meta.l3_proto)
		return false;
	parse_begin(&meta, &f);
	for (int i = 0; i < PARSE_STEPS && f.stage != PARSE_DONE; i++) {
		struct pkt pkt = parse_at(sample->frame, meta.reach, f.off);
		uint32_t before = f.off;

		note_stage(s, &f, &ip);
		parse_step(&pkt, &f, &wrap);
		note_found(s, &f, &wrap, before);
	}
	s->header = f.off;
	if (f.stage != PARSE_DONE || f.verdict != VERDICT_FLOW || f.frag != PARSE_WHOLE ||
	    !s->layers || s->layers > SEGMENT_LAYERS)
		return false;
	last = s->layer[s->layers - 1].kind;
	return last == SEGMENT_TCP || last == SEGMENT_UDP;
}

void segment_begin(const struct sample_record *sample, bool whole, struct segment *ret_segment)
{
	struct segment *s = ret_segment;
	uint32_t size = sample->gso_size;

	s->sample = sample;
	s->count = 1;
	s->layers = s->header = s->gone = s->gone_off = 0;
	s->whole = sample->packets > 1;
	if (whole || !s->whole || !size || size > UINT16_MAX || sample->packets > SEGMENT_PACKETS ||
	    !walk(s))
		return;
	if (s->header >= sample->length ||
	    (sample->length - s->header + size - 1) / size != sample->packets)
		return;
	s->count = sample->packets;
	s->whole = false;
}

/* --- the way out: one packet ------------------------------------------------------------------------ */

/* One of the packets, while it is made. */
struct part {
	uint8_t *data;
	uint32_t captured;
	uint32_t length;
	uint32_t number;
	uint32_t start; /* of its payload in that of the sample */
	bool last;
};

static uint32_t off_of(const struct segment *s, const struct segment_layer *layer)
{
	return layer->off > s->gone_off ? layer->off - s->gone : layer->off;
}

/* Where what it covers is all there. `at`: of the field, from `off`. */
static void put_checksum(struct part *part, uint32_t off, uint32_t end, uint32_t at,
			 uint64_t pseudo)
{
	uint16_t sum;

	if (end > part->captured || off + at + 2 > end)
		return;
	put16(part->data + off + at, 0);
	sum = checksum_fold(checksum_add(pseudo, part->data + off, end - off));
	put16(part->data + off + at, sum);
}

static void put_ipv4(struct part *part, uint32_t off)
{
	uint8_t *ip = part->data + off;

	if (off + 20 > part->captured)
		return;
	put16(ip + 2, part->length - off);
	put16(ip + 4, get16(ip + 4) + part->number);
	put_checksum(part, off, off + (ip[0] & 0xfU) * 4, 10, 0);
}

/* A jumbo option that is gone leaves its successor's name here. */
static void put_ipv6(const struct segment *s, const struct segment_layer *layer, struct part *part,
		     uint32_t off)
{
	uint8_t *ip = part->data + off;

	if (off + 40 > part->captured)
		return;
	put16(ip + 4, part->length - off - 40);
	if (s->gone && layer->off + 40 == s->gone_off)
		ip[6] = s->sample->frame[s->gone_off];
}

/* RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1. False: the addresses are not known. */
static bool add_pseudo(const struct segment *s, const struct segment_layer *layer,
		       const struct part *part, uint32_t off, uint64_t *ret_sum)
{
	uint32_t proto = layer->kind == SEGMENT_TCP ? PARSE_TCP : PARSE_UDP;
	uint32_t sum = proto + (part->length - off), ip;

	if (layer->ip < 0)
		return false;
	ip = off_of(s, &s->layer[layer->ip]);
	if (s->layer[layer->ip].kind == SEGMENT_IPV4)
		*ret_sum = checksum_add(sum, part->data + ip + 12, 8);
	else
		*ret_sum = checksum_add(sum, part->data + ip + 8, 32);
	return true;
}

static void put_tcp(const struct segment *s, const struct segment_layer *layer, struct part *part,
		    uint32_t off)
{
	uint8_t *tcp = part->data + off;
	uint64_t pseudo;
	uint32_t seq;

	if (off + 20 > part->captured)
		return;
	seq = ((uint32_t)get16(tcp + 4) << 16 | get16(tcp + 6)) + part->start;
	put16(tcp + 4, seq >> 16);
	put16(tcp + 6, seq);
	if (!part->last)
		tcp[13] &= (uint8_t)~TCP_FIN_PSH;
	if (part->number)
		tcp[13] &= (uint8_t)~TCP_CWR;
	if (add_pseudo(s, layer, part, off, &pseudo))
		put_checksum(part, off, part->length, 16, pseudo);
}

/* A checksum of 0 is none and stays so; one that comes out as 0 is written as its other form. */
static void put_udp(const struct segment *s, const struct segment_layer *layer, struct part *part,
		    uint32_t off)
{
	uint8_t *udp = part->data + off;
	uint64_t pseudo;

	if (off + 8 > part->captured)
		return;
	put16(udp + 4, part->length - off);
	if (!get16(udp + 6) || !add_pseudo(s, layer, part, off, &pseudo))
		return;
	put_checksum(part, off, part->length, 6, pseudo);
	if (!get16(udp + 6))
		put16(udp + 6, 0xffff);
}

/* RFC 2784 section 2.1; RFC 2516 section 4 and TS 29.281 section 5.1 count what is behind a header. */
static void put_other(enum segment_kind kind, struct part *part, uint32_t off)
{
	uint8_t *at = part->data + off;

	if (off + 8 > part->captured)
		return;
	if (kind == SEGMENT_PPPOE)
		put16(at + 4, part->length - off - 6);
	else if (kind == SEGMENT_GTPU)
		put16(at + 2, part->length - off - 8);
	else if (kind == SEGMENT_GRE && (at[0] & PARSE_GRE_CHECKSUM))
		put_checksum(part, off, part->length, 4, 0);
}

/* From the innermost header out: checksums cover what is inside. */
static void put_headers(const struct segment *s, struct part *part)
{
	for (uint32_t i = s->layers; i--;) {
		const struct segment_layer *layer = &s->layer[i];
		uint32_t off = off_of(s, layer);

		switch (layer->kind) {
		case SEGMENT_IPV4:
			put_ipv4(part, off);
			break;
		case SEGMENT_IPV6:
			put_ipv6(s, layer, part, off);
			break;
		case SEGMENT_TCP:
			put_tcp(s, layer, part, off);
			break;
		case SEGMENT_UDP:
			put_udp(s, layer, part, off);
			break;
		default:
			put_other(layer->kind, part, off);
		}
	}
}

/* Of the sample's bytes those from `from` to `to`, as far as they are there. */
static void copy(const struct segment *s, uint32_t from, uint32_t to, struct part *part)
{
	uint32_t end = to < s->sample->captured ? to : s->sample->captured;

	if (from >= end || end - from > SEGMENT_BYTES - part->captured)
		return;
	memcpy(part->data + part->captured, s->sample->frame + from, end - from);
	part->captured += end - from;
}

void segment_get(struct segment *segment, uint32_t number, struct segment_packet *ret_packet)
{
	const struct sample_record *sample = segment->sample;
	uint32_t payload = sample->length - segment->header, size = sample->gso_size;
	struct part part = {.data = segment->data, .number = number, .start = number * size};

	if (segment->count == 1) {
		*ret_packet =
			(struct segment_packet){sample->frame, sample->captured, sample->length};
		return;
	}
	part.last = number + 1 == segment->count;
	if (part.last)
		size = payload - part.start;
	part.length = segment->header - segment->gone + size;
	if (segment->gone) {
		copy(segment, 0, segment->gone_off, &part);
		copy(segment, segment->gone_off + segment->gone, segment->header, &part);
	} else {
		copy(segment, 0, segment->header, &part);
	}
	copy(segment, segment->header + part.start, segment->header + part.start + size, &part);
	put_headers(segment, &part);
	*ret_packet = (struct segment_packet){part.data, part.captured, part.length};
}
