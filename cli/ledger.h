/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ledger.h: the books of a query's window, by interval, interface and direction, and whether they
 * balance: what was held before and what was seen since is what was recorded and what is held now.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/flow.h"

struct query;

/* Packets and bytes that may be less than none. */
struct ledger_gap {
	int64_t packets, bytes;
};

struct ledger_row {
	int64_t start_ms; /* of the interval */
	uint32_t iface;	  /* interface.id */
	uint32_t dir;
	struct flow_count opening; /* held before */
	struct flow_count seen;
	struct flow_count recorded;
	struct flow_count held;			/* at the end */
	struct flow_count verdict[VERDICT_MAX]; /* of those seen; that of VERDICT_FLOW stays 0 */
	struct flow_count nic;
	bool has_nic;		       /* in each minute */
	struct ledger_gap unaccounted; /* more of it than before, or less */
	struct ledger_gap gap;	       /* opening + seen - recorded - held - unaccounted + back */
	struct ledger_gap
		back; /* held at ends of minutes that came again, as the clock was set back */
	bool is_back; /* it has such minutes */
};

struct ledger {
	struct ledger_row *row; /* by time, then interface and direction */
	size_t rows;
	struct ledger_row total; /* opening and held are those of the first and last of each book */
	size_t off;		 /* rows that do not balance */
	bool is_back;		 /* rows have minutes that came again */
};

/*
 * Intervals of per_ms, in whole minutes; of the query's window, interfaces and direction, the live part
 * included where the query has it. 0 or -errno with query->error. Free also after a failure.
 */
int ledger_read(struct query *query, int64_t per_ms, struct ledger *ret_ledger);
void ledger_free(struct ledger *ledger);

/* Nothing is missing and nothing is too much. */
bool ledger_balances(const struct ledger_row *row);
