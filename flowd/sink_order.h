/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_order.h: a batch's records by their end. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct flow_record;

/* Memory that is used again. */
struct sink_order {
	uint32_t *order; /* numbers of records by end_ms, and as they came where it is equal */
	int64_t *end_ms; /* in that order */
	uint64_t *spare;
	size_t room;
};

/* 0 or -ENOMEM. */
int sink_order_make(struct sink_order *order, const struct flow_record *record, size_t count);
void sink_order_free(struct sink_order *order);
