/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * iface.h: the interfaces of an instance: their numbers in the flow map, their rows in the database,
 * their hooks.
 */
#pragma once

#include "flowd/flowd.h"

#define IFACE_ERROR_MAX 640

/* Every configured interface is there and of a kind that can be read. 0 or -errno with a text. */
int iface_check(const struct config *config, char ret_error[IFACE_ERROR_MAX]);

/* Do its packets begin with an IP header? */
bool iface_has_no_link_layer(const char *name);

/*
 * Give each interface its number and row, with the books of a predecessor on the same maps. The
 * database must be this thread's. 0 or -errno with a text.
 */
int iface_register(struct flowd *flowd, char ret_error[IFACE_ERROR_MAX]);

/* Attach everything; XDP falls back to TC where the device cannot. 0 or -errno with a text. */
int iface_attach(struct flowd *flowd, char ret_error[IFACE_ERROR_MAX]);

/* Detach from every interface that the maps know, configured or not. */
void iface_detach(struct flowd *flowd);

/* An interface went away (RTM_DELLINK): say so and stop expecting it. */
void iface_gone(struct flowd *flowd, uint32_t ifindex);

/* Something about an interface changed (RTM_NEWLINK): rx-vlan-offload perhaps. */
void iface_changed(struct flowd *flowd, uint32_t ifindex);

/*
 * Notice hooks that somebody removed: said once, and in the status from then on. They are not put
 * back, since whoever removed them may have had to. A dispatcher cannot be looked into without
 * privileges that flowd has given up. And follow rx-vlan-offload, which may change at any time.
 */
void iface_look_after(struct flowd *flowd);
