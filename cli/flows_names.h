/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flows_names.h: names beside the addresses of flow records. Rows are held back, a batch of them, so
 * that all their names are asked for together.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cli/naming.h"
#include "cli/output.h"
#include "schema/flow_record.h"

struct flows_held;

/* All 0 but for the first three. */
struct flows_names {
	struct naming *naming;
	/* 0 or -errno: show a row. */
	int (*put)(void *user, const struct flow_record *rec, int64_t id);
	void *user;
	struct flows_held *held;
	size_t count;
};

/* put() it, at once or with a later one. 0 or -errno. */
int flows_names_row(struct flows_names *names, const struct flow_record *rec, int64_t id);

/* put() what is held back. 0 or -errno. */
int flows_names_flush(struct flows_names *names);
void flows_names_free(struct flows_names *names);

/* The columns of text, or the fields, that were asked for, from columns[n] on; n after them. */
size_t flows_names_titles(const struct naming *naming,
			  void (*get)(const struct out_column *, const void *, struct out_value *),
			  struct out_column *columns, size_t n);
size_t flows_names_fields(const struct naming *naming,
			  void (*get)(const struct out_column *, const void *, struct out_value *),
			  struct out_column *columns, size_t n);

/* The value of such a column of a record. */
void flows_names_get(const struct naming *naming, const struct flow_record *rec,
		     const struct out_column *column, struct out_value *value);
