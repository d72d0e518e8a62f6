/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* follow.h: wait until another process has committed to a database, or nobody wants to know any more. */
#pragma once

#include <signal.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

#define FOLLOW_POLL_MS 200

struct follow {
	struct sqlite3_stmt *version;
	int64_t seen;
	int64_t ahead_ns; /* of the wall's clock, to the one that is never set */
};

/* What is committed from now on is waited for. 0 or -errno (sqlite3_errmsg). Close also after a failure. */
int follow_open(struct sqlite3 *db, struct follow *ret_follow);
void follow_close(struct follow *follow);

/*
 * 1: something was committed, 0: *stop is set, -EPIPE: who read `fd` is gone, -ETIME: the clock was set
 * back, by more than late_ns; or another -errno. *ret_now_ns: UTC.
 */
int follow_wait(struct follow *follow, int fd, const volatile sig_atomic_t *stop, int64_t late_ns,
		int64_t *ret_now_ns);
