/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * iface_follow.h: interfaces that come, go, change their name or namespace while flowd runs.
 *
 *   a name that is asked for appears      take: a number and a row of its own, then the hooks
 *   it is deleted, or moved elsewhere     let go: hooks, then the number once all of it is recorded
 *   it gets another name that is wanted   the same hooks count under a new number and row
 *   it gets a name that nobody asked for  let go
 *
 * One that was asked for by its name stays in the list, as gone, until there is one of that name again.
 */
#pragma once

#include "flowd/flowd.h"

/* What the kernel says of a device. */
struct iface_news {
	uint32_t ifindex;
	int type;     /* ARPHRD_ */
	uint32_t mtu; /* 0: not said */
	char name[16];
};

/* It is there, or has changed. `round`: of the look at all of them that this is part of. */
void iface_follow_news(struct flowd *flowd, const struct iface_news *news, uint32_t round);

/* It is not there any more. */
void iface_follow_gone(struct flowd *flowd, uint32_t ifindex);

/* All that are there were told of in this round: what was not is gone. */
void iface_follow_round(struct flowd *flowd, uint32_t round);

/*
 * Notice hooks that somebody removed. Where that was an XDP program TC counts on, since who removed it
 * may need a larger MTU, or another program there. Others are not put back: said once, and in the status
 * from then on. And follow rx-vlan-offload, which may change at any time.
 */
void iface_look_after(struct flowd *flowd);
