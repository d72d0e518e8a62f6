/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fold.h: many small records become few. Who began a conversation is given up (source address and port,
 * outer endpoints), what it went to is kept, as account_fold() does in the kernel; where there are as many
 * of these as there may be, the sum goes to the catch-all of its interface and direction. Pure.
 *
 * Both directions stay with each other, so the sums of each direction are what they were. Records have the
 * number of the interface in key.ifnum here, as slots do.
 */
#pragma once

#include <stddef.h>

#include "schema/flow_record.h"

#define FOLD_KEYS 2048			 /* at most; catch-alls beside them */
#define FOLD_CATCHALLS (FLOW_IFACES * 4) /* both directions, and those of mirror ports */

struct fold;

/* NULL: no memory, or no random seed. */
struct fold *fold_new(void);
void fold_free(struct fold *fold);

/* How many keys there may be, catch-alls not counted; FOLD_KEYS at most. */
void fold_limit(struct fold *fold, size_t keys);

/* Add the record. Returns what became of it: VERDICT_FOLDED or VERDICT_CATCHALL. */
enum flow_verdict fold_add(struct fold *fold, const struct flow_record *rec);

/* What there is: records 0 to fold_count() - 1, until fold_clear(). */
size_t fold_count(const struct fold *fold);
const struct flow_record *fold_at(const struct fold *fold, size_t i);
void fold_clear(struct fold *fold);
