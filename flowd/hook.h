/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook.h: attach points of an interface as a table of ops (xdp/xdp_hook.c, tc/tc_hook.c).
 *
 * A hook adopts or replaces in place what an earlier flowd of the same instance left, never touches
 * what is not ours, and names what stands in its way. Ours is a program that uses the instance's
 * own `slots` map (struct hook_env.slots_id).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/flow.h"

#define HOOK_NAME_MAX 32
#define HOOK_ERROR_MAX 512

struct bpf_object;
struct maps;

/* The same for every interface of the instance. */
struct hook_env {
	const char *pin_dir;	    /* bpffs folder of the instance, links are pinned in it */
	uint32_t slots_id;	    /* id of the flow map */
	struct bpf_object *xdp_obj; /* opened, maps shared, not loaded: libxdp loads it */
	struct maps *maps;	    /* whose TC programs are attached */
	bool alone; /* XDP programs stand alone: libxdp's dispatcher takes privileges that are gone */
	unsigned int confine; /* enum confine_wish, for a child */
};

struct hook_iface {
	char name[16];
	uint32_t ifindex;
	uint16_t ifnum;
	bool no_link_layer; /* ARPHRD_NONE, ARPHRD_PPP, ARPHRD_RAWIP, tunnels without Ethernet */
};

enum hook_kind { HOOK_XDP = 0, HOOK_TCX, HOOK_CLSACT, HOOK_KINDS };

struct hook_ops {
	const char *name; /* "xdp", "tcx", "clsact" */
	/* Does the kernel have it at all? Probed, not assumed from a version. */
	bool (*supported)(void);
	/*
	 * Attach, or take over. ret_mode says how it is counted: "xdp-native", "tcx", "clsact".
	 * 0, or -errno with a text that names interface and cause (and the foreign program, and the
	 * kernel's extack): -EOPNOTSUPP the device cannot (flowd falls back to TC), -EBUSY foreign
	 * program (it stays), -EPERM no privilege.
	 */
	int (*attach)(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir,
		      char ret_mode[HOOK_NAME_MAX], char ret_error[HOOK_ERROR_MAX]);
	/*
	 * Remove what is ours there; nothing there: 0. Also from a device that is in another namespace now. -errno:
	 * what could not be removed counts on, and is pinned as before.
	 */
	int (*detach)(const struct hook_env *env, const struct hook_iface *iface,
		      enum flow_dir dir);
	/* Is something of ours attached there? Where a call that asks fails, there is. */
	bool (*attached)(const struct hook_env *env, const struct hook_iface *iface,
			 enum flow_dir dir);
	/*
	 * NULL, or: would the driver take our program at `mtu`, which the device has now? 0: yes; else -errno of its, or
	 * it cannot be known, and is more than the least that drivers carry. No packet is missed by it.
	 */
	int (*carries)(const struct hook_env *env, const struct hook_iface *iface, uint32_t mtu);
};

extern const struct hook_ops hook_xdp;	  /* xdp/xdp_hook.c; ingress only */
extern const struct hook_ops hook_tcx;	  /* tc/tc_hook.c */
extern const struct hook_ops hook_clsact; /* tc/tc_hook.c */

/* By enum hook_kind. */
extern const struct hook_ops *const hooks[HOOK_KINDS];

/*
 * Where pins can live so that they outlast this process: /sys/fs/bpf where it is a bpffs; else
 * that of process 1's mount namespace (`ip netns exec` hides the host's /sys), mounted there first
 * if need be; else one mounted here. Makes BASE/wireledger/INSTANCE. 0 or -errno with a text.
 */
int hook_pin_dir(const char *instance, bool create, char *ret_dir, size_t size,
		 char ret_error[HOOK_ERROR_MAX]);

/*
 * The folder in which that bpffs is mounted, as `bpf`: what is mounted there later is reached by it, also where it is
 * another mount namespace's. A descriptor or -errno.
 */
int hook_bpffs_parent(void);
