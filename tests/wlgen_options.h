/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wlgen_options.h: the command line of wlgen.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wlgen.h"

#define NO_TAG UINT64_MAX
#define NO_CPU UINT64_MAX

struct options {
	const char *iface;
	const char *per_flow;
	const char *dst_mac;
	uint64_t packets, flows, first, size, spread, dport, seed, batch;
	uint64_t rate;	      /* packets a second, 0: full speed */
	uint64_t vlan, cvlan; /* NO_TAG: none */
	uint64_t cpu;	      /* NO_CPU: any */
	uint32_t ifindex;
	bool pass;
	struct wlgen_config config;
};

/* Ends the process where they are wrong. The CPU is set, config is filled but for the header. */
const struct options *options_parse(int argc, char **argv);

__attribute__((noreturn)) void die(const char *what, const char *object, const char *why);
