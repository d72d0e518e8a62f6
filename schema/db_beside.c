/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* db_beside.c: whose the files beside a database are. See db_beside.h. */
#include "schema/db_beside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/db_sqlite.h"
#include "schema/open_shared.h"

static const char *const parts[] = {"-journal", "-wal", "-shm"};

static uid_t owner_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? (uid_t)-1 : st.st_uid;
}

/* -1, no user: there is no database. */
static bool may_lie(uid_t owner, uid_t database_owner)
{
	return !owner || owner == geteuid() || owner == database_owner;
}

int db_check_beside(const char *path, const char *shown, struct db_error *ret_error)
{
	uid_t owner = owner_of(path);
	struct stat st;
	char name[PATH_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, parts[i]);
		if (lstat(name, &st) || may_lie(st.st_uid, owner))
			continue;
		return db_fail(
			ret_error, -EPERM,
			"%s: beside it is a %s of user %u, whose the database is not: remove it",
			shown, parts[i], st.st_uid);
	}
	return 0;
}

/* The name of whose journal, log or index `path` is; false: it is none of these. */
static bool beside_of(const char *path, char ret_database[PATH_MAX])
{
	size_t length = strlen(path), part;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		part = strlen(parts[i]);
		if (length <= part || length >= PATH_MAX ||
		    strcmp(path + length - part, parts[i]) != 0)
			continue;
		snprintf(ret_database, PATH_MAX, "%.*s", (int)(length - part), path);
		return true;
	}
	return false;
}

/* In place of open(2) for SQLite. Where it may not write it tries to read: what is somebody else's is refused then, too. */
static int open_beside(const char *path, int flags, int mode)
{
	char database[PATH_MAX];
	struct stat st;
	int fd;

	if ((flags & O_EXCL) || !beside_of(path, database))
		return open(path, flags, mode);
	fd = open_shared(path, flags | O_NOFOLLOW, (mode_t)mode);
	if (fd >= 0 && !fstat(fd, &st) && may_lie(st.st_uid, owner_of(database)))
		return fd;
	if (fd >= 0)
		close(fd);
	errno = fd < 0 ? -fd : EACCES;
	return -1;
}

void db_share_beside(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

	if (vfs && vfs->iVersion >= 3 && vfs->xSetSystemCall &&
	    vfs->xGetSystemCall(vfs, "open") != (sqlite3_syscall_ptr)open_beside)
		vfs->xSetSystemCall(vfs, "open", (sqlite3_syscall_ptr)open_beside);
}
