/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tags.h: the VLAN tags of one direction of a record, of which a record has those of either. */
#pragma once

#include "schema/flow.h"

/*
 * `key` is that of a direction, as flow_record_key() gives it. What a NIC takes off, XDP alone does
 * not see, and XDP sees ingress alone: so egress has the tags that the key has, and no mark; and
 * ingress with the mark has unknown ones, whatever the other direction had.
 */
static inline void tags_of_direction(struct flow_key *key)
{
	if (!(key->marks & FLOW_MARK_VLAN_UNKNOWN))
		return;
	if (key->dir == FLOW_EGRESS) {
		key->marks &= (__u8)~FLOW_MARK_VLAN_UNKNOWN;
	} else {
		key->vlan = key->cvlan = 0;
		key->marks &= (__u8)~FLOW_MARK_STAG;
	}
}
