/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * iface.h: the interfaces of an instance at its start and end: their numbers in the flow map, their rows
 * in the database, their hooks. What happens to them between is iface_follow.h's.
 */
#pragma once

#include "flowd/flowd.h"

#define IFACE_ERROR_MAX 640

/* Every interface that is asked for by name is there and of a kind that can be read. 0 or -errno with a text. */
int iface_check(const struct config *config, char ret_error[IFACE_ERROR_MAX]);

/* Can packets of a device of that ARPHRD_ type be read; do they begin with an IP header? */
bool iface_type_counts(int type);
bool iface_type_is_ip(int type);

/* The same of a device by its name, and its MTU, 0: not known. */
bool iface_has_no_link_layer(const char *name);
uint32_t iface_mtu(const char *name);

/*
 * Give each interface its number and row, with the books of a predecessor on the same maps. The
 * database must be this thread's. attach: else nothing is to be counted, and all that is there is left.
 * 0 or -errno with a text.
 */
int iface_register(struct flowd *flowd, bool attach, char ret_error[IFACE_ERROR_MAX]);

/* Attach everything; XDP falls back to TC where the device cannot. 0 or -errno with a text. */
int iface_attach(struct flowd *flowd, char ret_error[IFACE_ERROR_MAX]);

/* It is attached: the row, and what there is to say. */
void iface_say_attached(struct flowd *flowd, struct iface *iface);

/* Detach from every interface that the maps know, configured or not. 0; or -errno, and flowd->left says what stays. */
int iface_detach(struct flowd *flowd);

/* Log that. */
void iface_say_left(const struct flowd *flowd);
