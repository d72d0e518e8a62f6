/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface_hooks.h: the hooks of one interface, by the configuration and what the device has. */
#pragma once

#include "flowd/flowd.h"

/*
 * Attach, or take over, what counts the interface's directions; what else is ours there goes. XDP falls
 * back to TC where the device has none, or somebody else's program is there. 0 or -errno with a text.
 */
int iface_hooks_attach(struct flowd *flowd, struct iface *iface, char ret_why[HOOK_ERROR_MAX]);

/* Attach that direction anew by what counted it until now. 0 or -errno with a text. */
int iface_hooks_again(struct flowd *flowd, struct iface *iface, enum flow_dir dir,
		      char ret_why[HOOK_ERROR_MAX]);

/* It was attached by a link, whose pin is gone: the link is gone with it, as nothing else held it. */
bool iface_hooks_lost(const struct flowd *flowd, const struct iface *iface, enum flow_dir dir);

/* It was attached by a link to a device that is gone, whatever has its index now. */
bool iface_hooks_dead(const struct flowd *flowd, const struct iface *iface, enum flow_dir dir);

/*
 * From XDP to TC: nothing is counted twice, and what passes meanwhile by neither. Where TC's program cannot be loaded
 * XDP stays. 0 or -errno.
 */
int iface_hooks_leave_xdp(struct flowd *flowd, struct iface *iface, const char *why);

/* Is anything of ours attached to it? */
bool iface_hooks_any(struct flowd *flowd, const struct hook_iface *iface);

/*
 * Remove all hooks of ours; a device that is gone may have left pins. What cannot be removed is tried a few times;
 * then it is said, noted in flowd->left, and stays as it was. 0 or -errno.
 */
int iface_hooks_detach(struct flowd *flowd, const struct hook_iface *iface);

/* A device by its index alone. */
void iface_hooks_name(uint32_t ifindex, struct hook_iface *ret_iface);

/*
 * Unpin links that could not be detached: the kernel detaches them then, some time soon, where nobody else holds
 * them. False: what is left is attached otherwise, and stays pinned.
 */
bool iface_hooks_drop_links(struct flowd *flowd);

/* From every device that hooks are still pinned of, whether the maps know it or not. 0 or -errno. */
int iface_hooks_detach_pinned(struct flowd *flowd);
