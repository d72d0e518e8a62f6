/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * anonymize_check.h: what has to hold of each frame that was anonymized, whatever it is. For tests and the
 * fuzzer; says what does not hold by a text, NULL where all does.
 *
 *   what is kept is no longer than what there was
 *   of a frame whose headers are all there: all that was read is what is kept, so that other bytes
 *   behind it make no difference, and once more cuts off no more
 *   flowd finds the same flow in it, with the addresses of its key anonymized
 *   what anonymize_layers.h asks for
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "anonymize_layers.h"
#include "cli/anonymize.h"
#include "cli/anonymize_frame.h"
#include "schema/tunnel.h"

/* In memory of the exact size, for the sanitizer. */
struct made {
	uint8_t *bytes;
	uint32_t captured;
};

static inline struct made made_of(struct anonymize *anon, uint32_t link, const uint8_t *bytes,
				  uint32_t captured, uint32_t length)
{
	struct made made = {malloc(captured ? captured : 1), captured};

	if (!made.bytes)
		abort();
	memcpy(made.bytes, bytes, captured);
	anonymize_frame(anon, link, made.bytes, &made.captured, length);
	return made;
}

static inline uint16_t check_l3(uint32_t link, const uint8_t *bytes, uint32_t captured)
{
	if (link != ANONYMIZE_RAW || !captured)
		return 0;
	return bytes[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
}

struct parsed {
	struct flow_facts f;
	struct flow_wrap wrap;
};

static inline struct parsed parsed_of(uint32_t link, const uint8_t *bytes, uint32_t captured,
				      uint32_t length, uint32_t inner)
{
	struct pkt_meta meta = {.len = length,
				.reach = captured,
				.ifnum = 3,
				.l3_proto = check_l3(link, bytes, captured),
				.inner = inner};
	uint8_t *copy = malloc(captured ? captured : 1);
	struct parsed parsed;

	if (!copy)
		abort();
	memcpy(copy, bytes, captured);
	memset(&parsed, 0, sizeof(parsed));
	parse_packet(copy, &meta, &parsed.f, &parsed.wrap);
	free(copy);
	return parsed;
}

static inline const char *check_flow(struct anonymize *anon, const struct parsed *in,
				     const struct parsed *out)
{
	struct flow_key wanted = in->f.key, outer = in->wrap.outer;

	if (in->f.verdict != out->f.verdict)
		return in->f.verdict == VERDICT_FLOW   ? "no flow where there was one"
		       : in->f.verdict == VERDICT_DEEP ? "no longer too deep"
						       : "no longer short";
	if (in->f.verdict == VERDICT_SHORT)
		return NULL;
	anonymize_flow_key(anon, &wanted);
	if (memcmp(&wanted, &out->f.key, sizeof(wanted)))
		return "another flow";
	if (in->f.tcp_flags != out->f.tcp_flags || in->f.segment != out->f.segment ||
	    in->f.seq != out->f.seq || in->f.ack != out->f.ack || in->f.tsval != out->f.tsval ||
	    in->f.payload != out->f.payload)
		return "another segment";
	if (in->f.packets != out->f.packets || in->f.bytes != out->f.bytes ||
	    in->f.ip_bytes != out->f.ip_bytes)
		return "other counts";
	if (!in->f.tunnels || !(in->f.into & PARSE_INTO_INNER))
		return NULL;
	anonymize_flow_key(anon, &outer);
	return memcmp(outer.src, out->wrap.outer.src, 32) ? "other endpoints" : NULL;
}

static inline const char *check_flows(struct anonymize *anon, uint32_t link, const uint8_t *bytes,
				      uint32_t captured, uint32_t length, const struct made *made)
{
	for (uint32_t inner = 0; inner < 2; inner++) {
		struct parsed in = parsed_of(link, bytes, captured, length, inner);
		struct parsed out = parsed_of(link, made->bytes, made->captured, length, inner);
		const char *wrong = check_flow(anon, &in, &out);

		if (wrong)
			return wrong;
	}
	return NULL;
}

/* All headers of it could be read; not so of what ICMP quotes, which may end anywhere. */
static inline bool is_whole(uint32_t link, const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	struct parsed parsed = parsed_of(link, bytes, captured, length, 1);

	return parsed.f.verdict == VERDICT_FLOW && parsed.f.key.proto != PARSE_ICMP &&
	       parsed.f.key.proto != PARSE_ICMPV6;
}

/* An address that was made may be what a frame has behind its MAC addresses: that once more cuts it off. */
static inline bool is_wire_now(struct anonymize *anon, uint32_t link, const struct made *made,
			       const struct made *twice, uint32_t length)
{
	struct layers layers = {anon, made->bytes, twice->bytes, made->captured, twice->captured};

	return layers_is_wire(&layers, check_l3(link, made->bytes, made->captured), length);
}

/* The same with zeros behind what was kept; and that once more. */
static inline const char *check_again(struct anonymize *anon, uint32_t link, const uint8_t *bytes,
				      uint32_t captured, uint32_t length, const struct made *made)
{
	uint8_t *zeroed = calloc(1, captured + 1);
	struct made other, twice;
	const char *wrong = NULL;

	if (!zeroed)
		abort();
	memcpy(zeroed, bytes, made->captured);
	other = made_of(anon, link, zeroed, captured, length);
	twice = made_of(anon, link, made->bytes, made->captured, length);
	if (!is_whole(link, zeroed, captured, length))
		wrong = NULL; /* lengths that came from there, of what was no tunnel after all */
	else if (other.captured != made->captured ||
		 memcmp(other.bytes, made->bytes, made->captured))
		wrong = "what is behind the cut makes a difference";
	else if (twice.captured != made->captured && !is_wire_now(anon, link, made, &twice, length))
		wrong = "once more cuts off more";
	free(zeroed);
	free(other.bytes);
	free(twice.bytes);
	return wrong;
}

/* Of a link that is known. */
static inline const char *check_walks(struct anonymize *anon, uint32_t link, const uint8_t *bytes,
				      uint32_t captured, uint32_t length, const struct made *made)
{
	struct layers layers = {anon, bytes, made->bytes, captured, made->captured};
	uint16_t l3 = check_l3(link, bytes, captured);
	const char *wrong = NULL;

	if (!layers_is_wire(&layers, l3, length)) {
		if (is_whole(link, bytes, captured, length))
			wrong = check_again(anon, link, bytes, captured, length, made);
		if (!wrong)
			wrong = check_flows(anon, link, bytes, captured, length, made);
	}
	return wrong || !made->captured ? wrong : check_layers(&layers, l3, length, 2);
}

static inline const char *check_frame(struct anonymize *anon, uint32_t link, const uint8_t *bytes,
				      uint32_t captured, uint32_t length)
{
	struct made made = made_of(anon, link, bytes, captured, length);
	const char *wrong = made.captured > captured ? "it grew" : NULL;

	if (!wrong && (link == ANONYMIZE_ETHERNET || link == ANONYMIZE_RAW))
		wrong = check_walks(anon, link, bytes, captured, length, &made);
	free(made.bytes);
	return wrong;
}
