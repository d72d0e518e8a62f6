/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan.h: the answer of a window, from the sums of whole hours and minutes that flowd keeps where they
 * can answer, and from records where not: at ragged ends, where records are newer than the sums, and
 * what flowd still holds. Each record counts once, by the time of its end.
 *
 * Of a kind of key the sums list the heaviest of a bucket, all of them as a rule. What they do not list
 * is summed in the bucket's tail: the total has it, and each entry says how much it may lack of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/group.h"
#include "cli/plan_window.h"

struct plan_pages;
struct query;

enum plan_from {
	PLAN_AUTO = 0,
	PLAN_RECORDS,
	PLAN_ROLLUPS, /* an error where they cannot answer */
};

/* A key that is wanted; `number` is whatever the asker calls it by. */
struct plan_only {
	struct flow_key key;
	size_t number;
};

struct plan_ask {
	const struct group_kind *kind;
	const struct group_metric *by; /* of group_metrics */
	enum plan_from from;
	uint32_t events;	      /* that are added: bits of enum event_what */
	bool plain;		      /* sums without retransmits and round trips will do */
	struct geo *geo;	      /* of kinds that need it, as in struct group */
	uint64_t limit;		      /* the heaviest by `by` alone; 0: all */
	const struct plan_only *only; /* of these keys alone, in the order of memcmp; NULL: all */
	size_t only_count;
	const struct plan_pages *pages; /* of the sums, for who asks often; NULL: opened for it */
};

struct plan {
	struct group group;	/* sorted: entry[0 .. used - 1]; the total has the tail too */
	struct group_sums tail; /* what is under none of the keys */
	uint64_t tail_keys;	/* how many these are, at most, counted in each bucket anew */
	bool has_tail;		/* false: all is exact */
	uint64_t lacks;		/* what a key without an entry may have, at most, of the metric */
	bool rollups;		/* sums were used */
	const char *why;	/* they could not be; NULL: they could */
	struct plan_window window; /* what was read from what: of records alone, its last part */
	int64_t since_ms;	   /* that was asked for */
	int64_t until_ms;
};

/*
 * Read the window of the query, or another one. The query has its own window after it, but its
 * records are read. 0 or -errno, with query->error but for -ENOMEM; plan_free also after that.
 */
int plan_read(struct query *query, const struct plan_ask *ask, struct plan *ret_plan);
int plan_read_part(struct query *query, const struct plan_ask *ask, int64_t since_ms,
		   int64_t until_ms, struct plan *ret_plan);
void plan_free(struct plan *plan);

/* Why sums cannot answer, by what is asked for alone; NULL: they can. */
const char *plan_refusal(const struct query *query, const struct plan_ask *ask);
/* The one of these that has the key, or NULL. */
const struct plan_only *plan_only_find(const struct plan_ask *ask, const struct flow_key *key);

/* --- plan_text.c ---------------------------------------------------------------------------------- */

/* The value of --from. 0 or -EINVAL. */
int plan_from_of(const char *text, enum plan_from *ret_from);

/* What was read from what, as a line. */
void plan_explain(const struct plan *plan, FILE *file);

/* Lines on what is not as it was asked for: the window, and what the entries may lack. */
void plan_put_bounds(const struct plan *plan, const struct group_metric *by, FILE *file);
