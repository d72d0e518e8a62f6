/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_known.h: frames whose records say something else than their bytes on purpose (flowctl(1),
 * FILTERS), told from the bytes alone, by a walk of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h> /* before pcap/bpf.h, which uses u_int */
#include <pcap/bpf.h>

struct known_walk {
	const uint8_t *frame;
	uint32_t len;
	uint32_t off;  /* of the next layer */
	uint32_t type; /* of it */
};

static inline uint32_t known_16(const struct known_walk *w, uint32_t off)
{
	return off + 2 <= w->len ? w->frame[off] * 256U + w->frame[off + 1] : 0;
}

/* Two tags are kept, the outer one as 0x8100 or 0x88a8, the inner one as 0x8100. */
static inline bool known_tags(struct known_walk *w)
{
	int tags = 0;

	while (w->type == 0x8100 || w->type == 0x88a8 || w->type == 0x9100) {
		if (w->type == 0x9100 || (tags && w->type != 0x8100) || ++tags > 2)
			return true;
		w->type = known_16(w, w->off + 2);
		w->off += 4;
	}
	return false;
}

/* RFC 1042: what is behind SNAP is taken for what Ethernet carries. */
static inline bool known_snap(const struct known_walk *w)
{
	return w->type <= 1500 && known_16(w, w->off) == 0xaaaa &&
	       known_16(w, w->off + 2) == 0x0300 && known_16(w, w->off + 4) == 0 &&
	       known_16(w, w->off + 6) >= 0x0600;
}

/* MPLS of unicast alone; then the stack, and what is behind it by its first nibble. */
static inline bool known_mpls(struct known_walk *w)
{
	uint32_t type = w->type;

	for (w->type = 0; w->off + 4 < w->len; w->off += 4) {
		if (!(w->frame[w->off + 2] & 1))
			continue;
		w->off += 4;
		w->type = w->frame[w->off] >> 4 == 4   ? 0x0800
			  : w->frame[w->off] >> 4 == 6 ? 0x86dd
						       : 0;
		break;
	}
	return type == 0x8848 && w->type;
}

/* A compressed protocol, and labels in the session, are as if they were not; ARP is no protocol. */
static inline bool known_pppoe(struct known_walk *w)
{
	uint32_t proto = known_16(w, w->off + 6);

	if (w->off + 8 > w->len || known_16(w, w->off) != 0x1100)
		return false;
	if ((proto & 0x100) && (proto >> 8 == 0x21 || proto >> 8 == 0x57))
		return true;
	w->type = proto == 0x21 ? 0x0800 : proto == 0x57 ? 0x86dd : 0;
	w->off += 8;
	return proto == 0x281 || proto == 0x283 || proto == 0x806 || proto == 0x8035;
}

/* Extension headers are seen through, but for the fragment header of a later fragment. */
static inline bool known_ip6(const struct known_walk *w)
{
	uint32_t next = w->off + 40 < w->len ? w->frame[w->off + 6] : 59;

	if (next == 44)
		return !(known_16(w, w->off + 42) & 0xfff8) || w->frame[w->off + 41];
	return next == 0 || next == 43 || next == 51 || next == 60 || next == 135 || next == 139 ||
	       next == 140;
}

/* Addresses that are not IPv4 on Ethernet are lost. */
static inline bool known_arp(const struct known_walk *w)
{
	return known_16(w, w->off + 2) != 0x0800 || known_16(w, w->off + 4) != 0x0604;
}

/* A load counted from the link layer, in or behind IPv4 options: the record is taken to have none. */
static inline bool known_options(const struct known_walk *w, const struct bpf_program *program)
{
	if (w->off >= w->len || (w->frame[w->off] & 0xf) == 5)
		return false;
	for (uint32_t i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *in = &program->bf_insns[i];

		if (in->code == (BPF_LDX | BPF_B | BPF_MSH) && in->k != w->off)
			return true;
		if (BPF_CLASS(in->code) == BPF_LD && BPF_MODE(in->code) == BPF_ABS &&
		    in->k + 4 > w->off + 20)
			return true;
	}
	return false;
}

static inline bool filter_known(const uint8_t *frame, uint32_t len,
				const struct bpf_program *program)
{
	struct known_walk w = {.frame = frame, .len = len, .off = 14};

	w.type = known_16(&w, 12);
	if (known_tags(&w) || known_snap(&w))
		return true;
	if ((w.type == 0x8847 || w.type == 0x8848) && known_mpls(&w))
		return true;
	if (w.type == 0x8864 && known_pppoe(&w))
		return true;
	return (w.type == 0x0800 && known_options(&w, program)) ||
	       (w.type == 0x86dd && known_ip6(&w)) ||
	       ((w.type == 0x0806 || w.type == 0x8035) && known_arp(&w));
}
