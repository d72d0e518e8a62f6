/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_tree.c: the program is followed once, with a number or the place of a load in the accumulator. Where a
 * jump hangs on the latter it is a question, and both ways are followed. Ways that meet again, in the same state,
 * are followed once. What is not a load, a mask or a comparison is left to the interpreter.
 */
#include "cli/filter_tree.h"

#include <string.h>
#include <linux/if_ether.h>
#include <sys/types.h> /* before pcap/bpf.h, which uses u_int */
#include <pcap/bpf.h>

#include "cli/filter_number.h"
#include "schema/flow.h"

#define SEEN 192   /* states at ends of jumps */
#define STEPS 4096 /* followed in all */

struct state {
	uint32_t a, unknown; /* the accumulator: bits that are not known are 0 in a */
	uint32_t mask;	     /* of a load; 0: it is a number */
	uint16_t off;
	uint16_t size;
	uint32_t x;
};

struct seen {
	uint32_t pc;
	struct state state;
	uint8_t at; /* as ask.yes */
};

struct grower {
	const struct bpf_insn *insn;
	uint32_t count;
	const struct filter_header *header;
	uint8_t changes[FILTER_HEADER_BYTES]; /* bytes that are not the same in all */
	struct filter_tree *tree;
	struct seen seen[SEEN];
	uint32_t seens, steps;
	bool full;
};

static uint32_t full_mask(uint32_t size)
{
	return (uint32_t)((1ULL << size * 8) - 1);
}

/* By trial: what filter_header_change() writes. */
static void find_changes(struct grower *g, uint16_t ethertype, uint8_t proto)
{
	struct filter_header none = *g->header, all = *g->header;
	struct flow_key key = {.ethertype = ethertype, .proto = proto};

	filter_header_change(&key, 0, &none);
	memset(key.src, 0xff, sizeof(key.src));
	memset(key.dst, 0xff, sizeof(key.dst));
	key.sport = key.dport = 0xffff;
	filter_header_change(&key, 0xff, &all);
	for (uint32_t i = 0; i < FILTER_HEADER_BYTES; i++)
		g->changes[i] = none.byte[i] ^ all.byte[i];
}

static bool changes(const struct grower *g, uint32_t off, uint32_t size)
{
	uint8_t any = 0;

	for (uint32_t i = 0; i < size; i++)
		any |= g->changes[off + i];
	return any;
}

/* False: not all of it is in the header, or something that changes is not known. */
static bool load(const struct grower *g, struct state *s, uint32_t off, uint32_t size)
{
	const struct filter_header *h = g->header;
	uint32_t unknown;

	if (off > h->len || size > h->len - off)
		return false;
	unknown = filter_big_endian(h->known + off, size) ^ full_mask(size);
	s->a = s->unknown = s->mask = 0;
	s->off = s->size = 0;
	if (!changes(g, off, size)) {
		s->a = filter_big_endian(h->byte + off, size);
		s->unknown = unknown;
		return true;
	}
	s->mask = full_mask(size);
	s->off = (uint16_t)off;
	s->size = (uint16_t)size;
	return !unknown;
}

static bool is_number(const struct state *s)
{
	return !s->mask && !s->unknown;
}

static void set_number(struct state *s, uint32_t a)
{
	*s = (struct state){.a = a, .x = s->x};
}

/* False: for the interpreter. */
static bool step(const struct grower *g, struct state *s, const struct bpf_insn *in)
{
	uint32_t by = BPF_SRC(in->code) == BPF_X ? s->x : in->k;

	switch (BPF_CLASS(in->code)) {
	case BPF_LD:
		if (BPF_MODE(in->code) == BPF_ABS)
			return load(g, s, in->k, filter_load_size(in));
		if (BPF_MODE(in->code) == BPF_IND)
			return load(g, s, s->x + in->k, filter_load_size(in));
		set_number(s, in->k);
		return BPF_MODE(in->code) == BPF_IMM;
	case BPF_LDX:
		if (BPF_MODE(in->code) == BPF_MSH)
			return in->k < FILTER_HEADER_BYTES && !changes(g, in->k, 1) &&
			       filter_header_length(g->header, in->k, &s->x);
		s->x = in->k;
		return BPF_MODE(in->code) == BPF_IMM;
	case BPF_ALU:
		if (BPF_OP(in->code) != BPF_AND)
			return false;
		s->a &= by;
		s->unknown &= by;
		if (s->mask && !(s->mask & by))
			set_number(s, 0);
		s->mask &= by;
		return true;
	case BPF_MISC:
		if (BPF_MISCOP(in->code) != BPF_TAX) {
			set_number(s, s->x);
			return true;
		}
		s->x = s->a;
		return is_number(s);
	}
	return false;
}

static uint8_t finish(const struct state *s, const struct bpf_insn *in)
{
	bool is_a = BPF_RVAL(in->code) == BPF_A;

	if (is_a && !is_number(s))
		return FILTER_UNKNOWN;
	return (is_a ? s->a : in->k) ? FILTER_ACCEPT : FILTER_REJECT;
}

static uint8_t follow(struct grower *g, uint32_t pc, struct state s);

/* The end of a jump. What the next instruction writes over makes no difference there. */
static uint8_t follow_jump(struct grower *g, uint32_t pc, const struct state *from)
{
	struct state s = *from;
	uint32_t at;

	if (pc < g->count && BPF_CLASS(g->insn[pc].code) == BPF_LD)
		set_number(&s, 0);
	for (at = 0; at < g->seens; at++) {
		if (g->seen[at].pc == pc && !memcmp(&g->seen[at].state, &s, sizeof(s)))
			return g->seen[at].at;
	}
	if (g->seens == SEEN) {
		g->full = true;
		return FILTER_UNKNOWN;
	}
	g->seens++;
	g->seen[at].pc = pc;
	g->seen[at].state = s;
	g->seen[at].at =
		FILTER_UNKNOWN; /* for who comes here again on the way, which a loop does */
	g->seen[at].at = follow(g, pc, s);
	return g->seen[at].at;
}

static uint8_t ask(struct grower *g, uint32_t pc, const struct state *s, const struct bpf_insn *in)
{
	uint32_t by = BPF_SRC(in->code) == BPF_X ? s->x : in->k;
	struct filter_ask ask = {.mask = s->mask,
				 .value = by,
				 .off = s->off,
				 .size = (uint8_t)s->size,
				 .op = (uint8_t)BPF_OP(in->code)};

	ask.yes = follow_jump(g, pc + in->jt, s);
	ask.no = follow_jump(g, pc + in->jf, s);
	if (ask.yes == ask.no)
		return ask.yes;
	if (g->tree->asks == FILTER_TREE_ASKS) {
		g->full = true;
		return FILTER_UNKNOWN;
	}
	g->tree->ask[g->tree->asks] = ask;
	return (uint8_t)(FILTER_TREE_FIRST + g->tree->asks++);
}

static bool is_asked(const struct bpf_insn *in)
{
	uint32_t op = BPF_OP(in->code);

	return op == BPF_JEQ || op == BPF_JGT || op == BPF_JGE || op == BPF_JSET;
}

static uint8_t follow(struct grower *g, uint32_t pc, struct state s)
{
	while (pc < g->count && !g->full) {
		const struct bpf_insn *in = &g->insn[pc++];
		int taken;

		if (++g->steps > STEPS)
			g->full = true;
		if (BPF_CLASS(in->code) == BPF_RET)
			return finish(&s, in);
		if (BPF_CLASS(in->code) != BPF_JMP) {
			if (!step(g, &s, in))
				return FILTER_UNKNOWN;
		} else if (BPF_OP(in->code) == BPF_JA) {
			pc += in->k; /* signed in libpcap: wraps */
		} else if (s.mask) {
			return is_asked(in) ? ask(g, pc, &s, in) : FILTER_UNKNOWN;
		} else {
			taken = filter_decide(s.a, s.unknown, BPF_OP(in->code),
					      BPF_SRC(in->code) == BPF_X ? s.x : in->k);
			if (taken < 0)
				return FILTER_UNKNOWN;
			pc += taken ? in->jt : in->jf;
		}
	}
	return FILTER_UNKNOWN;
}

bool filter_tree_grow(const struct bpf_insn *insns, uint32_t count,
		      const struct filter_header *header, uint16_t ethertype, uint8_t proto,
		      struct filter_tree *ret_tree)
{
	struct grower g;

	g.insn = insns;
	g.count = count;
	g.header = header;
	g.tree = ret_tree;
	g.seens = g.steps = 0;
	g.full = false;
	ret_tree->asks = 0;
	find_changes(&g, ethertype, proto);
	ret_tree->root = follow(&g, 0, (struct state){0});
	return !g.full;
}

static inline bool answer(const struct filter_ask *ask, const struct filter_header *header)
{
	uint32_t value = filter_big_endian(header->byte + ask->off, ask->size) & ask->mask;

	return filter_decide(value, 0, ask->op, ask->value) > 0;
}

enum filter_outcome filter_tree_run(const struct filter_tree *tree,
				    const struct filter_header *header)
{
	uint32_t at = tree->root;

	while (at >= FILTER_TREE_FIRST) {
		const struct filter_ask *ask = &tree->ask[at - FILTER_TREE_FIRST];

		at = answer(ask, header) ? ask->yes : ask->no;
	}
	return (enum filter_outcome)at;
}
