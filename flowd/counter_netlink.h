/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * counter_netlink.h: counters by rtnetlink: an interface's stats64, and every queueing discipline.
 * Requests wait for the kernel's rtnl lock, so they are for a thread that may wait.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "flowd/counter_sample.h"

struct rtnl_link_stats64;

/* A socket, or -errno. */
int counter_netlink_open(void);

/* RTM_GETSTATS. 0 or -errno. */
int counter_link_ask(int fd, uint32_t ifindex, struct rtnl_link_stats64 *ret_stats);

/* Errors and drops of the interface; not packets and bytes. */
void counter_link_add(struct counter_sample *sample, uint32_t ifnum,
		      const struct rtnl_link_stats64 *stats);

/* One dump of RTM_GETQDISC for all targets of the sample. 0 or -errno. */
int counter_qdisc_ask(int fd, struct counter_sample *sample);

/* The message of one queue; parts that are missing or cut are left out. size: from the tcmsg on. */
void counter_qdisc_add(struct counter_sample *sample, const void *message, size_t size);
