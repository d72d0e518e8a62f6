/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xdp_mtu.h: does XDP carry the MTU that a device has now? Drivers look at it when they get a program: some refuse
 * then what some raise later and drop.
 */
#pragma once

#include <stdint.h>

#include "xdp/xdp_swap.h"

/*
 * Would the driver take our program `ours`, which is attached there by a link and was loaded with `flags`, at the MTU
 * of now? It is asked when a link gets another program: it gets a stand-in that calls ours, so that no packet is missed,
 * and then ours again. 0: yes; -EAGAIN: it could not be asked; else -errno: it would not, or did not take ours again, and
 * the stand-in counts on, pinned as what a successor knows for ours.
 */
int xdp_mtu_carried(const struct xdp_place *place, int ours, uint32_t flags);

/* The MTU that one buffer has room for. */
uint32_t xdp_mtu_buffer(void);
