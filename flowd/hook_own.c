/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hook_own.c: whose program is that, pins of hooks, and what libbpf and libxdp have to say. */
#include "flowd/hook_own.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "flowd/fault.h"
#include "flowd/pin_keep.h"

#define REST_NS 5000000
#define MAPS_OF_A_PROGRAM 64 /* ours have 8; one with more is not ours */

static char said[256];
static bool said_extack;

__attribute__((format(printf, 1, 0))) static void keep(const char *format, va_list args)
{
	static const char extack[] = "Kernel error message: ";
	char line[sizeof(said)];
	const char *text = line;

	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(text, "libbpf: ", 8))
		text += 8;
	if (!strncmp(text, extack, sizeof(extack) - 1)) {
		if (!said_extack)
			snprintf(said, sizeof(said), "%s", text + sizeof(extack) - 1);
		said_extack = true;
	} else if (!said[0]) {
		snprintf(said, sizeof(said), "%s", text);
	}
}

__attribute__((format(printf, 2, 0))) static int keep_bpf(enum libbpf_print_level level,
							  const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		keep(format, args);
	return 0;
}

/* libxdp's own warnings only repeat what libbpf or errno says. */
static int drop_xdp(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

struct hook_hush hook_hush(void)
{
	said[0] = '\0';
	said_extack = false;
	return (struct hook_hush){
		.bpf = (void *)libbpf_set_print(keep_bpf),
		.xdp = (void *)libxdp_set_print(drop_xdp),
	};
}

void hook_unhush(struct hook_hush *hush)
{
	libbpf_set_print((libbpf_print_fn_t)hush->bpf);
	libxdp_set_print((libxdp_print_fn_t)hush->xdp);
}

const char *hook_said(int err)
{
	return said[0] ? said : strerror(err < 0 ? -err : err);
}

static int prog_info(int fd, struct bpf_prog_info *info)
{
	__u32 len = sizeof(*info);

	return bpf_obj_get_info_by_fd(fd, info, &len) ? -errno : 0;
}

uint32_t hook_prog_id(int fd)
{
	struct bpf_prog_info info = {0};

	return prog_info(fd, &info) ? 0 : info.id;
}

bool hook_uses_slots(const struct hook_env *env, int fd)
{
	__u32 ids[MAPS_OF_A_PROGRAM];
	struct bpf_prog_info info = {
		.nr_map_ids = MAPS_OF_A_PROGRAM,
		.map_ids = (__u64)(uintptr_t)ids,
	};

	if (!env->slots_id || prog_info(fd, &info))
		return false;
	for (__u32 i = 0; i < info.nr_map_ids && i < MAPS_OF_A_PROGRAM; i++) {
		if (ids[i] == env->slots_id)
			return true;
	}
	return false;
}

static void pin_path(const struct hook_env *env, const char *pin, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", env->pin_dir, pin);
}

int hook_pin_open(const struct hook_env *env, const char *pin)
{
	char path[512];
	int fd;

	pin_path(env, pin, path, sizeof(path));
	fd = bpf_obj_get(path);
	if (fd < 0 && errno == ENOENT)
		return pin_keep_open(pin);
	return fd < 0 ? -errno : fd;
}

static void fresh_path(const struct hook_env *env, const char *pin, char *path, size_t size)
{
	snprintf(path, size, "%s/%s-new", env->pin_dir, pin);
}

int hook_pin_beside(const struct hook_env *env, const char *pin, int fd)
{
	char fresh[512];

	fresh_path(env, pin, fresh, sizeof(fresh));
	unlink(fresh);
	return bpf_obj_pin(fd, fresh) ? -errno : 0;
}

int hook_pin_over(const struct hook_env *env, const char *pin)
{
	char path[512], fresh[512];

	pin_path(env, pin, path, sizeof(path));
	fresh_path(env, pin, fresh, sizeof(fresh));
	if (rename(fresh, path)) {
		int err = -errno;

		unlink(fresh);
		return err;
	}
	pin_keep_take(env->pin_dir, pin);
	return 0;
}

int hook_pin_open_beside(const struct hook_env *env, const char *pin)
{
	char fresh[512];
	int fd;

	fresh_path(env, pin, fresh, sizeof(fresh));
	fd = bpf_obj_get(fresh);
	return fd < 0 ? -errno : fd;
}

int hook_pin_settle(const struct hook_env *env, const char *pin, int fd)
{
	_fd_ beside = hook_pin_open_beside(env, pin);
	uint32_t id = hook_prog_id(fd), beside_id = beside < 0 ? 0 : hook_prog_id(beside);
	char path[512], fresh[512];

	if (beside == -ENOENT)
		return 0;
	if (beside < 0)
		return beside;
	if (!id || !beside_id)
		return -EIO;
	if (id != beside_id)
		return 0;
	pin_path(env, pin, path, sizeof(path));
	fresh_path(env, pin, fresh, sizeof(fresh));
	if (rename(fresh, path))
		return -errno;
	FAULT_POINT("swap-1-settled");
	pin_keep_take(env->pin_dir, pin);
	return 0;
}

void hook_pin_undo(const struct hook_env *env, const char *pin)
{
	char fresh[512];

	fresh_path(env, pin, fresh, sizeof(fresh));
	unlink(fresh);
}

int hook_pin(const struct hook_env *env, const char *pin, int fd)
{
	int err = hook_pin_beside(env, pin, fd);

	return err ? err : hook_pin_over(env, pin);
}

void hook_unpin(const struct hook_env *env, const char *pin)
{
	char path[512], calls[HOOK_PIN_MAX];

	pin_keep_forget(pin);
	pin_path(env, pin, path, sizeof(path));
	unlink(path);
	hook_pin_undo(env, pin);
	hook_pin_undo(env, hook_calls_name(pin, calls));
}

const char *hook_calls_name(const char *pin, char calls[HOOK_PIN_MAX])
{
	snprintf(calls, HOOK_PIN_MAX, "%.40s-calls", pin);
	return calls;
}

void hook_wait_programs(void)
{
	struct timespec pause = {.tv_nsec = REST_NS};

	(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	nanosleep(&pause, NULL);
}

const char *hook_link_name(const struct hook_iface *iface, const char *what, char pin[HOOK_PIN_MAX])
{
	snprintf(pin, HOOK_PIN_MAX, "link-%u-%s", iface->ifindex, what);
	return pin;
}

/* The program of that pin, if its id is this one; -ENOENT: it is not; -errno. */
static int pinned_prog(const struct hook_env *env, const char *pin, uint32_t id)
{
	struct bpf_prog_info info = {0};
	int fd = hook_pin_open(env, pin), err;

	if (fd < 0)
		return fd;
	err = prog_info(fd, &info);
	if (!err && info.id == id)
		return fd;
	close(fd);
	return err ? err : -ENOENT;
}

int hook_link_open(const struct hook_env *env, const char *pin, uint32_t *ret_ifindex,
		   uint32_t *ret_prog)
{
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);
	int fd = hook_pin_open(env, pin), err;

	if (fd < 0)
		return fd;
	/* of XDP and TCX the union begins with the index; 0: the device is gone */
	err = bpf_obj_get_info_by_fd(fd, &info, &len) ? -errno : 0;
	if (err || !info.xdp.ifindex) {
		close(fd);
		return err ? err : -ENOENT;
	}
	*ret_ifindex = info.xdp.ifindex;
	*ret_prog = info.prog_id;
	return fd;
}

int hook_link_remove(const struct hook_env *env, const char *pin)
{
	uint32_t ifindex, prog;
	_fd_ link = hook_link_open(env, pin, &ifindex, &prog);

	if (link < 0 && link != -ENOENT)
		return link;
	if (link >= 0 && bpf_link_detach(link))
		return -errno;
	hook_unpin(env, pin);
	return 0;
}

int hook_our_prog(const struct hook_env *env, const char *pin, uint32_t id)
{
	char fresh[HOOK_PIN_MAX + 4];
	int fd = pinned_prog(env, pin, id), err = fd;

	if (fd >= 0)
		return fd;
	snprintf(fresh, sizeof(fresh), "%s-new", pin);
	fd = pinned_prog(env, fresh, id);
	if (fd >= 0)
		return fd;
	err = err == -ENOENT ? fd : err;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return err != -ENOENT || errno == EPERM ? err : -errno;
	if (hook_uses_slots(env, fd))
		return fd;
	close(fd);
	return err;
}

const char *hook_prog_text(uint32_t id, char text[HOOK_PROG_TEXT_MAX])
{
	struct bpf_prog_info info = {0};
	_fd_ fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0 && !prog_info(fd, &info) && info.name[0])
		snprintf(text, HOOK_PROG_TEXT_MAX, "'%s' (id %u)", info.name, id);
	else
		snprintf(text, HOOK_PROG_TEXT_MAX, "(id %u)", id);
	return text;
}

int hook_loaded_prog(const struct bpf_object *obj, const char *name)
{
	const struct bpf_program *prog = obj ? bpf_object__find_program_by_name(obj, name) : NULL;

	return prog ? bpf_program__fd(prog) : -ENOENT;
}

int hook_fail(char ret_error[HOOK_ERROR_MAX], const struct hook_iface *iface, int err,
	      const char *format, ...)
{
	int len = snprintf(ret_error, HOOK_ERROR_MAX, "%s: ", iface->name);
	bool privilege = err == -EPERM || err == -EACCES;
	va_list args;

	va_start(args, format);
	vsnprintf(ret_error + len, HOOK_ERROR_MAX - (size_t)len, format, args);
	va_end(args);
	len = (int)strlen(ret_error);
	if (privilege)
		snprintf(ret_error + len, HOOK_ERROR_MAX - (size_t)len,
			 ": needs root or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON");
	return privilege ? -EPERM : err;
}
