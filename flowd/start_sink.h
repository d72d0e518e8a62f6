/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* start_sink.h: the database on the daemon's way up, and the thread that writes to it. Both log what is wrong. */
#pragma once

struct flowd;

/* One that is corrupt is set aside. 0 or -errno. */
int start_database(struct flowd *flowd);

/* The thread has the privileges of the moment it starts. From now on the database is its own. 0 or -errno. */
int start_sink(struct flowd *flowd);
