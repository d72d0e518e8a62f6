/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter_ways.h: filters that say the same of both directions of a record. Pure. */
#pragma once

#include <stdbool.h>

/*
 * Of plain packets, addresses and ports turned round make no difference to the expression: it has nothing but
 * numbers and words that ask for either end. False where that is not plain from its text.
 */
bool filter_ways_same(const char *expression);
