/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* start.h: bring flowd up and take it down, in the order that leaves nothing half-done. */
#pragma once

#include "flowd/flowd.h"

/* 0 or -errno, explained in the log; then nothing is left attached that was not before. */
int start(struct flowd *flowd);

/*
 * Write every live flow; detach and unpin, unless hooks and maps are left to a successor
 * (keep_attached, flows that could not be written, hooks that could not be detached). False: not all was written
 * or detached.
 */
bool stop(struct flowd *flowd);

/*
 * `flowd --detach`: record what a dead flowd left in the maps, where its database can be written,
 * and remove its hooks and pins. 0 or -errno.
 */
int start_detach_only(struct flowd *flowd);
