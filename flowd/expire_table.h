/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * expire_table.h: the table of conversations of expire.c (what goes in) and expire_due.c (what comes
 * out). Half number = conversation * 2 + side.
 *
 * due[] holds for each conversation the earliest time at which it could be due; packets only push
 * that time back, so it is put right when it is reached. soon[] has the earliest of each DUE_BLOCK of
 * them, so that most conversations cost a fraction of a comparison a sweep.
 */
#pragma once

#include "flowd/conv.h"
#include "flowd/expire_ahead.h"
#include "flowd/index.h"
#include "flowd/room.h"

#define DUE_BLOCK 64
#define PAIR_AHEAD 8

/*
 * Keys that differ in what is one direction's alone (SPI, TEID, label) or may be unknown (tags) have one
 * place in the index, for their mates to be found there. Anybody may send any number of them, so beyond
 * this many a key enters by all that it has; it finds no mate then.
 */
#define CHAIN_MAX 32

/* So many conversations may be made without memory: the catch-alls of all interfaces. */
#define RESERVE (FLOW_IFACES * 2)

_Static_assert(sizeof(struct conv) + 2 * sizeof(uint64_t) + 2 * sizeof(struct index_entry) <=
		       ROOM_CONVERSATION_BYTES,
	       "with both halves' places at the index's usual load");

struct list {
	uint32_t *item;
	size_t count;
	size_t room;
};

struct expire {
	struct expire_conf conf;
	struct index index;
	__u64 seed[FLOW_SEED_WORDS];
	struct conv *conv;
	uint64_t *due;
	uint64_t *soon; /* not later than any due[] of the block */
	uint32_t room;	/* of conv[] and due[] */
	uint32_t top;	/* those ever used */
	uint32_t live;
	uint32_t evicted; /* conversations with a slot's end in them, not exported yet */
	uint32_t free; /* of those, the first that is not in use, by conv.born; EXPIRE_NONE: none */
	uint32_t frees;	   /* how many */
	struct list fresh; /* unpaired, made since the last expire_pair */
	struct list ripe;  /* unpaired, made the time before */
	uint32_t pairings;
	bool beyond;		    /* halves have entered by the hash of their whole key */
	struct health_cell *health; /* of halves; 0 is not used */
	uint32_t health_room;
	uint32_t health_top;
	uint32_t health_free; /* head of a list by health_cell.next */
};

/* What a half has beside its sum; round trips as its packets answered them. */
struct health_cell {
	struct half_health sum;
	struct flow_socket socket;
	uint32_t next;
};

/* Add to the half what its slot gained; without memory it is not known. */
void expire_add_health(struct expire *x, struct half *half, const struct flow_health *gain);

/* Forget what the half has. */
void expire_drop_health(struct expire *x, struct half *half);

/* What both have, into a record of the conversation whose first half is that side. */
void expire_give_health(const struct expire *x, const struct conv *conv, struct expire_record *rec);

/* What expire_pair() asks first of the one at that place of its list. */
static inline void expire_fetch_ripe(const struct expire *x, size_t at)
{
	const struct conv *conv;

	if (at >= x->ripe.count)
		return;
	conv = &x->conv[x->ripe.item[at]];
	__builtin_prefetch(&conv->born);
	__builtin_prefetch(&conv->half[SIDE_B].known);
}

/* All of it will be written. */
static inline void expire_fetch_lines(const void *at, size_t size)
{
	for (size_t i = 0; i < size; i += 64)
		__builtin_prefetch((const char *)at + i, 1);
}

struct half *expire_half(const struct expire *x, uint32_t ref);

/* The half of that key, whatever tags either has; EXPIRE_NONE: there is none. */
uint32_t expire_find_plain(const struct expire *x, const struct flow_key *key);

/* The conversation goes, with its halves' places in the index; its number may be given again. */
void expire_drop(struct expire *x, uint32_t number);
