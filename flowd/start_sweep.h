/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* start_sweep.h: what the database has of the maps, and the sweep from there. */
#pragma once

#include "flowd/expire.h"

struct config;
struct flowd;

/* When conversations end. */
struct expire_conf start_expire(const struct config *config);

/*
 * Tie the database to the instance and these maps; start the sweep from what it has of them. Database and
 * maps are open. 0 or -errno, said in the log.
 */
int start_sweep(struct flowd *flowd);

/*
 * Take over the books of maps that another database had, where that is so: the last of a start, since there is no way
 * back. 0 or -errno, said in the log.
 */
int start_claim(struct flowd *flowd);
