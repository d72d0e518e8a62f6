/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* group_row.h: the columns that every verb has which prints groups: what a row is of, and when. */
#pragma once

#include "cli/args.h"
#include "cli/group.h"
#include "cli/output.h"

struct naming;
struct query;

/* What get() of these columns is given; may be the first member of a larger struct. */
struct group_row {
	const struct group_entry *entry;
	const struct group *group;
	const struct group_kind *kind;
	const struct group_metric *by;
	const struct query *query;
	const struct naming *naming; /* for group_names.h */
};

/* For out_column.get. */
void group_row_group(const struct out_column *c, const void *row, struct out_value *value);
void group_row_key(const struct out_column *c, const void *row, struct out_value *value);
void group_row_iface(const struct out_column *c, const void *row, struct out_value *value);
void group_row_start(const struct out_column *c, const void *row, struct out_value *value);
void group_row_end(const struct out_column *c, const void *row, struct out_value *value);

/* The group's own part of a record, by the name of a field in schema/fields.c; none in other groups. */
void group_row_field(const struct out_column *c, const void *row, struct out_value *value);

/* Of groups port and service: what else is in sport there has a column of its own. */
void group_row_port(const struct out_column *c, const void *row, struct out_value *value);

/* Mean round trip. */
void group_row_rtt(const struct out_column *c, const void *row, struct out_value *value);

/* The metric of that name, or the exit code after an error that lists those that there are. */
int group_pick_metric(const struct group_metric *metrics, const char *value,
		      const struct group_metric **ret_metric);

/* The kind of that name, of those whose names are in `known` ("host, src"); likewise. */
int group_pick_kind(const char *known, const char *value, const struct group_kind **ret_kind);

/* Is `word` in a list of words between which there are spaces or commas? */
bool group_has_word(const char *words, const char *word);

/* As many rows of a sorted group as -n says, `otherwise` where it was not given; 0: all. */
size_t group_limit(const struct args *args, size_t count, uint64_t otherwise);
