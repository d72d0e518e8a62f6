/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* open_shared.c: see open_shared.h. */
#include "schema/open_shared.h"

#include <errno.h>
#include <fcntl.h>

#define TRIES 10 /* of a file that comes and goes */

int open_shared(const char *path, int flags, mode_t mode)
{
	for (int i = 0; i < TRIES; i++) {
		int fd = open(path, flags, mode);

		if (fd < 0 && errno != EACCES)
			return -errno;
		if (fd < 0)
			fd = open(path, flags & ~O_CREAT);
		if (fd >= 0 || errno != ENOENT)
			return fd < 0 ? -errno : fd;
	}
	return -EACCES;
}
