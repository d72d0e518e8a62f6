/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * group_names.h: the columns and fields of names in verbs that print groups, and what has to be asked
 * for them. What a key has none of is not there: a pair has src_name and dst_name, a host has a name.
 */
#pragma once

#include <stddef.h>

#include "cli/group.h"
#include "cli/naming.h"
#include "cli/output.h"

struct group_row;

#define GROUP_NAMES_COLUMNS 16 /* at most so many */

/*
 * Put them into columns that end with a NULL get and have room for GROUP_NAMES_COLUMNS more: of text
 * behind the column named `key`, fields at the end. Rows are those of group_row.h, with `naming`.
 */
void group_names_insert(struct out_column *columns, const struct naming *naming);

/* What a row's column NAME has; empty where nothing is known. */
void group_names_text(const struct group_row *row, char *buf, size_t size);

/* Want what a key of that kind shows: naming_ask() asks for it. 0 or -errno. */
int group_names_want(struct naming *naming, const struct group_kind *kind,
		     const struct flow_key *key);

/* Ask for what entries of a sorted group show. 0 or -errno. */
int group_names_ask(struct naming *naming, const struct group_kind *kind,
		    const struct group_entry *entries, size_t count);
