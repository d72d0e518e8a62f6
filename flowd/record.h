/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* record.h: what expire.c hands out as a record of the database. */
#pragma once

#include "flowd/clock.h"
#include "flowd/expire.h"

struct outer;

/* All but the interface, which has other numbers there: key.ifnum and iface are 0. */
void record_make(const struct expire_record *from, struct clock_offset offset, struct outer *outer,
		 struct flow_record *ret_rec);
