/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* anonymize_option.c: see anonymize_option.h. What is not known to be harmless is taken away. */
#include "cli/anonymize_option.h"

#include <string.h>

#include "cli/anonymize.h"
#include "schema/packet.h"

#define NOP 1

/*
 * Of an option of that kind the first `kept` bytes stay, and the rest is cleared; where that is 0, it
 * becomes padding. Kind 0 ends the table, and is for all others.
 */
struct rule {
	uint8_t kind;
	uint8_t kept;
};

static uint32_t room(const uint8_t *at, const uint8_t *end)
{
	return at < end ? (uint32_t)(end - at) : 0;
}

static uint8_t kept_of(const struct rule *rules, uint8_t kind)
{
	while (rules->kind && rules->kind != kind)
		rules++;
	return rules->kept;
}

/*
 * Kind and length in the first two bytes, 0 ends and 1 pads: IPv4 (RFC 791 section 3.1) and TCP (RFC 9293
 * section 3.1).
 */
static void clear_options(uint8_t *at, const uint8_t *end, const struct rule *rules)
{
	while (at < end && *at) {
		uint32_t left = room(at, end), len = left > 1 ? at[1] : 0;
		uint8_t kept = kept_of(rules, *at);

		if (*at == NOP) {
			at++;
			continue;
		}
		if (len < 2 || len > left)
			break;
		if (!kept)
			memset(at, NOP, len);
		else if (kept < len)
			memset(at + kept, 0, len - kept);
		at += len;
	}
	memset(at, 0, room(at, end));
}

/* RFC 791: record route, source routes and timestamps keep their form; router alert (RFC 2113). */
bool anonymize_ip4_options(uint8_t *at, const uint8_t *end)
{
	static const struct rule rules[] = {{7, 3}, {68, 4}, {131, 3}, {137, 3}, {148, 4}, {0, 0}};
	bool routed = false;

	clear_options(at, end, rules);
	for (; at < end && *at; at += *at == NOP ? 1 : at[1])
		routed = routed || *at == 131 || *at == 137;
	return routed;
}

/*
 * Segment size, window scale, SACK and timestamps stay; MPTCP's subtype (RFC 8684), without keys and
 * addresses; of others that they were there.
 */
void anonymize_tcp_options(uint8_t *at, const uint8_t *end)
{
	static const struct rule rules[] = {{2, 4},  {3, 3},  {4, 2}, {5, 34},
					    {8, 10}, {30, 4}, {0, 2}};

	clear_options(at, end, rules);
}

/*
 * RFC 8200 section 4.2: router alert (RFC 2711), encapsulation limit (RFC 2473) and jumbo payload stay,
 * others become PadN.
 */
static void clear_ip6_options(uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		uint32_t left = room(at, end), len = left > 1 ? at[1] + 2U : 0;

		if (!*at) {
			at++;
			continue;
		}
		if (len < 2 || len > left)
			break;
		if (*at != 4 && *at != 5 && *at != PARSE_JUMBO) {
			*at = 1;
			memset(at + 2, 0, len - 2);
		}
		at += len;
	}
	memset(at, 0, room(at, end));
}

/* Addresses in a row, as many as `count` says and are there; the rest is cleared. */
static void anonymize_list(struct anonymize *anon, uint8_t *at, const uint8_t *end, uint32_t count)
{
	for (; count && room(at, end) >= 16; count--, at += 16)
		anonymize_ip6(anon, at);
	memset(at, 0, room(at, end));
}

/*
 * RFC 8200 section 4.4: lists of type 0 and 2 (RFC 5095, RFC 6275 section 6.4) and of segment routing (RFC
 * 8754 section 2). Returns whether there is still a way to go.
 */
static bool anonymize_routing(struct anonymize *anon, uint8_t *at, const uint8_t *end)
{
	uint32_t count = 0;

	if (at[2] == 0 || at[2] == 2)
		count = at[1] / 2;
	if (at[2] == 4)
		count = at[4] + 1U;
	else
		memset(at + 4, 0, 4);
	anonymize_list(anon, at + 8, end, count);
	return at[3];
}

bool anonymize_extension(struct anonymize *anon, uint8_t kind, uint8_t *at, const uint8_t *end)
{
	switch (kind) {
	case PARSE_HOPOPTS:
	case PARSE_DSTOPTS:
		if (room(at, end) > 2)
			clear_ip6_options(at + 2, end);
		return false;
	case PARSE_ROUTING:
		return anonymize_routing(anon, at, end);
	case PARSE_FRAGMENT:
	case PARSE_AH:
		return false;
	}
	if (room(at, end) > 4) /* care-of addresses, host identities, locators */
		memset(at + 4, 0, room(at, end) - 4);
	return false;
}

/* RFC 8926 section 3.5. */
void anonymize_geneve_options(uint8_t *at, const uint8_t *end)
{
	while (room(at, end) >= 4) {
		uint32_t len = (at[3] & 0x1fU) * 4, left = room(at + 4, end);

		at += 4;
		if (len > left)
			break;
		memset(at, 0, len);
		at += len;
	}
	memset(at, 0, room(at, end));
}

/* 3GPP TS 29.281 section 5.2.1: words of 4 bytes, the length first and the next one's type last. */
void anonymize_gtp_extensions(uint8_t *at, const uint8_t *end)
{
	while (room(at, end) >= 4) {
		uint32_t len = *at * 4U;

		if (!len || len > room(at, end))
			break;
		memset(at + 1, 0, len - 2);
		at += len;
	}
	memset(at, 0, room(at, end));
}

/* A prefix of `bits`, of which up to 16 bytes are there. */
static void anonymize_prefix(struct anonymize *anon, uint8_t *at, uint32_t size, uint32_t bits)
{
	uint8_t addr[16] = {0};

	memcpy(addr, at, size);
	anonymize_ip6(anon, addr);
	for (uint32_t i = bits; i < 128; i++)
		addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	memcpy(at, addr, size);
}

/* One option that is there as a whole. False: not understood. */
static bool anonymize_nd_option(struct anonymize *anon, uint8_t *at, uint32_t len)
{
	switch (at[0]) {
	case 1: /* link-layer addresses, RFC 4861 section 4.6 */
	case 2:
		if (len == 8)
			anonymize_mac(anon, at + 2);
		return len == 8;
	case 3: /* prefix information */
		if (len == 32)
			anonymize_prefix(anon, at + 16, 16, at[2]);
		return len == 32;
	case 5:	 /* MTU */
	case 14: /* nonce, RFC 3971 section 5.3.2 */
		return len == 8;
	case 24: /* route information, RFC 4191 section 2.3 */
		if (len <= 24)
			anonymize_prefix(anon, at + 8, len - 8, at[2]);
		return len <= 24;
	case 25: /* name servers, RFC 8106 section 5.1 */
		anonymize_list(anon, at + 8, at + len, len / 16);
		return true;
	}
	return false;
}

uint8_t *anonymize_nd_options(struct anonymize *anon, uint8_t *at, const uint8_t *end)
{
	while (room(at, end) >= 8) {
		uint32_t len = at[1] * 8U;

		if (!len || len > room(at, end) || !anonymize_nd_option(anon, at, len))
			break;
		at += len;
	}
	return at;
}
