/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sink_disk.c: see sink_disk.h. */
#include "flowd/sink_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flowd/sink_sqlite.h"
#include "schema/db_sqlite.h"

int sink_disk_try(const char *path, char *error, size_t size)
{
	char name[PATH_MAX], block[4096] = "";
	ssize_t done;
	int fd, err = 0;

	snprintf(name, sizeof(name), "%s.probe", path);
	unlink(name); /* of who was killed here */
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err = -errno;
	} else {
		done = write(fd, block, sizeof(block));
		if (done != (ssize_t)sizeof(block))
			err = done < 0 ? -errno : -ENOSPC;
		else if (fsync(fd))
			err = -errno;
		close(fd);
		unlink(name);
	}
	if (err)
		snprintf(error, size, "%s: disk I/O error (%s)", db_shown(path), strerror(-err));
	return err;
}

int sink_disk_blame(const struct sink_sqlite *s, int rc, char *error, size_t size)
{
	int kind = rc & 0xff;

	if (!s->path || (kind != SQLITE_CORRUPT && kind != SQLITE_NOTADB))
		return rc;
	return sink_disk_try(s->path, error, size) ? SQLITE_IOERR : rc;
}

bool sink_disk_is_dead(int rc, int err)
{
	int kind = rc & 0xff;

	return (kind == SQLITE_IOERR || kind == SQLITE_READONLY || kind == SQLITE_CANTOPEN) &&
	       err != -ENOSPC && err != -EDQUOT;
}

/* Of a disk; others are of something else that SQLite tried. */
static bool is_of_disk(int system)
{
	static const int list[] = {EIO,	   ENOSPC, EDQUOT, EROFS,     EFBIG,	EACCES, EPERM,
				   ENODEV, ENXIO,  ESTALE, ETIMEDOUT, ENOTCONN, EUCLEAN};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (system == list[i])
			return true;
	}
	return false;
}

int sink_disk_describe(const struct sink_sqlite *s, int rc, int system, char *error, size_t size)
{
	const char *name = db_shown(sqlite3_db_filename(s->db, "main"));

	if ((rc & 0xff) != SQLITE_IOERR || !is_of_disk(system)) {
		db_describe(s->db, rc, name, error, size);
		return db_errno(s->db, rc);
	}
	snprintf(error, size, "%s: disk I/O error (%s)", name, strerror(system));
	return -system;
}

void sink_disk_make_room(struct sink_sqlite *s, int err)
{
	if (err == -ENOSPC || err == -EDQUOT)
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

int sink_disk_look_back(struct sink_sqlite *s, uint64_t sweep, bool *ret_in)
{
	int64_t last = 0;
	int rc = db_query_int(s->db, "SELECT value FROM meta WHERE key = 'last_sweep'", &last);

	if (rc && rc != SQLITE_EMPTY)
		return rc;
	*ret_in = last == (int64_t)sweep;
	if (*ret_in) /* not on the disk yet, and another fsync of the log may not bring it there */
		return sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_FULL, NULL, NULL);
	if (last + 1 >= (int64_t)sweep)
		return SQLITE_OK;
	snprintf(s->sink.note, sizeof(s->sink.note),
		 "%s: its disk lost commits: that of sweep %lld is the last of %llu",
		 db_shown(s->path), (long long)last, (unsigned long long)sweep - 1);
	s->sink.notes++;
	return SQLITE_OK;
}
