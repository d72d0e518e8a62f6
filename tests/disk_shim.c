/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * disk_shim.c: a disk that fails as it is told to, for a program that is started with this in LD_PRELOAD.
 *
 *   DISK_SHIM_DIR   files whose path begins so are on that disk
 *   DISK_SHIM       a file of 64 bytes at least, which says what the disk is like, at any time:
 *
 *   ok              as it is
 *   ENOSPC, EDQUOT  what makes a file longer fails; what is there can be written over
 *   EROFS           nothing is written, nor opened to be written
 *   EIO             nothing is read or written
 *   fsync           fsync and fdatasync alone fail, with EIO
 *   slow MS         fsync and fdatasync take so long
 *   hang            fsync and fdatasync do not come back until it says something else
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FDS 4096
#define WORD_BYTES 64

static volatile char *word;
static const char *dir;
static volatile bool ours[FDS];

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void open_shim(void)
{
	const char *path = getenv("DISK_SHIM");
	int fd = path ? REAL(open)(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, WORD_BYTES, PROT_READ, MAP_SHARED, fd, 0);

	dir = getenv("DISK_SHIM_DIR");
	if (fd >= 0)
		close(fd);
	if (at != MAP_FAILED && dir)
		word = at;
}

static bool says(const char *what)
{
	return word && !strncmp((const char *)word, what, strlen(what));
}

static bool is_ours(int fd)
{
	return word && fd >= 0 && fd < FDS && ours[fd];
}

static bool is_there(const char *path)
{
	return word && path && !strncmp(path, dir, strlen(dir));
}

static void pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

static int fail(int error)
{
	errno = error;
	return -1;
}

/* -1 with errno: what makes the file as long as `end` may not. */
static int refuse_write(int fd, off_t end)
{
	struct stat st;

	if (!is_ours(fd))
		return 0;
	if (says("EROFS"))
		return fail(EROFS);
	if (says("EIO"))
		return fail(EIO);
	if ((says("ENOSPC") || says("EDQUOT")) && !fstat(fd, &st) && end > st.st_size)
		return fail(says("ENOSPC") ? ENOSPC : EDQUOT);
	return 0;
}

static int refuse_read(int fd)
{
	return is_ours(fd) && says("EIO") ? fail(EIO) : 0;
}

static int refuse_open(const char *path, int flags)
{
	struct stat st;

	if (!is_there(path))
		return 0;
	if (says("EROFS") && (flags & O_ACCMODE) != O_RDONLY)
		return fail(EROFS);
	if (says("EIO"))
		return fail(EIO);
	if ((flags & O_CREAT) && (says("ENOSPC") || says("EDQUOT")) && stat(path, &st))
		return fail(says("ENOSPC") ? ENOSPC : EDQUOT);
	return 0;
}

static int note_open(int fd, const char *path)
{
	if (fd >= 0 && fd < FDS)
		ours[fd] = is_there(path);
	return fd;
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & O_CREAT ? va_arg(args, mode_t) : 0;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library has names that only it may */

#define OPEN(name)                                                                           \
	int name(const char *path, int flags, ...)                                           \
	{                                                                                    \
		va_list args;                                                                \
		mode_t mode;                                                                 \
                                                                                             \
		va_start(args, flags);                                                       \
		mode = mode_of(flags, args);                                                 \
		va_end(args);                                                                \
		if (refuse_open(path, flags))                                                \
			return -1;                                                           \
		return note_open(((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))( \
					 path, flags, mode),                                 \
				 path);                                                      \
	}

OPEN(open)
OPEN(open64)

int close(int fd)
{
	if (fd >= 0 && fd < FDS)
		ours[fd] = false;
	return REAL(close)(fd);
}

#define PWRITE(name)                                                   \
	ssize_t name(int fd, const void *buf, size_t size, off64_t at) \
	{                                                              \
		if (refuse_write(fd, at + (off_t)size))                \
			return -1;                                     \
		return REAL(name)(fd, buf, size, at);                  \
	}

PWRITE(pwrite)
PWRITE(pwrite64)

#define PREAD(name)                                              \
	ssize_t name(int fd, void *buf, size_t size, off64_t at) \
	{                                                        \
		if (refuse_read(fd))                             \
			return -1;                               \
		return REAL(name)(fd, buf, size, at);            \
	}

PREAD(pread)
PREAD(pread64)

ssize_t write(int fd, const void *buf, size_t size)
{
	if (is_ours(fd) && refuse_write(fd, lseek(fd, 0, SEEK_CUR) + (off_t)size))
		return -1;
	return REAL(write)(fd, buf, size);
}

ssize_t read(int fd, void *buf, size_t size)
{
	if (refuse_read(fd))
		return -1;
	return REAL(read)(fd, buf, size);
}

#define FTRUNCATE(name)                      \
	int name(int fd, off64_t size)       \
	{                                    \
		if (refuse_write(fd, size))  \
			return -1;           \
		return REAL(name)(fd, size); \
	}

FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define FALLOCATE(name)                            \
	int name(int fd, off64_t at, off64_t size) \
	{                                          \
		if (refuse_write(fd, at + size))   \
			return errno;              \
		return REAL(name)(fd, at, size);   \
	}

FALLOCATE(posix_fallocate)
FALLOCATE(posix_fallocate64)

static int refuse_sync(int fd)
{
	if (!is_ours(fd))
		return 0;
	if (says("fsync") || says("EIO"))
		return fail(EIO);
	if (says("slow"))
		pause_ms(strtol((const char *)word + 4, NULL, 10));
	while (says("hang"))
		pause_ms(20);
	return 0;
}

int fsync(int fd)
{
	return refuse_sync(fd) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	return refuse_sync(fd) ? -1 : REAL(fdatasync)(fd);
}

int unlink(const char *path)
{
	if (is_there(path) && (says("EROFS") || says("EIO")))
		return fail(says("EROFS") ? EROFS : EIO);
	return REAL(unlink)(path);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
