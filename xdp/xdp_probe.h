/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* xdp_probe.h: what this kernel takes, by trying. */
#pragma once

#include <linux/types.h>
#include <stdbool.h>

/* Does an XDP program that does nothing load, with those flags (BPF_F_XDP_...)? 0 or -errno. */
int xdp_probe_load(__u32 flags);

/*
 * False: the kernel lets nobody replace a function of a program, which is how libxdp's dispatcher calls its parts;
 * libxdp would find out by ten programs and end with a single one, attached by the older way.
 */
bool xdp_probe_replace(void);
