/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hook.c: the table of attach points. A new one is a file and a row. */
#include "flowd/hook.h"

const struct hook_ops *const hooks[HOOK_KINDS] = {
	[HOOK_XDP] = &hook_xdp,
	[HOOK_TCX] = &hook_tcx,
	[HOOK_CLSACT] = &hook_clsact,
};
