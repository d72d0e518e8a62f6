/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lock.c: the instance's lock file, with the owner's process id in it. */
#include "flowd/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flowd/log.h"
#include "schema/control.h"
#include "schema/open_shared.h"

static void lock_path(const char *instance, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.lock", CONTROL_RUN_DIR, instance);
}

static int lock_open(const char *path)
{
	struct stat st;
	int fd, err;

	if (mkdir(CONTROL_RUN_DIR, 0755) && errno != EEXIST) {
		err = -errno;
		log_err("directory '%s': %s", CONTROL_RUN_DIR, strerror(-err));
		return err;
	}
	/* a link or a pipe that somebody put there would have root write elsewhere, or wait */
	fd = open_shared(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (fd < 0) {
		log_err("lock '%s': %s", path, fd == -ELOOP ? "is a symbolic link" : strerror(-fd));
		return fd;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink > 1) {
		log_err("lock '%s': is not a regular file of its own", path);
		close(fd);
		return -EPERM;
	}
	return fd;
}

/* False where an owner that ended removed the file after it was opened here. */
static bool still_there(const char *path, int fd)
{
	struct stat file, opened;

	return !stat(path, &file) && !fstat(fd, &opened) && file.st_ino == opened.st_ino &&
	       file.st_dev == opened.st_dev;
}

static int busy(const char *instance, int fd)
{
	char pid[32] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	log_err("instance '%s' is running (process %s): give another --instance", instance,
		pid[0] ? pid : "unknown");
	close(fd);
	return -EBUSY;
}

int lock_take(const char *instance)
{
	char path[256], pid[32];
	int fd;

	lock_path(instance, path, sizeof(path));
	for (;;) {
		fd = lock_open(path);
		if (fd < 0)
			return fd;
		if (flock(fd, LOCK_EX | LOCK_NB))
			return busy(instance, fd);
		if (still_there(path, fd))
			break;
		close(fd);
	}
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, pid, strlen(pid), 0) < 0)
		log_warning("lock '%s': %s", path, strerror(errno));
	return fd;
}

void lock_drop(const char *instance, int fd)
{
	char path[256];

	if (fd <= 0)
		return;
	lock_path(instance, path, sizeof(path));
	unlink(path);
	close(fd);
}
