/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpffs.c: where an instance's pins live.
 *
 * `ip netns exec` starts its command in a mount namespace with a fresh /sys, which hides the host's
 * bpffs and would take a new one with it when the command ends. The host's is then reached by way
 * of the outermost ancestor process that may be looked into: process 1, where one is root and not
 * in a container. The way is held open as a descriptor, so that it still leads there when that
 * process is gone, or the privilege to look into it has been dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flowd/hook.h"
#include "schema/bpffs.h"

#define BPFFS_PARENT "/sys/fs"

/* The bpffs that `host` sees, as a path through a descriptor that stays open. */
static int host_bpffs(pid_t host, char *ret_base, size_t size)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root" BPFFS_PATH, host);
	if (!bpffs_is(path))
		return -ENOENT;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(ret_base, size, "/proc/self/fd/%d", fd);
	return 0;
}

static int mount_bpffs(void)
{
	return mount("bpf", BPFFS_PATH, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700")
		       ? -errno
		       : 0;
}

/* In the mount namespace of `host`, by a child, so that this process stays where it is. */
static int mount_bpffs_in(pid_t host)
{
	char path[64];
	int status, fd;
	pid_t child;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", host);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	child = fork();
	if (child == 0)
		_exit(setns(fd, CLONE_NEWNS) || mount_bpffs() ? 1 : 0);
	close(fd);
	if (child < 0)
		return -errno;
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EPERM;
}

static int find_base(bool create, char *ret_base, size_t size)
{
	pid_t host;
	int err;

	snprintf(ret_base, size, "%s", BPFFS_PATH);
	if (bpffs_is(BPFFS_PATH))
		return 0;
	host = bpffs_host();
	if (!host_bpffs(host, ret_base, size))
		return 0;
	if (!create)
		return -ENOENT;
	if (host != getpid() && !mount_bpffs_in(host) && !host_bpffs(host, ret_base, size))
		return 0;
	err = mount_bpffs();
	snprintf(ret_base, size, "%s", BPFFS_PATH);
	return err;
}

int hook_pin_dir(const char *instance, bool create, char *ret_dir, size_t size,
		 char ret_error[HOOK_ERROR_MAX])
{
	char base[64], dir[256];
	struct stat st;
	int err = find_base(create, base, sizeof(base)), len;

	if (err) {
		snprintf(ret_error, HOOK_ERROR_MAX,
			 "%s: no bpf file system: %s (see: flowctl doctor)", BPFFS_PATH,
			 strerror(-err));
		return err;
	}
	len = snprintf(dir, sizeof(dir), "%s/wireledger", base);
	if (create && mkdir(dir, 0700) && errno != EEXIST)
		goto fail;
	len += snprintf(dir + len, sizeof(dir) - (size_t)len, "/%s", instance);
	if ((size_t)len >= sizeof(dir) || (size_t)len >= size) {
		snprintf(ret_error, HOOK_ERROR_MAX, "instance '%s': name too long", instance);
		return -ENAMETOOLONG;
	}
	if (create && mkdir(dir, 0700) && errno != EEXIST)
		goto fail;
	if (stat(dir, &st))
		goto fail;
	snprintf(ret_dir, size, "%s", dir);
	return 0;
fail:
	err = -errno;
	snprintf(ret_error, HOOK_ERROR_MAX, "%s: %s", dir, strerror(-err));
	return err;
}

int hook_bpffs_parent(void)
{
	char path[64] = BPFFS_PARENT;
	int fd;

	if (!bpffs_is(BPFFS_PATH))
		snprintf(path, sizeof(path), "/proc/%d/root" BPFFS_PARENT, bpffs_host());
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
