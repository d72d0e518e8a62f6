/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tc_hook.h: what tc_hook.c (tcx) and clsact_hook.c share. */
#pragma once

#include "flowd/hook.h"

/* The program for that direction and link type, loaded if need be: its fd, or -errno. */
int tc_program(const struct hook_env *env, const struct hook_iface *iface, enum flow_dir dir);

/* "ingress" or "egress" */
const char *tc_dir_name(enum flow_dir dir);
