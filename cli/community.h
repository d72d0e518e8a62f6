/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * community.h: Community ID version 1 of a flow, by which its records are joined with those of Zeek,
 * Suricata and others: the same for both directions. (github.com/corelight/community-id-spec, seed 0.)
 */
#pragma once

#include <stdbool.h>

#include "schema/flow.h"

#define COMMUNITY_ID_SIZE 31 /* "1:", 28 characters of Base64, and the end */

/*
 * Of the key's addresses, protocol and ports; of ICMP messages that have an answer, question and answer
 * have one. False: it is no flow of IP packets, or its detail was given up.
 */
bool community_id(const struct flow_key *key, char ret_id[COMMUNITY_ID_SIZE]);

/* Has the text the form of one? */
bool community_id_is(const char *text);

/* Is it the key's? NULL: any is. */
bool community_id_match(const char *wanted, const struct flow_key *key);
