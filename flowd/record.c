/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* record.c: see record.h. */
#include "flowd/record.h"

#include <string.h>

#include "flowd/outer.h"

void record_make(const struct expire_record *from, struct clock_offset offset, struct outer *outer,
		 struct flow_record *ret_rec)
{
	memset(ret_rec, 0, sizeof(*ret_rec));
	ret_rec->key = from->key;
	ret_rec->key.ifnum = 0;
	ret_rec->half[0] = from->half[0];
	ret_rec->half[1] = from->half[1];
	if (from->has_health) {
		ret_rec->has_health = true;
		ret_rec->health[0] = from->health[0];
		ret_rec->health[1] = from->health[1];
		ret_rec->socket = from->socket;
	}
	ret_rec->rev_tunnel_id = from->rev_tunnel_id;
	ret_rec->end_reason = (uint8_t)from->reason;
	ret_rec->start_ms = clock_to_wall(offset, (struct mono){from->start_ns}).ms;
	ret_rec->end_ms = clock_to_wall(offset, (struct mono){from->end_ns}).ms;
	outer_resolve(outer, &from->key, ret_rec);
}
