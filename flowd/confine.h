/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * confine.h: what flowd gives up when it has started, whoever it runs as: files (Landlock) and system calls (seccomp)
 * that a daemon with three capabilities has no need of. Both last for the process, its threads and children.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum confine_wish { CONFINE_NO = 0, CONFINE_YES, CONFINE_LOG };

/* Folders that are written to, ending with NULL; one that is missing is left out. */
struct confine_folders {
	const char *write[16];
	const int *fds; /* likewise, held open; -1 ends them; NULL: none */
	/*
	 * Held open, or 0: in a folder beneath it a bpffs may be mounted later, in which files and folders are made and
	 * removed; none is written to. Rules go by folders, of which one that is mounted on is not looked at.
	 */
	int mounts;
};

struct confine_state {
	int landlock;	/* the kernel's ABI, 0: not in force */
	bool seccomp;	/* in force */
	bool logs;	/* calls that would be refused are done, and logged by the kernel */
	char note[160]; /* what is not in force, and why; empty: all is */
};

/*
 * Before there are threads: no_new_privs, Landlock where the kernel has it, then the filter. 0, or -errno with
 * ret_state->note where the filter cannot be loaded; a kernel without Landlock is no error, and noted.
 */
int confine(enum confine_wish wish, const struct confine_folders *folders,
	    struct confine_state *ret_state);

/* The filter alone, for a child that touches what is anywhere in the bpffs. 0 or -errno. */
int confine_calls(bool logs);
