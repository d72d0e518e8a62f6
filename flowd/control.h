/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control.h: the control socket (schema/control.h says what is spoken). Clients are bounded in
 * number and in time, and served without blocking.
 */
#pragma once

#include "flowd/flowd.h"

#define CONTROL_CLIENTS 64

/* Listen at config->socket, mode 0660. 0 or -errno; a socket that somebody answers: -EADDRINUSE. */
int control_open(struct flowd *flowd, struct control **ret_control);

/* Drop clients that have not finished within 30 s. Called once a sweep. */
void control_tidy(struct control *control);

/* Answer those who wait for flowd's end ("detach"), close, and remove the socket. NULL is fine. */
void control_free(struct control *control);
