/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bpffs.c: see bpffs.h. */
#include "schema/bpffs.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

bool bpffs_is(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static pid_t parent_of(pid_t pid)
{
	char path[64], line[512];
	pid_t parent = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "re");
	if (!stat)
		return 0;
	/* The command's name may hold anything, so what follows its last parenthesis counts. */
	if (fgets(line, sizeof(line), stat) && strrchr(line, ')'))
		sscanf(strrchr(line, ')'), ") %*c %d", &parent);
	fclose(stat);
	return parent;
}

pid_t bpffs_host(void)
{
	pid_t host = getpid();
	char path[64];
	struct stat st;

	for (pid_t pid = host; pid > 0; pid = parent_of(pid)) {
		snprintf(path, sizeof(path), "/proc/%d/root/.", pid);
		if (!stat(path, &st))
			host = pid;
	}
	return host;
}
