/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter_put.h: how filter_header.c and filter_label.c write into a header. */
#pragma once

#include <string.h>

#include "cli/filter_header.h"

static inline void put(struct filter_header *h, uint32_t off, const void *bytes, uint32_t size)
{
	memcpy(h->byte + off, bytes, size);
	memset(h->known + off, 0xff, size);
}

/* Bits that are not in `known` must be 0 in `value`. */
static inline void put8(struct filter_header *h, uint32_t off, uint8_t value, uint8_t known)
{
	h->byte[off] = value;
	h->known[off] = known;
}

static inline void put16(struct filter_header *h, uint32_t off, uint16_t value, uint16_t known)
{
	put8(h, off, (uint8_t)(value >> 8), (uint8_t)(known >> 8));
	put8(h, off + 1, (uint8_t)value, (uint8_t)known);
}

/*
 * The EtherType and the labels at h->len, where the key has some or may have had: h->len and
 * h->net_off are then behind them. False: there are none, nothing is written.
 */
bool filter_label_build(const struct flow_key *key, struct filter_header *h);

/* The same of labels that hold an Ethernet frame: the link layer from its EtherType on, at h->len. */
bool filter_label_ethernet(const struct flow_key *key, struct filter_header *h);
