/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * expire.h: conversations in the making. Pure: what slots and captures added goes in, with the time;
 * biflow records with an end reason come out.
 *
 *   key ──index──► half (one direction) ─┐
 *   reverse key ─► half ─────────────────┴─► conversation: times, state, what is not exported yet
 *
 * Directions pair when their keys are each other's reverse on one interface, one going in and one
 * out, whatever ids each has of its own (flow_key_common). Two that both go in (a mirror port) pair as
 * well, a sweep later, so that on the loopback interface, where every packet goes out and in, each
 * finds its own first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/fields.h"
#include "schema/flow.h"

#define EXPIRE_NONE UINT32_MAX
#define EXPIRE_SMALL 3	   /* packets of a flow that may be part of a flood */
#define EXPIRE_MAX 1000000 /* conversations; then folded ones, an eighth more, then the catch-all */

/*
 * The conversation of the half whose word (expire_slots) that is may be due: add now what is not added
 * yet. `soon`: it will be asked for in a moment.
 */
typedef void expire_pull(void *arg, uint32_t word, bool soon);

struct expire_conf {
	uint64_t idle_ns;
	uint64_t active_ns;
	uint64_t linger_ns;
	uint64_t sweep_ns; /* how often expire_due is called */
	uint32_t most;	   /* conversations; 0: EXPIRE_MAX */
	expire_pull *pull; /* NULL: all is added at each sweep */
	void *pull_arg;
};

/* What was counted of one key since the last time. Times are CLOCK_MONOTONIC ns. */
struct expire_delta {
	uint64_t packets;
	uint64_t bytes;
	uint64_t ip_bytes;
	uint64_t first_ns;
	uint64_t last_ns;
	uint8_t tcp_flags;
	uint8_t tcp_syn;
	bool evicted; /* from a slot that was given up: export with END_RESOURCES */
	const struct flow_health *health; /* counts: gained since; or NULL */
};

struct expire_record {
	struct flow_key key; /* initiator's direction, with the number of the interface */
	struct flow_half half[2];
	struct half_health health[2];
	struct flow_socket socket;
	bool has_health;
	uint64_t start_ns;
	uint64_t end_ns;
	enum end_reason reason;
	uint32_t rev_tunnel_id;
	uint32_t ref[2]; /* halves in the order of half[], EXPIRE_NONE: no such direction */
	bool gone;	 /* the conversation ends with this record: its halves' numbers are void */
};

struct expire;

/* Called for each record; false: no room, the conversation stays as it was. */
typedef bool expire_emit(void *arg, const struct expire_record *rec);

/* A half got another number: its conversation was paired. */
typedef void expire_moved(void *arg, uint32_t old_ref, uint32_t new_ref);

/* All that the slot holds. */
struct expire_delta expire_delta_of(const struct flow_slot *slot);

struct expire *expire_new(const struct expire_conf *conf);
void expire_free(struct expire *x);

/* Add to the conversation of `key`, made where there is none. Returns the number of the half, or
 * EXPIRE_NONE where there is no room (EXPIRE_MAX, or no memory); nothing was added then. */
uint32_t expire_add(struct expire *x, const struct flow_key *key, const struct expire_delta *delta);

/* The key has a half, or one that waits for it, so that adding to it makes no conversation. */
bool expire_knows(struct expire *x, const struct flow_key *key);

/* Add to a half whose number is known. */
void expire_add_to(struct expire *x, uint32_t ref, const struct expire_delta *delta);

/* Where there was no room for the key: under what is left of it without its source, or of its interface, for
 * which there is always room (account_fold()'s way). *ret_verdict: VERDICT_FOLDED or VERDICT_CATCHALL. */
uint32_t expire_add_less(struct expire *x, const struct flow_key *key,
			 const struct expire_delta *delta, enum flow_verdict *ret_verdict);

/* The caller's own word of each half, EXPIRE_NONE at first: the head of its list of slots. */
uint32_t *expire_slots(struct expire *x, uint32_t ref);

/* Pair conversations that are a sweep old and saw one direction only with their mirrored half. */
void expire_pair(struct expire *x, expire_moved *moved, void *arg);

/* Export what is due at `now_ns`. False: emit ran out of room, more is due. */
bool expire_due(struct expire *x, uint64_t now_ns, expire_emit *emit, void *arg);

/* Export everything, with END_FORCED, or END_FLOW where that has ended. False as above. */
bool expire_all(struct expire *x, expire_emit *emit, void *arg);

/* The same of those alone that are on an interface whose number is marked in left[FLOW_IFACES]. */
bool expire_leave(struct expire *x, const bool *left, expire_emit *emit, void *arg);

/* Show the unexported part of every conversation, with END_ACTIVE_NOW; nothing changes. */
void expire_each(struct expire *x, expire_emit *emit, void *arg);

size_t expire_count(const struct expire *x);
size_t expire_evicted(const struct expire *x); /* those due with END_RESOURCES */
size_t expire_bytes(const struct expire *x);
