/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user.h: whom flowd runs as when it has started, and with which capabilities: CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct flowd;

#define USER_ERROR_MAX 256

/* Has the process what it takes? -EPERM, logged. */
int user_check(void);

/* The configuration's user; *ret_uid -1: none. -ENOENT, logged: there is no such one. */
int user_find(const char *name, uid_t *ret_uid, gid_t *ret_gid);

/*
 * What flowd goes on using becomes the user's: database, lock, socket, pins; folders of wireledger's own are shared
 * with his group. Then the user is changed, where one is named, and all but the three capabilities are dropped.
 */
int user_become(struct flowd *flowd);
