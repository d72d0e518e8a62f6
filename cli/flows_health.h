/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flows_health.h: what flowctl flows says of a record's health in text: both directions in a column. */
#pragma once

#include <stdbool.h>

struct flow_record;
struct out_value;

/*
 * Of a column by its title: "3/0", the initiator's and the responder's, of one direction "3"; none
 * where both are nothing.
 */
void flows_health_get(const struct flow_record *rec, const char *title, bool uniflow,
		      struct out_value *value);
