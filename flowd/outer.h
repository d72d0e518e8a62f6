/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * outer.h: the numbers of pairs of outer tunnel endpoints that flow_key.outer has, and the addresses
 * behind them.
 *
 *   replay   makes the numbers, as account_outer does in the BPF programs
 *   live     finds them in the BPF map `outers`, and remembers, as that map forgets
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define OUTER_MAX 1048576 /* pairs; then no number, which outer_full() counts */

struct flow_key;
struct flow_record;
struct flow_wrap;
struct outer;

/* map_fd: of the map `outers`, -1 where there is none. NULL: no memory. */
struct outer *outer_new(int map_fd);
void outer_free(struct outer *outer);

/* flow_key.outer for the endpoints of the innermost tunnel in `wrap`; 0: no room. */
uint32_t outer_number(struct outer *outer, const struct flow_wrap *wrap);

/* The pair behind flow_key.outer, the lower address in src. False: there is none, or nobody knows. */
bool outer_find(struct outer *outer, uint32_t key_outer, struct flow_key *ret_pair);

/* Remember the pair, which the map may forget before its flow is recorded. */
void outer_see(struct outer *outer, uint32_t key_outer);

/* Fill the record's endpoints as the direction of `key` has them; zeros where they are not known. */
void outer_resolve(struct outer *outer, const struct flow_key *key, struct flow_record *rec);

/* Packets that got no number. */
uint64_t outer_full(const struct outer *outer);
