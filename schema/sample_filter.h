/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_filter.h: classic BPF over a copy of a packet, a step at a time: what pcap-filter(7) is
 * compiled to. For BPF (sample_filter.bpf.h), and for the host, where it stands in for the kernel's.
 *
 * It means what libpcap's bpf_filter() means: a load that reaches beyond the bytes ends the program
 * with 0 (no match), as do division by 0 and a jump out of the program. What libpcap leaves open is
 * defined: memory begins as 0, a shift by more than 31 bits gives 0, and so does a program that
 * takes more than SAMPLE_FILTER_MAX steps (only `protochain` jumps back, and can).
 *
 * Programs are checked before they are loaded (flowd/sample_check.h). One that was not, or that is
 * written over meanwhile, has no meaning, but reads and writes nothing that is not its own.
 */
#pragma once

#include <linux/bpf_common.h>

#include "packet.h"
#include "sample.h"

#define SAMPLE_FILTER_WORDS 16	 /* of memory, as BPF_MEMWORDS */
#define SAMPLE_FILTER_RET_A 0x10 /* these two <linux/bpf_common.h> leaves out */
#define SAMPLE_FILTER_TXA 0x80
#define SAMPLE_FILTER_SLACK 8 /* bytes that a copy is longer than what can be looked at; any */

struct sample_filter_state {
	__u32 a; /* the accumulator */
	__u32 x; /* the index register */
	__u32 pc;
	__u32 done;
	__u32 result;
	__u32 wirelen; /* of the packet */
	__u32 buflen;  /* of the copy, SAMPLE_LOOK_MAX at most */
	__u32 pad;
	__u32 word[SAMPLE_FILTER_WORDS];
};

/* Before the first step. */
static __always_inline void sample_filter_begin(struct sample_filter_state *s, __u32 wirelen,
						__u32 buflen)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->wirelen = wirelen;
	s->buflen = buflen < SAMPLE_LOOK_MAX ? buflen : SAMPLE_LOOK_MAX;
}

static __always_inline void sample_filter_end(struct sample_filter_state *s, __u32 result)
{
	s->result = result;
	s->done = 1;
}

/* `size` bytes at `off`, which are there. BPF reads 4, and what is behind them is SAMPLE_FILTER_SLACK. */
static __always_inline __u32 sample_filter_peek(const __u8 *bytes, __u32 off, __u32 size)
{
#ifdef __bpf__
	barrier_var(off); /* what the verifier knows is the mask alone */
	return PARSE_SWAP32(pkt_be32(bytes + (off & (SAMPLE_LOOK_MAX - 1)))) >> (32 - size * 8);
#else
	if (size == 4)
		return PARSE_SWAP32(pkt_be32(bytes + off));
	return size == 2 ? PARSE_SWAP16(pkt_be16(bytes + off)) : size ? bytes[off] : 0;
#endif
}

static __always_inline void sample_filter_load(struct sample_filter_state *s,
					       const struct sample_insn *in, const __u8 *bytes)
{
	__u32 size = 4U >> (in->code >> 3 & 3), value = in->k;
	__u64 off = in->k;

	switch (BPF_MODE(in->code)) {
	case BPF_IND:
		off += s->x;
		/* fallthrough */
	case BPF_ABS:
	case BPF_MSH:
		if (off + size > s->buflen) {
			sample_filter_end(s, 0);
			return;
		}
		value = sample_filter_peek(bytes, (__u32)off, size);
		if (BPF_MODE(in->code) == BPF_MSH)
			value = (value & 0xf) << 2;
		break;
	case BPF_MEM:
		value = s->word[value & (SAMPLE_FILTER_WORDS - 1)];
		break;
	case BPF_LEN:
		value = s->wirelen;
		break;
	}
	if (BPF_CLASS(in->code) == BPF_LD)
		s->a = value;
	else
		s->x = value;
}

static __always_inline void sample_filter_divide(struct sample_filter_state *s, __u32 op, __u32 by)
{
	if (!by)
		sample_filter_end(s, 0);
	else if (op == BPF_DIV)
		s->a /= by;
	else
		s->a %= by;
}

static __always_inline void sample_filter_alu(struct sample_filter_state *s, __u32 op, __u32 value)
{
	switch (op) {
	case BPF_ADD:
		s->a += value;
		break;
	case BPF_SUB:
		s->a -= value;
		break;
	case BPF_MUL:
		s->a *= value;
		break;
	case BPF_DIV:
	case BPF_MOD:
		sample_filter_divide(s, op, value);
		break;
	case BPF_OR:
		s->a |= value;
		break;
	case BPF_AND:
		s->a &= value;
		break;
	case BPF_XOR:
		s->a ^= value;
		break;
	case BPF_LSH:
		s->a = value < 32 ? s->a << value : 0;
		break;
	case BPF_RSH:
		s->a = value < 32 ? s->a >> value : 0;
		break;
	case BPF_NEG:
		s->a = 0U - s->a;
		break;
	}
}

/* What is to be added to pc beside 1; a JA backward is one by nearly 2^32. */
static __always_inline __u32 sample_filter_jump(const struct sample_filter_state *s,
						const struct sample_insn *in, __u32 value)
{
	__u32 op = BPF_OP(in->code);
	int holds;

	if (op == BPF_JA)
		return in->k;
	if (op == BPF_JEQ)
		holds = s->a == value;
	else if (op == BPF_JGT)
		holds = s->a > value;
	else if (op == BPF_JGE)
		holds = s->a >= value;
	else
		holds = (s->a & value) != 0;
	return holds ? in->jt : in->jf;
}

/* One instruction. After the last one, s->done and s->result are set; then it is not to be called. */
static __always_inline void sample_filter_step(struct sample_filter_state *s,
					       const struct sample_filter *filter,
					       const __u8 *bytes)
{
	__u32 pc = s->pc, value;
	const struct sample_insn *in;

	if (pc >= filter->count || pc >= SAMPLE_FILTER_MAX) {
		sample_filter_end(s, 0);
		return;
	}
#ifdef __bpf__
	barrier_var(pc);
#endif
	in = &filter->insn[pc & (SAMPLE_FILTER_MAX - 1)];
	value = BPF_SRC(in->code) == BPF_X ? s->x : in->k;
	s->pc = pc + 1;
	switch (BPF_CLASS(in->code)) {
	case BPF_LD:
	case BPF_LDX:
		sample_filter_load(s, in, bytes);
		break;
	case BPF_JMP:
		s->pc += sample_filter_jump(s, in, value);
		break;
	case BPF_RET:
		sample_filter_end(s, in->code & SAMPLE_FILTER_RET_A ? s->a : in->k);
		break;
	case BPF_ALU:
		sample_filter_alu(s, BPF_OP(in->code), value);
		break;
	case BPF_ST:
		s->word[in->k & (SAMPLE_FILTER_WORDS - 1)] = s->a;
		break;
	case BPF_STX:
		s->word[in->k & (SAMPLE_FILTER_WORDS - 1)] = s->x;
		break;
	case BPF_MISC:
		if (in->code & SAMPLE_FILTER_TXA)
			s->a = s->x;
		else
			s->x = s->a;
		break;
	}
}

#ifndef __bpf__
/* The whole program; nonzero: the packet matches. */
static inline __u32 sample_filter_match(const struct sample_filter *filter, const __u8 *bytes,
					__u32 wirelen, __u32 buflen)
{
	struct sample_filter_state s;

	sample_filter_begin(&s, wirelen, buflen);
	for (int i = 0; i < SAMPLE_FILTER_MAX && !s.done; i++)
		sample_filter_step(&s, filter, bytes);
	return s.result;
}
#endif
