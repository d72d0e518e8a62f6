/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_tree.h: what is left of a classic BPF program where all headers have one shape (filter_header.h): most of
 * its loads give the same number each time, and most of its jumps go the same way, so that a few questions
 * about addresses, ports and flags remain. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/filter_vm.h"

#define FILTER_TREE_ASKS 64

/* A load of the header, cut out by `mask`, is compared with `value`. */
struct filter_ask {
	uint32_t mask, value;
	uint16_t off;
	uint8_t size;
	uint8_t op;	 /* BPF_JEQ, BPF_JGT, BPF_JGE or BPF_JSET */
	uint8_t yes, no; /* enum filter_outcome, or FILTER_TREE_FIRST and the number of the next */
};

#define FILTER_TREE_FIRST (FILTER_UNKNOWN + 1)

struct filter_tree {
	uint8_t root; /* as ask.yes */
	uint8_t asks;
	struct filter_ask ask[FILTER_TREE_ASKS];
};

/*
 * The tree of `count` instructions over headers of the shape of `header`, whose key's EtherType and protocol these are.
 * False: it has more questions than there is room for.
 */
bool filter_tree_grow(const struct bpf_insn *insns, uint32_t count,
		      const struct filter_header *header, uint16_t ethertype, uint8_t proto,
		      struct filter_tree *ret_tree);

/* As filter_vm_quick; FILTER_UNKNOWN: an interpreter has to say. */
enum filter_outcome filter_tree_run(const struct filter_tree *tree,
				    const struct filter_header *header);
