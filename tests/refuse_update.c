/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * refuse_update.c: a driver that takes no other program at the MTU that it has, as far as bpf_link_update(3) tells:
 * a library for LD_PRELOAD. WL_REFUSE_FILE names a file; while it is there each such call fails.
 */
#include <bpf/bpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int bpf_link_update(int link_fd, int new_prog_fd, const struct bpf_link_update_opts *opts)
{
	typedef int update_fn(int, int, const struct bpf_link_update_opts *);
	const char *path = getenv("WL_REFUSE_FILE");
	union {
		void *object;
		update_fn *function;
	} real = {.object = dlsym(RTLD_NEXT, "bpf_link_update")};

	if ((path && !access(path, F_OK)) || !real.object) {
		errno = EINVAL;
		return -EINVAL;
	}
	return real.function(link_fd, new_prog_fd, opts);
}
