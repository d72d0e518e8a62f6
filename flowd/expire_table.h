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

#define DUE_BLOCK 64

/*
 * Keys that differ in what is one direction's alone (SPI, TEID, label) or may be unknown (tags) have one
 * place in the index, for their mates to be found there. Anybody may send any number of them, so beyond
 * this many a key enters by all that it has; it finds no mate then.
 */
#define CHAIN_MAX 32

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
	struct list free;
	struct list fresh; /* unpaired, made since the last expire_pair */
	struct list ripe;  /* unpaired, made the time before */
	uint32_t pairings;
	bool beyond; /* halves have entered by the hash of their whole key */
};

/* The conversation goes, with its halves' places in the index; its number may be given again. */
void expire_drop(struct expire *x, uint32_t number);
