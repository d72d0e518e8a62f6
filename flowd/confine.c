/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * confine.c: Landlock's rules, and how the filter of confine_calls.c is put in force. See confine.h, landlock(7).
 *
 * A right that the kernel's ABI does not know is not asked for, so that an older kernel confines what it can.
 */
#include "flowd/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* landlock(7); headers of Debian 12 have the first two ABIs. */
#define RIGHTS_1 ((1ULL << 13) - 1)
#define RIGHT_REFER (1ULL << 13)
#define RIGHT_TRUNCATE (1ULL << 14)
#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_OF_FILES                                              \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)
#define RIGHTS_TO_PIN                                                     \
	(LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |      \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_READ_DIR)
#define TCP_BIND_CONNECT 3ULL /* ABI 4: none is allowed */
#define SCOPE_SIGNAL 2ULL     /* ABI 6: to none that is not confined so */

struct ruleset {
	uint64_t files, net, scoped; /* of struct landlock_ruleset_attr */
};

/* Read, and no more: what libpcap, libc and the kernel's own files are asked for. */
static const char *const readable[] = {"/proc",
				       "/sys",
				       "/etc/wireledger",
				       "/etc/services",
				       "/etc/protocols",
				       "/etc/hosts",
				       "/etc/host.conf",
				       "/etc/nsswitch.conf",
				       "/etc/resolv.conf",
				       "/etc/gai.conf",
				       "/etc/networks",
				       "/etc/ethers",
				       "/etc/localtime",
				       "/usr/share/zoneinfo",
				       "/usr/lib",
				       "/lib",
				       "/lib64",
				       "/etc/ld.so.cache",
				       "/run/systemd",
				       NULL};

static int abi(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? 0 : (int)version;
}

static uint64_t rights_of(int version)
{
	return RIGHTS_1 | (version >= 2 ? RIGHT_REFER : 0) | (version >= 3 ? RIGHT_TRUNCATE : 0);
}

static int allow_fd(int ruleset, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
	struct stat st;

	if (!fstat(fd, &st) && !S_ISDIR(st.st_mode))
		rule.allowed_access &= RIGHTS_OF_FILES;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0)
		       ? -errno
		       : 0;
}

static int allow(int ruleset, const char *path, uint64_t rights)
{
	int fd = open(path, O_PATH | O_CLOEXEC), err;

	if (fd < 0)
		return 0; /* not there */
	err = allow_fd(ruleset, fd, rights);
	close(fd);
	return err;
}

static int add_rules(int ruleset, int version, const struct confine_folders *folders)
{
	const uint64_t write = rights_of(version) & ~LANDLOCK_ACCESS_FS_EXECUTE;
	int err = allow(ruleset, "/dev/null", write);

	for (size_t i = 0; !err && folders->write[i]; i++)
		err = allow(ruleset, folders->write[i], write);
	for (size_t i = 0; !err && folders->fds && folders->fds[i] >= 0; i++)
		err = allow_fd(ruleset, folders->fds[i], write);
	if (!err && folders->mounts > 0)
		err = allow_fd(ruleset, folders->mounts, RIGHTS_TO_PIN);
	for (size_t i = 0; !err && readable[i]; i++)
		err = allow(ruleset, readable[i], RIGHTS_READ);
	return err;
}

/* The ABI in force, 0: the kernel has none; or -errno. */
static int confine_files(const struct confine_folders *folders)
{
	int version = abi(), ruleset, err;
	struct ruleset attr = {.files = rights_of(version),
			       .net = version >= 4 ? TCP_BIND_CONNECT : 0,
			       .scoped = version >= 6 ? SCOPE_SIGNAL : 0};
	size_t size = version >= 6   ? sizeof(attr)
		      : version >= 4 ? offsetof(struct ruleset, scoped)
				     : sizeof(attr.files);

	if (!version)
		return 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -errno;
	err = add_rules(ruleset, version, folders);
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	close(ruleset);
	return err ? err : version;
}

int confine(enum confine_wish wish, const struct confine_folders *folders,
	    struct confine_state *ret_state)
{
	struct confine_state *state = ret_state;
	int err;

	memset(state, 0, sizeof(*state));
	if (wish == CONFINE_NO) {
		snprintf(state->note, sizeof(state->note), "confine = no");
		return 0;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (wish == CONFINE_YES) { /* Landlock cannot but refuse */
		err = confine_files(folders);
		if (err > 0)
			state->landlock = err;
		else
			snprintf(state->note, sizeof(state->note), "no Landlock: %s",
				 err ? strerror(-err) : "not in this kernel, or not in its lsm=");
	}
	err = confine_calls(wish == CONFINE_LOG);
	state->seccomp = !err;
	state->logs = wish == CONFINE_LOG;
	if (err)
		snprintf(state->note, sizeof(state->note), "no filter of system calls: %s",
			 strerror(-err));
	return err;
}
