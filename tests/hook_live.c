/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook_live.c: the hooks by hand, a call a step, so that each step is a "flowd" of its own that
 * takes over what the one before left (tests/live_hook.sh).
 *
 *   hook_live INSTANCE attach|detach|attached IFACE HOOK DIR [l3]
 *   hook_live INSTANCE again N IFACE HOOK DIR      attach N times, each with freshly loaded programs
 *   hook_live INSTANCE seen IFACE DIR              packets in the ledger
 *   hook_live INSTANCE dir|unpin
 *   hook_live - foreign IFACE xdp|xdp-generic|tcx|clsact       attach a program that is not ours
 *   hook_live - chain IFACE                                    how many tcx programs are on egress
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowd/hook.h"
#include "flowd/maps.h"
#include "schema/flow.h"
/* the skeletons need the types above */
#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"

#define TCX_EGRESS 47

struct live {
	struct maps maps;
	struct hook_env env;
	char pin_dir[256];
	char error[HOOK_ERROR_MAX];
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static int open_live(const char *instance, struct live *live)
{
	struct maps_wish wish = {
		.pin_dir = live->pin_dir, .slots = 4096, .ring_bytes = 65536, .late = true};
	int err = hook_pin_dir(instance, true, live->pin_dir, sizeof(live->pin_dir), live->error);

	err = err ? err : maps_open(&wish, &live->maps, live->error);
	if (err)
		return err;
	live->env = (struct hook_env){
		.pin_dir = live->pin_dir,
		.slots_id = live->maps.slots_id,
		.xdp_obj = live->maps.xdp->obj,
		.maps = &live->maps,
	};
	return 0;
}

static int hook_number(const char *name)
{
	for (int i = 0; i < HOOK_KINDS; i++) {
		if (!strcmp(hooks[i]->name, name))
			return i;
	}
	fprintf(stderr, "%s: no such hook\n", name);
	exit(2);
}

static enum flow_dir direction(const char *text)
{
	return strcmp(text, "egress") ? FLOW_INGRESS : FLOW_EGRESS;
}

static struct hook_iface iface_of(const char *text)
{
	struct hook_iface iface = {0};

	/* "7" is an ifindex whose device may be gone. */
	snprintf(iface.name, sizeof(iface.name), "%s", text);
	iface.ifindex = if_nametoindex(text);
	if (!iface.ifindex)
		iface.ifindex = (uint32_t)atoi(text);
	iface.ifnum = (uint16_t)(iface.ifindex & (FLOW_IFACES - 1));
	return iface;
}

static int attach_one(struct live *live, char **arg)
{
	struct hook_iface iface = iface_of(arg[0]);
	struct flow_iface *cell = maps_iface(&live->maps, iface.ifindex);
	char mode[HOOK_NAME_MAX] = "?";
	int err;

	iface.no_link_layer = arg[3] && !strcmp(arg[3], "l3");
	if (cell) {
		cell->ifnum = iface.ifnum;
		cell->ifindex = iface.ifindex;
	}
	err = hooks[hook_number(arg[1])]->attach(&live->env, &iface, direction(arg[2]), mode,
						 live->error);
	if (!err)
		printf("%s\n", mode);
	return err;
}

static int again(const char *instance, char **arg)
{
	for (int n = atoi(arg[0]); n > 0; n--) {
		struct live live = {0};
		int err = open_live(instance, &live);

		err = err ? err : attach_one(&live, arg + 1);
		if (err) {
			fprintf(stderr, "%s\n", live.error);
			return err;
		}
		maps_close(&live.maps);
	}
	return 0;
}

/* Objects are not loaded here: as in `flowctl detach` after a dead flowd. */
static int without_objects(const char *instance, const char *verb, char **arg)
{
	struct live live = {0};
	struct hook_iface iface = iface_of(arg[0]);
	const struct hook_ops *ops = hooks[hook_number(arg[1])];
	int err = hook_pin_dir(instance, false, live.pin_dir, sizeof(live.pin_dir), live.error);

	if (err) {
		fprintf(stderr, "%s\n", live.error);
		return err;
	}
	live.env.pin_dir = live.pin_dir;
	if (!strcmp(verb, "detach"))
		return ops->detach(&live.env, &iface, direction(arg[2]));
	printf("%s\n", ops->attached(&live.env, &iface, direction(arg[2])) ? "yes" : "no");
	return 0;
}

static void seen(struct live *live, char **arg)
{
	struct hook_iface iface = iface_of(arg[0]);
	struct flow_ledger sum;

	maps_ledger(&live->maps, iface.ifnum, direction(arg[1]), &sum);
	printf("%llu\n", (unsigned long long)sum.seen.packets);
}

static int foreign(const char *iface, const char *kind)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 .dst_reg = BPF_REG_0,
		 .imm = !strncmp(kind, "xdp", 3) ? 2 /* XDP_PASS */ : 0 /* TCX_PASS, TC_ACT_OK */},
		{.code = BPF_JMP | BPF_EXIT},
	};
	bool xdp = !strncmp(kind, "xdp", 3);
	int ifindex = (int)if_nametoindex(iface);
	int fd = bpf_prog_load(xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS,
			       xdp ? "xdp_pass" : "foreign_tc", "GPL", insns, 2, NULL);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 0x776c, .priority = 1, .prog_fd = fd);

	if (fd < 0)
		return -errno;
	if (xdp)
		return bpf_xdp_attach(ifindex, fd,
				      strcmp(kind, "xdp") ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE,
				      NULL);
	if (!strcmp(kind, "tcx"))
		return bpf_prog_attach(fd, ifindex, (enum bpf_attach_type)TCX_EGRESS, 0);
	bpf_tc_hook_create(&hook);
	return bpf_tc_attach(&hook, &opts);
}

static int chain(const char *iface)
{
	__u32 ids[64], flags, count = 64;
	int err = bpf_prog_query((int)if_nametoindex(iface), (enum bpf_attach_type)TCX_EGRESS, 0,
				 &flags, ids, &count);

	printf("%u\n", count);
	return err;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[2] : "";
	struct live live = {0};
	int err;

	libbpf_set_print(quiet);
	if (argc > 4 && !strcmp(verb, "foreign"))
		return foreign(argv[3], argv[4]) ? 1 : 0;
	if (argc > 3 && !strcmp(verb, "chain"))
		return chain(argv[3]) ? 1 : 0;
	if (argc > 6 && !strcmp(verb, "again"))
		return again(argv[1], argv + 3) ? 1 : 0;
	if (argc > 5 && (!strcmp(verb, "detach") || !strcmp(verb, "attached")))
		return without_objects(argv[1], verb, argv + 3) ? 1 : 0;
	err = open_live(argc > 1 ? argv[1] : "", &live);
	if (err)
		goto out;
	if (argc > 5 && !strcmp(verb, "attach"))
		err = attach_one(&live, argv + 3);
	else if (argc > 4 && !strcmp(verb, "seen"))
		seen(&live, argv + 3);
	else if (!strcmp(verb, "dir"))
		printf("%s\n", live.pin_dir);
	else if (!strcmp(verb, "unpin"))
		maps_unpin(live.pin_dir);
	maps_close(&live.maps);
out:
	if (err)
		fprintf(stderr, "%d %s\n", err, live.error);
	return err ? 1 : 0;
}
