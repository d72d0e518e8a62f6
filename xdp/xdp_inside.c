/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* xdp_inside.c: see xdp_inside.h. */
#include "xdp/xdp_inside.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "flowd/hook_own.h"

#define PROGS_MAX 10 /* that a dispatcher calls (xdp_dispatcher.h) */
#define FOLDER_MAX 320

/*
 * libxdp notes the path for good, and PIN_DIR may be a descriptor's (/proc/self/fd/7) that will be closed, so this
 * one stays open.
 */
static int bpffs = -1;

int xdp_inside_bpffs(const struct hook_env *env)
{
	char path[512];

	if (bpffs >= 0)
		return bpffs;
	snprintf(path, sizeof(path), "%s/../..", env->pin_dir);
	_fd_ base = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return -1;
	bpffs = fcntl(base, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", bpffs);
	setenv("LIBXDP_BPFFS", path, 0);
	return bpffs;
}

/* The folder of a dispatcher's parts, or of all where `name` is "". */
static void folder_path(const char *name, char path[FOLDER_MAX])
{
	snprintf(path, FOLDER_MAX, "/proc/self/fd/%d/xdp/%s", bpffs, name);
}

/* Is the part of that number ours? */
static bool is_ours(const struct hook_env *env, const char *folder, int number)
{
	char path[FOLDER_MAX + 16];

	snprintf(path, sizeof(path), "%s/prog%d-prog", folder, number);
	_fd_ fd = bpf_obj_get(path);
	return fd >= 0 && hook_uses_slots(env, fd);
}

int xdp_inside_find(const struct hook_env *env, const struct hook_iface *iface, const char *pin,
		    uint32_t id)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex((int)iface->ifindex);
	char name[64], folder[FOLDER_MAX];
	struct xdp_program *prog = NULL;
	int fd = -ENOENT;

	if (libxdp_get_error(mp))
		return (int)libxdp_get_error(mp);
	while (fd < 0 && (prog = xdp_multiprog__next_prog(prog, mp)))
		fd = hook_our_prog(env, pin, xdp_program__id(prog));
	xdp_multiprog__close(mp);
	if (fd >= 0)
		return fd;
	/* where libxdp cannot read the parts it says that there are none */
	snprintf(name, sizeof(name), "dispatch-%u-%u", iface->ifindex, id);
	folder_path(name, folder);
	for (int i = 0; i < PROGS_MAX; i++) {
		if (is_ours(env, folder, i))
			return -EAGAIN;
	}
	return -ENOENT;
}

int xdp_inside_remove(const struct hook_iface *iface, int fd)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, which, .fd = fd);
	struct xdp_program *prog = xdp_program__create(&which);
	int err;

	if (!prog)
		return -errno;
	err = xdp_program__detach(prog, (int)iface->ifindex, XDP_MODE_NATIVE, 0);
	xdp_program__close(prog);
	return err;
}

/* The pins of ours in the folder of one dispatcher; the folder, where no other is in it. */
static int forget_in(const struct hook_env *env, const char *folder)
{
	char prog[FOLDER_MAX + 16], link[FOLDER_MAX + 16];
	bool any = false;

	for (int i = 0; i < PROGS_MAX; i++) {
		if (!is_ours(env, folder, i))
			continue;
		any = true;
		snprintf(prog, sizeof(prog), "%s/prog%d-prog", folder, i);
		snprintf(link, sizeof(link), "%s/prog%d-link", folder, i);
		if ((unlink(link) && errno != ENOENT) || unlink(prog))
			return -errno;
	}
	return any && rmdir(folder) && errno != ENOTEMPTY && errno != ENOENT ? -errno : 0;
}

int xdp_inside_forget(const struct hook_env *env, const struct hook_iface *iface)
{
	char all[FOLDER_MAX], prefix[32], folder[FOLDER_MAX];
	struct dirent *entry;
	DIR *dir;
	int err = 0;

	folder_path("", all);
	snprintf(prefix, sizeof(prefix), "dispatch-%u-", iface->ifindex);
	dir = bpffs >= 0 ? opendir(all) : NULL;
	while (dir && !err && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		folder_path(entry->d_name, folder);
		err = forget_in(env, folder);
	}
	if (dir)
		closedir(dir);
	return err;
}
