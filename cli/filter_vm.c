/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_vm.c: the interpreter. Pure. Instructions as in McCanne and Jacobson, "The BSD Packet
 * Filter", and libpcap's bpf_filter.c, whose behaviour at the edges is kept: a division by 0 and a
 * load beyond the packet reject it, and the distance of BPF_JA is signed.
 */
#include "cli/filter_vm.h"

#include <stdbool.h>
#include <stddef.h>
#include <linux/if_ether.h>
#include <string.h>
#include <sys/types.h> /* before pcap/bpf.h, which uses u_int */
#include <pcap/bpf.h>

#include "cli/filter_header.h"

#define WORDS BPF_MEMWORDS
#define FORK_DEPTH 64
#define LLC_SIZE_MAX 1500

struct value {
	uint32_t bits;			  /* unknown ones are 0 */
	uint32_t unknown;		  /* mask */
	uint32_t max;			  /* upper bound, at most bits | unknown */
	uint32_t nonzero;		  /* (value & nonzero) != 0, where this is not 0 */
	uint32_t from;			  /* offset of the first unknown byte in it */
	const struct filter_never *never; /* what it is not, NULL: nothing known */
};

struct state {
	struct value a, x;
	uint32_t pc;
	bool may_fail; /* a load may have been beyond the packet's end */
	uint32_t fail_from;
	struct value word[WORDS];
};

struct vm {
	const struct bpf_insn *insns;
	const struct filter_header *header;
	uint32_t count;
	uint32_t budget;
	uint32_t from;
};

static struct value constant(uint32_t value)
{
	return (struct value){.bits = value, .max = value};
}

static struct value anything(uint32_t mask, uint32_t from)
{
	return (struct value){.unknown = mask, .max = mask, .from = from};
}

static uint32_t minimum(const struct value *v)
{
	return !v->bits && v->nonzero ? v->nonzero & -v->nonzero : v->bits;
}

/* After an operation: unknown bits are 0 in bits, and the bound holds. */
static void settle(struct value *v)
{
	v->bits &= ~v->unknown;
	v->max = v->bits | v->unknown;
	v->nonzero = 0;
	v->never = NULL;
}

static uint32_t first_unknown(const struct filter_header *h, uint32_t off, uint32_t size)
{
	for (uint32_t i = off; i < off + size; i++) {
		if (i >= h->len || h->known[i] != 0xff)
			return i;
	}
	return off;
}

/* A load of `size` bytes at `off`, all of them within the header. */
static struct value load_inside(const struct filter_header *h, uint32_t off, uint32_t size)
{
	uint32_t mask = size == 4 ? 0xffffffffU : (1U << size * 8) - 1, known = 0;
	struct value v = {0};

	for (uint32_t i = 0; i < size; i++) {
		v.bits = v.bits << 8 | h->byte[off + i];
		known = known << 8 | h->known[off + i];
	}
	v.max = v.bits;
	v.unknown = ~known & mask;
	if (!v.unknown)
		return v;
	settle(&v);
	v.from = first_unknown(h, off, size);
	if (size == 2 && h->size_off && off == h->size_off)
		v.max = LLC_SIZE_MAX;
	if (size == 2 && h->offset_mask && off == h->offset_off)
		v.nonzero = h->offset_mask;
	if (size == h->never.size && off == h->never.off)
		v.never = &h->never;
	return v;
}

/* A load of which not all is in the header may be beyond the packet, which rejects it. */
static struct value load_beyond(struct state *s, uint32_t mask, uint32_t from)
{
	if (!s->may_fail)
		s->fail_from = from;
	s->may_fail = true;
	return anything(mask, from);
}

static struct value load(const struct vm *vm, struct state *s, uint64_t off, uint32_t size)
{
	const struct filter_header *h = vm->header;
	uint32_t from = (uint32_t)off;

	if (off + size <= h->len)
		return load_inside(h, (uint32_t)off, size);
	if (off < h->len)
		from = first_unknown(h, from, size);
	return load_beyond(s, size == 4 ? 0xffffffffU : (1U << size * 8) - 1, from);
}

static uint32_t load_size(uint16_t code)
{
	switch (BPF_SIZE(code)) {
	case BPF_W:
		return 4;
	case BPF_H:
		return 2;
	}
	return 1;
}

static struct value load_indirect(const struct vm *vm, struct state *s, const struct bpf_insn *in)
{
	if (!s->x.unknown)
		return load(vm, s, (uint32_t)(s->x.bits + in->k), load_size(in->code));
	return load_beyond(s, 0xffffffffU, s->x.from);
}

/* The length of an IPv4 header is that of the header as it was written, options or not. */
static struct value load_header_length(const struct vm *vm, struct state *s, uint32_t off)
{
	const struct filter_header *h = vm->header;
	struct value v;

	if (off == h->net_off && off < h->len && h->ethertype == ETH_P_IP)
		return constant(FILTER_IPV4_HEADER);
	v = load(vm, s, off, 1);
	v.bits = (v.bits & 0xf) << 2;
	v.unknown = (v.unknown & 0xf) << 2;
	settle(&v);
	return v;
}

/* Where both sides are needed and one has unknown bits, so has all of the result. */
static struct value blur(const struct value *a, const struct value *b)
{
	return anything(0xffffffffU, a->unknown ? a->from : b->from);
}

static struct value value_and(const struct value *a, const struct value *b)
{
	struct value v = {.bits = a->bits & b->bits, .from = a->unknown ? a->from : b->from};

	v.unknown = (a->unknown & (b->bits | b->unknown)) | (b->unknown & (a->bits | a->unknown));
	settle(&v);
	if (v.max > a->max)
		v.max = a->max;
	if (!b->unknown && !(a->nonzero & ~b->bits))
		v.nonzero = a->nonzero;
	if (!b->unknown && a->never && !(a->never->mask & ~b->bits))
		v.never = a->never;
	return v;
}

static struct value value_or(const struct value *a, const struct value *b)
{
	struct value v = {.bits = a->bits | b->bits, .from = a->unknown ? a->from : b->from};

	v.unknown = (a->unknown | b->unknown) & ~v.bits;
	settle(&v);
	return v;
}

static struct value value_xor(const struct value *a, const struct value *b)
{
	struct value v = {.bits = a->bits ^ b->bits, .from = a->unknown ? a->from : b->from};

	v.unknown = a->unknown | b->unknown;
	settle(&v);
	return v;
}

static struct value value_shift(const struct value *a, const struct value *by, bool left)
{
	struct value v = {.from = a->from};

	if (by->unknown)
		return blur(a, by);
	if (by->bits < 32) {
		v.bits = left ? a->bits << by->bits : a->bits >> by->bits;
		v.unknown = left ? a->unknown << by->bits : a->unknown >> by->bits;
	}
	settle(&v);
	return v;
}

static uint32_t compute(uint32_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return a / b;
	case BPF_MOD:
		return a % b;
	}
	return 0U - a; /* BPF_NEG */
}

/* False: division by 0, which rejects. */
static bool arithmetic(struct state *s, const struct bpf_insn *in)
{
	struct value k = constant(in->k);
	const struct value *b = BPF_SRC(in->code) == BPF_X ? &s->x : &k;
	uint32_t op = BPF_OP(in->code);

	switch (op) {
	case BPF_AND:
		s->a = value_and(&s->a, b);
		return true;
	case BPF_OR:
		s->a = value_or(&s->a, b);
		return true;
	case BPF_XOR:
		s->a = value_xor(&s->a, b);
		return true;
	case BPF_LSH:
	case BPF_RSH:
		s->a = value_shift(&s->a, b, op == BPF_LSH);
		return true;
	}
	if ((op == BPF_DIV || op == BPF_MOD) && !b->max)
		return false;
	if (op == BPF_NEG)
		b = &s->a;
	s->a = s->a.unknown || b->unknown ? blur(&s->a, b)
					  : constant(compute(op, s->a.bits, b->bits));
	return true;
}

static bool is_never(const struct filter_never *never, uint32_t value)
{
	for (size_t i = 0; never && i < sizeof(never->value) / sizeof(never->value[0]); i++) {
		if ((value & never->mask) == never->value[i])
			return true;
	}
	return false;
}

/* 1 taken, 0 not taken, -1 the unknown bits decide. */
static int decide(uint32_t op, const struct value *a, const struct value *b)
{
	uint32_t unknown = a->unknown | b->unknown;

	switch (op) {
	case BPF_JEQ:
		if (((a->bits ^ b->bits) & ~unknown) || minimum(b) > a->max || minimum(a) > b->max)
			return 0;
		if (!b->unknown && a->nonzero && !(a->nonzero & b->bits))
			return 0;
		if (!b->unknown && is_never(a->never, b->bits))
			return 0;
		return unknown ? -1 : 1;
	case BPF_JGT:
		if (minimum(a) > b->max)
			return 1;
		return a->max <= minimum(b) ? 0 : -1;
	case BPF_JGE:
		if (minimum(a) >= b->max)
			return 1;
		return a->max < minimum(b) ? 0 : -1;
	case BPF_JSET:
		if (a->bits & b->bits)
			return 1;
		if (!((a->bits | a->unknown) & (b->bits | b->unknown)))
			return 0;
		return !b->unknown && a->nonzero && !(a->nonzero & ~b->bits) ? 1 : -1;
	}
	return -1;
}

static enum filter_outcome run(struct vm *vm, struct state *s, uint32_t depth);

static enum filter_outcome give_up(struct vm *vm, uint32_t from)
{
	vm->from = from;
	return FILTER_UNKNOWN;
}

/* Both ways. Out of line: it carries the copy of the state. */
static __attribute__((noinline)) enum filter_outcome fork_at(struct vm *vm, const struct state *s,
							     const struct bpf_insn *in,
							     uint32_t depth)
{
	struct state other = *s;
	uint32_t from = s->a.unknown ? s->a.from : s->x.from;
	enum filter_outcome taken, not_taken;

	if (depth >= FORK_DEPTH)
		return give_up(vm, FILTER_FROM_WORK);
	other.pc = s->pc + in->jt;
	taken = run(vm, &other, depth + 1);
	if (taken == FILTER_UNKNOWN)
		return taken;
	other = *s;
	other.pc = s->pc + in->jf;
	not_taken = run(vm, &other, depth + 1);
	if (not_taken == FILTER_UNKNOWN || not_taken == taken)
		return not_taken;
	return give_up(vm, from);
}

static enum filter_outcome finish(struct vm *vm, const struct state *s, const struct bpf_insn *in)
{
	struct value k = constant(in->k);
	const struct value *v = BPF_RVAL(in->code) == BPF_A ? &s->a : &k;

	if (!v->max)
		return FILTER_REJECT;
	if (!minimum(v))
		return give_up(vm, v->from);
	return s->may_fail ? give_up(vm, s->fail_from) : FILTER_ACCEPT;
}

/* BPF_LD and BPF_LDX. */
static struct value run_load(const struct vm *vm, struct state *s, const struct bpf_insn *in)
{
	switch (BPF_MODE(in->code)) {
	case BPF_ABS:
		return load(vm, s, in->k, load_size(in->code));
	case BPF_IND:
		return load_indirect(vm, s, in);
	case BPF_MSH:
		return load_header_length(vm, s, in->k);
	case BPF_IMM:
		return constant(in->k);
	case BPF_MEM:
		return s->word[in->k % WORDS];
	}
	return anything(0xffffffffU, FILTER_FROM_LENGTH); /* BPF_LEN */
}

/* Everything but loads, jumps and returns. False: rejected. */
static bool run_other(struct state *s, const struct bpf_insn *in)
{
	switch (BPF_CLASS(in->code)) {
	case BPF_ST:
		s->word[in->k % WORDS] = s->a;
		return true;
	case BPF_STX:
		s->word[in->k % WORDS] = s->x;
		return true;
	case BPF_ALU:
		return arithmetic(s, in);
	}
	if (BPF_MISCOP(in->code) == BPF_TAX)
		s->x = s->a;
	else
		s->a = s->x;
	return true;
}

static enum filter_outcome run(struct vm *vm, struct state *s, uint32_t depth)
{
	while (s->pc < vm->count && vm->budget) {
		const struct bpf_insn *in = &vm->insns[s->pc++];
		uint32_t class = BPF_CLASS(in->code);
		int taken;

		vm->budget--;
		if (class == BPF_RET)
			return finish(vm, s, in);
		if (class == BPF_LD) {
			s->a = run_load(vm, s, in);
		} else if (class == BPF_LDX) {
			s->x = run_load(vm, s, in);
		} else if (class != BPF_JMP) {
			if (!run_other(s, in))
				return FILTER_REJECT;
		} else if (BPF_OP(in->code) == BPF_JA) {
			s->pc += in->k; /* signed in libpcap: wraps */
		} else {
			struct value k = constant(in->k);

			taken = decide(BPF_OP(in->code), &s->a,
				       BPF_SRC(in->code) == BPF_X ? &s->x : &k);
			if (taken < 0)
				return fork_at(vm, s, in, depth);
			s->pc += taken ? in->jt : in->jf;
		}
	}
	return give_up(vm, FILTER_FROM_WORK);
}

enum filter_outcome filter_vm_run(const struct bpf_insn *insns, uint32_t count,
				  const struct filter_header *header, uint32_t *ret_from)
{
	struct vm vm = {.insns = insns,
			.header = header,
			.count = count,
			.budget = filter_vm_budget(count)};
	enum filter_outcome outcome;
	struct state s;

	memset(&s, 0, offsetof(struct state, word)); /* libpcap reads no word before it wrote it */
	outcome = run(&vm, &s, 0);
	if (outcome == FILTER_UNKNOWN)
		*ret_from = vm.from;
	return outcome;
}
