/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control.h: the control socket (schema/control.h says what is spoken). Clients are bounded in
 * number (CONTROL_CLIENTS), in memory and in time, and served without blocking; who may ask what: control_peer.h.
 */
#pragma once

#include "flowd/flowd.h"

#define CONTROL_CLIENTS 64

/* Listen at config->socket, mode 0660, of socket.group. 0 or -errno; a socket that somebody answers: -EADDRINUSE. */
int control_open(struct flowd *flowd, struct control **ret_control);

/* Remove a socket; 0 where there is none, -EEXIST: it is something else, which stays. */
int control_remove(const char *path);

/* Drop clients whose time is over (control_client.h). Called once a sweep. */
void control_tidy(struct control *control);

/* A json_t object of what it did, of which nothing is lost without a count. */
void *control_status(const struct control *control);

/* Answer those who wait for flowd's end ("detach"), close, and remove the socket. NULL is fine. */
void control_free(struct control *control);
