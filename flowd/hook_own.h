/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook_own.h: what the hooks share: whose program is that, pins, and the libraries' words.
 *
 * A program is ours if it is the one pinned for the attach point, or uses the instance's slots map.
 * The pin tells it without CAP_SYS_ADMIN, which the kernel asks of whoever opens programs by id.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "flowd/hook.h"

#define HOOK_PIN_MAX 64 /* see PIN_NAME_MAX */
#define HOOK_PROG_TEXT_MAX 96

/* libbpf and libxdp are silent from hook_hush() to hook_unhush(); what they warn of is kept. */
struct hook_hush {
	void *bpf;
	void *xdp;
};

struct hook_hush hook_hush(void);
void hook_unhush(struct hook_hush *hush);
#define _hushed_ __attribute__((cleanup(hook_unhush), unused)) struct hook_hush

/* The kernel's extack text since hook_hush(), else the first warning, else strerror(err). */
const char *hook_said(int err);

/* A new fd of program `id` if it is ours, -ENOENT if not (or where one may not look), -errno where a call failed. */
int hook_our_prog(const struct hook_env *env, const char *pin, uint32_t id);

/* Does the program behind `fd` use the instance's flow map? */
bool hook_uses_slots(const struct hook_env *env, int fd);

/* "'xdp_pass' (id 12)", or "(id 12)" where its name may not be read. */
const char *hook_prog_text(uint32_t id, char text[HOOK_PROG_TEXT_MAX]);
uint32_t hook_prog_id(int fd);

/*
 * Pin as PIN_DIR/pin in place of what is pinned there: beside it first, then over it, so that the attach point
 * is never without its pin. What is to be attached between the two is known by either. 0 or -errno.
 */
int hook_pin(const struct hook_env *env, const char *pin, int fd);
int hook_pin_beside(const struct hook_env *env, const char *pin, int fd);
int hook_pin_over(const struct hook_env *env, const char *pin);

/* What is pinned beside. fd or -errno. */
int hook_pin_open_beside(const struct hook_env *env, const char *pin);

/*
 * Where that program, which is attached, is pinned beside, as a kill can leave it: pin it in its place, so that
 * another one can be pinned beside. 0, or -errno and it is pinned as it was.
 */
int hook_pin_settle(const struct hook_env *env, const char *pin, int fd);

/* It could not be attached: what was pinned beside goes. */
void hook_pin_undo(const struct hook_env *env, const char *pin);

/* That pin, and what is pinned beside it. */
void hook_unpin(const struct hook_env *env, const char *pin);

/* The pin, beside it, of the array through which a program calls another (xdp/xdp_swap.h). */
const char *hook_calls_name(const char *pin, char calls[HOOK_PIN_MAX]);

/* Until every program that had begun before has ended: the call waits for RCU, which they run under. */
void hook_wait_programs(void);

/* What is pinned, or was until somebody else removed the pin (pin_keep.h). fd or -errno. */
int hook_pin_open(const struct hook_env *env, const char *pin);

/* The pin of a link to the interface: `what` is "xdp", or a direction of TC. */
const char *hook_link_name(const struct hook_iface *iface, const char *what,
			   char pin[HOOK_PIN_MAX]);

/*
 * The link that is pinned, where its device is there: attached, wherever that has moved to. Its index there
 * and its program's id. fd or -errno.
 */
int hook_link_open(const struct hook_env *env, const char *pin, uint32_t *ret_ifindex,
		   uint32_t *ret_prog);

/* Detach the link that is pinned, and unpin it. 0, or -errno and it is pinned as before; there is none: 0. */
int hook_link_remove(const struct hook_env *env, const char *pin);

/* The program of that name, loaded; -errno. */
int hook_loaded_prog(const struct bpf_object *obj, const char *name);

/*
 * Write "IFACE: ..." and return `err`; -EPERM and -EACCES say which privileges are needed and
 * come back as -EPERM.
 */
__attribute__((format(printf, 4, 5))) int hook_fail(char ret_error[HOOK_ERROR_MAX],
						    const struct hook_iface *iface, int err,
						    const char *format, ...);

static inline void hook_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define _fd_ __attribute__((cleanup(hook_close))) int
