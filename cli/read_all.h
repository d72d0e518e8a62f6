/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* read_all.h: read(2) until there is no more, or no room. */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

/* Up to `size` bytes until the end: how many, or -errno. */
static inline ssize_t read_all(int fd, void *buf, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t got = read(fd, (char *)buf + have, size - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}
