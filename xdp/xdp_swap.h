/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xdp_swap.h: our program in the place of one of ours that is attached alone, with no packet missed.
 *
 * A successor may not open programs by their ids, and knows ours by pins alone. So at any moment what is attached is
 * pinned, and so is what it calls:
 *
 *   PIN             what is attached, but for what is beside
 *   PIN-new         what is to be attached next, or is by now
 *   PIN-calls-new   the array by which a stand-in that is attached (xdp_mtu.h) calls our program
 */
#pragma once

#include <stdint.h>

#include "flowd/hook.h"

struct xdp_place {
	const struct hook_env *env;
	const char *pin; /* of what is attached */
	uint32_t ifindex;
	int fd;	  /* of it */
	int link; /* by which it is, or -1 */
};

/* Program `ours` there. 0, or -errno: what is attached stays, or its pin could not be renamed; it can be tried again. */
int xdp_swap(const struct xdp_place *place, int ours);
