/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * refuse_update.c: a driver that takes no other program at the MTU that it has, as far as bpf_link_update(3) tells,
 * and a verifier that takes its time: a library for LD_PRELOAD. WL_REFUSE names files, by what they are called and
 * then begin to be there for:
 *
 *   NAME         each bpf_link_update(3) fails
 *   NAME.back    the first one is let through, those after it find no memory
 *   NAME.hold    a large program is loaded when that is gone again; NAME.held is made then
 *   NAME.load    a large program is not loaded: no memory
 */
#include <bpf/bpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LARGE 1000 /* instructions: none that only asks what the kernel can do has them */
#define LOOK_US 2000

static const char *name_of(const char *what, char name[512])
{
	const char *path = getenv("WL_REFUSE");

	snprintf(name, 512, "%s%s", path ? path : "", what);
	return name;
}

static bool wished(const char *what)
{
	char name[512];

	return getenv("WL_REFUSE") && !access(name_of(what, name), F_OK);
}

static int fail(int err)
{
	errno = err;
	return -err;
}

int bpf_link_update(int link_fd, int new_prog_fd, const struct bpf_link_update_opts *opts)
{
	typedef int update_fn(int, int, const struct bpf_link_update_opts *);
	static int updates;
	union {
		void *object;
		update_fn *function;
	} real = {.object = dlsym(RTLD_NEXT, "bpf_link_update")};

	if (wished("") || !real.object)
		return fail(EINVAL);
	if (wished(".back") && updates++)
		return fail(ENOMEM);
	return real.function(link_fd, new_prog_fd, opts);
}

int bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
		  const struct bpf_insn *insns, size_t count, const struct bpf_prog_load_opts *opts)
{
	typedef int load_fn(enum bpf_prog_type, const char *, const char *, const struct bpf_insn *,
			    size_t, const struct bpf_prog_load_opts *);
	char held[512];
	int fd;
	union {
		void *object;
		load_fn *function;
	} real = {.object = dlsym(RTLD_NEXT, "bpf_prog_load")};

	if (!real.object || (count > LARGE && wished(".load")))
		return fail(ENOMEM);
	if (count > LARGE && wished(".hold")) {
		fd = open(name_of(".held", held), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd >= 0)
			close(fd);
		while (wished(".hold"))
			usleep(LOOK_US);
	}
	return real.function(type, name, license, insns, count, opts);
}
