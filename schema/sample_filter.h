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
#include <linux/types.h>
#ifdef __bpf__
#include <bpf/bpf_helpers.h>
#endif

#include "packet.h"
#include "sample.h"

#define SAMPLE_FILTER_WORDS 16	 /* of memory, as BPF_MEMWORDS */
#define SAMPLE_FILTER_RET_A 0x10 /* these two <linux/bpf_common.h> leaves out */
#define SAMPLE_FILTER_TXA 0x80
#define SAMPLE_FILTER_SLACK 8 /* bytes that a copy is longer than what can be looked at; any */

/* What each step changes; a turn of steps has it in registers. */
struct sample_filter_regs {
	__u32 a; /* the accumulator */
	__u32 x; /* the index register */
	__u32 pc;
};

struct sample_filter_state {
	struct sample_filter_regs regs;
	__u32 result;
	__u32 wirelen; /* of the packet */
	__u32 buflen;  /* of the copy, SAMPLE_LOOK_MAX at most */
	__u32 word[SAMPLE_FILTER_WORDS];
};

/* One run of a program. */
struct sample_filter_run {
	struct sample_filter_state *state;
	const struct sample_filter *filter;
	const __u8 *bytes; /* of the copy */
};

/* Before the first step. */
static __always_inline void sample_filter_begin(struct sample_filter_state *s, __u32 wirelen,
						__u32 buflen)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->wirelen = wirelen;
	s->buflen = buflen < SAMPLE_LOOK_MAX ? buflen : SAMPLE_LOOK_MAX;
}

/* Of what comes out the verifier knows the mask and no more, whatever went in: one state after each step. */
static __always_inline __u32 sample_filter_bound(__u32 value, __u32 mask)
{
#ifdef __bpf__
	barrier_var(value);
#endif
	value &= mask;
#ifdef __bpf__
	barrier_var(value);
#endif
	return value;
}

/* `size` bytes at `off`, which are there. BPF reads 4; what is behind them is SAMPLE_FILTER_SLACK. */
static __always_inline __u32 sample_filter_peek(const __u8 *bytes, __u32 off, __u32 size)
{
#ifdef __bpf__
	off = sample_filter_bound(off, SAMPLE_LOOK_MAX - 1);
	return PARSE_SWAP32(pkt_be32(bytes + off)) >> (32 - size * 8);
#else
	if (size == 4)
		return PARSE_SWAP32(pkt_be32(bytes + off));
	return size == 2 ? PARSE_SWAP16(pkt_be16(bytes + off)) : size ? bytes[off] : 0;
#endif
}

/* LD, LDX. As every part of a step it returns 0, or 1: the program has ended with s->result. */
static __always_inline int sample_filter_load(const struct sample_filter_run *run,
					      struct sample_filter_regs *r,
					      const struct sample_insn *in)
{
	__u32 mode = BPF_MODE(in->code), size = 4U >> (in->code >> 3 & 3), value = in->k;
	__u64 off = in->k;

	if (mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH) {
		if (mode == BPF_IND)
			off += r->x;
		if (off + size > run->state->buflen)
			return 1;
		value = sample_filter_peek(run->bytes, (__u32)off, size);
		if (mode == BPF_MSH) /* the length of an IPv4 header */
			value = (value & 0xf) << 2;
	} else if (mode == BPF_MEM) {
		value = run->state->word[value & (SAMPLE_FILTER_WORDS - 1)];
	} else if (mode == BPF_LEN) {
		value = run->state->wirelen;
	}
	if (BPF_CLASS(in->code) == BPF_LD)
		r->a = value;
	else
		r->x = value;
	return 0;
}

static __always_inline int sample_filter_alu(struct sample_filter_regs *r, __u32 op, __u32 value)
{
	if (op == BPF_AND)
		r->a &= value;
	else if (op == BPF_OR)
		r->a |= value;
	else if (op == BPF_XOR)
		r->a ^= value;
	else if (op == BPF_ADD)
		r->a += value;
	else if (op == BPF_SUB)
		r->a -= value;
	else if (op == BPF_NEG)
		r->a = 0U - r->a;
	else if (op == BPF_LSH)
		r->a = value < 32 ? r->a << value : 0;
	else if (op == BPF_RSH)
		r->a = value < 32 ? r->a >> value : 0;
	else if (op == BPF_MUL)
		r->a *= value;
	else if (!value) /* DIV, MOD */
		return 1;
	else
		r->a = op == BPF_DIV ? r->a / value : r->a % value;
	return 0;
}

/* By how much more than 1 the program goes on; back by nearly 2^32. */
static __always_inline __u32 sample_filter_jump(__u32 a, const struct sample_insn *in, __u32 value)
{
	__u32 op = BPF_OP(in->code);
	int holds;

	if (op == BPF_JEQ)
		holds = a == value;
	else if (op == BPF_JSET)
		holds = (a & value) != 0;
	else if (op == BPF_JGT)
		holds = a > value;
	else if (op == BPF_JGE)
		holds = a >= value;
	else
		return in->k;
	return holds ? in->jt : in->jf;
}

/* ST, STX, MISC */
static __always_inline void sample_filter_move(struct sample_filter_state *s,
					       struct sample_filter_regs *r,
					       const struct sample_insn *in)
{
	__u32 class = BPF_CLASS(in->code);

	if (class == BPF_ST)
		s->word[in->k & (SAMPLE_FILTER_WORDS - 1)] = r->a;
	else if (class == BPF_STX)
		s->word[in->k & (SAMPLE_FILTER_WORDS - 1)] = r->x;
	else if (in->code & SAMPLE_FILTER_TXA)
		r->a = r->x;
	else
		r->x = r->a;
}

/* One instruction. 0, or 1: the program has ended with state->result. */
static __always_inline int sample_filter_step(const struct sample_filter_run *run,
					      struct sample_filter_regs *r)
{
	__u32 pc = r->pc & (SAMPLE_FILTER_MAX - 1), class, value;
	const struct sample_insn *in = &run->filter->insn[pc];

	if (pc >= run->filter->count)
		return 1;
	value = BPF_SRC(in->code) == BPF_X ? r->x : in->k;
	class = BPF_CLASS(in->code);
	pc++;
	if (class == BPF_JMP) {
		pc += sample_filter_jump(r->a, in, value);
	} else if (class <= BPF_LDX) {
		if (sample_filter_load(run, r, in))
			return 1;
	} else if (class == BPF_RET) {
		run->state->result = in->code & SAMPLE_FILTER_RET_A ? r->a : in->k;
		return 1;
	} else if (class == BPF_ALU) {
		if (sample_filter_alu(r, BPF_OP(in->code), value))
			return 1;
	} else {
		sample_filter_move(run->state, r, in);
	}
	r->pc = sample_filter_bound(pc, SAMPLE_FILTER_MAX - 1);
	return 0;
}

#ifndef __bpf__
/* The whole program; nonzero: the packet matches. */
static inline __u32 sample_filter_match(const struct sample_filter *filter, const __u8 *bytes,
					__u32 wirelen, __u32 buflen)
{
	struct sample_filter_state s;
	struct sample_filter_run run = {.state = &s, .filter = filter, .bytes = bytes};
	struct sample_filter_regs r = {0, 0, 0};

	sample_filter_begin(&s, wirelen, buflen);
	for (int i = 0; i < SAMPLE_FILTER_MAX && !sample_filter_step(&run, &r); i++)
		;
	return s.result;
}
#endif
