/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xdp_hand.h: a child that keeps what flowd gives up: CAP_SYS_ADMIN, without which nobody looks into libxdp's
 * dispatcher. It does two things: it looks whether our program is on an interface, and it detaches it.
 */
#pragma once

#include "flowd/hook.h"

enum xdp_hand_wish {
	XDP_HAND_DETACH,
	XDP_HAND_LOOK,
};

/* Detach ours: 0 or -errno. Look for it: 1, 0 or -errno. */
typedef int xdp_hand_work(const struct hook_env *env, const struct hook_iface *iface,
			  enum xdp_hand_wish wish);

bool xdp_hand_is_kept(void);

/*
 * Ours is in a dispatcher: keep what it takes to get it out, `bpffs` being a descriptor of the one that
 * libxdp keeps a dispatcher's parts in. 0 or -errno with a text; one that is kept already will do.
 */
int xdp_hand_keep(const struct hook_env *env, const struct hook_iface *iface, int bpffs,
		  xdp_hand_work *work, char error[HOOK_ERROR_MAX]);

/* Have it do that. Its result; -EPIPE where it is gone, -EAGAIN where it does not answer. */
int xdp_hand_ask(const struct hook_iface *iface, enum xdp_hand_wish what);
