/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hostname_file.c: see hostname_file.h. */
#include "cli/hostname_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "names"
#define FILE_MAX (8 << 20) /* more than HOSTNAME_CACHE_MAX lines can be */

void hostname_file_stamp(char stamp[HOSTNAME_STAMP_SIZE])
{
	static const char *const paths[] = {"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf"};
	struct stat st;
	int len = 0;

	*stamp = 0;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (stat(paths[i], &st))
			memset(&st, 0, sizeof(st));
		len += snprintf(stamp + len, (size_t)(HOSTNAME_STAMP_SIZE - len), "%s%llx.%lx.%llx",
				i ? "-" : "", (unsigned long long)st.st_mtim.tv_sec,
				(unsigned long)st.st_mtim.tv_nsec, (unsigned long long)st.st_ino);
		if (len >= HOSTNAME_STAMP_SIZE)
			len = HOSTNAME_STAMP_SIZE - 1;
	}
}

/* A directory of the caller's own, made where `make` says so; its descriptor, or -1. */
static int open_dir(const char *path, bool make)
{
	struct stat st;
	int fd;

	if (make)
		mkdir(path, 0700);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && st.st_uid == geteuid())
		return fd;
	close(fd);
	return -1;
}

/* The cache's directory. A home that is somebody else's, as with some sudo, has none for us. */
static int open_cache_dir(bool make)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char path[PATH_MAX];
	int base;

	if (xdg && *xdg == '/')
		snprintf(path, sizeof(path), "%s", xdg);
	else if (home && *home == '/')
		snprintf(path, sizeof(path), "%s/.cache", home);
	else
		return -1;
	if (make && !(xdg && *xdg == '/')) {
		base = open_dir(home, false);
		if (base < 0)
			return -1;
		close(base);
	}
	base = open_dir(path, make);
	if (base < 0)
		return -1;
	close(base);
	if (strlen(path) + sizeof("/wireledger") > sizeof(path))
		return -1;
	strcat(path, "/wireledger");
	return open_dir(path, make);
}

/* The whole file, or NULL; to be freed. A pipe would be waited for, so it is not opened as one. */
static char *slurp(int fd)
{
	char *text = NULL;
	struct stat st;
	ssize_t got = -1;

	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_size <= FILE_MAX)
		text = malloc((size_t)st.st_size + 1);
	if (text)
		got = pread(fd, text, (size_t)st.st_size, 0);
	if (got < 0) {
		free(text);
		return NULL;
	}
	text[got] = 0;
	return text;
}

int hostname_file_read(struct hostname_cache *cache, const char *stamp, int64_t now_s)
{
	int dir = open_cache_dir(false);
	int fd = dir < 0 ? -1 : openat(dir, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text = fd < 0 ? NULL : slurp(fd);
	size_t bad;
	int err = text ? hostname_cache_parse(cache, text, stamp, now_s, &bad) : 0;

	free(text);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return err;
}

static bool write_all(int fd, const struct hostname_cache *cache, const char *stamp, int64_t now_s)
{
	FILE *file = fdopen(fd, "w");
	bool fine;

	if (!file) {
		close(fd);
		return false;
	}
	fine = !hostname_cache_write(cache, stamp, now_s, file);
	return !fclose(file) && fine;
}

void hostname_file_write(const struct hostname_cache *cache, const char *stamp, int64_t now_s)
{
	int dir = open_cache_dir(true), fd;
	char made[32];

	if (dir < 0)
		return;
	snprintf(made, sizeof(made), NAME ".%ld", (long)getpid());
	unlinkat(dir, made, 0);
	fd = openat(dir, made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && (!write_all(fd, cache, stamp, now_s) || renameat(dir, made, dir, NAME)))
		unlinkat(dir, made, 0);
	close(dir);
}
