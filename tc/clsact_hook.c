/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clsact_hook.c: ingress and egress by a filter on the clsact qdisc, for kernels without tcx.
 *
 * Our filter has priority 1 and handle 0x776c ("wl"), always: first in line, since a foreign filter
 * may end the line with TC_ACT_OK; ours returns TC_ACT_UNSPEC, so all others run. It is replaced in
 * place. The program is pinned as PIN_DIR/clsact-IFINDEX-DIRECTION, to know it again.
 *
 * A qdisc that we made is marked by the folder PIN_DIR/qdisc-IFINDEX. It is deleted with our last
 * filter if it is marked and empty; any other stays. Unsure (killed between the two): it stays.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flowd/fault.h"
#include "flowd/hook_own.h"
#include "flowd/pin_keep.h"
#include "tc/tc_hook.h"

#define CLSACT_PRIORITY 1
#define CLSACT_HANDLE 0x776c

static const char *pin_name(const struct hook_iface *iface, enum flow_dir dir,
			    char pin[HOOK_PIN_MAX])
{
	snprintf(pin, HOOK_PIN_MAX, "clsact-%u-%s", iface->ifindex, tc_dir_name(dir));
	return pin;
}

static struct bpf_tc_hook hook_of(const struct hook_iface *iface, enum flow_dir dir)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)iface->ifindex,
		    .attach_point = dir == FLOW_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS);

	return hook;
}

static bool supported(void)
{
	static const struct bpf_insn next[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	_hushed_ hush = hook_hush();
	_fd_ fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "probe", "GPL", next, 2, NULL);

	return fd >= 0 || errno == EPERM;
}

static const char *marker_name(const struct hook_iface *iface, char name[HOOK_PIN_MAX])
{
	snprintf(name, HOOK_PIN_MAX, "qdisc-%u", iface->ifindex);
	return name;
}

static void marker_path(const struct hook_env *env, const struct hook_iface *iface, char *path,
			size_t size)
{
	char name[HOOK_PIN_MAX];

	snprintf(path, size, "%s/%s", env->pin_dir, marker_name(iface, name));
}

/* The id of the program at our priority and handle; 0: there is none. 0 or -errno. */
static int filter_prog(const struct hook_iface *iface, enum flow_dir dir, uint32_t *ret_id)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);
	struct bpf_tc_hook hook = hook_of(iface, dir);
	int err = bpf_tc_query(&hook, &opts);

	*ret_id = err ? 0 : opts.prog_id;
	/* no filter, no qdisc, no device, no such kind */
	return err == -ENOENT || err == -EINVAL || err == -ENODEV || err == -EOPNOTSUPP ? 0 : err;
}

/* Read a dump's answer to the end. 1: it held a filter, 0: none, -errno. */
static int read_dump(int sock)
{
	char buffer[16384];
	int found = 0;

	for (;;) {
		ssize_t len = recv(sock, buffer, sizeof(buffer), 0);

		if (len <= 0)
			return len ? -errno : -EIO;
		for (struct nlmsghdr *msg = (void *)buffer; NLMSG_OK(msg, (size_t)len);
		     msg = NLMSG_NEXT(msg, len)) {
			if (msg->nlmsg_type == NLMSG_DONE)
				return found;
			if (msg->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(msg))->error;
			if (msg->nlmsg_type == RTM_NEWTFILTER)
				found = 1;
		}
	}
}

/* Has the direction any filter, of whatever kind? 1, 0, -errno. libbpf cannot list them. */
static int has_filters(const struct hook_iface *iface, __u32 minor)
{
	struct {
		struct nlmsghdr msg;
		struct tcmsg tc;
	} request = {
		.msg =
			{
				.nlmsg_len = sizeof(request),
				.nlmsg_type = RTM_GETTFILTER,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			},
		.tc =
			{
				.tcm_ifindex = (int)iface->ifindex,
				.tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor),
			},
	};
	_fd_ sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (sock < 0 || send(sock, &request, sizeof(request), 0) != (ssize_t)sizeof(request))
		return -errno;
	return read_dump(sock);
}

/* What of ours is at our priority and handle: a fd, -ENOENT nothing, -EBUSY foreign; or -errno. */
static int look(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir,
		uint32_t *ret_id)
{
	char pin[HOOK_PIN_MAX];
	int err = filter_prog(iface, dir, ret_id), fd = -ENOENT;

	if (*ret_id)
		fd = hook_our_prog(env, pin_name(iface, dir, pin), *ret_id);
	if (*ret_id && fd == -ENOENT)
		return -EBUSY;
	return err ? err : fd;
}

static bool is_ours(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir)
{
	uint32_t id;
	_fd_ ours = look(env, iface, dir, &id);

	return ours != -ENOENT && ours != -EBUSY;
}

/*
 * With our last filter there, delete the qdisc if we made it and nobody has a filter on it. The
 * marker goes either way: from then on the qdisc is others'.
 */
static void drop_qdisc(const struct hook_env *env, const struct hook_iface *iface)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)iface->ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	char marker[512], name[HOOK_PIN_MAX];
	struct stat st;

	marker_path(env, iface, marker, sizeof(marker));
	if (stat(marker, &st) || is_ours(env, iface, FLOW_INGRESS) ||
	    is_ours(env, iface, FLOW_EGRESS))
		return;
	if (!has_filters(iface, TC_H_MIN_INGRESS) && !has_filters(iface, TC_H_MIN_EGRESS))
		bpf_tc_hook_destroy(&both);
	pin_keep_forget(marker_name(iface, name));
	rmdir(marker);
}

static int make_qdisc(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir)
{
	struct bpf_tc_hook hook = hook_of(iface, dir);
	char marker[512], name[HOOK_PIN_MAX];
	int err = bpf_tc_hook_create(&hook);

	if (err)
		return err == -EEXIST ? 0 : err;
	marker_path(env, iface, marker, sizeof(marker));
	mkdir(marker, 0700);
	pin_keep_take(env->pin_dir, marker_name(iface, name));
	return 0;
}

static int put_filter(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir,
		      int prog, bool over_ours)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
		    .prog_fd = prog, .flags = over_ours ? BPF_TC_F_REPLACE : 0);
	struct bpf_tc_hook hook = hook_of(iface, dir);
	char pin[HOOK_PIN_MAX];
	int err = hook_pin_beside(env, pin_name(iface, dir, pin), prog);

	err = err ? err : bpf_tc_attach(&hook, &opts);
	FAULT_POINT("clsact-1-filter");
	if (err)
		hook_pin_undo(env, pin);
	return err ? err : hook_pin_over(env, pin);
}

static int attach(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir,
		  char ret_mode[HOOK_NAME_MAX], char ret_error[HOOK_ERROR_MAX])
{
	_hushed_ hush = hook_hush();
	int prog = tc_program(env, iface, dir), err;
	char text[HOOK_PROG_TEXT_MAX];
	uint32_t id;

	if (prog < 0)
		return hook_fail(ret_error, iface, prog, "TC program: %s", hook_said(prog));
	_fd_ ours = look(env, iface, dir, &id);
	if (ours == -EBUSY)
		return hook_fail(
			ret_error, iface, -EBUSY,
			"clsact %s: program %s is attached at priority %u handle 0x%x, not "
			"ours: it stays",
			tc_dir_name(dir), hook_prog_text(id, text), CLSACT_PRIORITY, CLSACT_HANDLE);
	if (ours < 0 && ours != -ENOENT)
		return hook_fail(ret_error, iface, ours, "clsact %s: what is there: %s",
				 tc_dir_name(dir), strerror(-ours));
	err = make_qdisc(env, iface, dir);
	err = err ? err : put_filter(env, iface, dir, prog, ours >= 0);
	if (err) {
		hook_fail(ret_error, iface, err, "clsact %s, priority %u: %s", tc_dir_name(dir),
			  CLSACT_PRIORITY, hook_said(err));
		drop_qdisc(env, iface);
		return err == -EACCES ? -EPERM : err;
	}
	snprintf(ret_mode, HOOK_NAME_MAX, "clsact");
	return 0;
}

static int detach(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);
	_hushed_ hush = hook_hush();
	struct bpf_tc_hook hook = hook_of(iface, dir);
	char pin[HOOK_PIN_MAX];
	uint32_t id;
	_fd_ ours = look(env, iface, dir, &id);
	int err = ours >= 0 ? bpf_tc_detach(&hook, &opts) : ours;

	if (err && err != -ENOENT && err != -EBUSY)
		return err;
	hook_unpin(env, pin_name(iface, dir, pin));
	drop_qdisc(env, iface);
	return 0;
}

static bool attached(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir)
{
	_hushed_ hush = hook_hush();

	return is_ours(env, iface, dir);
}

const struct hook_ops hook_clsact = {
	.name = "clsact",
	.supported = supported,
	.attach = attach,
	.detach = detach,
	.attached = attached,
};
