/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control_peer.h: who is at the other end of the control socket (SO_PEERCRED, SO_PEERGROUPS: unix(7), socket(7)), and
 * what the configuration lets him ask. Root and flowd's own user may all.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct config;
struct control_peer;
struct control_rights;

#define CONTROL_PEER_ERROR_MAX 256

/* Groups by name or number; -ENOENT with a message: one is not known. */
int control_rights_open(const struct config *config, struct control_rights **ret_rights,
			char ret_error[CONTROL_PEER_ERROR_MAX]);
void control_rights_free(struct control_rights *rights);

/* The group of socket.group; -1: none is named. */
gid_t control_rights_group(const struct control_rights *rights);

/* Who is it? Where that cannot be had: nobody, who may nothing. */
void control_peer_of(const struct control_rights *rights, int fd, struct control_peer *ret_peer);
