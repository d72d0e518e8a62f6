/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * model_world.h: what outlives flowd in the model of test_model.c: maps in plain memory, the CPUs
 * that write them, the ring, the database, and the sums of what was sent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/flow.h"

#define S 1000000000ULL
#define MODEL_CPUS 3
#define MODEL_SETS 2	 /* hashed sets of a CPU */
#define MODEL_FOLDED 2	 /* its sets for folded flows */
#define MODEL_IFACES 3	 /* 0 is none; their catch-all slots fit one set */
#define MODEL_CPU_SETS 5 /* all of these */
#define MODEL_RECORD 144 /* bytes of a record in the ring */
#define MODEL_RING 16384 /* records at most */
#define MODEL_KEYS 1024	 /* flows and what they are folded to */
#define MODEL_FLOWS 60	 /* that are sent */
#define MODEL_NO_LIMIT 1000000

/* What is injected; see the table in test_model.c. */
struct mode {
	const char *name;
	uint32_t ring_records; /* room in the ring */
	uint32_t expire_max;   /* conversations in flowd's table */
	uint32_t batch_max;    /* records of a batch */
	uint32_t rate;	       /* records a second, 0: any */
	bool kills, busy, stalls, tear, adopt;
};

struct sum {
	struct flow_key key;
	uint64_t packets, bytes;
	uint64_t again; /* retransmitted packets */
};

struct table {
	struct sum sum[MODEL_KEYS];
	size_t count;
};

struct model_db {
	uint64_t last_sweep, ring_pos, generation;
	bool known[MODEL_IFACES]; /* table interface */
	struct flow_count seen[MODEL_IFACES][2], recorded[MODEL_IFACES][2];
	struct flow_count verdict[MODEL_IFACES][2][VERDICT_MAX]; /* table ledger */
	uint64_t lost[MODEL_IFACES][2]; /* packets of records that are marked as folded */
	char moved[4096];		/* meta.moved */
	struct table flows;
};

struct model_ring_record {
	bool busy; /* reserved, not submitted */
	struct flow_evicted record;
};

struct world {
	struct mode mode;
	uint64_t now_ns;
	uint32_t load; /* one step of traffic in so many of flowd's memory accesses */
	bool quiet;    /* no traffic any more */
	bool mortal;   /* flowd may be killed */
	struct flow_set slots[MODEL_CPUS * MODEL_CPU_SETS];
	struct flow_mark_set marks[MODEL_CPUS * MODEL_CPU_SETS];
	struct flow_health_set health[MODEL_CPUS * MODEL_CPU_SETS];
	struct flow_health_mark_set health_marks[MODEL_CPUS * MODEL_CPU_SETS];
	struct flow_ledger ledger[MODEL_CPUS * FLOW_IFACES * 2];
	struct flow_control control;
	struct flow_early early;
	struct model_ring_record ring[MODEL_RING];
	unsigned long ring_consumer, ring_producer;
	struct flow_key flow[MODEL_FLOWS];
	struct table truth; /* what was sent, under the key that the CPU counted it under */
	struct model_db database[2], *db;
};

extern struct world world;

/* A new world of that mode; every random choice follows from the seed. */
void world_new(const struct mode *mode, uint64_t seed);

uint64_t rnd(void);
bool one_in(uint32_t n);

/* The sum of a key, made where there is none. */
struct sum *sum_of(struct table *table, const struct flow_key *key);
void sum_add(struct table *table, const struct flow_key *key, uint64_t packets, uint64_t bytes);

/* Some CPU does a step; it begins with another packet where it has none in hand and `fresh`. */
void traffic(bool fresh);

/* Every CPU finishes its packet. */
void traffic_rest(void);
