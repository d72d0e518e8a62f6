/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface_hooks.h: the hooks of one interface, by the configuration and what the device has. */
#pragma once

#include "flowd/flowd.h"

/*
 * Attach, or take over, what counts the interface's directions; what else is ours there goes. XDP falls
 * back to TC where the device has none, or somebody else's program is there. 0 or -errno with a text.
 */
int iface_hooks_attach(struct flowd *flowd, struct iface *iface, char ret_why[HOOK_ERROR_MAX]);

/* From XDP to TC: nothing is counted twice, and what passes meanwhile by neither. 0 or -errno. */
int iface_hooks_leave_xdp(struct flowd *flowd, struct iface *iface, const char *why);

/* Is anything of ours attached to it? */
bool iface_hooks_any(struct flowd *flowd, const struct hook_iface *iface);

/* Remove all hooks of ours; a device that is gone may have left pins. */
void iface_hooks_detach(struct flowd *flowd, const struct hook_iface *iface);
