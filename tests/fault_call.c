/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fault_call.c: have the n-th call of a class fail: a library for LD_PRELOAD.
 *
 *   WL_FAULT=CLASS:N[:ERROR][:all]    the N-th call, with `all` each from it on; 0: none, but they are counted
 *   WL_FAULT_FILE=FILE                the same, as the first line of FILE (64 bytes), which may be written anew while
 *                                     the program runs: each other one counts from 1; NUMBER: before it is skipped
 *   WL_FAULT_HIT=FILE                 gets a line for the first call that failed of each
 *   WL_FAULT_COUNT=FILE               gets the number of calls at the end of the program, a line a class: of system
 *                                     calls those of the class alone, with WL_FAULT_FILE of all
 *   WL_FAULT_SITES=FILE               gets the number of each call whose way to it, by the program's own functions
 *                                     and the nearest others, is new
 *   WL_FAULT_ABORT=1                  abort() instead, for a debugger
 *
 * CLASS: alloc, big, step, thread, bpf, write, sync, net, open, mmap (fault_call.h). ERROR is an errno, of step one of
 * SQLite's codes.
 */
#include "tests/fault_call.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE_MAX_BYTES 64
#define SITES 65536
#define SITE_FRAMES 48
#define SITE_NEAREST 11	      /* of them, three our own, whoever they are of */
#define EARLY_BYTES (1 << 20) /* for who allocates before begin() */

static const struct {
	const char *name;
	int error;
} classes[FAULT_CLASSES] = {
	[FAULT_NONE] = {"none", 0},	     [FAULT_ALLOC] = {"alloc", ENOMEM},
	[FAULT_BIG] = {"big", ENOMEM},	     [FAULT_STEP] = {"step", SQLITE_FULL},
	[FAULT_THREAD] = {"thread", EAGAIN}, [FAULT_BPF] = {"bpf", ENOMEM},
	[FAULT_WRITE] = {"write", ENOSPC},   [FAULT_SYNC] = {"sync", EIO},
	[FAULT_NET] = {"net", ENOBUFS},	     [FAULT_OPEN] = {"open", EMFILE},
	[FAULT_MMAP] = {"mmap", ENOMEM},
};

struct wish {
	enum fault_class class;
	uint64_t number; /* 0: none */
	int error;
	bool all;
};

static bool begun; /* the libraries are ready; what is asked for before comes from `early` */
static struct wish wish;
static atomic_uint_fast64_t calls[FAULT_CLASSES];
static const char *line; /* of WL_FAULT_FILE, mapped */
static char line_seen[LINE_MAX_BYTES];
static atomic_flag line_busy = ATOMIC_FLAG_INIT;

/* --- what is wished -------------------------------------------------------------------------------- */

/* [NUMBER:]CLASS:N[:ERROR][:all] */
static void wish_read(const char *text)
{
	struct wish new = {.class = FAULT_NONE};
	size_t length;

	text += strspn(text, "0123456789:");
	length = strcspn(text, ": ");

	for (int i = 1; i < FAULT_CLASSES; i++) {
		if (strlen(classes[i].name) == length && !memcmp(classes[i].name, text, length))
			new.class = (enum fault_class)i;
	}
	new.error = classes[new.class].error;
	text += length;
	if (*text == ':')
		new.number = strtoull(text + 1, (char **)&text, 10);
	if (*text == ':' && text[1] != 'a')
		new.error = (int)strtol(text + 1, (char **)&text, 10);
	new.all = *text == ':';
	wish = new;
	calls[new.class] = 0;
}

/* The file may have another wish than before. */
static void line_look(void)
{
	char now[LINE_MAX_BYTES];

	if (!line || atomic_flag_test_and_set(&line_busy))
		return;
	memcpy(now, line, sizeof(now));
	if (memcmp(now, line_seen, sizeof(now)) && memchr(now, '\n', sizeof(now))) {
		memcpy(line_seen, now, sizeof(now));
		*(char *)memchr(now, '\n', sizeof(now)) = '\0';
		wish_read(now);
	}
	atomic_flag_clear(&line_busy);
}

static int raw_open(const char *path, int flags)
{
	return (int)fault_raw(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, 0666, 0, 0);
}

/* What is written to is opened before the program may not do so any more. */
static int hit_fd = -1, count_fd = -1, sites_fd = -1;

static int open_named(const char *variable)
{
	const char *path = getenv(variable);

	return path && *path ? raw_open(path, O_WRONLY | O_CREAT | O_APPEND) : -1;
}

static void append(int fd, const char *text)
{
	if (fd >= 0)
		(void)fault_raw(SYS_write, fd, (long)text, (long)strlen(text), 0, 0, 0);
}

static void note(const void *caller)
{
	const char *base = "?";
	char text[200];
	Dl_info info;

	if (getenv("WL_FAULT_ABORT"))
		abort();
	if (hit_fd < 0)
		return;
	if (dladdr(caller, &info) && info.dli_fname)
		base = strrchr(info.dli_fname, '/') ? strrchr(info.dli_fname, '/') + 1
						    : info.dli_fname;
	else
		info.dli_fbase = NULL;
	snprintf(text, sizeof(text), "%s %llu: called from %s+0x%zx\n", classes[wish.class].name,
		 (unsigned long long)wish.number, base,
		 (size_t)((const char *)caller - (const char *)info.dli_fbase));
	append(hit_fd, text);
}

/* --- by what way it is called ---------------------------------------------------------------------- */

static const void *program;
static uint64_t site_known[SITES];
static atomic_flag site_busy = ATOMIC_FLAG_INIT;
static __thread bool looking;

static uint64_t site_here(void)
{
	void *frame[SITE_FRAMES];
	uint64_t hash = 1;
	int count = backtrace(frame, SITE_FRAMES);

	for (int i = 3; i < count; i++) {
		Dl_info info;

		if (i < SITE_NEAREST || (dladdr(frame[i], &info) && info.dli_fbase == program))
			hash = (hash ^ (uint64_t)(uintptr_t)frame[i]) * 0x9e3779b97f4a7c15;
	}
	return hash | 1;
}

static void site_note(uint64_t number)
{
	char text[32];
	uint64_t hash;
	size_t at;

	if (sites_fd < 0 || looking)
		return;
	looking = true;
	hash = site_here();
	while (atomic_flag_test_and_set(&site_busy))
		;
	for (at = (hash >> 32) % SITES; site_known[at] && site_known[at] != hash;
	     at = (at + 1) % SITES)
		;
	if (!site_known[at]) {
		site_known[at] = hash;
		snprintf(text, sizeof(text), "%llu\n", (unsigned long long)number);
		append(sites_fd, text);
	}
	atomic_flag_clear(&site_busy);
	looking = false;
}

static void site_open(void)
{
	void *frame[2];
	Dl_info info;

	if (dladdr((void *)getauxval(AT_ENTRY), &info))
		program = info.dli_fbase;
	sites_fd = open_named("WL_FAULT_SITES");
	if (sites_fd >= 0)
		(void)backtrace(frame, 2); /* it loads a library at first */
}

bool fault_due(enum fault_class class, const void *caller, int *ret_error)
{
	uint64_t number;

	line_look();
	if (looking)
		return false;
	number = ++calls[class];
	if (class != wish.class)
		return false;
	site_note(number);
	if (!wish.number || number < wish.number || (number > wish.number && !wish.all))
		return false;
	if (number == wish.number)
		note(caller);
	*ret_error = wish.error;
	return true;
}

static void line_open(const char *path)
{
	int fd = raw_open(path, O_RDONLY);
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, LINE_MAX_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	line = map == MAP_FAILED ? NULL : map;
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("WL_FAULT"), *file = getenv("WL_FAULT_FILE");
	int err = 0;

	begun = true;
	site_open();
	hit_fd = open_named("WL_FAULT_HIT");
	count_fd = open_named("WL_FAULT_COUNT");
	if (text)
		wish_read(text);
	if (file)
		line_open(file);
	line_look();
	if (line)
		err = fault_trap(FAULT_NONE);
	else if (wish.class >= FAULT_BPF)
		err = fault_trap(wish.class);
	if (err) {
		fprintf(stderr, "fault_call: seccomp: %s\n", strerror(-err));
		_exit(99);
	}
}

__attribute__((destructor)) static void end(void)
{
	char text[64];

	for (int i = 1; count_fd >= 0 && i < FAULT_CLASSES; i++) {
		snprintf(text, sizeof(text), "%s %llu\n", classes[i].name,
			 (unsigned long long)calls[i]);
		append(count_fd, text);
	}
}

/* --- memory ---------------------------------------------------------------------------------------- */

static _Alignas(16) char early[EARLY_BYTES];
static size_t early_used;

static void *early_take(size_t size)
{
	void *room = early + early_used;

	if (size > EARLY_BYTES - early_used)
		return NULL;
	early_used += (size + 15) & ~(size_t)15;
	return room;
}

static bool is_early(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + EARLY_BYTES;
}

static bool is_own(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && info.dli_fbase == program;
}

static bool alloc_due(size_t size, const void *caller)
{
	int error;

	if (!fault_due(FAULT_ALLOC, caller, &error) &&
	    !(size >= FAULT_BIG_BYTES && is_own(caller) && fault_due(FAULT_BIG, caller, &error)))
		return false;
	errno = error;
	return true;
}

void *malloc(size_t size)
{
	if (!begun)
		return early_take(size);
	NEXT(void *, malloc, size_t);
	return alloc_due(size, __builtin_return_address(0)) ? NULL : next(size);
}

void *calloc(size_t count, size_t size)
{
	if (!begun) /* is zero: it was never given to anybody else */
		return early_take(count * size);
	NEXT(void *, calloc, size_t, size_t);
	return alloc_due(count * size, __builtin_return_address(0)) ? NULL : next(count, size);
}

/* Of the early ones it is not known how long they are: no longer than what is left of the room. */
static void *early_move(const void *old, size_t size)
{
	size_t most = old ? (size_t)(early + EARLY_BYTES - (const char *)old) : 0;
	void *moved = malloc(size);

	if (moved && old)
		memcpy(moved, old, size < most ? size : most);
	return moved;
}

void *realloc(void *old, size_t size)
{
	if (!begun || is_early(old))
		return early_move(old, size);
	NEXT(void *, realloc, void *, size_t);
	return alloc_due(size, __builtin_return_address(0)) ? NULL : next(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
	NEXT(void *, reallocarray, void *, size_t, size_t);
	return alloc_due(count * size, __builtin_return_address(0)) ? NULL : next(old, count, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	NEXT(void *, aligned_alloc, size_t, size_t);
	return alloc_due(size, __builtin_return_address(0)) ? NULL : next(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	NEXT(int, posix_memalign, void **, size_t, size_t);
	return alloc_due(size, __builtin_return_address(0)) ? ENOMEM : next(ret, alignment, size);
}

void free(void *p)
{
	if (!begun || is_early(p))
		return;
	NEXT(void, free, void *);
	next(p);
}

/* --- threads --------------------------------------------------------------------------------------- */

int pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	int error;

	NEXT(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	return fault_due(FAULT_THREAD, __builtin_return_address(0), &error)
		       ? error
		       : next(ret, attr, run, arg);
}

/* The signal by which system calls are caught cannot be blocked: the kernel would end the program. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t less;

	NEXT(int, pthread_sigmask, int, const sigset_t *, sigset_t *);
	if (!set)
		return next(how, set, old);
	less = *set;
	if (how != SIG_UNBLOCK)
		sigdelset(&less, SIGSYS);
	return next(how, &less, old);
}
