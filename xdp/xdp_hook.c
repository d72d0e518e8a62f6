/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xdp_hook.c: ingress by XDP in native mode, through libxdp.
 *
 * libxdp attaches a dispatcher that calls our program, beside others, where the kernel replaces
 * functions of loaded programs (freplace) and it may look; a single program otherwise, which then is
 * attached by a link: that holds it on to the device, not to its index, and so comes off also where the
 * device has moved to another namespace. A single program of ours is replaced in place, so that no packet
 * is missed; one in a dispatcher is kept: it counts into the same maps. Never generic mode: TC costs less.
 *
 * To look into a dispatcher takes CAP_SYS_ADMIN, which flowd gives up after start. So once ours is
 * in one, a child stays behind that has kept it (xdp_hand.h): it looks, and it detaches ours.
 *
 * The program is pinned as PIN_DIR/xdp-IFINDEX, to know it again, and the link as link-IFINDEX-xdp. An
 * attachment that libxdp or an older flowd made lives without.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "flowd/fault.h"
#include "flowd/hook_own.h"
#include "xdp/xdp_hand.h"
#include "xdp/xdp_inside.h"
#include "xdp/xdp_mtu.h"
#include "xdp/xdp_probe.h"
#include "xdp/xdp_swap.h"

#define XDP_PROGRAM "flow_xdp"
#define DISPATCHED "xdp-native (dispatcher)"
#define LOOKS 4
#define XDP_RUN_PRIO 10 /* in a dispatcher before others (50), which may drop */

enum xdp_owner { XDP_NOBODY, XDP_OURS, XDP_OURS_DISPATCHED, XDP_DISPATCHER, XDP_FOREIGN };

struct xdp_there {
	enum xdp_owner owner;
	uint32_t id; /* of the program on the interface */
	int fd;	     /* of ours, alone or in a dispatcher; else -1 */
	int link;    /* that ours alone is attached by, else -1 */
	int err;     /* it cannot be told what is there */
	bool generic;
};

#define _there_ __attribute__((cleanup(forget))) struct xdp_there
static void forget(struct xdp_there *there)
{
	hook_close(&there->fd);
	hook_close(&there->link);
}

static const char *pin_name(const struct hook_iface *iface, char pin[HOOK_PIN_MAX])
{
	snprintf(pin, HOOK_PIN_MAX, "xdp-%u", iface->ifindex);
	return pin;
}

static const char *link_name(const struct hook_iface *iface, char pin[HOOK_PIN_MAX])
{
	return hook_link_name(iface, "xdp", pin);
}

static bool supported(void)
{
	_hushed_ hush = hook_hush();
	int err = xdp_probe_load(0);

	return !err || err == -EPERM;
}

/* Frames of several buffers (jumbo MTU): only where the kernel knows the flag. */
static void allow_frags(struct bpf_program *prog)
{
	if (!xdp_probe_load(BPF_F_XDP_HAS_FRAGS))
		bpf_program__set_flags(prog, bpf_program__flags(prog) | BPF_F_XDP_HAS_FRAGS);
}

/* What is in the dispatcher on the interface? */
static void look_inside(const struct hook_env *env, const struct hook_iface *iface,
			struct xdp_there *there)
{
	char pin[HOOK_PIN_MAX];

	there->fd = xdp_inside_find(env, iface, pin_name(iface, pin), there->id);
	if (there->fd >= 0)
		there->owner = XDP_OURS_DISPATCHED;
	else if (there->fd == -ENOENT)
		there->owner = XDP_DISPATCHER;
	else
		there->err = there->fd;
}

/* The link by which program `id` is on the interface, or -1. */
static int find_link(const struct hook_env *env, const struct hook_iface *iface, uint32_t id)
{
	char pin[HOOK_PIN_MAX];
	uint32_t ifindex, prog;
	int link = hook_link_open(env, link_name(iface, pin), &ifindex, &prog);

	if (link < 0)
		return -1;
	if (ifindex == iface->ifindex && prog == id)
		return link;
	close(link);
	return -1;
}

/* What is on the interface? A device that is gone has nothing on it. */
static void look_once(const struct hook_env *env, const struct hook_iface *iface,
		      struct xdp_there *ret_there)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, seen);
	struct xdp_there there = {.fd = -1, .link = -1};
	char pin[HOOK_PIN_MAX], text[HOOK_PROG_TEXT_MAX];

	there.err = bpf_xdp_query((int)iface->ifindex, 0, &seen);
	if (!there.err) {
		there.generic = !seen.drv_prog_id && seen.skb_prog_id;
		there.id = seen.drv_prog_id ? seen.drv_prog_id : seen.skb_prog_id;
		there.id = there.id ? there.id : seen.hw_prog_id;
		there.id = there.id ? there.id : seen.prog_id;
	}
	if (there.err == -ENODEV || there.err == -ENXIO)
		there.err = 0;
	if (there.id) {
		there.owner = XDP_FOREIGN;
		if (!there.generic)
			there.fd = hook_our_prog(env, pin_name(iface, pin), there.id);
		there.err = there.fd < -1 && there.fd != -ENOENT ? there.fd : 0;
		if (there.fd >= 0) {
			there.owner = XDP_OURS;
			there.link = find_link(env, iface, there.id);
		} else if (strstr(hook_prog_text(there.id, text), "'xdp_dispatcher'")) {
			look_inside(env, iface, &there);
		}
	}
	*ret_there = there;
}

/* A dispatcher that is replaced while one looks into it looks as if it had no parts. */
static void look(const struct hook_env *env, const struct hook_iface *iface,
		 struct xdp_there *ret_there)
{
	struct xdp_there again;

	look_once(env, iface, ret_there);
	for (int i = 0; i < LOOKS && (ret_there->owner == XDP_DISPATCHER || ret_there->err); i++) {
		look_once(env, iface, &again);
		if (again.id == ret_there->id && again.owner == ret_there->owner &&
		    again.err == ret_there->err) {
			forget(&again);
			return;
		}
		forget(ret_there);
		*ret_there = again;
	}
}

static int busy(const struct hook_iface *iface, const struct xdp_there *there, char *error)
{
	char text[HOOK_PROG_TEXT_MAX];

	return hook_fail(error, iface, -EBUSY,
			 "XDP program %s is attached%s, not ours: it stays "
			 "('ingress = tc' counts beside it)",
			 hook_prog_text(there->id, text), there->generic ? " in generic mode" : "");
}

/*
 * The object as libxdp knows it, for the life of the process: libxdp loads it with the first
 * attachment (which decides between dispatcher and single program) and attaches it again after.
 */
static struct xdp_program *our_program(const struct hook_env *env)
{
	static const struct bpf_object *known_obj;
	static struct xdp_program *known;
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .obj = env->xdp_obj);
	struct bpf_program *prog = bpf_object__find_program_by_name(env->xdp_obj, XDP_PROGRAM);
	int fd = bpf_program__fd(prog);

	if (!prog)
		return NULL;
	if (known && known_obj == env->xdp_obj && (fd >= 0 || xdp_program__fd(known) < 0))
		return known;
	if (fd >= 0) {
		/* Loaded for a takeover. It cannot enter a dispatcher any more. */
		opts.obj = NULL;
		opts.fd = fd;
	} else {
		opts.prog_name = XDP_PROGRAM;
		allow_frags(prog);
	}
	known_obj = env->xdp_obj;
	known = xdp_program__create(&opts);
	if (known && fd < 0)
		xdp_program__set_run_prio(known, XDP_RUN_PRIO);
	return known;
}

static int attach_failed(const struct hook_env *env, const struct hook_iface *iface, int err,
			 char *error)
{
	_there_ there = {.fd = -1, .link = -1};

	if (hook_loaded_prog(env->xdp_obj, XDP_PROGRAM) < 0)
		return hook_fail(error, iface, err, "XDP program: %s", hook_said(err));
	look(env, iface, &there);
	if (there.owner == XDP_FOREIGN || there.owner == XDP_DISPATCHER)
		return busy(iface, &there, error);
	if (err == -EPERM || err == -ENODEV)
		return hook_fail(error, iface, err, "XDP: %s", hook_said(err));
	return hook_fail(error, iface, -EOPNOTSUPP, "no native XDP: %s", hook_said(err));
}

/* Our program to stand alone on an interface; -EOPNOTSUPP where it was made for a dispatcher. */
static int load_single(const struct hook_env *env)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(env->xdp_obj, XDP_PROGRAM);
	int err;

	if (bpf_program__fd(prog) < 0) {
		allow_frags(prog);
		err = bpf_object__load(env->xdp_obj);
		if (err)
			return err;
	}
	return bpf_program__type(prog) == BPF_PROG_TYPE_XDP ? bpf_program__fd(prog) : -EOPNOTSUPP;
}

/* By which it is known as ours. */
static int pin_program(const struct hook_env *env, const struct hook_iface *iface, int fd,
		       char *error)
{
	char pin[HOOK_PIN_MAX];
	int err;

	FAULT_POINT("new-4-xdp");
	err = hook_pin(env, pin_name(iface, pin), fd);
	return !err ? 0 : hook_fail(error, iface, err, "pin %s: %s", pin, strerror(-err));
}

/* Alone, by a link. What the kernel has against it is told by the older way, which is tried then. */
static int attach_alone(const struct hook_env *env, const struct hook_iface *iface, char *mode,
			char *error)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	char pin[HOOK_PIN_MAX];
	int fd = load_single(env), err = 0;

	if (fd == -EOPNOTSUPP)
		return hook_fail(error, iface, fd,
				 "XDP program: it was loaded for libxdp's dispatcher, which only a "
				 "start of flowd can enter");
	if (fd < 0)
		return hook_fail(error, iface, fd, "XDP program: %s", hook_said(fd));
	_fd_ link = bpf_link_create(fd, (int)iface->ifindex, BPF_XDP, &opts);
	if (link >= 0)
		err = hook_pin(env, link_name(iface, pin), link);
	else
		err = bpf_xdp_attach((int)iface->ifindex, fd,
				     XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	if (err && link < 0)
		return attach_failed(env, iface, err, error);
	if (err)
		return hook_fail(error, iface, err, "%s/%s: %s", env->pin_dir, pin, strerror(-err));
	snprintf(mode, HOOK_NAME_MAX, "xdp-native");
	return pin_program(env, iface, fd, error);
}

/* libxdp could attach nothing but a single program, by the older way. It is to be by a link. */
static bool no_dispatcher;

static int attach_fresh(const struct hook_env *env, const struct hook_iface *iface, char *mode,
			char *error)
{
	struct xdp_program *prog = NULL;
	_there_ there = {.fd = -1, .link = -1}, after = {.fd = -1, .link = -1};
	int err;

	if (env->alone || no_dispatcher || !xdp_probe_replace())
		return attach_alone(env, iface, mode, error);
	prog = our_program(env);
	if (!prog)
		return hook_fail(error, iface, -errno, "XDP program: %s", hook_said(errno));
	err = xdp_program__attach(prog, (int)iface->ifindex, XDP_MODE_NATIVE, 0);
	if (err)
		return attach_failed(env, iface, err, error);
	err = pin_program(env, iface, xdp_program__fd(prog), error);
	for (int i = 0; i < 2 && (!i || there.err); i++)
		look(env, iface, &there);
	if (err)
		return err;
	if (there.owner != XDP_OURS && there.owner != XDP_OURS_DISPATCHED)
		return hook_fail(error, iface, -EIO, "XDP program: it is not to be found");
	snprintf(mode, HOOK_NAME_MAX, there.owner == XDP_OURS ? "xdp-native" : DISPATCHED);
	no_dispatcher = there.owner == XDP_OURS && load_single(env) >= 0;
	if (no_dispatcher && bpf_xdp_detach((int)iface->ifindex, XDP_FLAGS_DRV_MODE, NULL))
		look(env, iface, &after); /* what the kernel said may be lost */
	if (!no_dispatcher || after.owner != XDP_NOBODY)
		return 0;
	return attach_alone(env, iface, mode, error);
}

static struct xdp_place place_of(const struct hook_env *env, const struct hook_iface *iface,
				 const struct xdp_there *there, char pin[HOOK_PIN_MAX])
{
	return (struct xdp_place){
		.env = env,
		.pin = pin_name(iface, pin),
		.ifindex = iface->ifindex,
		.fd = there->fd,
		.link = there->link,
	};
}

/* Replace a single program. Where that fails it counts on if it counts into the same maps. */
static int replace(const struct hook_env *env, const struct hook_iface *iface,
		   const struct xdp_there *there)
{
	char pin[HOOK_PIN_MAX];
	struct xdp_place place = place_of(env, iface, there, pin);
	int fd = load_single(env), err = fd < 0 ? fd : xdp_swap(&place, fd);

	return err && hook_uses_slots(env, there->fd) ? 0 : err;
}

static int remove_ours(const struct hook_iface *iface, const struct xdp_there *there)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = there->fd);

	if (there->link >= 0)
		return bpf_link_detach(there->link) ? -errno : 0;
	if (there->owner == XDP_OURS)
		return bpf_xdp_detach((int)iface->ifindex, XDP_FLAGS_DRV_MODE, &opts);
	return xdp_inside_remove(iface, there->fd);
}

static int detach_ours(const struct hook_env *env, const struct hook_iface *iface)
{
	_there_ there = {.fd = -1, .link = -1};
	char pin[HOOK_PIN_MAX];
	int err = 0;

	look(env, iface, &there);
	if (there.err)
		return there.err;
	if (there.fd >= 0)
		err = remove_ours(iface, &there);
	err = err ? err : hook_link_remove(env, link_name(iface, pin));
	err = err ? err : xdp_inside_forget(env, iface);
	if (!err)
		hook_unpin(env, pin_name(iface, pin));
	return err;
}

static int is_there(const struct hook_env *env, const struct hook_iface *iface)
{
	_there_ there = {.fd = -1, .link = -1};

	look(env, iface, &there);
	return there.err ? there.err : there.fd >= 0;
}

/* What the child does, with privileges that flowd has no more. */
static int by_hand(const struct hook_env *env, const struct hook_iface *iface,
		   enum xdp_hand_wish wish)
{
	return wish == XDP_HAND_DETACH ? detach_ours(env, iface) : is_there(env, iface);
}

static int keep_hand(const struct hook_env *env, const struct hook_iface *iface, char *error)
{
	return xdp_hand_keep(env, iface, xdp_inside_bpffs(env), by_hand, error);
}

static int attach(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir,
		  char ret_mode[HOOK_NAME_MAX], char ret_error[HOOK_ERROR_MAX])
{
	_hushed_ hush = hook_hush();
	_there_ there = {.fd = -1, .link = -1};
	int err;

	if (dir != FLOW_INGRESS)
		return hook_fail(ret_error, iface, -EOPNOTSUPP, "XDP sees ingress only");
	xdp_inside_bpffs(env);
	look(env, iface, &there);
	if (there.owner == XDP_FOREIGN)
		return busy(iface, &there, ret_error);
	if (there.owner == XDP_OURS && !replace(env, iface, &there)) {
		snprintf(ret_mode, HOOK_NAME_MAX, "xdp-native");
		return 0;
	}
	if (there.owner == XDP_OURS_DISPATCHED && hook_uses_slots(env, there.fd)) {
		snprintf(ret_mode, HOOK_NAME_MAX, DISPATCHED);
		return keep_hand(env, iface, ret_error);
	}
	/* What is ours yet counts into other maps counts for nobody. */
	if (there.fd >= 0) {
		err = remove_ours(iface, &there);
		if (err)
			return hook_fail(ret_error, iface, err, "XDP program of a former flowd: %s",
					 hook_said(err));
	}
	err = attach_fresh(env, iface, ret_mode, ret_error);
	return err || strcmp(ret_mode, DISPATCHED) != 0 ? err : keep_hand(env, iface, ret_error);
}

static int detach(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir)
{
	_hushed_ hush = hook_hush();
	char pin[HOOK_PIN_MAX];
	int err;

	if (dir != FLOW_INGRESS)
		return 0;
	xdp_inside_bpffs(env);
	if (!xdp_hand_is_kept())
		return detach_ours(env, iface);
	/* a link is ours to end, wherever the child looks for pins */
	err = hook_link_remove(env, link_name(iface, pin));
	err = err ? err : xdp_hand_ask(iface, XDP_HAND_DETACH);
	if (!err)
		hook_unpin(env,
			   pin_name(iface, pin)); /* what the child unpinned is still kept here */
	return err;
}

static bool is_pinned(const struct hook_env *env, const struct hook_iface *iface)
{
	char pin[HOOK_PIN_MAX];
	_fd_ fd = hook_pin_open(env, pin_name(iface, pin));

	return fd >= 0;
}

/* Where flowd itself may not look, what the child finds. */
static int is_attached(const struct hook_env *env, const struct hook_iface *iface,
		       struct xdp_there *ret_there)
{
	int err;

	xdp_inside_bpffs(env);
	look(env, iface, ret_there);
	if (ret_there->owner == XDP_FOREIGN && !ret_there->generic && xdp_hand_is_kept()) {
		err = xdp_hand_ask(iface, XDP_HAND_LOOK);
		/* who could tell is gone: it may be what was pinned for it */
		return err == -EPIPE && !is_pinned(env, iface) ? 0 : err;
	}
	return ret_there->err ? ret_there->err : ret_there->fd >= 0;
}

static bool attached(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir)
{
	_hushed_ hush = hook_hush();
	_there_ there = {.fd = -1, .link = -1};

	return dir == FLOW_INGRESS && is_attached(env, iface, &there) != 0;
}

/*
 * A dispatcher cannot be asked (xdp_mtu.h), nor anybody for want of memory: what one buffer has no room for is taken for
 * too much. That ours is in a dispatcher is known by our pin; who could look may be slow.
 */
static int carries(const struct hook_env *env, const struct hook_iface *iface, uint32_t mtu)
{
	_hushed_ hush = hook_hush();
	_there_ there = {.fd = -1, .link = -1};
	char pin[HOOK_PIN_MAX];
	struct xdp_place place;
	int err = -EAGAIN;

	look(env, iface, &there);
	if (!there.id || (there.owner == XDP_OURS && there.link < 0))
		return 0;
	place = place_of(env, iface, &there, pin);
	if (there.owner == XDP_OURS)
		err = xdp_mtu_carried(&place, load_single(env),
				      xdp_probe_load(BPF_F_XDP_HAS_FRAGS) ? 0
									  : BPF_F_XDP_HAS_FRAGS);
	if (err != -EAGAIN)
		return err;
	return is_pinned(env, iface) && mtu > xdp_mtu_buffer() ? -EMSGSIZE : 0;
}

const struct hook_ops hook_xdp = {
	.name = "xdp",
	.supported = supported,
	.attach = attach,
	.detach = detach,
	.attached = attached,
	.carries = carries,
};
