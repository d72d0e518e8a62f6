/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pin_keep.h: a descriptor of all that is pinned for this instance, by the name of the pin, so that a pin which
 * somebody removes takes nothing with it: no map, no program, and no link, which would detach its program.
 *
 * hook_own.h keeps the table: what it pins is taken, what it unpins is forgotten, so that nothing is held on to that
 * is to go. Nothing is kept before pin_keep_begin(), nor by the child of xdp_hand.h, which is forked before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PIN_NAME_MAX 68 /* of hook_own.h, and what is pinned beside it */

struct pin_kept {
	char name[PIN_NAME_MAX];
	int fd; /* -1: a folder, which marks something */
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/* Keep all that is pinned in that folder, and what will be, by descriptors below that number. As pin_keep_rest(). */
bool pin_keep_begin(const char *pin_dir, int limit);

/* What could not be kept, for want of descriptors, say, is tried again. False: there is still some. */
bool pin_keep_rest(const char *pin_dir);

/* Something else is pinned under that name now; or nothing any more. */
void pin_keep_take(const char *pin_dir, const char *name);
void pin_keep_forget(const char *name);

/* A new descriptor of what is kept under that name; -ENOENT: nothing is. */
int pin_keep_open(const char *name);

/* All of it, by a number. */
size_t pin_keep_count(void);
struct pin_kept *pin_keep_at(size_t i);

/* Close everything. */
void pin_keep_end(void);
