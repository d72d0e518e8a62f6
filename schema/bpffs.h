/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpffs.h: where the bpf file system is. `ip netns exec` starts its command in a mount namespace with a
 * fresh /sys, which hides the host's; that is then reached by way of a process outside.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define BPFFS_PATH "/sys/fs/bpf"

/* Is a bpf file system mounted there? */
bool bpffs_is(const char *path);

/*
 * The outermost ancestor whose root may be looked into: process 1, where one is root and not in a
 * container; this process, if there is none.
 */
pid_t bpffs_host(void);
