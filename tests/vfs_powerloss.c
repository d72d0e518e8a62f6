/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* vfs_powerloss.c: see vfs_powerloss.h. */
#include "tests/vfs_powerloss.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 16
#define SECTOR 512
#define KINDS (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)

/* A write, or with data NULL a truncation to `at`. */
struct change {
	uint8_t *data;
	size_t size;
	int64_t at;
};

/* What the disk has of a file, and what it has not yet. */
struct disk_file {
	char path[PATH_MAX];
	bool named;   /* in its folder, for sure */
	bool removed; /* from its folder, perhaps */
	uint8_t *data;
	size_t size;
	struct change *change;
	size_t changes, room;
};

struct file {
	sqlite3_file base;
	struct disk_file *disk; /* NULL: of no interest */
	bool made; /* a journal or log that was not there: its first sync is one of the folder too */
	sqlite3_file *real;
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	struct disk_file file[FILES];
	size_t files;
	uint64_t random;
	long operations, off_at, drop_at;
	bool off;
} machine;

/* The test itself cannot go on. */
static void must(bool done)
{
	if (!done)
		abort();
}

/* xorshift64* */
static uint64_t chance(uint64_t below)
{
	machine.random ^= machine.random >> 12;
	machine.random ^= machine.random << 25;
	machine.random ^= machine.random >> 27;
	return (machine.random * 2685821657736338717ULL >> 33) % below;
}

/* --- what the disk has ---------------------------------------------------------------------------- */

static void resize(struct disk_file *f, size_t size)
{
	f->data = realloc(f->data, size + 1);
	must(f->data);
	if (size > f->size)
		memset(f->data + f->size, 0, size - f->size);
	f->size = size;
}

static void put(struct disk_file *f, const struct change *c, size_t from, size_t to)
{
	size_t at = (size_t)c->at;

	if (at + to > f->size)
		resize(f, at + to);
	memcpy(f->data + at + from, c->data + from, to - from);
}

static void apply(struct disk_file *f, const struct change *c)
{
	if (c->data)
		put(f, c, 0, c->size);
	else
		resize(f, (size_t)c->at);
}

/* Sectors of it, as they come. */
static void apply_torn(struct disk_file *f, const struct change *c)
{
	if (!c->data)
		return;
	for (size_t from = 0; from < c->size; from += SECTOR) {
		size_t to = from + SECTOR < c->size ? from + SECTOR : c->size;

		if (chance(2))
			put(f, c, from, to);
	}
}

static void forget_changes(struct disk_file *f)
{
	for (size_t i = 0; i < f->changes; i++)
		free(f->change[i].data);
	f->changes = 0;
}

static void note(struct disk_file *f, const void *data, size_t size, int64_t at)
{
	struct change *c;

	if (f->changes == f->room) {
		f->room = f->room ? f->room * 2 : 64;
		f->change = realloc(f->change, f->room * sizeof(*f->change));
		must(f->change);
	}
	c = &f->change[f->changes++];
	*c = (struct change){.size = size, .at = at};
	if (data) {
		c->data = malloc(size + 1);
		must(c->data);
		memcpy(c->data, data, size);
	}
}

static void read_file(struct disk_file *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size) {
		resize(f, (size_t)st.st_size);
		must(read(fd, f->data, f->size) == (ssize_t)f->size);
		f->named = true;
	}
	close(fd);
}

static struct disk_file *find(const char *path)
{
	for (size_t i = 0; i < machine.files; i++) {
		if (!strcmp(machine.file[i].path, path))
			return &machine.file[i];
	}
	return NULL;
}

static struct disk_file *find_or_add(const char *path)
{
	struct disk_file *f = find(path);

	if (f)
		return f;
	must(machine.files < FILES);
	f = &machine.file[machine.files++];
	memset(f, 0, sizeof(*f));
	snprintf(f->path, sizeof(f->path), "%s", path);
	read_file(f);
	return f;
}

static void forget_all(void)
{
	for (size_t i = 0; i < machine.files; i++) {
		forget_changes(&machine.file[i]);
		free(machine.file[i].change);
		free(machine.file[i].data);
	}
	machine.files = 0;
}

/* --- operations ----------------------------------------------------------------------------------- */

/* False: there is no power, or it goes now (ret_last): then what is to be done is perhaps done. */
static bool powered(bool *ret_last)
{
	*ret_last = false;
	if (machine.off)
		return false;
	machine.operations++;
	if (machine.operations != machine.off_at)
		return true;
	machine.off = *ret_last = true;
	return false;
}

static struct file *file_of(sqlite3_file *file)
{
	return (struct file *)file;
}

static int do_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
	struct file *f = file_of(file);
	bool last, power = !f->disk || powered(&last);

	if (f->disk && (power || last))
		note(f->disk, data, (size_t)size, at);
	if (!power)
		return SQLITE_IOERR_WRITE;
	return f->real->pMethods->xWrite(f->real, data, size, at);
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct file *f = file_of(file);
	bool last, power = !f->disk || powered(&last);

	if (f->disk && (power || last))
		note(f->disk, NULL, 0, size);
	if (!power)
		return SQLITE_IOERR_TRUNCATE;
	return f->real->pMethods->xTruncate(f->real, size);
}

/* What is gone from it is gone. */
static void remove_now(struct disk_file *f)
{
	forget_changes(f);
	resize(f, 0);
	f->named = f->removed = false;
}

static void sync_folder(void)
{
	for (size_t i = 0; i < machine.files; i++) {
		if (machine.file[i].removed)
			remove_now(&machine.file[i]);
		else
			machine.file[i].named = true;
	}
}

static int do_sync(sqlite3_file *file, int flags)
{
	struct disk_file *disk = file_of(file)->disk;
	bool last;

	(void)flags;
	if (!disk)
		return SQLITE_OK;
	if (!powered(&last))
		return SQLITE_IOERR_FSYNC;
	if (machine.drop_at && machine.operations >= machine.drop_at) {
		machine.drop_at = 0;
		forget_changes(disk);
		return SQLITE_IOERR_FSYNC;
	}
	for (size_t i = 0; i < disk->changes; i++)
		apply(disk, &disk->change[i]);
	forget_changes(disk);
	disk->named = true;
	disk->removed = false;
	if (file_of(file)->made)
		sync_folder();
	file_of(file)->made = false;
	return SQLITE_OK;
}

static int do_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at)
{
	struct file *f = file_of(file);

	if (machine.off && f->disk)
		return SQLITE_IOERR_READ;
	return f->real->pMethods->xRead(f->real, data, size, at);
}

static int do_close(sqlite3_file *file)
{
	return file_of(file)->real->pMethods->xClose(file_of(file)->real);
}

static int do_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return file_of(file)->real->pMethods->xFileSize(file_of(file)->real, size);
}

static int do_lock(sqlite3_file *file, int level)
{
	return file_of(file)->real->pMethods->xLock(file_of(file)->real, level);
}

static int do_unlock(sqlite3_file *file, int level)
{
	return file_of(file)->real->pMethods->xUnlock(file_of(file)->real, level);
}

static int do_check_lock(sqlite3_file *file, int *ret)
{
	return file_of(file)->real->pMethods->xCheckReservedLock(file_of(file)->real, ret);
}

static int do_control(sqlite3_file *file, int op, void *arg)
{
	return file_of(file)->real->pMethods->xFileControl(file_of(file)->real, op, arg);
}

static int do_sector(sqlite3_file *file)
{
	return file_of(file)->real->pMethods->xSectorSize(file_of(file)->real);
}

static int do_device(sqlite3_file *file)
{
	return file_of(file)->real->pMethods->xDeviceCharacteristics(file_of(file)->real);
}

static int do_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return file_of(file)->real->pMethods->xShmMap(file_of(file)->real, page, size, extend, ret);
}

static int do_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return file_of(file)->real->pMethods->xShmLock(file_of(file)->real, offset, n, flags);
}

static void do_shm_barrier(sqlite3_file *file)
{
	file_of(file)->real->pMethods->xShmBarrier(file_of(file)->real);
}

static int do_shm_unmap(sqlite3_file *file, int remove)
{
	return file_of(file)->real->pMethods->xShmUnmap(file_of(file)->real, remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = do_close,
	.xRead = do_read,
	.xWrite = do_write,
	.xTruncate = do_truncate,
	.xSync = do_sync,
	.xFileSize = do_size,
	.xLock = do_lock,
	.xUnlock = do_unlock,
	.xCheckReservedLock = do_check_lock,
	.xFileControl = do_control,
	.xSectorSize = do_sector,
	.xDeviceCharacteristics = do_device,
	.xShmMap = do_shm_map,
	.xShmLock = do_shm_lock,
	.xShmBarrier = do_shm_barrier,
	.xShmUnmap = do_shm_unmap,
};

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		   int *ret_flags)
{
	struct file *f = file_of(file);
	int rc;

	(void)vfs;
	memset(f, 0, sizeof(*f));
	f->real = (sqlite3_file *)(f + 1);
	if (machine.off)
		return SQLITE_CANTOPEN;
	if (name && (flags & KINDS)) {
		f->disk = find_or_add(name);
		f->made = !(flags & SQLITE_OPEN_MAIN_DB) && access(name, F_OK);
		f->disk->removed = false;
	}
	rc = machine.real->xOpen(machine.real, name, f->real, flags, ret_flags);
	if (!rc)
		f->base.pMethods = &methods;
	return rc;
}

/* A file that is made again under its name begins empty. */
static int do_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	struct disk_file *f = find(name);
	bool last, power = !f || powered(&last);

	(void)vfs;
	if (f && (power || last)) {
		note(f, NULL, 0, 0);
		f->removed = true;
	}
	if (!power)
		return SQLITE_IOERR_DELETE;
	if (f && sync)
		remove_now(f);
	return machine.real->xDelete(machine.real, name, sync);
}

static int do_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	(void)vfs;
	return machine.real->xAccess(machine.real, name, flags, ret);
}

/* --- the machine ---------------------------------------------------------------------------------- */

void powerloss_open(uint64_t seed)
{
	machine.real = sqlite3_vfs_find(NULL);
	machine.vfs = *machine.real;
	machine.vfs.iVersion = machine.real->iVersion < 2 ? machine.real->iVersion : 2;
	machine.vfs.szOsFile = (int)sizeof(struct file) + machine.real->szOsFile;
	machine.vfs.zName = "powerloss";
	machine.vfs.pNext = NULL;
	machine.vfs.xOpen = do_open;
	machine.vfs.xDelete = do_delete;
	machine.vfs.xAccess = do_access;
	must(!sqlite3_vfs_register(&machine.vfs, 1));
	powerloss_begin(seed);
}

void powerloss_close(void)
{
	forget_all();
	sqlite3_vfs_unregister(&machine.vfs);
	sqlite3_vfs_register(machine.real, 1);
}

void powerloss_begin(uint64_t seed)
{
	forget_all();
	machine.random = seed * 0x9e3779b97f4a7c15ULL | 1;
	machine.operations = machine.off_at = machine.drop_at = 0;
	machine.off = false;
}

void powerloss_at(long operation)
{
	machine.off_at = operation;
}

void powerloss_drop_at(long operation)
{
	machine.drop_at = operation;
}

bool powerloss_is_off(void)
{
	return machine.off;
}

long powerloss_operations(void)
{
	return machine.operations;
}

/* Of what was not synced: nothing, all, all up to one of them, or some. */
static void settle(struct disk_file *f)
{
	uint64_t how = chance(5), upto = f->changes ? chance(f->changes) : 0;

	for (size_t i = 0; i < f->changes; i++) {
		if (how == 1 || (how == 2 && i < upto) || (how >= 3 && chance(2)))
			apply(f, &f->change[i]);
		else if ((how == 2 && i == upto) || how == 4)
			apply_torn(f, &f->change[i]);
	}
	forget_changes(f);
}

static void write_file(const struct disk_file *f)
{
	int fd;

	unlink(f->path);
	if (!f->size && (!f->named || f->removed) && chance(2))
		return;
	fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	must(fd >= 0);
	must(write(fd, f->data, f->size) == (ssize_t)f->size);
	close(fd);
}

void powerloss_restore(void)
{
	for (size_t i = 0; i < machine.files; i++) {
		struct disk_file *f = &machine.file[i];
		char index[PATH_MAX + 8];

		settle(f);
		write_file(f);
		snprintf(index, sizeof(index), "%s-shm", f->path);
		unlink(index);
	}
	forget_all();
	machine.operations = machine.off_at = machine.drop_at = 0;
	machine.off = false;
}
