/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_filter_grammar.h: an expression of pcap-filter(7) from bytes, for fuzz_filter.c.
 *
 *   expression = atom | "not (" e ")" | "(" e ") and (" e ")" | "(" e ") or (" e ")"
 *   atom       = a pattern of the table, with a number for each of its '#'
 *
 * Numbers are those that vectors.h has much of, or small ones. libpcap refuses some of what is made.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GRAMMAR_TEXT 2048
#define GRAMMAR_DEPTH 3

struct grammar {
	const uint8_t *pos, *end;
	char *text;
	size_t len;
};

static const char *const grammar_atoms[] = {
	"vlan",
	"vlan #",
	"mpls",
	"mpls #",
	"pppoes",
	"pppoes #",
	"ip",
	"ip6",
	"arp",
	"rarp",
	"llc",
	"tcp",
	"udp",
	"icmp",
	"icmp6",
	"esp",
	"ah",
	"proto #",
	"ip proto #",
	"ip6 proto #",
	"ip protochain #",
	"ip6 protochain #",
	"host 10.1.0.#",
	"src host 10.1.0.#",
	"net 10.0.0.0/8",
	"dst net 10.1.0.0/30",
	"ip6 host 2001:db8::#",
	"ip6 net 2001:db8::/32",
	"port #",
	"src port #",
	"tcp dst port #",
	"portrange 1-#",
	"ether proto #",
	"ether[12:2] = #",
	"ether[#] = #",
	"ether[#:2] & # = #",
	"ip[#] = #",
	"ip[#:2] > #",
	"ip[#:4] & # != 0",
	"ip[# + #] < #",
	"ip6[#] = #",
	"ip6[#:2] & # = #",
	"ip6[#:4] / # > #",
	"tcp[tcpflags] & # != 0",
	"tcp[#] = #",
	"tcp[#:2] * # = #",
	"udp[#:2] - # > #",
	"icmp[icmptype] = #",
	"icmp6[#] = #",
	"arp[#:2] = #",
	"ip[ip[#] & #] = #",
	"tcp[((tcp[12] & 0xf0) >> 2):#] = #",
	"ip[6:2] & 0x1fff = #",
	"ip[6:2] & 0x1fff != 0",
	"len > #",
	"ip[#] | # = # ^ ip[#]",
	"ip[#] << # % 7 = #",
	"ip multicast",
	"not llc",
};

static const uint32_t grammar_numbers[] = {
	0,     1,      2,      4,      5,      6,      7,      8,	    9,	    12,	    14,
	16,    17,     20,     24,     40,     41,     43,     44,	    47,	    50,	    51,
	53,    58,     60,     64,     89,     100,    132,    135,	    200,    255,    300,
	1500,  1501,   4095,   5201,   0x0800, 0x0806, 0x8100, 0x86dd,	    0x8847, 0x8864, 0x88a8,
	40000, 0xffff, 0x1fff, 0xfff8, 0xff,   0xf0,   0x0f,   0xfffffff0U,
};

static inline uint8_t grammar_byte(struct grammar *g)
{
	return g->pos < g->end ? *g->pos++ : 0;
}

static inline void grammar_put(struct grammar *g, const char *text, size_t len)
{
	if (len >= GRAMMAR_TEXT - g->len)
		return;
	memcpy(g->text + g->len, text, len);
	g->len += len;
	g->text[g->len] = 0;
}

static inline void grammar_number(struct grammar *g)
{
	uint32_t value = grammar_byte(g);
	char text[16];

	if (value < 2 * sizeof(grammar_numbers) / sizeof(grammar_numbers[0]))
		value = grammar_numbers[value / 2];
	snprintf(text, sizeof(text), "%u", value);
	grammar_put(g, text, strlen(text));
}

static inline void grammar_atom(struct grammar *g)
{
	size_t count = sizeof(grammar_atoms) / sizeof(grammar_atoms[0]);
	const char *at = grammar_atoms[grammar_byte(g) % count];

	while (*at) {
		size_t plain = strcspn(at, "#");

		grammar_put(g, at, plain);
		at += plain;
		if (*at) {
			grammar_number(g);
			at++;
		}
	}
}

static inline void grammar_expression(struct grammar *g, unsigned depth)
{
	unsigned kind = depth ? grammar_byte(g) % 6 : 0;

	if (kind < 3)
		return grammar_atom(g);
	grammar_put(g, kind == 3 ? "not (" : "(", kind == 3 ? 5 : 1);
	grammar_expression(g, depth - 1);
	grammar_put(g, ")", 1);
	if (kind == 3)
		return;
	grammar_put(g, kind == 4 ? " and (" : " or (", kind == 4 ? 6 : 5);
	grammar_expression(g, depth - 1);
	grammar_put(g, ")", 1);
}

static inline void grammar_make(const uint8_t *data, size_t size, char *ret_text)
{
	struct grammar g = {.pos = data, .end = data + size, .text = ret_text};

	*ret_text = 0;
	grammar_expression(&g, GRAMMAR_DEPTH);
}
