/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hostname_file.h: the cache of host names between two calls, $XDG_CACHE_HOME/wireledger/names, else
 * ~/.cache/wireledger/names. It only saves time: what cannot be read or written is done without, and
 * no lock is waited for; of two that write at once one is forgotten.
 */
#pragma once

#include <stdint.h>

#include "cli/hostname_cache.h"

/* What the names hold for: the state of the files that say who is asked for names. */
void hostname_file_stamp(char stamp[HOSTNAME_STAMP_SIZE]);

/* Add what the file has, where it is the caller's own. 0 or -ENOMEM. */
int hostname_file_read(struct hostname_cache *cache, const char *stamp, int64_t now_s);

/* A new file in its place, beneath a directory that is the caller's own. */
void hostname_file_write(const struct hostname_cache *cache, const char *stamp, int64_t now_s);
