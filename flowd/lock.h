/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lock.h: one flowd an instance: CONTROL_RUN_DIR/INSTANCE.lock, locked while the process lives. */
#pragma once

/* A descriptor, or -errno with a line in the log: -EBUSY another flowd has it. */
int lock_take(const char *instance);

/* Remove the file and let go. */
void lock_drop(const char *instance, int fd);
