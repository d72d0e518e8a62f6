/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_record.h: a sampled packet as flowd hands it to sinks, and as flowctl reads it: a row of table sample. */
#pragma once

#include <stdint.h>

#include "sample.h"

/* LINKTYPE_ numbers of a sample's bytes. */
#define SAMPLE_LINK_ETHERNET 1
#define SAMPLE_LINK_IP 101 /* raw: IPv4 or IPv6 */

struct sample_record {
	int64_t time_ns;     /* UTC; the row's id is it, or the next that is free */
	struct flow_key key; /* ifnum and outer have no meaning here */
	uint32_t iface;	     /* interface.id; 0: of an interface that is not counted, or none */
	uint32_t link;	     /* of the bytes: SAMPLE_LINK_ETHERNET or SAMPLE_LINK_IP */
	uint32_t length;     /* as in struct sample_head, as are the next five */
	uint32_t captured;
	uint32_t packets;
	uint32_t rate;
	uint32_t why;
	uint32_t gso_size;
	char reason[48];      /* of a drop, without SKB_DROP_REASON_; else empty */
	char place[64];	      /* symbol+offset; empty: none */
	char device[16];      /* name of the interface; empty: none */
	const uint8_t *frame; /* `captured` bytes */
};
