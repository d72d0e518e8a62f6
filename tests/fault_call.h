/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fault_call.h: what the parts of the fault injector share: which call is to fail, and the system calls
 * that are caught on their way into the kernel (fault_trap.c). SQLite's steps are fault_sqlite.c's.
 */
#pragma once

#include <dlfcn.h>
#include <stdbool.h>

#define FAULT_BIG_BYTES 65536

enum fault_class {
	FAULT_NONE,
	FAULT_ALLOC, /* malloc, calloc, realloc, aligned ones, and what calls them: strdup, fopen, ... */
	FAULT_BIG,    /* the program's own of FAULT_BIG_BYTES and more: tables that grow */
	FAULT_STEP,   /* sqlite3_step */
	FAULT_THREAD, /* pthread_create */
	FAULT_BPF,    /* the rest are system calls: bpf */
	FAULT_WRITE,  /* write, pwrite64, writev: to files and pipes, standard error apart */
	FAULT_SYNC,   /* fsync, fdatasync */
	FAULT_NET,    /* send and receive on AF_NETLINK */
	FAULT_OPEN,   /* open, openat */
	FAULT_MMAP,
	FAULT_CLASSES,
};

/* This call is the one, or one of the persistent ones: it fails with *ret_error. `caller` is for the note. */
bool fault_due(enum fault_class class, const void *caller, int *ret_error);

/* System calls of that class, of all where FAULT_NONE, pass fault_due() from now on. 0 or -errno. */
int fault_trap(enum fault_class class);

/* A system call that is not caught; -errno as the kernel gives it. */
long fault_raw(long number, long a, long b, long c, long d, long e, long f);

/* The next library's function of this name, of that type. */
#define NEXT(ret, name, ...)             \
	static ret (*next)(__VA_ARGS__); \
	if (!next)                       \
	next = (ret(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)
