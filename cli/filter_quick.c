/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_quick.c: the interpreter of filter_vm.c for programs that ask for nothing but known bits, as most
 * do: plain numbers, no sets of them. Pure. Bits that are not known may be in the accumulator as long as
 * nothing depends on them; where something does, it gives up.
 */
#include "cli/filter_vm.h"

#include <stdbool.h>
#include <linux/if_ether.h>
#include <sys/types.h> /* before pcap/bpf.h, which uses u_int */
#include <pcap/bpf.h>

#include "cli/filter_number.h"

struct quick {
	uint32_t a, x;
	uint32_t unknown; /* bits of a */
	uint32_t word[BPF_MEMWORDS];
};

/* False: not all of it is in the header. */
static inline bool load(const struct filter_header *h, struct quick *q, uint32_t off, uint32_t size)
{
	if (off > h->len || size > h->len - off)
		return false;
	q->a = filter_big_endian(h->byte + off, size);
	q->unknown = filter_big_endian(h->known + off, size) ^ (uint32_t)((1ULL << size * 8) - 1);
	return true;
}

enum step {
	STEP_NEXT,
	STEP_REJECT,
	STEP_GIVE_UP,
};

static enum step divide(struct quick *q, uint32_t by, bool remainder)
{
	if (!by)
		return STEP_REJECT;
	q->a = remainder ? q->a % by : q->a / by;
	return STEP_NEXT;
}

static enum step arithmetic(struct quick *q, const struct bpf_insn *in)
{
	uint32_t by = BPF_SRC(in->code) == BPF_X ? q->x : in->k;

	if (BPF_OP(in->code) == BPF_AND) {
		q->a &= by;
		q->unknown &= by;
		return STEP_NEXT;
	}
	if (q->unknown)
		return STEP_GIVE_UP;
	switch (BPF_OP(in->code)) {
	case BPF_ADD:
		q->a += by;
		return STEP_NEXT;
	case BPF_SUB:
		q->a -= by;
		return STEP_NEXT;
	case BPF_MUL:
		q->a *= by;
		return STEP_NEXT;
	case BPF_DIV:
		return divide(q, by, false);
	case BPF_MOD:
		return divide(q, by, true);
	case BPF_OR:
		q->a |= by;
		return STEP_NEXT;
	case BPF_XOR:
		q->a ^= by;
		return STEP_NEXT;
	case BPF_LSH:
		q->a = by < 32 ? q->a << by : 0;
		return STEP_NEXT;
	case BPF_RSH:
		q->a = by < 32 ? q->a >> by : 0;
		return STEP_NEXT;
	case BPF_NEG:
		q->a = 0U - q->a;
		return STEP_NEXT;
	}
	return STEP_GIVE_UP;
}

static enum step load_any(const struct filter_header *h, struct quick *q, const struct bpf_insn *in)
{
	bool known = true;

	switch (BPF_CLASS(in->code) | BPF_MODE(in->code)) {
	case BPF_LD | BPF_ABS:
		known = load(h, q, in->k, filter_load_size(in));
		break;
	case BPF_LD | BPF_IND:
		known = load(h, q, q->x + in->k, filter_load_size(in));
		break;
	case BPF_LD | BPF_IMM:
	case BPF_LD | BPF_MEM:
		q->a = BPF_MODE(in->code) == BPF_IMM ? in->k : q->word[in->k % BPF_MEMWORDS];
		q->unknown = 0;
		break;
	case BPF_LDX | BPF_MSH:
		known = filter_header_length(h, in->k, &q->x);
		break;
	case BPF_LDX | BPF_IMM:
		q->x = in->k;
		break;
	case BPF_LDX | BPF_MEM:
		q->x = q->word[in->k % BPF_MEMWORDS];
		break;
	default: /* the length */
		known = false;
	}
	return known ? STEP_NEXT : STEP_GIVE_UP;
}

static enum step move(struct quick *q, const struct bpf_insn *in)
{
	switch (BPF_CLASS(in->code)) {
	case BPF_ST:
		q->word[in->k % BPF_MEMWORDS] = q->a;
		break;
	case BPF_STX:
		q->word[in->k % BPF_MEMWORDS] = q->x;
		return STEP_NEXT;
	default:
		if (BPF_MISCOP(in->code) != BPF_TAX) {
			q->a = q->x;
			q->unknown = 0;
			return STEP_NEXT;
		}
		q->x = q->a;
	}
	return q->unknown ? STEP_GIVE_UP : STEP_NEXT;
}

static enum filter_outcome finish(const struct quick *q, const struct bpf_insn *in)
{
	bool is_a = BPF_RVAL(in->code) == BPF_A;

	if (is_a && q->unknown)
		return FILTER_UNKNOWN;
	return (is_a ? q->a : in->k) ? FILTER_ACCEPT : FILTER_REJECT;
}

static enum step step(const struct filter_header *h, struct quick *q, const struct bpf_insn *in)
{
	switch (BPF_CLASS(in->code)) {
	case BPF_LD:
	case BPF_LDX:
		return load_any(h, q, in);
	case BPF_ALU:
		return arithmetic(q, in);
	}
	return move(q, in);
}

enum filter_outcome filter_vm_quick(const struct bpf_insn *insns, uint32_t count,
				    const struct filter_header *header)
{
	uint32_t pc = 0, budget = filter_vm_budget(count);
	struct quick q;

	q.a = q.x = q.unknown = 0; /* libpcap reads no word before it wrote it */
	while (pc < count && budget--) {
		const struct bpf_insn *in = &insns[pc++];
		enum step done;
		int taken;

		if (BPF_CLASS(in->code) == BPF_RET)
			return finish(&q, in);
		if (BPF_CLASS(in->code) != BPF_JMP) {
			done = step(header, &q, in);
			if (done != STEP_NEXT)
				return done == STEP_REJECT ? FILTER_REJECT : FILTER_UNKNOWN;
		} else if (BPF_OP(in->code) == BPF_JA) {
			pc += in->k; /* signed in libpcap: wraps */
		} else {
			taken = filter_decide(q.a, q.unknown, BPF_OP(in->code),
					      BPF_SRC(in->code) == BPF_X ? q.x : in->k);
			if (taken < 0)
				return FILTER_UNKNOWN;
			pc += taken ? in->jt : in->jf;
		}
	}
	return FILTER_UNKNOWN;
}
