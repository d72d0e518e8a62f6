/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_program.h: programs of classic BPF for sample_filter.h, and libpcap's word on them: compiled from
 * an expression, or made from any bytes so that libpcap defines what they do (memory is written before it
 * is read, nothing jumps back, no constant shifts by more than 31 bits).
 *
 *   bytes   | 16 of memory | instruction: code, constant, jumps | ...
 *           |  1 byte each |  1 byte, 1 to 3, 2                 |
 */
#pragma once

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter_expressions.h"
#include "fuzz_filter_grammar.h"
#include "schema/sample_filter.h"

#define PROGRAM_MADE \
	64 /* instructions that are made from bytes at most, beside those that fill memory */
#define PROGRAM_GRAMMAR 600 /* expressions that the grammar makes */
#define PROGRAM_INSN(c, t, f, constant)                                               \
	(struct sample_insn)                                                          \
	{                                                                             \
		.code = (__u16)(c), .jt = (__u8)(t), .jf = (__u8)(f), .k = (constant) \
	}

/* What a record cannot be asked, and packets can. */
static const char *const program_expressions[] = {
	"",
	"tcp port 443 and net 10.0.0.0/8",
	"greater 100",
	"less 64 or ip6",
	"len % 3 = 1",
	"ether[len - 1] = 0",
	"ether[len] = 0",
	"ether[0 - 1] = 0",
	"ether[0:4] > ether[6:4]",
	"ether host 2:0:0:0:0:1",
	"ether broadcast or ether multicast",
	"ip[0] << ip[1] > 60",
	"ip[2:2] >> (ip[9] + 20) = 0",
	"ip[2:2] / ip[1] = 5",
	"ip[2:2] % (ip[1] & 1) != 7",
	"ip[2:2] * 3 + ip[9] * len % 7 - 4 > 100",
	"ip[ip[0] & 15:4] & 0xff ^ ip[9] | len > 1000",
	"-ip[8] & 0xff = 192",
	"ip[8] > 64 and ip[1] = 0 and ip[4:2] != 0",
	"tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
	"udp[4:2] - 8 > len or udp[8] = 1",
	"ip6 protochain 6 or ip6 protochain 17 or ip protochain 17",
	"tcp[tcpflags] & tcp-syn != 0 and tcp[((tcp[12] & 0xf0) >> 2) - 4] != 1",
	"host 10.1.0.1 or host 10.1.0.2 or net 192.0.2.0/24 or port 53 or port 80 or port 443 or vlan 100",
	"geneve or vxlan 7",
};

struct program_bytes {
	const uint8_t *pos, *end;
};

static const uint16_t program_codes[] = {
	0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x81, 0xb1, 0x00, 0x01, 0x60, 0x61, 0x02, 0x03,
	0x05, 0x15, 0x25, 0x35, 0x45, 0x1d, 0x2d, 0x3d, 0x4d, 0x04, 0x14, 0x24, 0x34, 0x44, 0x54,
	0x64, 0x74, 0x94, 0xa4, 0x0c, 0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x6c, 0x7c, 0x9c, 0xac, 0x84,
	0x07, 0x87, 0x06, 0x16, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x54, 0x15, 0x45, 0x07, 0x87,
};

#define PROGRAM_CODES (sizeof(program_codes) / sizeof(program_codes[0]))

static inline uint8_t program_byte(struct program_bytes *b)
{
	return b->pos < b->end ? *b->pos++ : 0;
}

/* Mostly offsets that a frame has; powers of 2, two bytes, and what is next to 2^32. */
static inline uint32_t program_constant(struct program_bytes *b)
{
	uint32_t value = program_byte(b);

	if (value < 192)
		return value & 63;
	if (value < 224)
		return 1U << (value - 192);
	if (value >= 240)
		return value - 256;
	value = program_byte(b) * 256U;
	return value + program_byte(b);
}

/* Mostly a short one. */
static inline uint8_t program_way(struct program_bytes *b, uint32_t ahead)
{
	uint32_t value = program_byte(b);

	return (uint8_t)((value < 192 ? value % 4 : value) % ahead);
}

/* One that may stand at `i` of `count`, and is not the last. */
static inline struct sample_insn program_insn(struct program_bytes *b, uint32_t i, uint32_t count)
{
	struct sample_insn in = {.code = program_codes[program_byte(b) % PROGRAM_CODES]};
	uint32_t op = BPF_OP(in.code), ahead = count - 1 - i;

	in.k = program_constant(b);
	switch (BPF_CLASS(in.code)) {
	case BPF_LD:
	case BPF_LDX:
		if (BPF_MODE(in.code) == BPF_MEM)
			in.k %= SAMPLE_FILTER_WORDS;
		break;
	case BPF_ST:
	case BPF_STX:
		in.k %= SAMPLE_FILTER_WORDS;
		break;
	case BPF_ALU:
		if (op == BPF_DIV || op == BPF_MOD)
			in.k += !in.k;
		else if (op == BPF_LSH || op == BPF_RSH)
			in.k &= 31;
		break;
	case BPF_JMP:
		in.k = op == BPF_JA ? in.k % ahead : in.k;
		in.jt = program_way(b, ahead);
		in.jf = program_way(b, ahead);
		break;
	}
	return in;
}

/* A program of all that the bytes have. */
static inline void program_make(const uint8_t *data, size_t size, struct sample_filter *ret_filter)
{
	struct program_bytes b = {.pos = data, .end = data + size};
	struct sample_insn *insn = ret_filter->insn;
	uint32_t n = 0, count;

	for (uint32_t i = 0; i < SAMPLE_FILTER_WORDS; i++) {
		insn[n++] = PROGRAM_INSN(BPF_LD | BPF_IMM, 0, 0, program_byte(&b) * 0x01010101U);
		insn[n++] = PROGRAM_INSN(BPF_ST, 0, 0, i);
	}
	/* as many as there can be: an instruction takes 2 bytes or more */
	count = n + (uint32_t)(b.end - b.pos) / 2;
	if (count > n + PROGRAM_MADE)
		count = n + PROGRAM_MADE;
	count++;
	for (uint32_t i = n; i < count - 1; i++)
		insn[n++] = program_insn(&b, i, count);
	insn[n++] = PROGRAM_INSN(BPF_RET | SAMPLE_FILTER_RET_A, 0, 0, 0);
	ret_filter->count = n;
}

/* Expression `number`. False: there is none any more. */
static inline bool program_expression(size_t number, char ret_text[GRAMMAR_TEXT])
{
	const size_t known = sizeof(filter_expressions) / sizeof(filter_expressions[0]);
	const size_t more = sizeof(program_expressions) / sizeof(program_expressions[0]);
	uint64_t state = number;
	uint8_t bytes[24];

	if (number < known + more) {
		snprintf(ret_text, GRAMMAR_TEXT, "%s",
			 number < known ? filter_expressions[number]
					: program_expressions[number - known]);
		return true;
	}
	for (size_t i = 0; i < sizeof(bytes); i++) {
		state = (state + 1) * 6364136223846793005ULL; /* Knuth, MMIX */
		bytes[i] = (uint8_t)(state >> 56);
	}
	grammar_make(bytes, sizeof(bytes), ret_text);
	return number < known + more + PROGRAM_GRAMMAR;
}

/* 0, or -1 where libpcap refuses the expression. */
static inline int program_compile(pcap_t *pcap, const char *expression,
				  struct sample_filter *ret_filter)
{
	struct bpf_program program;

	_Static_assert(sizeof(struct sample_insn) == sizeof(struct bpf_insn), "copied");
	if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN))
		return -1;
	if (program.bf_len > SAMPLE_FILTER_MAX) {
		pcap_freecode(&program);
		return -1;
	}
	ret_filter->count = program.bf_len;
	memcpy(ret_filter->insn, program.bf_insns, program.bf_len * sizeof(struct bpf_insn));
	pcap_freecode(&program);
	return 0;
}

/* bpf_filter() of libpcap. */
static inline uint32_t program_libpcap(const struct sample_filter *filter, const uint8_t *bytes,
				       uint32_t wirelen, uint32_t buflen)
{
	static struct bpf_insn insn[SAMPLE_FILTER_MAX];

	memcpy(insn, filter->insn, filter->count * sizeof(insn[0]));
	return bpf_filter(insn, bytes, wirelen, buflen);
}

/* The host's, over a copy without a byte behind it, so that the sanitizer sees what is read there. */
static inline uint32_t program_host(const struct sample_filter *filter, const uint8_t *bytes,
				    uint32_t wirelen, uint32_t buflen)
{
	uint8_t *copy = malloc(buflen ? buflen : 1);
	uint32_t result;

	if (!copy)
		abort();
	memcpy(copy, bytes, buflen);
	result = sample_filter_match(filter, copy, wirelen, buflen);
	free(copy);
	return result;
}
