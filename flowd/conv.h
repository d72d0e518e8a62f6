/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* conv.h: one conversation of expire.c's table. Pure. */
#pragma once

#include "flowd/expire.h"

#define CONV_NEVER UINT64_MAX
#define CONV_FIN 0x01
#define CONV_RST 0x04

enum side { SIDE_A = 0, SIDE_B = 1 };

struct half {
	struct flow_key key;
	uint32_t hash;
	uint32_t slots;
	struct flow_half sum; /* not exported yet */
	uint64_t first_ns;    /* of the sum; CONV_NEVER: nothing in it */
	uint64_t last_ns;
	uint8_t ended;	 /* FIN or RST was seen, in any record */
	uint8_t known;	 /* has a key and an entry in the index */
	uint32_t health; /* of the sum: a number of expire's pool, 0: none */
};

struct conv {
	struct half half[2];
	uint64_t last_ns;     /* of both directions */
	uint64_t exported_ns; /* when the last record was cut; 0: never */
	uint64_t closed_ns;   /* last packet when both sides had ended; 0: open */
	uint32_t born;	      /* expire_pair count */
	int8_t initiator;     /* side, -1: not decided */
	bool in_use;
	bool evicted;
};

/* Nothing is in the half's sum. */
void conv_half_reset(struct half *half);

/* Both sides ended, or either reset, or the only side that is seen ended. */
bool conv_closed(const struct conv *conv);

/* What was not exported yet, as a record; its number tells the halves'. False: there is nothing. */
bool conv_record(const struct conv *conv, uint32_t number, struct expire_record *rec);

/* Why it is due, or END_ACTIVE_NOW; then *ret_when is when to look again. */
enum end_reason conv_reason(const struct conv *conv, const struct expire_conf *conf,
			    uint64_t now_ns, uint64_t *ret_when);

/* It ends with a record of that reason; evicted ones stay while another slot of theirs is in the map. */
bool conv_goes(const struct conv *conv, enum end_reason reason);
