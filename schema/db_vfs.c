/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * db_vfs.c: the system's VFS, with everything opened to be read only. See db_vfs.h.
 *
 * SQLite would make DB-wal and DB-shm where they are missing and the reader may, and note in DB-shm what it
 * reads. Here files are opened as they are, and with readonly_shm=1 the index is read as the writer has it.
 *
 *   DB-wal is missing   an empty one stands for it, until there is one
 *   it has no frame     as if it were empty: its writer was killed before the first one, and who reads without
 *                       an index would wait for that in vain (SQLITE_PROTOCOL)
 *   DB-shm is missing   as if nobody wrote: SQLite then makes the log's index in its own memory (walformat.html;
 *                       SQLITE_READONLY_CANTINIT), and asks again with each transaction
 *
 * No writer can be held off by a lock in the second case. One that begins in the midst of such a transaction
 * makes DB-shm first, so from then on a read of the file fails as one that is locked, rather than to mix two states.
 */
#include "schema/db_vfs.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_HEADER_BYTES 32 /* fileformat2.html, 4.1 */

struct file {
	sqlite3_file base;
	const char *path; /* SQLite's, which lives as long; NULL: a temporary one */
	int flags;
	bool alone;	    /* of the database: without an index that is shared */
	sqlite3_file *real; /* behind this struct; without methods: the log is missing */
};

static sqlite3_vfs *system_vfs;

static struct file *of(sqlite3_file *file)
{
	return (struct file *)file;
}

static bool is_open(sqlite3_file *file)
{
	return of(file)->real->pMethods != NULL;
}

static int open_real(struct file *file, int flags, int *ret_flags)
{
	int rc = system_vfs->xOpen(system_vfs, file->path, file->real, flags, ret_flags);

	if (rc)
		file->real->pMethods = NULL;
	return rc;
}

/* A log that came since. */
static bool has_log(sqlite3_file *file)
{
	if (!is_open(file) && !access(of(file)->path, F_OK))
		(void)open_real(of(file), of(file)->flags, NULL);
	return is_open(file);
}

static bool has_index(const struct file *file)
{
	char name[600]; /* SQLite's limit is 512 */

	return snprintf(name, sizeof(name), "%s-shm", file->path) < (int)sizeof(name) &&
	       !access(name, F_OK);
}

static int file_close(sqlite3_file *file)
{
	return is_open(file) ? of(file)->real->pMethods->xClose(of(file)->real) : SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *buf, int size, sqlite3_int64 at)
{
	int rc;

	if (!has_log(file)) {
		memset(buf, 0, (size_t)size);
		return SQLITE_IOERR_SHORT_READ;
	}
	rc = of(file)->real->pMethods->xRead(of(file)->real, buf, size, at);
	/* made before the first page is written: what was read until it is there is of one state */
	return of(file)->alone && has_index(of(file)) ? SQLITE_BUSY : rc;
}

/* Of temporary files only: what is the database's was opened without the right. */
static int file_write(sqlite3_file *file, const void *buf, int size, sqlite3_int64 at)
{
	return is_open(file) ? of(file)->real->pMethods->xWrite(of(file)->real, buf, size, at)
			     : SQLITE_READONLY;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return is_open(file) ? of(file)->real->pMethods->xTruncate(of(file)->real, size)
			     : SQLITE_READONLY;
}

static int file_sync(sqlite3_file *file, int flags)
{
	return is_open(file) ? of(file)->real->pMethods->xSync(of(file)->real, flags) : SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	int rc;

	*ret_size = 0;
	if (!has_log(file))
		return SQLITE_OK;
	rc = of(file)->real->pMethods->xFileSize(of(file)->real, ret_size);
	if (!rc && (of(file)->flags & SQLITE_OPEN_WAL) && *ret_size <= LOG_HEADER_BYTES)
		*ret_size = 0;
	return rc;
}

static int file_lock(sqlite3_file *file, int level)
{
	return is_open(file) ? of(file)->real->pMethods->xLock(of(file)->real, level) : SQLITE_OK;
}

static int file_unlock(sqlite3_file *file, int level)
{
	return is_open(file) ? of(file)->real->pMethods->xUnlock(of(file)->real, level) : SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *file, int *ret_reserved)
{
	*ret_reserved = 0;
	return is_open(file)
		       ? of(file)->real->pMethods->xCheckReservedLock(of(file)->real, ret_reserved)
		       : SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
	return is_open(file) ? of(file)->real->pMethods->xFileControl(of(file)->real, op, arg)
			     : SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *file)
{
	return is_open(file) ? of(file)->real->pMethods->xSectorSize(of(file)->real) : 4096;
}

static int file_traits(sqlite3_file *file)
{
	return is_open(file) ? of(file)->real->pMethods->xDeviceCharacteristics(of(file)->real) : 0;
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret_map)
{
	struct file *f = of(file);

	*ret_map = NULL;
	f->alone = !has_index(f);
	return f->alone ? SQLITE_READONLY_CANTINIT
			: f->real->pMethods->xShmMap(f->real, page, size, extend, ret_map);
}

static int file_shm_lock(sqlite3_file *file, int at, int count, int flags)
{
	return of(file)->alone
		       ? SQLITE_OK
		       : of(file)->real->pMethods->xShmLock(of(file)->real, at, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
	of(file)->real->pMethods->xShmBarrier(of(file)->real);
}

/* `remove` is for who closed the log last, which a reader does not. */
static int file_shm_unmap(sqlite3_file *file, int remove)
{
	(void)remove;
	return of(file)->real->pMethods->xShmUnmap(of(file)->real, 0);
}

static int file_fetch(sqlite3_file *file, sqlite3_int64 at, int size, void **ret_map)
{
	*ret_map = NULL;
	if (!is_open(file) || of(file)->alone)
		return SQLITE_OK; /* it is read instead */
	return of(file)->real->pMethods->xFetch(of(file)->real, at, size, ret_map);
}

static int file_unfetch(sqlite3_file *file, sqlite3_int64 at, void *map)
{
	return is_open(file) ? of(file)->real->pMethods->xUnfetch(of(file)->real, at, map)
			     : SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 3,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_is_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
	.xFetch = file_fetch,
	.xUnfetch = file_unfetch,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
		    int *ret_flags)
{
	const int lasting = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL |
			    SQLITE_OPEN_SUPER_JOURNAL;
	struct file *f = of(file);
	int rc;

	(void)vfs;
	memset(f, 0, sizeof(*f));
	f->path = path;
	f->real = (sqlite3_file *)(f + 1);
	if (flags & lasting) {
		flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_DELETEONCLOSE);
		flags |= SQLITE_OPEN_READONLY;
	}
	f->flags = flags;
	if ((flags & SQLITE_OPEN_WAL) && access(path, F_OK)) {
		f->real->pMethods = NULL;
		if (ret_flags)
			*ret_flags = flags;
		rc = SQLITE_OK;
	} else {
		rc = open_real(f, flags, ret_flags);
	}
	f->base.pMethods = rc ? NULL : &methods;
	return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	(void)vfs, (void)path, (void)sync;
	return SQLITE_READONLY;
}

/* As root SQLite would give log and index the owner of the database, whoever opens them. */
static int no_chown(int fd, uid_t owner, gid_t group)
{
	(void)fd, (void)owner, (void)group;
	return 0;
}

int db_vfs_register(void)
{
	static sqlite3_vfs reader;

	if (reader.zName)
		return SQLITE_OK;
	system_vfs = sqlite3_vfs_find(NULL);
	if (!system_vfs)
		return SQLITE_ERROR;
	if (system_vfs->iVersion >= 3 && system_vfs->xSetSystemCall)
		system_vfs->xSetSystemCall(system_vfs, "fchown", (sqlite3_syscall_ptr)no_chown);
	reader = *system_vfs; /* names and times are the system's */
	reader.pNext = NULL;
	reader.szOsFile = (int)sizeof(struct file) + system_vfs->szOsFile;
	reader.xOpen = vfs_open;
	reader.xDelete = vfs_delete;
	reader.zName = DB_VFS_READER;
	return sqlite3_vfs_register(&reader, 0);
}
