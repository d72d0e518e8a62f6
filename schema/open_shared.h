/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * open_shared.h: files that are made or gone on with, in folders where several users make theirs: /tmp, and those that
 * flowd shares with a user of its own.
 *
 * With fs.protected_regular = 2, Debian's setting, Linux refuses O_CREAT for a file that is there, to root too (EACCES),
 * where the folder is sticky, its group or everybody may write to it, and the file is neither the caller's nor of who
 * owns the folder (proc_sys_fs(5)).
 */
#pragma once

#include <sys/types.h>

/*
 * open(2) with `flags`, of which O_NOFOLLOW is one, for files whoever they are of. Whether it is one to be
 * trusted is for the caller to see. A descriptor or -errno.
 */
int open_shared(const char *path, int flags, mode_t mode);
