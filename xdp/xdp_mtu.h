/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xdp_mtu.h: does XDP carry the MTU that a device has now? Drivers look at it when they get a program: some refuse
 * then what some raise later and drop.
 */
#pragma once

#include <stdint.h>

#include "flowd/hook.h"

/*
 * Would the driver take our program `prog`, which is attached by `link` and was loaded with `flags`, at the MTU of
 * now? It is asked when a link gets another program: it gets a stand-in that calls ours, so that no packet is missed,
 * and then ours again. 0: yes, or that cannot be known; else -errno of the driver's.
 */
int xdp_mtu_carried(const struct hook_env *env, int prog, int link, uint32_t flags);

/* The MTU that one buffer has room for. */
uint32_t xdp_mtu_buffer(void);
