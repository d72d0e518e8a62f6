/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user.c: see user.h. */
#include "flowd/user.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flowd/flowd.h"
#include "flowd/log.h"
#include "schema/control.h"
#include "schema/db.h"

static const struct {
	unsigned int number;
	const char *name;
} needed[] = {{CAP_BPF, "CAP_BPF"}, {CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_PERFMON, "CAP_PERFMON"}};

int user_check(void)
{
	if (capng_get_caps_process())
		return -EPERM;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i].number)) {
			log_err("no %s: flowd needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON",
				needed[i].name);
			return -EPERM;
		}
	}
	return 0;
}

int user_find(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *user;

	*ret_uid = (uid_t)-1;
	*ret_gid = (gid_t)-1;
	if (!*name)
		return 0;
	errno = 0;
	user = getpwnam(name);
	if (!user) {
		log_err("user '%s': %s", name, errno ? strerror(errno) : "no such user");
		return -ENOENT;
	}
	*ret_uid = user->pw_uid;
	*ret_gid = user->pw_gid;
	return 0;
}

/* Not there is fine. */
static void give(const char *path, uid_t uid, gid_t gid)
{
	if (lchown(path, uid, gid) && errno != ENOENT)
		log_warning("'%s': cannot be given to user %u: %s", path, uid, strerror(errno));
}

/*
 * A folder that instances of other users share stays root's: the group may make files in it, and each removes its
 * own.
 */
static void share(int fd, const char *path, gid_t gid)
{
	struct stat st;

	if (fstatat(fd, path, &st, AT_EMPTY_PATH) ||
	    fchownat(fd, path, (uid_t)-1, gid, AT_EMPTY_PATH) ||
	    fchmodat(fd, *path ? path : ".", (st.st_mode & 0777) | 01070, 0))
		log_warning("folder '%s': cannot be shared with group %u: %s", path, gid,
			    strerror(errno));
}

/* The folder of the database is shared where it is the default one; another is the administrator's. */
static void give_database(const char *path, uid_t uid, gid_t gid)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
	char real[PATH_MAX], name[PATH_MAX + 8], *slash;
	struct stat st;

	if (!realpath(path, real))
		return;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", real, suffixes[i]);
		/* its group may be one that is to read it */
		give(name, uid, !stat(name, &st) && st.st_gid ? (gid_t)-1 : gid);
	}
	slash = strrchr(real, '/');
	*slash = 0;
	if (!strncmp(real, DB_PATH_DEFAULT, strlen(real)) &&
	    strlen(real) == (size_t)(strrchr(DB_PATH_DEFAULT, '/') - DB_PATH_DEFAULT))
		share(AT_FDCWD, real, gid);
	else if (stat(real, &st) || st.st_uid != uid)
		log_info(
			"folder '%s': not of user %u: a database that breaks cannot be replaced there",
			real, uid);
}

/* The folder of sockets and locks, and this instance's. */
static void give_run(const struct config *config, uid_t uid, gid_t gid)
{
	char name[sizeof(CONTROL_RUN_DIR) + CONFIG_NAME_MAX + 8];

	share(AT_FDCWD, CONTROL_RUN_DIR, gid);
	snprintf(name, sizeof(name), "%s/%s.lock", CONTROL_RUN_DIR, config->instance);
	give(name, uid, gid);
	give(config->socket, uid, (gid_t)-1); /* its group is socket.group */
}

static void give_pins(const struct flowd *flowd, uid_t uid, gid_t gid)
{
	DIR *dir = opendir(flowd->pin_dir);
	const struct dirent *entry;

	if (!dir) {
		log_warning("pins '%s': %s", flowd->pin_dir, strerror(errno));
		return;
	}
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".."))
			continue;
		if (fchownat(dirfd(dir), entry->d_name, uid, gid, AT_SYMLINK_NOFOLLOW))
			log_warning("pin '%s': cannot be given to user %u: %s", entry->d_name, uid,
				    strerror(errno));
	}
	closedir(dir);
	share(flowd->pin_base_fd, "", gid);
}

static int drop(uid_t uid, gid_t gid)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF, CAP_NET_ADMIN,
			  CAP_PERFMON, -1))
		return -EPERM;
	if (uid == (uid_t)-1 || uid == geteuid())
		return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
	/* supplementary groups are the user's own, which control.groups or a group of readers may be among */
	return capng_change_id((int)uid, (int)gid, CAPNG_INIT_SUPP_GRP) ? -EPERM : 0;
}

int user_become(struct flowd *flowd)
{
	uid_t uid;
	gid_t gid;
	int err = user_find(flowd->config->user, &uid, &gid);

	if (err)
		return err;
	if (uid != (uid_t)-1 && uid != geteuid()) {
		give_database(flowd->config->db, uid, gid);
		give_run(flowd->config, uid, gid);
		give_pins(flowd, uid, gid);
	}
	err = drop(uid, gid);
	if (err)
		log_err("user '%s': cannot be changed to with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON: %s",
			flowd->config->user, strerror(-err));
	return err;
}
