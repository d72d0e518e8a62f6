/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xdp_inside.h: our program in libxdp's dispatcher, and the pins by which libxdp holds it there:
 * BPFFS/xdp/dispatch-IFINDEX-ID/progN-prog and progN-link (libxdp's protocol.org). All of it takes CAP_SYS_ADMIN.
 */
#pragma once

#include "flowd/hook.h"

/* A descriptor of the bpffs that libxdp keeps a dispatcher's parts in, or -1: the one that holds PIN_DIR. */
int xdp_inside_bpffs(const struct hook_env *env);

/*
 * Ours in the dispatcher `id` on the interface: a descriptor; -ENOENT: it is not in it; -errno: that cannot be told,
 * as where ours is pinned among its parts and these cannot be read. `pin`: by which we know ours.
 */
int xdp_inside_find(const struct hook_env *env, const struct hook_iface *iface, const char *pin,
		    uint32_t id);

/* Take that program out. 0 or -errno. */
int xdp_inside_remove(const struct hook_iface *iface, int fd);

/*
 * What libxdp keeps of ours for a device of that index which it can no longer reach, deleted or in another
 * namespace: without the pinned links the dispatcher calls ours no more, wherever it is. 0 or -errno.
 */
int xdp_inside_forget(const struct hook_env *env, const struct hook_iface *iface);
