/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* total.h: the line of sums that ends an answer; each packet once, whatever it was grouped under. */
#pragma once

#include <stdio.h>

#include "cli/group.h"

struct args;
struct query;

/* "total: 19 flows, 223,021 packets, 331,019,178 bytes of 'port 80'", to where `args` puts such lines. */
void total_put(const struct args *args, const struct query *query, const struct group_sums *total,
	       const struct group_metric *by);

/* The sums alone: "19 flows, 223,021 packets, 331,019,178 bytes". */
void total_put_sums(const struct group_sums *total, const struct group_metric *by, FILE *file);
