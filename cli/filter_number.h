/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter_number.h: numbers of which some bits are not known, as filter_quick.c and filter_tree.c have them. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <linux/if_ether.h>
#include <sys/types.h> /* before pcap/bpf.h, which uses u_int */
#include <pcap/bpf.h>

#include "cli/filter_header.h"

static inline uint32_t filter_big_endian(const uint8_t *at, uint32_t size)
{
	uint32_t value = at[0];

	for (uint32_t i = 1; i < size; i++)
		value = value << 8 | at[i];
	return value;
}

/* Bytes that a load takes. */
static inline uint32_t filter_load_size(const struct bpf_insn *in)
{
	return BPF_SIZE(in->code) == BPF_W ? 4 : BPF_SIZE(in->code) == BPF_H ? 2 : 1;
}

/* The length of an IPv4 header at `off`. False: it is not known. */
static inline bool filter_header_length(const struct filter_header *h, uint32_t off,
					uint32_t *ret_length)
{
	if (off >= h->len)
		return false;
	if (off == h->net_off && h->ethertype == ETH_P_IP) {
		*ret_length = FILTER_IPV4_HEADER;
		return true;
	}
	*ret_length = (h->byte[off] & 0xfU) << 2;
	return (h->known[off] & 0xf) == 0xf;
}

/* A jump by `a`, whose `unknown` bits are 0 in it, and `by`: 1 taken, 0 not taken, -1 the unknown bits decide. */
static inline int filter_decide(uint32_t a, uint32_t unknown, uint32_t op, uint32_t by)
{
	switch (op) {
	case BPF_JEQ:
		if ((a ^ by) & ~unknown)
			return 0;
		return unknown ? -1 : 1;
	case BPF_JSET:
		if (a & by)
			return 1;
		return unknown & by ? -1 : 0;
	case BPF_JGT:
		return unknown ? -1 : a > by;
	case BPF_JGE:
		return unknown ? -1 : a >= by;
	}
	return -1;
}
