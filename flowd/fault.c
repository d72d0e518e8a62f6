/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fault.c: the points of fault.h. Those within SQLite's own work are system calls of its unix VFS, told
 * apart by the file that is written: the log, or the database itself, which only a checkpoint writes.
 * Nothing where they are not compiled in.
 */
#include "flowd/fault.h"

#ifdef WIRELEDGER_FAULTS

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct fault_point __start_fault_points[], __stop_fault_points[];

static const struct fault_point *chosen; /* to die at; NULL: none */
static unsigned long passes_left;

void fault_pass(const struct fault_point *point)
{
	if (point != chosen || __atomic_sub_fetch(&passes_left, 1, __ATOMIC_SEQ_CST))
		return;
	raise(SIGKILL);
	for (;;)
		pause();
}

static int by_name(const void *a, const void *b)
{
	const struct fault_point *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

__attribute__((noreturn)) static void print_points(void)
{
	size_t count = (size_t)(__stop_fault_points - __start_fault_points);
	const struct fault_point **sorted = calloc(count, sizeof(const struct fault_point *));

	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = &__start_fault_points[i];
	if (sorted)
		qsort(sorted, count, sizeof(const struct fault_point *), by_name);
	for (size_t i = 0; sorted && i < count; i++)
		puts(sorted[i]->name);
	free(sorted);
	exit(sorted ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void choose(const char *text)
{
	size_t length = strcspn(text, ":");

	for (const struct fault_point *p = __start_fault_points; p < __stop_fault_points; p++) {
		if (strlen(p->name) == length && !strncmp(p->name, text, length))
			chosen = p;
	}
	passes_left = text[length] ? strtoul(text + length + 1, NULL, 10) : 1;
	if (chosen && passes_left)
		return;
	fprintf(stderr,
		"WIRELEDGER_KILL '%s': not POINT or POINT:PASSES; 'list' prints the points\n",
		text);
	exit(2);
}

static int ends_with(const char *text, size_t length, const char *end)
{
	return length >= strlen(end) && !memcmp(text + length - strlen(end), end, strlen(end));
}

static int is_log(int fd)
{
	char link[64], path[512];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path));
	return length > 0 && ends_with(path, (size_t)length, "-wal");
}

static ssize_t write_at(int fd, const void *data, size_t size, off_t at)
{
	if (is_log(fd))
		FAULT_POINT("log-1-write");
	else
		FAULT_POINT("checkpoint-1-page");
	return pwrite(fd, data, size, at);
}

static int cut(int fd, off_t size)
{
	if (is_log(fd))
		FAULT_POINT("checkpoint-2-cut");
	return ftruncate(fd, size);
}

void fault_begin(void)
{
	const char *text = getenv("WIRELEDGER_KILL");
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

	if (!text || !*text)
		return;
	if (!strcmp(text, "list"))
		print_points();
	choose(text);
	if (!vfs || !vfs->xSetSystemCall)
		return;
	vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)write_at);
	vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)write_at);
	vfs->xSetSystemCall(vfs, "ftruncate", (sqlite3_syscall_ptr)cut);
}

#endif
