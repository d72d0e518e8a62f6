/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* doctor_nic.h: an interface as its driver tells of it, by ioctl, ethtool and netlink. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

enum doctor_switch { SWITCH_NONE, SWITCH_OFF, SWITCH_ON, SWITCH_FIXED_ON };

struct doctor_nic {
	char name[IFNAMSIZ];
	char word[4 * IFNAMSIZ + 8]; /* that, for a shell */
	uint32_t ifindex;
	int type; /* ARPHRD_ */
	uint32_t mtu;
	bool up;
	char driver[32]; /* empty: it does not tell */
	enum doctor_switch lro, gro_hw, gro, gso, rxvlan;
	bool has_features; /* the kernel tells what XDP can do here (Linux 6.3 and later) */
	uint64_t features; /* DOCTOR_XDP_ */
	uint32_t xdp_id;   /* of the program that is on it; 0: none */
	bool xdp_native;   /* it is in native mode */
	int tried;	   /* --try: 0 or -errno of an attachment in native mode */
	char said[160];	   /* --try: the kernel's word on that */
};

#define DOCTOR_XDP_BASIC (1ULL << 0) /* as NETDEV_XDP_ACT_ in the kernel's linux/netdev.h */
#define DOCTOR_XDP_RX_SG (1ULL << 5) /* frames of several buffers */

/* 0, -ENODEV: there is none of that name, or -errno. */
int doctor_nic_open(const char *name, struct doctor_nic *ret_nic);

/*
 * Attach a program that does nothing, in native mode, and detach it; not over another's. Some NICs drop
 * their link for it for seconds.
 */
void doctor_nic_try(struct doctor_nic *nic);

/* XDP_FEATURES by netlink family `netdev`. 0, -EOPNOTSUPP: the kernel has no such family, or -errno. */
int doctor_netdev_features(uint32_t ifindex, uint64_t *ret_features);
