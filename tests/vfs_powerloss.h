/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vfs_powerloss.h: SQLite's own VFS on a machine whose power goes. What was written to a file and not synced is on its
 * disk in part: any of the writes, in any order, each whole or torn at sectors. What is there is seen after
 * powerloss_restore().
 *
 *   operations   writes, truncations, syncs and deletions of databases, journals and logs; they are counted
 *   off          from the operation on that was asked for, which is perhaps done: all fail
 *   dropped      a sync that fails, after which the disk has the writes before it no more, and later syncs do not
 *                bring them there: as Linux does
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Make it the default. `seed`: of all that is random. */
void powerloss_open(uint64_t seed);
void powerloss_close(void);

/* From now on nothing is known of any file, the power is on, and operations are counted from 1. */
void powerloss_begin(uint64_t seed);

/* The power goes with that operation; a sync from that operation on fails, once. 0: never. */
void powerloss_at(long operation);
void powerloss_drop_at(long operation);

bool powerloss_is_off(void);
long powerloss_operations(void);

/* All that SQLite had open is closed: files become what their disk has, and the power is on. */
void powerloss_restore(void);
