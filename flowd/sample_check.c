/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_check.c: what sample_filter.h leaves to the loader, an instruction at a time. */
#include "flowd/sample_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "schema/sample_filter.h"

#define HEADER_MAX 60 /* of IPv4, as MSH tells it */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* All that libpcap's bpf_filter() has a case for; W, K, IMM and ADD are 0. */
static const __u16 known[] = {
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_H | BPF_ABS,
	BPF_LD | BPF_B | BPF_ABS,
	BPF_LD | BPF_W | BPF_IND,
	BPF_LD | BPF_H | BPF_IND,
	BPF_LD | BPF_B | BPF_IND,
	BPF_LD | BPF_W | BPF_LEN,
	BPF_LD | BPF_IMM,
	BPF_LD | BPF_MEM,
	BPF_LDX | BPF_B | BPF_MSH,
	BPF_LDX | BPF_W | BPF_LEN,
	BPF_LDX | BPF_IMM,
	BPF_LDX | BPF_MEM,
	BPF_ST,
	BPF_STX,
	BPF_ALU | BPF_ADD,
	BPF_ALU | BPF_ADD | BPF_X,
	BPF_ALU | BPF_SUB | BPF_K,
	BPF_ALU | BPF_SUB | BPF_X,
	BPF_ALU | BPF_MUL | BPF_K,
	BPF_ALU | BPF_MUL | BPF_X,
	BPF_ALU | BPF_DIV | BPF_K,
	BPF_ALU | BPF_DIV | BPF_X,
	BPF_ALU | BPF_MOD | BPF_K,
	BPF_ALU | BPF_MOD | BPF_X,
	BPF_ALU | BPF_AND | BPF_K,
	BPF_ALU | BPF_AND | BPF_X,
	BPF_ALU | BPF_OR | BPF_K,
	BPF_ALU | BPF_OR | BPF_X,
	BPF_ALU | BPF_XOR | BPF_K,
	BPF_ALU | BPF_XOR | BPF_X,
	BPF_ALU | BPF_LSH | BPF_K,
	BPF_ALU | BPF_LSH | BPF_X,
	BPF_ALU | BPF_RSH | BPF_K,
	BPF_ALU | BPF_RSH | BPF_X,
	BPF_ALU | BPF_NEG,
	BPF_JMP | BPF_JA,
	BPF_JMP | BPF_JEQ | BPF_K,
	BPF_JMP | BPF_JEQ | BPF_X,
	BPF_JMP | BPF_JGT | BPF_K,
	BPF_JMP | BPF_JGT | BPF_X,
	BPF_JMP | BPF_JGE | BPF_K,
	BPF_JMP | BPF_JGE | BPF_X,
	BPF_JMP | BPF_JSET | BPF_K,
	BPF_JMP | BPF_JSET | BPF_X,
	BPF_RET | BPF_K,
	BPF_RET | SAMPLE_FILTER_RET_A,
	BPF_MISC,
	BPF_MISC | SAMPLE_FILTER_TXA,
};

static bool is_known(__u16 code)
{
	for (size_t i = 0; i < COUNT(known); i++) {
		if (known[i] == code)
			return true;
	}
	return false;
}

static bool uses_word(__u16 code)
{
	__u32 class = BPF_CLASS(code);

	return class == BPF_ST || class == BPF_STX ||
	       (class <= BPF_LDX && BPF_MODE(code) == BPF_MEM);
}

/* NULL, or why its constant will not do. */
static const char *bad_operand(const struct sample_insn *in)
{
	__u32 op = BPF_OP(in->code);

	if (uses_word(in->code) && in->k >= SAMPLE_FILTER_WORDS)
		return "memory has no such word";
	if (BPF_CLASS(in->code) != BPF_ALU || BPF_SRC(in->code) != BPF_K)
		return NULL;
	if ((op == BPF_DIV || op == BPF_MOD) && !in->k)
		return "division by 0";
	return (op == BPF_LSH || op == BPF_RSH) && in->k > 31 ? "shift by more than 31 bits" : NULL;
}

/* JA goes back by a number of nearly 2^32. */
static bool jumps_out(const struct sample_insn *in, __u32 next, __u32 count)
{
	if (BPF_CLASS(in->code) != BPF_JMP)
		return false;
	if (BPF_OP(in->code) == BPF_JA)
		return next + in->k >= count;
	return next + in->jt >= count || next + in->jf >= count;
}

int sample_filter_check(const struct sample_insn *insn, size_t count, char *error, size_t size)
{
	if (!count || count > SAMPLE_FILTER_MAX) {
		snprintf(error, size, "%zu instructions: not in 1-%d", count, SAMPLE_FILTER_MAX);
		return -EINVAL;
	}
	for (__u32 i = 0; i < count; i++) {
		const struct sample_insn *in = &insn[i];
		const char *bad = !is_known(in->code) ? "unknown" : bad_operand(in);

		if (!bad && jumps_out(in, i + 1, (__u32)count))
			bad = "jumps out of the program";
		if (!bad && i + 1 == count && BPF_CLASS(in->code) != BPF_RET)
			bad = "the last one, and does not return";
		if (bad) {
			snprintf(error, size, "instruction %u (code %#x, k %u): %s", i, in->code,
				 in->k, bad);
			return -EINVAL;
		}
	}
	return 0;
}

/* The most that the index register can ever hold. */
static __u32 most_x(const struct sample_insn *insn, size_t count)
{
	__u32 most = 0;

	for (size_t i = 0; i < count; i++) {
		const struct sample_insn *in = &insn[i];
		__u32 x = 0;

		if (in->code == (BPF_LDX | BPF_B | BPF_MSH))
			x = HEADER_MAX;
		else if (in->code == (BPF_LDX | BPF_IMM))
			x = in->k;
		else if (BPF_CLASS(in->code) == BPF_LDX || in->code == BPF_MISC)
			x = SAMPLE_LOOK_MAX;
		most = x > most ? x : most;
	}
	return most;
}

__u32 sample_filter_reach(const struct sample_insn *insn, size_t count)
{
	__u32 x = most_x(insn, count), reach = 1;

	for (size_t i = 0; i < count; i++) {
		__u32 mode = BPF_MODE(insn[i].code);
		__u64 end = (__u64)insn[i].k + (4U >> (insn[i].code >> 3 & 3));

		if (BPF_CLASS(insn[i].code) > BPF_LDX ||
		    (mode != BPF_ABS && mode != BPF_IND && mode != BPF_MSH))
			continue;
		end += mode == BPF_IND ? x : 0;
		/* one that is beyond them all fails, whatever there is */
		if (mode == BPF_IND && end > SAMPLE_LOOK_MAX)
			return SAMPLE_LOOK_MAX;
		if (end <= SAMPLE_LOOK_MAX && end > reach)
			reach = (__u32)end;
	}
	return reach;
}
