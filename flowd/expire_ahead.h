/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expire_ahead.h: for who knows some additions ahead: their memory comes while others are made. */
#pragma once

#include "flowd/expire.h"

/*
 * expire_add in three steps, each of which asks for the memory that the next one looks at: what is
 * wanted, its place in the table, the addition. Other conversations may be added to between them.
 */
struct expire_wanted {
	struct flow_key reverse;
	struct flow_key common; /* what the reverse has in common with its other direction */
	uint32_t hash;		/* the same for both directions: one place in the table for both */
};

void expire_want(const struct expire *x, const struct flow_key *key, struct expire_wanted *ret);
void expire_fetch(const struct expire *x, const struct expire_wanted *wanted);
uint32_t expire_add_wanted(struct expire *x, const struct flow_key *key,
			   const struct expire_wanted *wanted, const struct expire_delta *delta);

/* A half that will be added to in a moment. */
void expire_fetch_half(const struct expire *x, uint32_t ref);
