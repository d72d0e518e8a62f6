/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expire_say.h: what the kernel says of a conversation's packets, into its next record. */
#pragma once

#include "flowd/expire.h"

/* What the kernel said of a flow; socket: at its end, or NULL. */
struct expire_said {
	uint32_t retransmits;
	uint32_t drops;
	uint64_t drop_bytes;
	const struct flow_socket *socket;
};

/*
 * Add it to the half of that key (tags and tunnels are left aside: the kernel's sockets know none), to
 * go into its next record. False: there is no such conversation, or no memory.
 */
bool expire_say(struct expire *x, const struct flow_key *key, const struct expire_said *said);
