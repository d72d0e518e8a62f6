/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tc_hook.c: ingress and egress by tcx links (Linux 6.6 and later).
 *
 * The link is pinned as PIN_DIR/link-IFINDEX-DIRECTION and is all there is: whoever finds it there
 * puts its program in place of the predecessor's, without a gap. Ours goes first in the chain, since
 * a foreign program may end the chain with TC_ACT_OK, and returns TCX_NEXT, so all others run.
 *
 * libbpf 1.1 has no helper for tcx and Debian 12's <linux/bpf.h> has no words for it.
 */
#include "tc/tc_hook.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "flowd/fault.h"
#include "flowd/hook_own.h"
#include "flowd/maps_tc.h"

#ifndef BPF_F_BEFORE /* as in the kernel's uapi/linux/bpf.h */
#define BPF_F_BEFORE (1U << 3)
#define BPF_TCX_INGRESS 46
#define BPF_TCX_EGRESS 47
#endif
#define TCX_PROGRAMS 64 /* the kernel's BPF_MPROG_MAX */
#define NO_IFINDEX 0x7fffffff

/* The part of union bpf_attr that BPF_PROG_QUERY reads, as of Linux 6.6. */
struct tcx_query {
	__u32 target_ifindex;
	__u32 attach_type;
	__u32 query_flags;
	__u32 attach_flags;
	__aligned_u64 prog_ids;
	__u32 count;
	__u32 pad;
	__aligned_u64 prog_attach_flags;
	__aligned_u64 link_ids;
	__aligned_u64 link_attach_flags;
	__u64 revision;
};

struct tcx_chain {
	__u32 count;
	__u32 prog[TCX_PROGRAMS];
	__u32 link[TCX_PROGRAMS]; /* 0: attached without a link */
};

struct tcx_there {
	int link;	 /* ours in the chain, or -1 */
	int err;	 /* it cannot be told what is there */
	bool pinned;	 /* that link is the pinned one */
	uint32_t orphan; /* our program in the chain, with no link that can be had */
};

#define _there_ __attribute__((cleanup(forget))) struct tcx_there
static void forget(struct tcx_there *there)
{
	hook_close(&there->link);
}

const char *tc_dir_name(enum flow_dir dir)
{
	return dir == FLOW_INGRESS ? "ingress" : "egress";
}

int tc_program(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir)
{
	return env->maps ? maps_tc_program(env->maps, dir, iface->no_link_layer) : -ENOENT;
}

static __u32 attach_type(enum flow_dir dir)
{
	return dir == FLOW_INGRESS ? BPF_TCX_INGRESS : BPF_TCX_EGRESS;
}

static const char *pin_name(const struct hook_iface *iface, enum flow_dir dir,
			    char pin[HOOK_PIN_MAX])
{
	return hook_link_name(iface, tc_dir_name(dir), pin);
}

static int query_chain(uint32_t ifindex, enum flow_dir dir, struct tcx_chain *ret_chain)
{
	struct tcx_chain chain = {0};
	struct tcx_query query = {
		.target_ifindex = ifindex,
		.attach_type = attach_type(dir),
		.prog_ids = (__u64)(uintptr_t)chain.prog,
		.link_ids = (__u64)(uintptr_t)chain.link,
		.count = TCX_PROGRAMS,
	};

	if (syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof(query)))
		return -errno;
	chain.count = query.count < TCX_PROGRAMS ? query.count : TCX_PROGRAMS;
	*ret_chain = chain;
	return 0;
}

/* A kernel without tcx does not know the attach type; one with it misses the device. */
static bool supported(void)
{
	struct tcx_chain chain;
	int err = query_chain(NO_IFINDEX, FLOW_INGRESS, &chain);

	return err == -ENODEV || err == -EPERM;
}

static int link_id(int fd, __u32 *ret_id)
{
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*ret_id = info.id;
	return 0;
}

/* Is the pinned link in the chain? It is not where its device is gone or is another one by now. */
static int pinned_link(const struct hook_env *env, const char *pin, const struct tcx_chain *chain)
{
	int fd = hook_pin_open(env, pin), err;
	__u32 id = 0;

	if (fd < 0)
		return fd;
	err = link_id(fd, &id);
	for (__u32 i = 0; !err && i < chain->count; i++) {
		if (chain->link[i] == id)
			return fd;
	}
	close(fd);
	return err ? err : -ENOENT;
}

static void look(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir,
		 struct tcx_there *ret_there)
{
	struct tcx_there there = {.link = -1};
	struct tcx_chain chain = {0};
	char pin[HOOK_PIN_MAX];

	there.err = query_chain(iface->ifindex, dir, &chain);
	if (there.err == -ENODEV || there.err == -EINVAL) /* no device, or no tcx */
		there.err = 0;
	else if (!there.err)
		there.link = pinned_link(env, pin_name(iface, dir, pin), &chain);
	if (there.link < -1 && there.link != -ENOENT)
		there.err = there.link;
	there.pinned = there.link >= 0;
	for (__u32 i = 0; there.link < 0 && i < chain.count; i++) {
		_fd_ prog = bpf_prog_get_fd_by_id(chain.prog[i]);

		if (prog < 0 || !hook_uses_slots(env, prog))
			continue;
		there.orphan = chain.prog[i];
		there.link = chain.link[i] ? bpf_link_get_fd_by_id(chain.link[i]) : -1;
	}
	*ret_there = there;
}

static int create(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir,
		  int prog)
{
	union bpf_attr attr = {
		.link_create =
			{
				.prog_fd = (__u32)prog,
				.target_ifindex = iface->ifindex,
				.attach_type = attach_type(dir),
				.flags =
					BPF_F_BEFORE, /* before nothing in particular: before all */
			},
	};
	char pin[HOOK_PIN_MAX];
	_fd_ link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	if (link < 0)
		return -errno;
	FAULT_POINT("new-5-tcx");
	return hook_pin(env, pin_name(iface, dir, pin), link);
}

static int take_over(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir,
		     const struct tcx_there *there, int prog)
{
	char pin[HOOK_PIN_MAX];

	if (bpf_link_update(there->link, prog, NULL))
		return -errno;
	FAULT_POINT("start-15-tcx");
	return there->pinned ? 0 : hook_pin(env, pin_name(iface, dir, pin), there->link);
}

static int attach(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir,
		  char ret_mode[HOOK_NAME_MAX], char ret_error[HOOK_ERROR_MAX])
{
	_hushed_ hush = hook_hush();
	_there_ there = {.link = -1};
	int prog = tc_program(env, iface, dir), err;

	if (prog < 0)
		return hook_fail(ret_error, iface, prog, "TC program: %s", hook_said(prog));
	look(env, iface, dir, &there);
	if (there.err)
		return hook_fail(ret_error, iface, there.err, "tcx %s: what is there: %s",
				 tc_dir_name(dir), strerror(-there.err));
	if (there.link < 0 && there.orphan)
		return hook_fail(
			ret_error, iface, -EBUSY,
			"tcx %s: program (id %u) of this instance is attached by others and "
			"cannot be replaced: it would count each packet twice",
			tc_dir_name(dir), there.orphan);
	err = there.link >= 0 ? take_over(env, iface, dir, &there, prog)
			      : create(env, iface, dir, prog);
	if (err)
		return hook_fail(ret_error, iface, err, "tcx %s: %s", tc_dir_name(dir),
				 strerror(-err));
	snprintf(ret_mode, HOOK_NAME_MAX, "tcx");
	return 0;
}

static int detach(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir)
{
	_hushed_ hush = hook_hush();
	_there_ there = {.link = -1};
	char pin[HOOK_PIN_MAX];

	int err;

	look(env, iface, dir, &there);
	if (there.err)
		return there.err;
	if (there.link >= 0 && bpf_link_detach(there.link))
		return -errno;
	err = hook_link_remove(env, pin_name(iface, dir, pin));
	if (err)
		return err;
	return there.link < 0 && there.orphan ? -EBUSY : 0;
}

static bool attached(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir)
{
	_hushed_ hush = hook_hush();
	_there_ there = {.link = -1};

	look(env, iface, dir, &there);
	return there.link >= 0 || there.orphan || there.err;
}

const struct hook_ops hook_tcx = {
	.name = "tcx",
	.supported = supported,
	.attach = attach,
	.detach = detach,
	.attached = attached,
};
